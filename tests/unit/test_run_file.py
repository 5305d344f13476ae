"""The file run.json: found while `up` runs, ignored when it is dead."""

from pathlib import Path

import msgspec
import psutil
import pytest

from streams.settings import ConfigurationError, load
from streams.stack import run_file
from streams.stack.run_file import Ports

KAFKA = "127.0.0.1:9092"
PORTS = Ports(receiver=8780, worker=8782, kafka=9092)


def written(data_dir: Path) -> run_file.RunFile:
    """Write the file of a stack that this process runs."""
    run = run_file.of_this_process(KAFKA, PORTS, {"receiver": 11, "worker": None})
    run_file.write(data_dir, run)
    return run


def test_run_file_has_the_keys_that_other_software_reads(tmp_path: Path) -> None:
    """Kafka's address, the four ports and the five process ids, null where absent."""
    written(tmp_path)

    content = msgspec.json.decode((tmp_path / "run.json").read_bytes())
    own = psutil.Process()
    assert content == {
        "bootstrap_servers": KAFKA,
        "ports": {"receiver": 8780, "monitor": None, "worker": 8782, "kafka": 9092},
        "pids": {
            "up": own.pid,
            "receiver": 11,
            "monitor": None,
            "worker": None,
            "kafka": None,
        },
        "up_started": own.create_time(),
    }
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_running_stack_is_found(tmp_path: Path) -> None:
    """This process is alive and started when the file says."""
    assert run_file.read(tmp_path) is None
    run = written(tmp_path)

    assert run_file.read(tmp_path) == run
    assert run_file.bootstrap_servers(load(data_dir=tmp_path)) == KAFKA


def test_stack_of_a_dead_process_is_ignored(tmp_path: Path) -> None:
    """No process has an id beyond the largest."""
    run = written(tmp_path)
    run.pids.up = 2**31 - 1
    run_file.write(tmp_path, run)

    assert run_file.read(tmp_path) is None


def test_process_that_got_the_id_later_is_not_up(tmp_path: Path) -> None:
    """The id lives again, but its process started at another time."""
    run = written(tmp_path)
    run.up_started -= 3600
    run_file.write(tmp_path, run)

    assert run_file.read(tmp_path) is None


def test_without_any_kafka_the_error_names_both_ways(tmp_path: Path) -> None:
    """Start a stack on the folder, or name a Kafka."""
    with pytest.raises(ConfigurationError, match=r"`undelivered up .*--bootstrap-serv"):
        run_file.bootstrap_servers(load(data_dir=tmp_path))


def test_kafka_that_is_set_goes_before_the_running_one(tmp_path: Path) -> None:
    """A person who names a Kafka means that one."""
    written(tmp_path)
    settings = load(data_dir=tmp_path, bootstrap_servers="other:9092")

    assert run_file.bootstrap_servers(settings) == "other:9092"


def test_file_that_is_not_ours_is_an_error_that_names_it(tmp_path: Path) -> None:
    """Half a file can only come from elsewhere: ours is replaced as a whole."""
    (tmp_path / "run.json").write_text('{"ports":')

    with pytest.raises(ConfigurationError, match=r"run\.json cannot be read"):
        run_file.read(tmp_path)
