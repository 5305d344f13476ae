"""Write docs/settings.md from streams/settings.py, or check that it is current."""

import sys
from pathlib import Path

from streams.settings import DEFAULT_PORTS, ENVIRONMENT_PREFIX, Settings
from tools.writing import write_or_check

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"

HEAD = """\
# Settings

Each setting is an option of the commands that use it (`--data-dir`) and a variable of
the environment (`UNDELIVERED_DATA_DIR`). An option wins over a variable, a variable
over the default. An empty variable counts as not set. `undelivered COMMAND --help`
lists the options of one command; a setting that no command has as an option is set by
its variable.

This page is made from [streams/settings.py](../streams/settings.py) by `make docs`.

| setting | variable | type | default | meaning |
|---|---|---|---|---|
"""

# What JSON Schema calls a type or format, and what people do.
NAMES = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "password": "secret",
    "path": "path",
    "string": "text",
}


def page() -> str:
    """Return the page: one row for each setting, in the order they are declared."""
    return HEAD + "".join(_row(name) for name in Settings.model_fields)


def _row(name: str) -> str:
    return (
        f"| {name} | `{ENVIRONMENT_PREFIX}{name.upper()}` | {_type(name)} "
        f"| {_default(name)} | {Settings.model_fields[name].description} |\n"
    )


def _type(name: str) -> str:
    schema = Settings.model_json_schema()["properties"][name]
    kinds = [schema, *schema.get("anyOf", [])]
    kind = next(kind for kind in kinds if kind.get("type") not in {None, "null"})
    return NAMES.get(kind.get("format"), NAMES[kind["type"]])


def _default(name: str) -> str:
    port = DEFAULT_PORTS.get(name.removesuffix("_port")) if "_port" in name else None
    default = port if port is not None else Settings.model_fields[name].default
    if default is None:
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def main() -> int:
    """Write the page, or check it."""
    return write_or_check(PAGE, page())


if __name__ == "__main__":
    sys.exit(main())
