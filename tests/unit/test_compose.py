"""Compose and the image: valid, pinned, and in the words that the program knows."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from streams.cli import app
from streams.settings import DEFAULT_PORTS, ENVIRONMENT_PREFIX, Settings, load
from streams.stack import jars

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
CREDENTIALS = {"UNDELIVERED_USERNAME": "someone", "UNDELIVERED_PASSWORD": "secret"}
PROGRAM = ("receiver", "worker", "monitor")


def compose(
    *arguments: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run docker-compose, which needs no Docker engine to read a file."""
    return subprocess.run(
        [TOOLS / "docker-compose", "--file", COMPOSE, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Read the services as docker-compose understands them."""
    read = compose("config", "--format", "json", environment=CREDENTIALS)
    assert read.returncode == 0, read.stderr
    found: dict[str, Any] = json.loads(read.stdout)["services"]
    return found


def options_of(service: dict[str, Any]) -> dict[str, Any]:
    """Parse a service's command as the program would; what is wrong raises."""
    name, *arguments = service["command"]
    command = typer.main.get_command(app)
    group = command.make_context("undelivered", [name], resilient_parsing=True)
    found = command.get_command(group, name)  # type: ignore[attr-defined]
    assert found is not None, f"the program has no command {name}"
    parameters: dict[str, Any] = found.make_context(name, arguments).params
    return parameters


def test_docker_compose_accepts_the_file() -> None:
    """No key is misspelled, no value of a wrong type."""
    checked = compose("config", "--quiet", environment=CREDENTIALS)

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("missing", CREDENTIALS)
def test_credentials_are_required(missing: str) -> None:
    """Nothing starts, and the message names the variable, while one is not set."""
    others = {name: value for name, value in CREDENTIALS.items() if name != missing}

    refused = compose("config", "--quiet", environment=others)

    assert refused.returncode != 0
    assert f"required variable {missing} is missing" in refused.stderr


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    """The image is made as its linter asks."""
    found = subprocess.run(
        [TOOLS / "hadolint", DOCKERFILE], capture_output=True, text=True, check=False
    )

    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("name", PROGRAM)
def test_commands_are_the_programs_own(services: dict[str, Any], name: str) -> None:
    """The command and its options are parsed by the program, and their values are."""
    options = options_of(services[name])
    given = {option: value for option, value in options.items() if value is not False}

    assert load(**given).model_dump(include=set(given)).items() >= {
        (option, value) for option, value in given.items() if value is not None
    }


@pytest.mark.parametrize("name", PROGRAM)
def test_commands_run(services: dict[str, Any], name: str) -> None:
    """The program itself, in a process of its own, knows the options."""
    shown = subprocess.run(
        [TOOLS / "undelivered", *services[name]["command"], "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert shown.returncode == 0, shown.stderr
    assert f"undelivered {services[name]['command'][0]}" in shown.stdout


@pytest.mark.parametrize("name", PROGRAM)
def test_variables_are_settings(services: dict[str, Any], name: str) -> None:
    """Each variable given to the program is one that it reads."""
    known = {ENVIRONMENT_PREFIX + field.upper() for field in Settings.model_fields}

    assert services[name]["environment"].keys() <= known


def test_variables_of_the_image_are_settings_or_pythons() -> None:
    """The Dockerfile sets nothing that nobody reads."""
    instructions = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
    lines = re.findall(r"^ENV (.*)$", instructions, re.MULTILINE)
    names = {pair.split("=")[0] for line in lines for pair in line.split()}
    known = {ENVIRONMENT_PREFIX + field.upper() for field in Settings.model_fields}

    assert "UNDELIVERED_DATA_DIR" in names
    assert {name for name in names if name.startswith(ENVIRONMENT_PREFIX)} <= known


@pytest.mark.parametrize(
    ("name", "option"), [(name, f"{name}_port") for name in PROGRAM]
)
def test_health_is_asked_where_the_process_answers(
    services: dict[str, Any], name: str, option: str
) -> None:
    """The health check asks the port that the command opens, the documented one."""
    port = options_of(services[name])[option]

    assert port == DEFAULT_PORTS[name]
    assert f"127.0.0.1:{port}/readyz" in services[name]["healthcheck"]["test"][-1]


def test_receiver_is_published_on_this_machine_alone(services: dict[str, Any]) -> None:
    """It speaks plain HTTP; what reaches it from outside comes through a proxy."""
    published = [
        (port["host_ip"], port["published"], port["target"])
        for port in services["receiver"]["ports"]
    ]

    assert published == [("127.0.0.1", "8780", 8780)]
    assert "ports" not in services["worker"]
    assert "ports" not in services["kafka"]


def test_kafka_is_the_version_that_one_machine_runs(services: dict[str, Any]) -> None:
    """What is tested with the embedded Kafka is what compose starts."""
    assert services["kafka"]["image"] == f"apache/kafka:{jars.VERSION}"


def test_the_program_finds_kafka_where_kafka_says_it_is(
    services: dict[str, Any],
) -> None:
    """The address that Kafka tells its clients is the one they first ask."""
    advertised = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]

    for name in PROGRAM:
        asked = services[name]["environment"]["UNDELIVERED_BOOTSTRAP_SERVERS"]
        assert advertised == f"CLIENTS://{asked}"


def test_images_are_pinned(services: dict[str, Any]) -> None:
    """No image is whatever is newest on the day it is pulled."""
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    images = {service["image"] for service in services.values()} | set(bases)

    for image in images:
        assert re.search(r":\d+\.\d+\.\d+", image), f"{image} names no exact version"


def test_nothing_runs_as_root(services: dict[str, Any]) -> None:
    """Each process has a user of its own, and none may gain rights."""
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE.read_text(), re.MULTILINE)
    assert services["kafka"]["user"] == "appuser"
    for service in services.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_service_comes_back_and_tells_its_health(
    services: dict[str, Any],
) -> None:
    """A process that dies is started again; one that hangs is seen."""
    for service in services.values():
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"


def test_what_matters_outlives_the_containers(services: dict[str, Any]) -> None:
    """Kafka's log and the archive are in volumes of their own."""
    kept = {
        name: [(volume["source"], volume["target"]) for volume in service["volumes"]]
        for name, service in services.items()
        if "volumes" in service
    }
    log = services["kafka"]["environment"]["KAFKA_LOG_DIRS"]

    archive = [("archive", "/data")]
    assert kept == {"kafka": [("kafka", log)], "worker": archive, "monitor": archive}
