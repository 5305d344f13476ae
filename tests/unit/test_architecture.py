"""Architecture: the core is pure, rooms import downwards, one file reads settings.

Proven by reading the code, so that a rule broken in a branch that no test runs is seen.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "streams"

# A room may import rooms of a lower floor, and itself.
FLOORS = {
    "core": 0,
    "settings": 1,
    "reference": 1,
    "topics": 2,
    "telemetry": 2,
    "lean": 2,
    "archive": 3,
    "warehouse": 4,
    "intake": 5,
    "worker": 5,
    "monitor": 5,
    "stack": 6,
    "cli": 7,
    "__main__": 8,
}

# What the core may import: values and arithmetic. pyarrow's readers, writers and file
# systems are modules of their own and not in this list.
PURE_MODULES = {
    "__future__",
    "abc",
    "array",
    "bisect",
    "collections",
    "collections.abc",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "math",
    "msgspec",
    "msgspec.json",
    "numpy",
    "numpy.typing",
    "operator",
    "phonenumbers",
    "pyarrow",
    "pyarrow.compute",
    "random",
    "re",
    "statistics",
    "string",
    "struct",
    "types",
    "typing",
    "xxhash",
}

# Names that reach out of a pure module although its import is allowed.
IMPURE_NAMES = {
    "__import__",
    "breakpoint",
    "compile",
    "eval",
    "exec",
    "globals",
    "input",
    "open",
    "print",
}
CLOCK_ATTRIBUTES = {"now", "today", "utcnow"}
IMPURE_ATTRIBUTES = {
    "numpy": {"fromfile", "load", "loadtxt", "memmap", "random", "save", "savetxt"},
    "pyarrow": {
        "BufferedInputStream",
        "OSFile",
        "PythonFile",
        "create_memory_map",
        "input_stream",
        "memory_map",
        "output_stream",
    },
}
# Modules that ``from package import module`` would bring in.
READERS = {
    ("pyarrow", module)
    for module in ("csv", "dataset", "feather", "fs", "json", "orc", "parquet")
}
ENVIRONMENT_NAMES = {"environ", "environb", "getenv", "putenv", "unsetenv"}


def imports(tree: ast.AST) -> Iterator[tuple[int, str, str | None]]:
    """Yield (line, module, name or None) for each import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, None
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, "." * node.level + (node.module or ""), alias.name


def module_names(tree: ast.AST) -> dict[str, str]:
    """Return which module each name of an ``import ... as`` stands for."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def room_of(module: str, name: str | None = None) -> str:
    """Return the room of ``streams.<room>...``, or of a name taken from streams."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else name or ""


def upward_imports(source: str, room: str) -> list[str]:
    """Return each import that goes sideways or up from a file of ``room``."""
    wrong = []
    for line, module, name in imports(ast.parse(source)):
        if module.startswith("."):
            wrong.append(f"line {line}: relative import")
        if module.split(".")[0] != "streams":
            continue
        target = room_of(module, name)
        is_below = target in FLOORS and FLOORS[target] < FLOORS[room]
        if target != room and not is_below:
            wrong.append(f"line {line}: {room} imports {target or 'streams'}")
    return wrong


def impurities(source: str) -> list[str]:
    """Return everything in a file of the core that reaches out of it."""
    tree = ast.parse(source)
    return [*_impure_imports(tree), *_impure_uses(tree)]


def _impure_imports(tree: ast.AST) -> Iterator[str]:
    for line, module, name in imports(tree):
        is_core = module == "streams.core" or module.startswith("streams.core.")
        if (module, name) == ("streams", "core") or is_core:
            continue
        if module not in PURE_MODULES:
            yield f"line {line}: imports {module}"
        elif _is_impure(module, name):
            yield f"line {line}: imports {module}.{name}"


def _is_impure(module: str, name: str | None) -> bool:
    if name is None:
        return False
    if module == "random":
        return name != "Random"
    return name in IMPURE_ATTRIBUTES.get(module, ()) or (module, name) in READERS


def _impure_uses(tree: ast.AST) -> Iterator[str]:
    called_as = module_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in IMPURE_NAMES:
            yield f"line {node.lineno}: uses {node.id}"
        elif isinstance(node, ast.Attribute):
            module = called_as.get(_name(node.value), "")
            if node.attr in CLOCK_ATTRIBUTES:
                yield f"line {node.lineno}: uses .{node.attr}"
            elif node.attr in IMPURE_ATTRIBUTES.get(module, ()):
                yield f"line {node.lineno}: uses {module}.{node.attr}"
            elif module == "random" and node.attr != "Random":
                yield f"line {node.lineno}: uses the shared random generator"
        elif isinstance(node, ast.Call) and _is_unseeded(node):
            yield f"line {node.lineno}: uses a generator without a seed"


def _is_unseeded(call: ast.Call) -> bool:
    return not call.args and _name(call.func).rpartition(".")[2] == "Random"


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return ""


def environment_reads(source: str) -> list[str]:
    """Return each use of the process's environment."""
    tree = ast.parse(source)
    names = module_names(tree)
    found = [
        f"line {line}: imports {name}"
        for line, module, name in imports(tree)
        if module == "os" and name in ENVIRONMENT_NAMES
    ]
    return found + [
        f"line {node.lineno}: uses .{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ENVIRONMENT_NAMES
        and names.get(_name(node.value)) == "os"
    ]


def files() -> list[Path]:
    """List the package's Python files."""
    return sorted(PACKAGE.rglob("*.py"))


def where(path: Path) -> str:
    """Name a file as ``streams/room/file.py``."""
    return str(path.relative_to(ROOT))


def room_of_file(path: Path) -> str:
    """Return the room that a file is in; empty for the package's own docstring."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


@pytest.mark.parametrize("path", files(), ids=where)
def test_rooms_import_only_downwards(path: Path) -> None:
    """No file imports a room beside or above its own."""
    room = room_of_file(path)

    if room:
        assert room in FLOORS, f"{where(path)} is in no known room"
        assert upward_imports(path.read_text(), room) == []
    else:
        assert list(imports(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=where)
def test_core_is_pure(path: Path) -> None:
    """A file of the core takes values and returns values: it reaches out nowhere."""
    assert impurities(path.read_text()) == []


@pytest.mark.parametrize("path", files(), ids=where)
def test_only_settings_reads_the_environment(path: Path) -> None:
    """A variable that is read anywhere else would be in no table of settings."""
    if room_of_file(path) != "settings":
        assert environment_reads(path.read_text()) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os", "line 1: imports os"),
        ("from os import environ", "line 1: imports os"),
        ("import time", "line 1: imports time"),
        ("import aiokafka", "line 1: imports aiokafka"),
        ("import pyarrow.parquet as pq", "line 1: imports pyarrow.parquet"),
        ("from pyarrow import parquet", "line 1: imports pyarrow.parquet"),
        ("from pyarrow import OSFile", "line 1: imports pyarrow.OSFile"),
        ("from pathlib import Path", "line 1: imports pathlib"),
        ("from streams import topics", "line 1: imports streams"),
        ("from streams.settings import load", "line 1: imports streams.settings"),
        ("from random import random", "line 1: imports random.random"),
        ("import pyarrow as pa\npa.memory_map('f')", "line 2: uses pyarrow.memory_map"),
        ("import numpy as np\nnp.load('f')", "line 2: uses numpy.load"),
        ("import numpy as np\nnp.random.default_rng()", "line 2: uses numpy.random"),
        ("import random\nrandom.random()", "line 2: uses the shared random generator"),
        ("import random\nrandom.Random()", "line 2: uses a generator without a seed"),
        ("open('f')", "line 1: uses open"),
        ("def f():\n    return datetime.now(UTC)", "line 2: uses .now"),
        ("date.today()", "line 1: uses .today"),
        ("def f():\n    import duckdb", "line 2: imports duckdb"),
    ],
)
def test_each_way_out_of_the_core_is_seen(source: str, found: str) -> None:
    """The reader of the core finds what it is there to find."""
    assert impurities(source) == [found]


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nnp.zeros(3)",
        "import pyarrow as pa\nimport pyarrow.compute as pc\npa.array([1])",
        "from random import Random\nRandom(7).random()",
        "from streams.core.windows import start\nfrom streams.core import rates",
        "from datetime import UTC, datetime\ndatetime.fromisoformat('2026-05-04')",
    ],
)
def test_values_and_arithmetic_are_pure(source: str) -> None:
    """The reader of the core lets pass what is only a value."""
    assert impurities(source) == []


@pytest.mark.parametrize(
    ("room", "source", "found"),
    [
        ("core", "from streams import reference", "core imports reference"),
        ("intake", "import streams.worker.counts", "intake imports worker"),
        (
            "archive",
            "from streams.warehouse import connect",
            "archive imports warehouse",
        ),
        ("stack", "from streams.cli import main", "stack imports cli"),
        ("worker", "import streams", "worker imports streams"),
        ("cli", "from . import stack", "relative import"),
    ],
)
def test_each_import_up_or_sideways_is_seen(room: str, source: str, found: str) -> None:
    """The reader of imports finds what it is there to find."""
    assert upward_imports(source, room) == [f"line 1: {found}"]


@pytest.mark.parametrize(
    "source",
    ["import os\nos.environ['A']", "import os as system\nsystem.getenv('A')"],
)
def test_each_read_of_the_environment_is_seen(source: str) -> None:
    """The reader of environment uses finds what it is there to find."""
    assert len(environment_reads(source)) == 1
    assert len(environment_reads("from os import environ, getenv")) == 2
