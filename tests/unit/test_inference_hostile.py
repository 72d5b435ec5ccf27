"""Files that may harm inference: whatever is dropped, there is a proposal or a sentence, soon and in little memory."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from logistics_pipeline.errors import FileError
from logistics_pipeline.inference.contract_text import contract_text
from logistics_pipeline.inference.propose import propose
from tests.unit.hostile_files import LARGE, damaged

MOST_MIB = 192
MOST_CPU_SECONDS = 10
"""Twice what is promised: machines that run tests are slow and busy."""

MEASURED = """
import json, resource, sys
from pathlib import Path
from logistics_pipeline.errors import FileError
from logistics_pipeline.inference.contract_text import contract_text
from logistics_pipeline.inference.propose import propose
try:
    proposal = propose(Path(sys.argv[1]), with_profiles=True)
    proposal.to_json()
    contract_text(proposal)
    said = "proposed"
except FileError as error:
    said = str(error)
used = resource.getrusage(resource.RUSAGE_SELF)
if sys.platform == "linux":  # where ru_maxrss counts the process that this one was forked from as well
    status = Path("/proc/self/status").read_text()
    mib = int(status.partition("VmHWM:")[2].split()[0]) / 2**10
else:
    mib = used.ru_maxrss / 2**20
print(json.dumps({"said": said, "mib": mib, "cpu_seconds": used.ru_utime + used.ru_stime}))
"""


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_damaged_files_are_proposed_or_refused(tmp_path: Path, first: int) -> None:
    path = tmp_path / "file.csv"
    outcomes = set()
    for seed in range(first, first + 50):
        path.write_bytes(damaged(seed))
        try:
            proposal = propose(path, with_profiles=True)
            proposal.to_json()
            assert yaml.safe_load(contract_text(proposal)) == proposal.contract(), seed
            outcomes.add("proposed")
        except FileError as error:
            assert str(error), seed
            outcomes.add("refused")

    assert outcomes == {"proposed", "refused"}


@pytest.mark.slow
@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_large_files_take_little_time_and_memory(tmp_path: Path, make: Callable[[], bytes]) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(make())

    finished = subprocess.run([sys.executable, "-c", MEASURED, str(path)], capture_output=True, text=True, timeout=120)

    assert finished.returncode == 0, finished.stderr[-2_000:]
    found = json.loads(finished.stdout)
    assert found["said"]
    assert found["mib"] <= MOST_MIB, found
    assert found["cpu_seconds"] <= MOST_CPU_SECONDS, found


def test_of_a_small_file_with_very_many_values_a_sample_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b"id,a\n" + b"".join(b"%d,%d\n" % (number, number % 7) for number in range(420_000)) + b"x9,1\n")

    proposal = propose(path)

    assert not proposal.is_whole
    assert "the beginning, " in proposal.read
    assert [str(each.type) for each in proposal.columns] == ["string", "integer"]  # by the last row
    assert 100_000 < proposal.rows < 420_000


def test_of_lines_of_json_with_very_many_values_a_sample_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file.ndjson"
    path.write_bytes(b"".join(b'{"a":%d}\n' % number for number in range(300_000)) + b'{"a":"x9"}\n')

    proposal = propose(path)

    assert not proposal.is_whole
    assert str(proposal.columns[0].type) == "string"  # by the last line
    assert proposal.rows < 150_000


def test_an_object_of_very_many_keys_is_refused_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(b"{" + b",".join(b'"k%d":1' % number for number in range(500_000)) + b"}")

    with pytest.raises(FileError, match="No record ends in the first 1,048,576 bytes"):
        propose(path)


@pytest.mark.parametrize(
    "name", ["a\nname: b\n# c", "a\r\nname: b", "\u2028name: b", "\ud800", "\x00", "\x85name: b", "\ufffe"]
)
def test_names_in_the_file_write_nothing_into_the_contract(tmp_path: Path, name: str) -> None:
    """A note quotes the name: it is a comment of one line all the same."""
    path = tmp_path / "file.json"
    path.write_text(json.dumps([{name: [{"x": 1}], "k": 1}, {name: [{"x": 2}], "k": 2}]))

    proposal = propose(path)

    assert "hold" in " ".join(proposal.notes)
    assert yaml.safe_load(contract_text(proposal)) == proposal.contract()
