"""A file is compared with a contract, purely: what has changed, who decides, and what answers make of the contract."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import Dataset, FieldType
from logistics_core.catalogue.contract_files import contract_from_document
from logistics_pipeline.contracts.drift_proposals import known_file
from logistics_pipeline.inference.drift import (
    ChangeKind,
    Decision,
    Drift,
    KnownFile,
    amended_contract,
    compare,
    still_open,
)
from logistics_pipeline.inference.proposal import Proposal
from logistics_pipeline.inference.propose import propose
from logistics_pipeline.loading.contract.date_evidence import DateReading
from logistics_pipeline.loading.contract.file_formats import FileFormats
from logistics_pipeline.loading.contract.number_evidence import FoundText

CONTRACT = yaml.safe_load("""
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: fuel
path: fuel.csv
title: Fuel
singular: fuel_bill
description: One record per bill.
schema:
  primaryKey: [bill_id]
  fields:
    - {name: bill_id, title: Bill, type: string, role: identifier, description: Bill, constraints: {required: true}}
    - {name: paid_on, title: Day, type: date, role: time, description: Day}
    - {name: litres, title: Litres, type: number, role: measure, description: Litres}
    - {name: visits, title: Visits, type: integer, role: measure, description: Visits}
    - {name: station, title: Station, type: string, role: dimension, description: Station, aliases: [Tankstelle]}
""")
DATASET: Dataset = contract_from_document(CONTRACT, "fuel.yaml")
NAMES = list(DATASET.columns)
TOWNS = ("Ulm", "Zug", "Graz", "Kiel", "Lyon")


def rows(**values: Any) -> list[dict[str, str]]:
    """Sixty records; a value is a function of the record's number, or None for no such column."""
    usual: dict[str, Any] = {
        "bill_id": lambda number: f"B-{number:04}",
        "paid_on": lambda number: f"2024-05-{1 + number % 28:02}",
        "litres": lambda number: f"{20 + number * 7 % 50}.5",
        "visits": lambda number: str(1 + number % 5),
        "station": lambda number: TOWNS[number % 5],
    }
    makers = {name: make for name, make in (usual | values).items() if make is not None}
    return [{name: make(number) for name, make in makers.items()} for number in range(60)]


def compared(
    folder: Path, records: list[dict[str, str]], delimiter: str = ",", **options: Any
) -> tuple[Drift, Proposal]:
    path = _written(folder / "fuel.csv", records, delimiter)
    proposal = propose(path, "fuel", with_profiles=True)
    return compare(DATASET, proposal, **options), proposal


def _written(path: Path, records: list[dict[str, str]], delimiter: str = ",") -> Path:
    lines = [delimiter.join(records[0]), *(delimiter.join(record.values()) for record in records)]
    path.write_text("\n".join([*lines, ""]))
    return path


def kinds(drift: Drift) -> list[ChangeKind]:
    return sorted(change.kind for change in drift.changes)


def test_a_file_that_fits_has_no_changes(tmp_path: Path) -> None:
    assert compared(tmp_path, rows())[0].changes == ()


@given(st.permutations(NAMES), st.sets(st.sampled_from(NAMES[1:])))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_order_and_optional_columns_are_decided_by_rule(tmp_path: Path, order: list[str], gone: set[str]) -> None:
    kept = [name for name in order if name not in gone]
    records = [{name: record[name] for name in kept} for record in rows()]
    if len(kept) == 1:
        return  # nothing tells a delimiter
    drift, _ = compared(tmp_path, records)
    assert {each.field for each in drift.changes if each.kind is ChangeKind.OPTIONAL_GONE} == gone
    is_reordered = kept != [name for name in NAMES if name in kept]
    assert (ChangeKind.ORDER in kinds(drift)) is is_reordered
    assert len(drift.changes) == len(gone) + is_reordered
    assert all(change.decision is Decision.RULE for change in drift.changes)


def test_aliases_and_other_spellings_are_the_field(tmp_path: Path) -> None:
    records = [{"Tankstelle": record.pop("station"), **record} for record in rows()]
    assert kinds(compared(tmp_path, records)[0]) == [ChangeKind.ORDER]


def test_a_column_that_is_gone_holds_the_file_and_asks_which_one_it_is(tmp_path: Path) -> None:
    drift, _ = compared(tmp_path, rows(bill_id=None))
    assert drift.is_held
    assert [question.id for question in drift.questions] == ["gone:bill_id"]


def test_the_column_that_a_person_names_for_a_field_that_is_gone_becomes_its_alias(tmp_path: Path) -> None:
    def record(number: int) -> str:
        return f"{number * 7919 % 100_003:x}/{number}"

    records = [{**rest, "Ref. of it": record(number)} for number, rest in enumerate(rows(bill_id=None))]
    drift, proposal = compared(tmp_path, records)
    (gone,) = [question for question in drift.questions if question.kind == "gone"]
    assert gone.answers == ("Ref. of it", "none")
    (new,) = [question for question in drift.questions if question.kind == "new_column"]

    answers = {gone.id: "Ref. of it", new.id: "add"}
    amended = contract_from_document(amended_contract(CONTRACT, drift, proposal, answers), "amended")
    assert amended.field("bill_id").aliases == ("Ref. of it",)
    assert amended.columns == DATASET.columns
    assert still_open(amended, drift, proposal).questions == ()
    assert not still_open(amended, drift, proposal).is_held

    unanswered = amended_contract(CONTRACT, drift, proposal, {gone.id: "none"})
    assert contract_from_document(unanswered, "amended") == DATASET


def test_a_decimal_number_widens_by_rule_and_the_contract_says_so(tmp_path: Path) -> None:
    drift, proposal = compared(tmp_path, rows(visits=lambda number: f"{number}.25"))
    assert [(change.kind, change.decision) for change in drift.changes] == [(ChangeKind.WIDENED, Decision.RULE)]
    amended = contract_from_document(amended_contract(CONTRACT, drift, proposal, {}), "amended")
    assert amended.field("visits").type is FieldType.NUMBER


def test_a_new_column_becomes_a_field_only_by_its_answer(tmp_path: Path) -> None:
    drift, proposal = compared(tmp_path, rows(**{"Card No": lambda number: f"C{number % 7}"}))
    assert kinds(drift) == [ChangeKind.NEW_COLUMN]
    (question,) = drift.questions
    left = amended_contract(CONTRACT, drift, proposal, {question.id: "leave in extras"})
    assert left == CONTRACT
    added = contract_from_document(amended_contract(CONTRACT, drift, proposal, {question.id: "add"}), "amended")
    assert added.columns == (*DATASET.columns, "card_no")
    assert added.field("card_no").aliases == ("Card No",)
    assert not added.field("card_no").required


@pytest.mark.parametrize(
    ("given_answer", "aliases"), [("yes", ("Tankstelle", "station_name")), ("no", ("Tankstelle",))]
)
def test_a_rename_becomes_an_alias_only_by_its_answer(
    tmp_path: Path, given_answer: str, aliases: tuple[str, ...]
) -> None:
    _, before = compared(tmp_path, rows())
    drift, proposal = compared(
        tmp_path, rows(station=None, station_name=lambda number: TOWNS[number % 5]), earlier=[before.profiles]
    )
    assert kinds(drift) == [ChangeKind.RENAMED]
    (question,) = drift.questions
    answers = {question.id: given_answer}
    amended = contract_from_document(amended_contract(CONTRACT, drift, proposal, answers), "amended")
    assert amended.field("station").aliases == aliases


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"litres": lambda number: f"some {number}"}, ChangeKind.TYPE),
        ({"paid_on": lambda number: f"0{1 + number % 9}/0{1 + number % 7}/2024"}, ChangeKind.DATE_ORDER),
        ({"visits": lambda number: f"0{number:02}"}, ChangeKind.TYPE),
    ],
)
def test_what_would_be_read_otherwise_is_a_question(tmp_path: Path, values: dict[str, Any], kind: ChangeKind) -> None:
    drift, _ = compared(tmp_path, rows(**values))
    assert [(change.kind, change.decision) for change in drift.changes] == [(kind, Decision.QUESTION)]
    assert len(drift.questions) == 1


@pytest.mark.parametrize("odd", ["2024-02-31", "soon", "7"])
def test_a_single_cell_that_is_no_date_is_named_and_the_column_is_not_called_text(tmp_path: Path, odd: str) -> None:
    records = rows(paid_on=lambda number: odd if number == 30 else f"2024-05-{1 + number % 28:02}")

    (change,) = compared(tmp_path, records)[0].changes

    assert change.kind is ChangeKind.TYPE
    assert change.text == f"paid_on is a date, and 1 of 60 cells is no date: `{odd}`. Such a cell rejects its record."
    assert "text" not in change.text


@pytest.mark.parametrize("count", [8, 20, 60])
@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("name", ["Menge", "fuelled", "Quantity"])
def test_an_optional_column_under_a_name_unlike_its_own_is_asked_as_a_rename(
    tmp_path: Path, name: str, place: int, count: int
) -> None:
    """Wherever it stands, if no other column can be it and the values are alike."""
    before = propose(_written(tmp_path / "before.csv", rows()[:count]), "fuel", with_profiles=True)
    changed = [
        dict([*others[:place], (name, record["litres"]), *others[place:]])
        for record in rows(litres=lambda number: f"{21 + number * 11 % 48}.25")[:count]
        if (others := [pair for pair in record.items() if pair[0] != "litres"])
    ]

    drift, _ = compared(tmp_path, changed, earlier=[before.profiles])

    assert [(each.kind, each.field, each.column) for each in drift.changes if each.question is not None] == [
        (ChangeKind.RENAMED, "litres", name)
    ]


def test_another_order_that_the_file_proves_is_asked_if_earlier_files_had_one(tmp_path: Path) -> None:
    american = rows(paid_on=lambda number: f"05/{1 + number % 28:02}/2024")
    known = KnownFile(date_orders={"paid_on": "dmy"})
    assert kinds(compared(tmp_path, american)[0]) == []
    assert kinds(compared(tmp_path, american, known=known)[0]) == [ChangeKind.DATE_ORDER]


def test_another_order_is_seen_in_a_column_that_holds_texts_beside_its_dates(tmp_path: Path) -> None:
    american = rows(paid_on=lambda number: "no idea" if number == 7 else f"05/{1 + number % 28:02}/2024")
    drift, _ = compared(tmp_path, american, known=KnownFile(date_orders={"paid_on": "dmy"}))
    assert kinds(drift) == [ChangeKind.DATE_ORDER, ChangeKind.TYPE]
    assert len(drift.questions) == 2


def test_how_earlier_files_were_written_is_known_from_their_layouts_and_the_contract() -> None:
    def layout(**more: Any) -> dict[str, Any]:
        return {"kind": "csv", "delimiter": ";", "newline": "\n", "names": ["bill_id"], "header": "bill_id", **more}

    proven = FileFormats(dates={"paid_on": DateReading(dict.fromkeys(("mdy", "ymd"), FoundText("31/05/2024", 3)), 60)})
    layouts = [layout(encoding="cp1252"), layout(values=proven.to_json(), encoding="utf-8")]
    known = known_file(DATASET, layouts)
    assert (known.delimiter, known.encoding, known.columns) == (";", "cp1252", ("bill_id",))
    assert known.date_orders == {"paid_on": "dmy"}
    assert known_file(DATASET, []) == KnownFile()

    fields = [replace(field, format="%m/%d/%Y") if field.name == "paid_on" else field for field in DATASET.fields]
    assert known_file(replace(DATASET, fields=tuple(fields)), layouts).date_orders == {"paid_on": "mdy"}


def test_delimiters_are_decided_by_rule_and_said(tmp_path: Path) -> None:
    drift, _ = compared(tmp_path, rows(), ";", known=KnownFile(columns=tuple(NAMES), delimiter=","))
    assert [(change.kind, change.decision) for change in drift.changes] == [(ChangeKind.DELIMITER, Decision.RULE)]


def test_another_encoding_is_said_and_the_same_one_is_not(tmp_path: Path) -> None:
    accented = rows(station=lambda number: ("Köln", "Zürich", "Graz")[number % 3])
    lines = [",".join(accented[0]), *(",".join(record.values()) for record in accented)]
    for codec, changes in (("utf-8", []), ("utf-16", [ChangeKind.ENCODING])):
        path = tmp_path / f"{codec}.csv"
        path.write_text("\n".join([*lines, ""]), encoding=codec)
        drift = compare(DATASET, propose(path, "fuel", with_profiles=True), known=KnownFile(encoding="utf-8"))
        assert kinds(drift) == changes, drift.changes
        assert all(change.decision is Decision.RULE for change in drift.changes)


def test_numbers_that_are_names_have_no_unit(tmp_path: Path) -> None:
    _, before = compared(tmp_path, rows(bill_id=lambda number: str(17 + number)))
    drift, _ = compared(tmp_path, rows(bill_id=lambda number: str((17 + number) * 1000)), earlier=[before.profiles])
    assert drift.changes == ()


def test_another_unit_is_a_warning(tmp_path: Path) -> None:
    _, before = compared(tmp_path, rows())
    grams = rows(litres=lambda number: f"{20500 + number * 7000 % 50000}")
    drift, _ = compared(tmp_path, grams, earlier=[before.profiles])
    assert [(change.kind, change.decision, change.field) for change in drift.changes] == [
        (ChangeKind.UNIT, Decision.WARNING, "litres")
    ]
    assert drift.to_json()["held"] is False
