"""Arrays of objects in a file of no dataset: proposed as datasets of their own, with the records around them."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from logistics_core.database_contract.contracts import ProposalState
from logistics_core.settings import ContractPolicy, Settings
from logistics_pipeline import ledger
from logistics_pipeline.contracts.drift_proposals import follow_file
from logistics_pipeline.contracts.proposals import open_proposals, proposals_of_dataset
from logistics_pipeline.contracts.proposing import (
    Outcome,
    accept_proposal,
    answer_proposal,
    dismiss_proposal,
    propose_nested_datasets,
    propose_unrecognised,
)
from logistics_pipeline.contracts.watching import Watch
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions
from tests.database.records import as_array, as_lines, as_objects

Record = dict[str, Any]
Propose = Callable[..., Outcome]


def line(number: int, **changes: Any) -> Record:
    return {
        "product": {"sku": f"A-{number % 7}"},
        "qty": number % 5 + 1,
        "due": f"2024-06-{1 + number % 28:02}",
    } | changes


def orders(count: int = 40, key: str = "id", **changes: Any) -> list[Record]:
    return [
        {
            key: f"O-{number:04}",
            "placed_on": f"2024-05-{1 + number % 28:02}",
            "lines": [line(number + each, **changes) for each in range(number % 4)],
        }
        for number in range(count)
    ]


@pytest.fixture
def settings(database_url: str, raw_dir: Path) -> Settings:
    return Settings(database_url=database_url, data_dir=raw_dir.parent)


@pytest.fixture
def propose(connection: Connection, settings: Settings) -> Propose:
    """Drops a file, registers it as the sensor does, and has a contract proposed."""

    def run(name: str, content: bytes, policy: ContractPolicy = ContractPolicy.AUTO) -> Outcome:
        path = settings.raw_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        found = RawFolder(settings.raw_dir, catalogue_in_force(connection)).look_at(path)
        assert found is not None
        ledger.register(connection, found)
        ours = settings.model_copy(update={"contracts": policy})
        return propose_unrecognised(connection, found, ours, created_by="the test")

    return run


def load_all(connection: Connection, options: LoadOptions, url: str) -> dict[str, tuple[str, int, int]]:
    """Loads every file that is found, and returns what became of each by its path."""
    ours = replace(options, catalogue=catalogue_in_force(connection))
    found = ledger.in_registration_order(ours.folder.find_files())
    loaded = [load_file(url, each, ours).file for each in found]
    return {file.path: (str(file.state), file.records_loaded, file.records_rejected) for file in loaded}


ELEMENTS = sum(number % 4 for number in range(40))


def as_page(records: list[Record]) -> bytes:
    return json.dumps({"status": "ok", "data": {"orders": records}}).encode()


@pytest.mark.parametrize(
    ("name", "write"),
    [("shop/may.json", as_array), ("shop/may.ndjson", as_lines), ("shop/may.json", as_objects), ("shop.json", as_page)],
)
def test_both_are_accepted_by_themselves_and_loaded_from_the_one_file(
    connection: Connection,
    propose: Propose,
    options: LoadOptions,
    database_url: str,
    name: str,
    write: Callable[[list[Record]], bytes],
) -> None:
    outcome = propose(name, write(orders()))

    assert outcome.is_accepted, outcome.sentence
    assert "Its array lines is the dataset shop_lines, whose contract was proposed and accepted by itself." in (
        outcome.sentence
    )
    lines = catalogue_in_force(connection)["shop_lines"]
    assert (lines.columns, lines.key) == (
        ("shop_id", "line_no", "product_sku", "qty", "due"),
        ("shop_id", "line_no"),
    )
    assert [field.name for field in lines.fields if field.required] == ["shop_id", "line_no", "due"]
    assert (lines.references[0].fields, lines.references[0].dataset) == (("shop_id",), "shop")
    assert load_all(connection, options, database_url) == {
        name: ("loaded", 40, 0),
        f"{name}%#shop_lines": ("loaded", ELEMENTS, 0),
    }
    row = connection.execute(
        "SELECT placed_on::text, line_no, product_sku, qty, due::text FROM raw.shop_lines "
        "JOIN raw.shop ON shop.id = shop_id WHERE shop_id = 'O-0003' ORDER BY line_no LIMIT 1 OFFSET 2"
    ).fetchone()
    assert row == ("2024-05-04", 3, "A-5", 1, "2024-06-06")
    assert connection.execute("SELECT jsonb_array_length(lines) FROM raw.shop WHERE id = 'O-0003'").fetchone() == (3,)


def test_members_of_the_names_that_would_be_chosen_get_others(connection: Connection, propose: Propose) -> None:
    records = orders(key="order_id", order_id="own", line_no=7)
    assert propose("orders.json", as_array(records)).is_accepted

    lines = catalogue_in_force(connection)["order_lines"]
    assert lines.key == ("order_order_id", "line_no_2")
    assert {"order_id", "line_no"} <= set(lines.columns)


def test_by_the_policy_review_each_waits_and_the_arrays_come_after_the_records_around(
    connection: Connection, propose: Propose, settings: Settings
) -> None:
    ours = settings.model_copy(update={"contracts": ContractPolicy.REVIEW})
    propose("orders.json", as_array(orders()), ContractPolicy.REVIEW)
    (around,) = open_proposals(connection)
    accepted = accept_proposal(connection, around.proposal_id, accepted_by="Anna", settings=ours)

    (waiting,) = open_proposals(connection)
    assert (waiting.path, waiting.dataset, waiting.is_acceptable) == ("orders.json%#order_lines", "order_lines", True)
    assert str(waiting.proposal_id) in accepted.followed[0]
    assert "order_lines" not in catalogue_in_force(connection)
    accept_proposal(connection, waiting.proposal_id, accepted_by="Anna", settings=ours)
    assert [file.path for file in ledger.files_in_order(connection)] == ["orders.json", "orders.json%#order_lines"]


def test_a_question_about_elements_waits_and_the_records_around_are_loaded(
    connection: Connection, propose: Propose, options: LoadOptions, database_url: str, settings: Settings
) -> None:
    records = orders()
    for number, each in enumerate(one for record in records for one in record["lines"]):
        each["due"] = f"{1 + number % 12:02}/{1 + number % 11:02}/2024"
    outcome = propose("orders.json", as_array(records))

    assert outcome.is_accepted and "waits: logistics contracts show" in outcome.sentence
    assert load_all(connection, options, database_url) == {"orders.json": ("loaded", 40, 0)}
    (waiting,) = open_proposals(connection)
    (question,) = waiting.open_questions
    assert question["kind"] == "date_order"
    answer_proposal(connection, waiting.proposal_id, {question["id"]: "mdy"})
    accept_proposal(connection, waiting.proposal_id, accepted_by="Anna", settings=settings)

    assert load_all(connection, options, database_url)["orders.json%#order_lines"] == ("loaded", ELEMENTS, 0)


def test_elements_that_would_be_rejected_are_a_question(connection: Connection, propose: Propose) -> None:
    records = orders()
    records[7]["lines"].append(5)
    records[6]["lines"] = []
    propose("orders.json", as_array(records))

    waiting = [each for each in open_proposals(connection) if each.dataset == "order_lines"]
    assert all("1 of" in question["text"] for each in waiting for question in each.open_questions)


def test_each_array_is_proposed_once(connection: Connection, propose: Propose, settings: Settings) -> None:
    propose("orders.json", as_array([each | {"stops": [{"city": "Rome"}, {"city": "Bonn"}]} for each in orders()]))
    assert {"order_lines", "order_stops"} <= set(catalogue_in_force(connection))
    assert propose_nested_datasets(connection, "orders", settings, created_by="the test") == []


def test_an_array_whose_proposal_was_dismissed_is_not_proposed_again(
    connection: Connection, propose: Propose, settings: Settings
) -> None:
    review = settings.model_copy(update={"contracts": ContractPolicy.REVIEW})
    propose("orders.json", as_array(orders()), ContractPolicy.REVIEW)
    accept_proposal(connection, open_proposals(connection)[0].proposal_id, accepted_by="Anna", settings=review)
    dismiss_proposal(connection, open_proposals(connection)[0].proposal_id, dismissed_by="Anna")

    assert propose_nested_datasets(connection, "orders", settings, created_by="the test") == []


def test_what_a_crash_left_out_is_proposed_by_the_watch(
    connection: Connection, propose: Propose, settings: Settings
) -> None:
    propose("orders.json", as_array(orders()), ContractPolicy.REVIEW)
    accept_proposal(connection, open_proposals(connection)[0].proposal_id, accepted_by="Anna")
    assert "order_lines" not in catalogue_in_force(connection)

    Watch(settings, lambda: None, logging.getLogger("test")).turn(connection)
    assert "order_lines" in catalogue_in_force(connection)


def test_records_without_a_key_keep_their_arrays_as_json(connection: Connection, propose: Propose) -> None:
    records = [{"kind": "a", "lines": [line(1), line(1)]} for _ in range(40)]
    outcome = propose("readings.json", as_array(records))

    assert outcome.is_accepted
    assert outcome.sentence.endswith("Its array lines stays JSON: records of readings have no key to refer to.")
    assert set(catalogue_in_force(connection)) - {"vehicles", "vehicle_logs", "shipments"} == {"readings"}


def test_arrays_within_elements_stay_json_and_are_said(connection: Connection, propose: Propose) -> None:
    propose("orders.json", as_array(orders(parts=[{"name": "x"}, {"name": "y"}])))

    assert catalogue_in_force(connection)["order_lines"].field("parts").type == "array"
    (stored,) = proposals_of_dataset(connection, "order_lines")
    assert stored.state == ProposalState.ACCEPTED
    assert "arrays within arrays stay JSON" in stored.contract


def test_a_new_member_of_elements_is_a_question_about_their_dataset(
    connection: Connection, propose: Propose, options: LoadOptions, database_url: str, settings: Settings
) -> None:
    propose("orders/1.json", as_array(orders()))
    load_all(connection, options, database_url)
    path = settings.raw_dir / "orders" / "2.json"
    path.write_bytes(as_array(orders(colour="red")))
    load_all(connection, options, database_url)
    file = ledger.latest_file(connection, "orders/2.json%#order_lines")
    assert file is not None and file.unknown_fields == ["colour"]

    followed = follow_file(connection, file, path)
    assert followed.proposal is not None
    assert (followed.proposal.dataset, followed.proposal.path) == ("order_lines", file.path)
    (question,) = followed.proposal.open_questions
    assert "colour" in question["text"]
    answered = answer_proposal(connection, followed.proposal.proposal_id, {question["id"]: question["answers"][0]})
    accept_proposal(connection, answered.proposal_id, accepted_by="Anna", settings=settings)
    assert connection.execute("SELECT count(colour) FROM raw.order_lines").fetchone() == (ELEMENTS,)


def test_a_file_like_those_before_leads_to_no_question(
    connection: Connection, propose: Propose, options: LoadOptions, database_url: str, settings: Settings
) -> None:
    propose("orders/1.json", as_array(orders()))
    load_all(connection, options, database_url)
    file = ledger.latest_file(connection, "orders/1.json%#order_lines")
    assert file is not None

    followed = follow_file(connection, replace(file, warning="look at it"), settings.raw_dir / "orders" / "1.json")
    assert followed.sentences() == []


def test_a_key_that_is_not_confirmed_holds_the_file_for_both(
    connection: Connection, propose: Propose, options: LoadOptions, database_url: str, settings: Settings
) -> None:
    propose("orders/1.json", as_array(orders()))
    load_all(connection, options, database_url)
    before = connection.execute("SELECT * FROM raw.order_lines ORDER BY order_id, line_no").fetchall()
    others = [each | {"placed_on": "2024-05-30"} for each in orders(qty=9)]
    (settings.raw_dir / "orders" / "2.json").write_bytes(as_array(others))

    loaded = load_all(connection, options, database_url)
    assert (loaded["orders/2.json"], loaded["orders/2.json%#order_lines"]) == (("failed", 0, 0),) * 2
    assert connection.execute("SELECT * FROM raw.order_lines ORDER BY order_id, line_no").fetchall() == before
