"""The next file of a dataset has changed: nothing is lost, nothing is read otherwise in silence, and people are asked.

Twelve changes, each in CSV and JSON where the format knows it, each against a real table with an earlier file in it.
"""

import codecs
import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from logistics_core.database_contract.contracts import ProposalKind
from logistics_core.database_contract.file_states import FileState
from logistics_pipeline.contracts.accepting import accept_contract
from logistics_pipeline.contracts.drift_proposals import carry_out, follow_file
from logistics_pipeline.contracts.proposals import StoredProposal, change_proposal, open_proposals
from logistics_pipeline.contracts.proposing import accept_proposal, answer_proposal
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.contracts.versions import version_in_force
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.inference.answers import AnswerError
from logistics_pipeline.ledger import LedgerFile
from tests.database.conftest import FolderUnderTest

Record = dict[str, Any]

CONTRACT = """
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: trips
path: trips.csv
title: Trips
singular: trip
description: One record per trip.
schema:
  primaryKey: [trip_id]
  fields:
    - {name: trip_id, title: Trip, type: string, role: identifier, description: Identifies the trip,
       constraints: {required: true}}
    - {name: truck, title: Truck, type: string, role: dimension, description: Truck, constraints: {required: true}}
    - {name: started, title: Started, type: date, role: time, description: First day, constraints: {required: true}}
    - {name: stops, title: Stops, type: integer, role: measure, description: Stops}
    - {name: weight, title: Weight, type: number, unit: kg, role: measure, description: Weight}
    - {name: driver, title: Driver, type: string, role: dimension, description: Driver}
"""

NAMES = ("Ada", "Björn", "Cem", "Dina", "Eli")


def trips(file: int) -> list[Record]:
    return [
        {
            "trip_id": f"T{file}-{number:03}",
            "truck": f"V-{number % 9:03}",
            "started": f"2024-0{1 + file}-{1 + number % 28:02}",
            "stops": 2 + number % 7,
            "weight": 120.5 + number * 37 % 400,
            "driver": NAMES[number % 5],
        }
        for number in range(120)
    ]


def as_csv(records: list[Record], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def as_json(records: list[Record]) -> bytes:
    return json.dumps(records, ensure_ascii=False).encode()


FORMATS: dict[str, Callable[[list[Record]], bytes]] = {"csv": as_csv, "json": as_json}


def changed(change: Callable[[Record], Record]) -> list[Record]:
    return [change(dict(record)) for record in trips(2)]


def without(name: str) -> list[Record]:
    return changed(lambda record: {key: value for key, value in record.items() if key != name})


def with_value(name: str, value: Callable[[Any], Any]) -> list[Record]:
    return changed(lambda record: record | {name: value(record[name])})


def renamed(name: str, other: str) -> list[Record]:
    return changed(lambda record: {other if key == name else key: value for key, value in record.items()})


@dataclass(frozen=True)
class Expected:
    """What becomes of the changed file."""

    state: FileState = FileState.LOADED
    loaded: int = 120
    rejected: int = 0
    said: str | None = None
    """In its notes, its warning or its error."""
    questions: tuple[str, ...] = ()
    """Ids of the questions that are open, those that begin like these."""
    version: int = 1
    columns: dict[str, Any] = field(default_factory=dict)
    """Values of its first row."""


CHANGES: dict[str, tuple[dict[str, bytes], Expected]] = {
    "order": (
        {"csv": as_csv([dict(reversed(record.items())) for record in trips(2)])},
        Expected(said="in another order"),
    ),
    "optional column gone": (
        {name: write(without("driver")) for name, write in FORMATS.items()},
        Expected(said="driver", columns={"driver": None}),
    ),
    "required column gone": (
        {"csv": as_csv(without("started"))},
        Expected(FileState.FAILED, 0, said="started", questions=("gone:started",)),
    ),
    "key gone": (
        {"csv": as_csv(without("trip_id"))},
        Expected(FileState.FAILED, 0, said="trip_id", questions=("gone:trip_id",)),
    ),
    "required column gone, in JSON": (
        {"json": as_json(without("started"))},
        Expected(FileState.FAILED, 0, 120, said="started is missing", questions=("gone:started",)),
    ),
    "key gone, in JSON": (
        {"json": as_json(without("trip_id"))},
        Expected(FileState.FAILED, 0, 120, said="trip_id is missing", questions=("gone:trip_id",)),
    ),
    "rename of a required column, in JSON": (
        {"json": as_json(renamed("truck", "truck_no"))},
        Expected(FileState.FAILED, 0, 120, said="truck is missing", questions=("renamed:truck:truck_no",)),
    ),
    "new column": (
        {
            name: write(changed(lambda record: record | {"toll": "12.50", "memo": f"of {record['truck']}"}))
            for name, write in FORMATS.items()
        },
        Expected(
            questions=("new_column:memo", "new_column:toll"), columns={"extras": {"toll": "12.50", "memo": "of V-000"}}
        ),
    ),
    "integer to decimal": (
        {name: write(with_value("stops", lambda value: value + 0.5)) for name, write in FORMATS.items()},
        Expected(said="stops holds decimal numbers", version=2, columns={"stops": 2.5}),
    ),
    "number to text": (
        {name: write(with_value("weight", lambda value: f"about {value} kg")) for name, write in FORMATS.items()},
        Expected(FileState.FAILED, 0, 120, said="weight must be a number", questions=("type:weight",)),
    ),
    "other order of dates, proven": (
        {
            name: write(with_value("started", lambda day: f"{day[8:]}/{day[5:7]}/{day[:4]}"))
            for name, write in FORMATS.items()
        },
        Expected(said="started", columns={"started": "2024-03-01"}),
    ),
    "other order of dates, not proven": (
        {
            name: write(with_value("started", lambda day: f"{1 + int(day[8:]) % 12:02}/{day[5:7]}/{day[:4]}"))
            for name, write in FORMATS.items()
        },
        Expected(FileState.FAILED, 0, 120, said="started", questions=("date_order",)),
    ),
    "other delimiter": (
        {"csv": as_csv(trips(2), ";")},
        Expected(said="csv with semicolons, the one before was csv with commas"),
    ),
    "other encoding": (
        {
            "csv": as_csv(trips(2)).decode().encode("cp1252"),
            "json": as_json(trips(2)).decode().encode("utf-16"),
        },
        Expected(said="ncoding", columns={"driver": "Ada"}),
    ),
    "rename of a required column": (
        {"csv": as_csv(renamed("truck", "truck_no"))},
        Expected(FileState.FAILED, 0, said="truck", questions=("renamed:truck:truck_no",)),
    ),
    "rename of an optional column": (
        {name: write(renamed("weight", "gross_weight_kg")) for name, write in FORMATS.items()},
        Expected(questions=("renamed:weight:gross_weight_kg",), columns={"weight": None}),
    ),
    "unit times 1000": (
        {name: write(with_value("weight", lambda value: value * 1000)) for name, write in FORMATS.items()},
        Expected(said="another unit", columns={"weight": 120500}),
    ),
}
CASES = [
    pytest.param(suffix, content, expected, id=f"{name} ({suffix})")
    for name, (contents, expected) in CHANGES.items()
    for suffix, content in contents.items()
]


@dataclass
class Installation:
    """A dataset with its contract in the database."""

    folder: FolderUnderTest
    connection: Connection

    def load(self, name: str, content: bytes, **options: Any) -> tuple[LedgerFile, StoredProposal | None]:
        """Drops and loads a file by the contract in force, and does what follows."""
        catalogue = catalogue_in_force(self.connection)
        folder = replace(self.folder, options=replace(self.folder.options, catalogue=catalogue, **options))
        found = folder.drop(name, content)
        report = folder.load(found)
        return report.file, follow_file(self.connection, report.file, found.path).proposal

    def first_row(self, file_id: int) -> dict[str, Any]:
        row = self.connection.execute(
            "SELECT to_jsonb(trips) FROM raw.trips WHERE file_id = %s ORDER BY record_no LIMIT 1", (file_id,)
        ).fetchone()
        return row[0] if row else {}


@pytest.fixture
def installation(raw_folder: FolderUnderTest, connection: Connection) -> Installation:
    accept_contract(connection, contract_of_text(CONTRACT, "trips.yaml"), accepted_by="somebody")
    return Installation(raw_folder, connection)


def said_about(file: LedgerFile, connection: Connection) -> str:
    reasons = connection.execute("SELECT DISTINCT reason FROM ingest.rejects WHERE file_id = %s", (file.file_id,))
    texts = [*file.notes, file.warning, file.error, *(reason for (reason,) in reasons.fetchall())]
    return "\n".join(filter(None, texts))


@pytest.mark.parametrize(("suffix", "content", "expected"), CASES)
def test_a_changed_file_loads_without_loss_or_waits_with_a_question(
    suffix: str, content: bytes, expected: Expected, installation: Installation
) -> None:
    first, nothing = installation.load(f"trips-1.{suffix}", FORMATS[suffix](trips(1)))
    assert (first.state, nothing, first.warning) == (FileState.LOADED, None, None)

    file, proposal = installation.load(f"trips-2.{suffix}", content)

    assert (file.state, file.records_loaded, file.records_rejected) == (
        expected.state,
        expected.loaded,
        expected.rejected,
    )
    if expected.said is not None:
        assert expected.said in said_about(file, installation.connection)
    asked = [] if proposal is None else sorted(question["id"] for question in proposal.open_questions)
    assert len(asked) == len(expected.questions), asked
    assert all(each.startswith(begin) for each, begin in zip(asked, expected.questions, strict=True)), asked
    version = version_in_force(installation.connection, "trips")
    assert version is not None
    assert version.version == expected.version
    row = installation.first_row(file.file_id)
    assert {name: row[name] for name in expected.columns} == expected.columns


def answer(installation: Installation, proposal: StoredProposal, answers: dict[str, str]) -> tuple[str, ...]:
    """Answers and accepts a proposal; returns what followed, in sentences."""
    answer_proposal(installation.connection, proposal.proposal_id, answers)
    return accept_proposal(installation.connection, proposal.proposal_id, accepted_by="somebody").followed


def test_an_accepted_rename_becomes_an_alias_and_the_file_is_loaded(installation: Installation) -> None:
    installation.load("trips-1.csv", as_csv(trips(1)))
    content = as_csv(renamed("truck", "truck_no"))
    failed, proposal = installation.load("trips-2.csv", content)
    assert proposal is not None
    assert proposal.kind == ProposalKind.DRIFT

    answer(installation, proposal, {"renamed:truck:truck_no": "yes"})

    version = version_in_force(installation.connection, "trips")
    assert version is not None
    assert version.fields.field("truck").aliases == ("truck_no",)
    again, _ = installation.load("trips-2.csv", content)
    assert (again.state, again.records_loaded) == (FileState.LOADED, 120)
    assert installation.first_row(again.file_id)["truck"] == "V-000"
    retry = installation.connection.execute(
        "SELECT retry_requested_at FROM ingest.files WHERE file_id = %s", (failed.file_id,)
    ).fetchone()
    assert retry is not None


@pytest.mark.parametrize("format", FORMATS)
def test_the_column_named_for_a_key_that_is_gone_becomes_its_alias_and_the_file_is_loaded(
    format: str, installation: Installation
) -> None:
    """Nothing about the new name or its values resembles the old one."""
    installation.load(f"trips-1.{format}", FORMATS[format](trips(1)))
    records = enumerate(renamed("trip_id", "Beleg"))
    others = [record | {"Beleg": f"{number * 7919 % 100_003:x}/{number}"} for number, record in records]
    content = FORMATS[format](others)
    failed, proposal = installation.load(f"trips-2.{format}", content)
    assert failed.state is FileState.FAILED and proposal is not None
    (gone,) = [each for each in proposal.open_questions if each["kind"] == "gone"]
    assert "Beleg" in gone["answers"]

    answer(installation, proposal, {gone["id"]: "Beleg"})

    version = version_in_force(installation.connection, "trips")
    assert version is not None and version.fields.field("trip_id").aliases == ("Beleg",)
    again, _ = installation.load(f"trips-2.{format}", content)
    assert (again.state, again.records_loaded) == (FileState.LOADED, 120)


@pytest.mark.parametrize("codec", ["utf-8", "cp1252", "utf-16"])
def test_the_ledger_keeps_the_encoding_that_the_bytes_of_a_file_have_shown(
    codec: str, installation: Installation
) -> None:
    file, _ = installation.load("trips-1.csv", as_csv(trips(1)).decode().encode(codec))
    assert file.layout is not None
    assert codecs.lookup(file.layout["encoding"]).name.removesuffix("-le") == codec
    plain, _ = installation.load("trips-2.csv", as_csv(with_value("driver", lambda _: "Ada")))
    assert plain.layout is not None and "encoding" not in plain.layout


@pytest.mark.parametrize("format", FORMATS)
def test_an_accepted_rename_of_an_optional_column_brings_its_values_back(
    format: str, installation: Installation
) -> None:
    installation.load(f"trips-1.{format}", FORMATS[format](trips(1)))
    file, proposal = installation.load(f"trips-2.{format}", FORMATS[format](renamed("weight", "gross_weight_kg")))
    assert proposal is not None
    assert installation.first_row(file.file_id)["weight"] is None

    said = answer(installation, proposal, {"renamed:weight:gross_weight_kg": "yes"})

    assert said == ("120 values of weight moved from extras.",)
    row = installation.first_row(file.file_id)
    assert (row["weight"], row["extras"]) == (120.5, None)
    assert installation.first_row(1)["weight"] == 120.5
    filled = installation.connection.execute(
        "SELECT filled::int FROM ingest.column_counts WHERE field = 'weight' ORDER BY file_id"
    ).fetchall()
    assert filled == [(120,), (120,)]


def test_an_accepted_column_is_filled_from_extras_without_a_reload(installation: Installation) -> None:
    """Each file's numbers are read by what the file proves; what does not fit stays, and is counted."""
    connection = installation.connection
    installation.load("trips-1.csv", as_csv(trips(1)))
    values = ["1.234,50", "12,25", "n/k"]
    records = [record | {"Toll paid": values[number % 3]} for number, record in enumerate(trips(2))]
    _, proposal = installation.load("trips-2.csv", as_csv(records, ";"))
    assert proposal is not None
    plain = [record | {"Toll paid": "3.75"} for record in trips(3)]
    installation.load("trips-3.csv", as_csv(plain))
    document = {**proposal.document, "proposal": _with_type(proposal.document["proposal"], "number")}
    change_proposal(connection, proposal, "trips", proposal.contract, document)

    said = answer(installation, proposal, {"new_column:toll_paid": "add"})

    assert said == (
        "200 values of toll_paid moved from extras. 40 values do not fit and stay there: "
        'toll_paid must be a number, found the text "n/k".',
    )
    found = connection.execute(
        "SELECT file_id, toll_paid, extras, count(*)::int FROM raw.trips GROUP BY 1, 2, 3 ORDER BY 1, 2"
    ).fetchall()
    assert [(number, str(toll), extras, count) for number, toll, extras, count in found] == [
        (1, "None", None, 120),
        (2, "12.25", None, 40),
        (2, "1234.50", None, 40),
        (2, "None", {"Toll paid": "n/k"}, 40),
        (3, "3.75", None, 120),
    ]
    filled = connection.execute(
        "SELECT file_id, filled::int FROM ingest.column_counts WHERE field = 'toll_paid' ORDER BY 1"
    ).fetchall()
    assert [each for each in filled if each[1]] == [(2, 80), (3, 120)]
    dataset = catalogue_in_force(connection)["trips"]
    assert [each.moved for each in carry_out(connection, proposal, dataset)] == [0]
    file, _ = installation.load("trips-4.csv", as_csv([record | {"Toll paid": "8"} for record in trips(4)]))
    assert installation.first_row(file.file_id)["toll_paid"] == 8


def _with_type(proposal: dict[str, Any], type: str) -> dict[str, Any]:
    """The proposal of a file in which a person has chosen the type of the last column."""
    *others, last = proposal["columns"]
    return {**proposal, "columns": [*others, {**last, "type": type}]}


def test_any_objects_are_records_of_a_dataset_without_required_fields(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    contract = CONTRACT.replace("constraints: {required: true}", "description: x")
    contract = contract.replace(", description: x}", "}").replace("  primaryKey: [trip_id]\n", "")
    contract = contract.replace(",\n       description: x}", "}")
    accept_contract(connection, contract_of_text(contract, "trips.yaml"), accepted_by="somebody")
    file, _ = Installation(raw_folder, connection).load("trips-1.json", b'[{"a": 1, "b": 2}, {"stops": 3}, 4]')
    assert (file.state, file.records_loaded, file.records_rejected) == (FileState.LOADED, 2, 1), file.error


def test_the_same_question_is_asked_once(installation: Installation) -> None:
    installation.load("trips-1.json", as_json(trips(1)))
    with_memo = [record | {"memo": "x"} for record in trips(2)]
    _, first = installation.load("trips-2.json", as_json(with_memo))
    _, second = installation.load("trips-3.json", as_json([record | {"memo": "y"} for record in trips(3)]))
    assert first is not None
    assert second is None


def test_questions_stay_open_when_a_rule_makes_a_version(installation: Installation) -> None:
    installation.load("trips-1.json", as_json(trips(1)))
    _, asked = installation.load("trips-2.json", as_json([record | {"memo": "x"} for record in trips(2)]))
    assert asked is not None

    installation.load("trips-3.json", as_json([record | {"stops": 1.5} for record in trips(3)]))

    version = version_in_force(installation.connection, "trips")
    assert version is not None
    assert version.version == 2
    (still,) = open_proposals(installation.connection)
    assert [question["id"] for question in still.open_questions] == ["new_column:memo"]
    answer(installation, still, {"new_column:memo": "add"})
    version = version_in_force(installation.connection, "trips")
    assert version is not None
    assert [(field.name, str(field.type)) for field in version.fields.fields if field.name in ("stops", "memo")] == [
        ("stops", "number"),
        ("memo", "string"),
    ]


def test_questions_of_other_files_stay_open_when_one_is_answered_and_accepted(installation: Installation) -> None:
    """With their ids and their answers; a question that the new version answers is not asked any more."""
    installation.load("trips-1.json", as_json(trips(1)))
    _, first = installation.load("trips-2.json", as_json([record | {"memo": "x"} for record in trips(2)]))
    two = [record | {"memo": "y", "toll": "12.50", "ferry": f"F{record['stops']}"} for record in trips(3)]
    _, second = installation.load("trips-3.json", as_json(two))
    assert first is not None
    assert second is not None
    answer_proposal(installation.connection, second.proposal_id, {"new_column:toll": "add"})

    answer(installation, first, {"new_column:memo": "add"})

    (still,) = open_proposals(installation.connection)
    assert still.proposal_id == second.proposal_id
    assert [question["id"] for question in still.open_questions] == ["new_column:ferry"]
    assert still.answers == {"new_column:toll": "add"}
    answer(installation, still, {"new_column:ferry": "leave in extras"})
    version = version_in_force(installation.connection, "trips")
    assert version is not None
    assert version.fields.columns[-2:] == ("memo", "toll")
    row = installation.first_row(3)
    assert (row["memo"], row["toll"], row["extras"]) == ("y", 12.5, {"ferry": "F2"})


def test_a_rename_that_is_accepted_for_one_file_is_accepted_for_the_others(installation: Installation) -> None:
    """The others are loaded again by it, as nothing is left to ask about them."""
    installation.load("trips-1.csv", as_csv(trips(1)))
    _, first = installation.load("trips-2.csv", as_csv(renamed("truck", "truck_no")))
    other, second = installation.load("trips-3.csv", as_csv(renamed("truck", "truck_no")[:50]))
    assert first is not None
    assert second is not None

    answer(installation, first, {"renamed:truck:truck_no": "yes"})

    assert open_proposals(installation.connection) == []
    retry = installation.connection.execute(
        "SELECT retry_requested_at IS NOT NULL FROM ingest.files WHERE file_id = %s", (other.file_id,)
    ).fetchone()
    assert retry == (True,)


def test_a_proposal_that_changes_nothing_leaves_the_others_open(installation: Installation) -> None:
    installation.load("trips-1.json", as_json(trips(1)))
    _, first = installation.load("trips-2.json", as_json([record | {"memo": "x"} for record in trips(2)]))
    _, second = installation.load("trips-3.json", as_json([record | {"toll": "1.25"} for record in trips(3)]))
    assert first is not None
    assert second is not None

    answer(installation, first, {"new_column:memo": "leave in extras"})

    assert [each.proposal_id for each in open_proposals(installation.connection)] == [second.proposal_id]


@pytest.mark.parametrize("answers", [{"new_column:memo": "perhaps"}, {"no question": "yes"}])
def test_an_answer_that_means_nothing_is_refused(installation: Installation, answers: dict[str, str]) -> None:
    installation.load("trips-1.json", as_json(trips(1)))
    _, asked = installation.load("trips-2.json", as_json([record | {"memo": "x"} for record in trips(2)]))
    assert asked is not None
    with pytest.raises(AnswerError, match="new_column:memo"):
        answer_proposal(installation.connection, asked.proposal_id, answers)
