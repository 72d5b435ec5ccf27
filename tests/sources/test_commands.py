"""The commands on sources, as people and programs call them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from logistics_pipeline.cli import app
from logistics_pipeline.errors import PipelineError
from tests.sources.conftest import SourceUnderTest
from tests.sources.server import Answer, once, trip

VEHICLES = """\
  - name: vehicles
    dataset: vehicles
    path: /cursor
    records: items
    total: total
    key: [id]
    schedule: every 15m
    pagination: {type: cursor, parameter: cursor, next: next}
    incremental: {parameter: since, field: updated}
    fields: {vehicle_id: id, name: vehicle, total_mileage: {path: distance, unit: m to km}}
"""


class Shell:
    """Runs commands on a source whose definition is in the data folder."""

    def __init__(self, source: SourceUnderTest) -> None:
        self.source = source
        source.define(VEHICLES, "retries: {attempts: 1}\nlimits: {longestWait: 1s}\n")
        self.write(source.definition)

    def write(self, text: str, name: str = "fleet") -> Path:
        folder = self.source.folder / "sources"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.yaml"
        path.write_text(text)
        return path

    def run(self, *arguments: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["sources", *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == exit_code, result.output
        return result

    def json(self, *arguments: str, exit_code: int = 0) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*arguments, "--json", exit_code=exit_code).stdout.splitlines()]


@pytest.fixture
def shell(source: SourceUnderTest, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("LOGISTICS_DATABASE_URL", source.url)
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(source.folder))
    return Shell(source)


def test_a_source_is_checked_pulled_listed_and_mapped_anew(shell: Shell) -> None:
    (checked,) = shell.json("check", "fleet")
    assert checked["records"] == 10 and checked["total"] == 25 and checked["next"] == {"cursor": "T000009"}
    assert checked["samples"][0] == {"vehicle_id": "T000000", "name": "V0", "total_mileage": 1.0005}
    assert checked["load"]["records"]["accepted"] == 10 and checked["problems"] == []
    assert not (shell.source.folder / "archive").exists(), "a check keeps nothing"
    (pulled,) = shell.json("run", "fleet")
    assert pulled["state"] == "complete" and pulled["records_landed"] == 25 and Path(pulled["file"]).is_file()
    (listed,) = shell.json("list")
    assert listed["schedule"] == "every 15m" and listed["last_pull"]["pull_id"] == pulled["pull_id"]
    assert [each["pull_id"] for each in shell.json("pulls", "fleet")] == [pulled["pull_id"]]
    (mapped,) = shell.json("remap", "fleet")
    assert mapped["is_changed"] is False and mapped["records_landed"] == 25
    filled = shell.json("backfill", "fleet", "vehicles", "--from", "2024-05-01")
    assert filled[0]["is_backfill"] is True and filled[0]["window_start"] == "2024-05-01T00:00:00Z"
    shell.write(shell.source.definition.replace("name: vehicle,", "name: {path: vehicle, values: {V0: Truck}},"))
    said = re.search(r"pull 1: ([0-9]+) records in \S+, ([0-9]+) not mapped\.", shell.run("remap", "fleet").output)
    assert said is not None and int(said[2]) > 0 and int(said[1]) + int(said[2]) == 25
    for command in (["list"], ["pulls"], ["check", "fleet"], ["run", "fleet"]):
        assert "vehicles" in shell.run(*command).output


def test_a_failed_and_a_waiting_pull_have_exit_codes_of_their_own(shell: Shell) -> None:
    shell.source.fleet.faults = [once(Answer({"message": "down for repair"}, 503))]
    (failed,) = shell.json("run", "fleet", exit_code=1)
    assert failed["error_kind"] == "server" and "down for repair" in failed["error"] and failed["advice"]
    shell.source.fleet.faults = [once(Answer({}, 429, {"Retry-After": "3600"}))]
    (waits,) = shell.json("run", "fleet", exit_code=4)
    assert waits["pull_id"] == failed["pull_id"] and waits["was_resumed"] and waits["paused_until"]
    assert "waits until" in shell.run("run", "fleet", exit_code=4).output


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("path: distance", "path: distanse", "nothing at distanse"),
        ("path: distance", "path: dist", "fields.total_mileage: no record of the first page has anything at dist"),
        ("vehicle_id: id", "vehicle: id", "the dataset vehicles needs vehicle_id"),
        (
            "{vehicle_id: id, name: vehicle",
            "{vehicle_id: id, nam: vehicle",
            "has no field nam, so its values are not stored. Did you mean name?",
        ),
        ("dataset: vehicles", "dataset: vehicels", "There is no dataset vehicels"),
        ("records: items", "records: data", "no list of records at data; its keys are items"),
        ("path: /cursor", "path: /nowhere", "404"),
        ("resources:", "authentication: {type: bearer, token: env:NOT_SET_AT_ALL}\nresources:", "NOT_SET_AT_ALL"),
        ("path: distance, unit: m to km", "path: state", "would be rejected"),
        ("private: true", "private: false", "of a private network or of this machine"),
        ("127.0.0.1", "no-such-host.invalid", "cannot be looked up"),
    ],
)
def test_a_check_says_what_is_wrong(shell: Shell, old: str, new: str, said: str) -> None:
    path = shell.write(shell.source.definition.replace(old, new, 1))
    (checked,) = shell.json("check", str(path), exit_code=1)
    text = " ".join(checked["problems"])
    if said == "nothing at distanse":
        assert "Did you mean distance?" in text
    else:
        assert said in text
    assert "wrong: " in shell.run("check", "fleet", exit_code=1).stdout


def test_a_dataset_that_begins_with_the_first_pull_is_a_note(shell: Shell) -> None:
    path = shell.write(shell.source.definition.replace("dataset: vehicles", "dataset: forklifts", 1))
    (checked,) = shell.json("check", str(path))
    assert not checked["problems"]
    assert any("no dataset forklifts yet" in note for note in checked["notes"])


@pytest.mark.parametrize(
    ("more", "is_noted"),
    [("", True), ("    total: total\n", False), (", sizeParameter: limit, size: 9, overlap: 1", False)],
)
def test_a_check_notes_that_counted_pages_may_shift_unseen(shell: Shell, more: str, is_noted: bool) -> None:
    keys, total = (more, "") if more.startswith(",") else ("", more)
    text = shell.source.definition.replace("/cursor", "/offset").replace("    total: total\n", total)
    text = text.replace("type: cursor, parameter: cursor, next: next", f"type: offset, parameter: offset{keys}")
    path = shell.write(text)

    (checked,) = shell.json("check", str(path))

    assert any("Pages are counted" in note for note in checked["notes"]) is is_noted


def test_what_there_is_not_is_said_with_what_there_is(shell: Shell) -> None:
    shell.write("kind: rest\n", "broken")
    with pytest.raises(PipelineError, match=r"There is no source 'flet'.*Did you mean fleet\?"):
        shell.run("run", "flet")
    with pytest.raises(PipelineError, match=r"has no resource 'vehicle'.*Did you mean vehicles\?"):
        shell.run("run", "fleet", "vehicle")
    with pytest.raises(PipelineError, match=r"broken\.yaml: line 1, column 1: the file lacks the key"):
        shell.run("run", "broken")
    assert "broken.yaml" in shell.run("list").output
    shell.run("backfill", "fleet", exit_code=2)
    shell.run("run", "fleet", "--since", "yesterday", exit_code=2)


def test_children_are_checked_with_a_parent_of_the_first_page(shell: Shell) -> None:
    shell.source.define(
        "  - {name: vehicles, path: /vehicles, mode: snapshot, key: [id]}\n"
        "  - name: trips\n    path: /vehicles/{vehicle}/trips\n    records: items\n"
        "    parent: {resource: vehicles, field: id}\n"
    )
    shell.write(shell.source.definition)
    parents, children = shell.json("check", "fleet")
    assert parents["records"] == 3 and children["url"].endswith("/vehicles/V0/trips") and children["records"] == 9
    shell.source.fleet.records.append(trip(30, vehicle="a/b?c"))
    assert [each["state"] for each in shell.json("run", "fleet")] == ["complete", "complete"]


def test_editors_get_a_schema(shell: Shell) -> None:
    assert json.loads(shell.run("schema").stdout)["title"] == "Source"
