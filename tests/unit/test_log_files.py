"""Logs that other programs hold open are turned over, and nothing but the oldest is given up."""

import subprocess
import sys
from pathlib import Path

from logistics_pipeline.local.log_rotation import KEPT, rotate
from logistics_pipeline.local.supervisor import Program, Supervisor
from tests.end_to_end.conftest import wait_for


def test_a_small_log_and_one_that_is_not_there_are_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    assert not rotate(log)
    log.write_text("small")
    assert not rotate(log)
    assert [path.name for path in tmp_path.iterdir()] == ["api.log"]


def test_the_newest_older_ones_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    for number in range(6):
        log.write_text(f"{number}")
        assert rotate(log, max_bytes=1)
        assert log.read_text() == ""
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "api.log": "",
        "api.log.1": "5",
        "api.log.2": "4",
        "api.log.3": "3",
    }
    assert len(list(tmp_path.iterdir())) == KEPT + 1


def test_a_folder_that_cannot_be_written_is_tried_again_later(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("large")
    (tmp_path / "api.log.2").write_text("older")
    (tmp_path / "api.log.3").mkdir()
    assert not rotate(log, max_bytes=1)
    assert log.read_text() == "large"


def test_a_program_that_holds_its_log_open_goes_on_in_the_emptied_one(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    code = "import sys\nfor line in sys.stdin: print(line.strip(), flush=True)"
    with log.open("ab") as output, subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=output, text=True
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write("before\n")
        process.stdin.flush()
        wait_for(lambda: log.read_text() == "before\n", 20, "the first line")
        assert rotate(log, max_bytes=1)
        process.stdin.write("after\n")
        process.stdin.close()
    assert log.read_text() == "after\n"
    assert (tmp_path / "worker.log.1").read_text() == "before\n"


def test_the_supervisor_turns_over_what_has_grown_large(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, {})
    code = "import sys, time; sys.stdout.write('x' * (11 << 20)); sys.stdout.flush(); time.sleep(600)"
    supervisor.start(Program("worker", [sys.executable, "-c", code], lambda: True))
    log = tmp_path / "worker.log"
    try:
        wait_for(lambda: log.stat().st_size == 11 << 20, 30, "the log is large")
        supervisor.rotate_logs()
        assert log.stat().st_size == 0
        assert (tmp_path / "worker.log.1").stat().st_size == 11 << 20
    finally:
        supervisor.stop()
