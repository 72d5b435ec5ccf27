"""Files of no dataset: proposals, answers, acceptance by policy or by a person, and their place in the ledger."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest
import yaml

from logistics_core.catalogue import FieldType
from logistics_core.database_contract.contracts import ProposalState
from logistics_core.settings import ContractPolicy, Settings
from logistics_pipeline import ledger
from logistics_pipeline.contracts.accepting import accept_contract
from logistics_pipeline.contracts.dry_run import count_replaced, dry_run
from logistics_pipeline.contracts.proposals import StoredProposal, latest_proposal, open_proposals, proposal_by_id
from logistics_pipeline.contracts.proposing import (
    Outcome,
    ProposalError,
    accept_proposal,
    answer_proposal,
    dismiss_proposal,
    edit_proposal,
    propose_for_unrecognised,
    propose_unrecognised,
)
from logistics_pipeline.contracts.retiring import retire_dataset
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.inference.answers import AnswerError
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from tests.contract_texts import FUEL

CERTAIN = "card_id,day,litres\n" + "".join(
    f"C-{number:04},2024-05-{1 + number % 28:02},{number * 1.25}\n" for number in range(1, 200)
)
"""Leaves no question open."""

DOUBTFUL = "card_id,day,litres\n" + "".join(
    f"C-{number:04},{1 + number % 12:02}/{1 + number % 11:02}/2024,{number * 1.25}\n" for number in range(1, 200)
)
"""Leaves the order of its dates open."""

JUNK = b"a,b\n" + bytes(each for number in range(200) for each in random.Random(number).randbytes(40))

Propose = Callable[..., Outcome]


@pytest.fixture
def settings(database_url: str, raw_dir: Path) -> Settings:
    return Settings(database_url=database_url, data_dir=raw_dir.parent)


@pytest.fixture
def propose(connection: Connection, settings: Settings) -> Propose:
    """Drops a file, registers it as the sensor does, and has a contract proposed."""

    def run(name: str, content: str | bytes = CERTAIN, policy: ContractPolicy = ContractPolicy.AUTO) -> Outcome:
        path = settings.raw_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = RawFolder(settings.raw_dir, catalogue_in_force(connection)).look_at(path)
        assert found is not None
        ledger.register(connection, found)
        ours = settings.model_copy(update={"contracts": policy})
        return propose_unrecognised(connection, found, ours, created_by="the test")

    return run


def stored(outcome: Outcome) -> StoredProposal:
    assert outcome.proposal is not None
    return outcome.proposal


def state(connection: Connection, path: str) -> tuple[str, str | None]:
    file = ledger.latest_file(connection, path)
    assert file is not None
    return str(file.state), file.dataset


def test_a_file_without_open_questions_becomes_a_dataset_by_itself(connection: Connection, propose: Propose) -> None:
    outcome = propose("fuel/2024-05.csv")

    assert outcome.is_accepted, outcome.sentence
    assert (stored(outcome).state, stored(outcome).version) == ("accepted", 1)
    assert stored(outcome).ended_by == "the policy auto"
    assert state(connection, "fuel/2024-05.csv") == ("registered", "fuel")
    dataset = catalogue_in_force(connection)["fuel"]
    assert dataset.columns == ("card_id", "day", "litres") and dataset.key == ("card_id",)
    assert connection.execute("SELECT count(*) FROM raw.fuel").fetchone() == (0,)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("shipmets/2024-05.csv", "shipments"),
        ("Vehicle_Lgs/may.csv", "vehicle_logs"),
        ("vehicels.csv", "vehicles"),
        ("vehicle-lgos-2024-05.csv", "vehicle_logs"),
        ("fule_card/a.csv", "fuel_card"),
    ],
)
def test_a_path_that_almost_names_a_dataset_is_a_question(
    path: str, meant: str, connection: Connection, propose: Propose
) -> None:
    propose("fuel_card/2024-05.csv")

    outcome = propose(path)

    assert not outcome.is_accepted
    assert f"Its path names no dataset, but almost {meant}. " in outcome.sentence
    (question,) = stored(outcome).open_questions
    assert question["answers"] == ["a new dataset", meant]
    assert question["text"].startswith(f"{path} names no dataset, but almost one: {meant}. Is it a file of {meant}, or")
    assert state(connection, path) == ("unrecognised", None)

    moved = answer_proposal(connection, stored(outcome).proposal_id, {"dataset": meant})
    assert f"move it into the folder {meant}" in moved.obstacles[0]
    with pytest.raises(ProposalError, match=f"it is a file of {meant}: move it"):
        accept_proposal(connection, moved.proposal_id, accepted_by="Anna")

    assert answer_proposal(connection, moved.proposal_id, {"dataset": "a new dataset"}).is_acceptable
    accepted = accept_proposal(connection, moved.proposal_id, accepted_by="Anna")
    assert state(connection, path) == ("registered", accepted.dataset)


@pytest.mark.parametrize("path", ["trailers/a.csv", "tolls.csv"])
def test_another_name_is_a_dataset_by_itself(path: str, propose: Propose) -> None:
    propose("fuel/2024-05.csv")

    assert propose(path).is_accepted


def test_by_the_policy_review_it_waits_for_a_person(connection: Connection, propose: Propose) -> None:
    proposal = stored(propose("fuel/2024-05.csv", policy=ContractPolicy.REVIEW))

    assert proposal.state == ProposalState.OPEN and proposal.is_acceptable
    assert state(connection, "fuel/2024-05.csv") == ("unrecognised", None)
    entry = ledger.latest_file(connection, "fuel/2024-05.csv")
    assert entry is not None and str(proposal.proposal_id) in str(entry.error)

    assert accept_proposal(connection, proposal.proposal_id, accepted_by="Anna").version == 1
    assert state(connection, "fuel/2024-05.csv") == ("registered", "fuel")
    with pytest.raises(ProposalError, match="is not open any more: it is accepted"):
        accept_proposal(connection, proposal.proposal_id, accepted_by="Anna")


def test_a_question_waits_for_its_answer_and_nothing_is_guessed(connection: Connection, propose: Propose) -> None:
    proposal = stored(propose("fuel/may.csv", DOUBTFUL))

    (question,) = proposal.open_questions
    assert question["kind"] == "date_order" and set(question["answers"]) == {"dmy", "mdy"}
    assert "1 question is open" in str(ledger.latest_file(connection, "fuel/may.csv"))
    with pytest.raises(ProposalError, match="cannot be accepted yet"):
        accept_proposal(connection, proposal.proposal_id, accepted_by="Anna")
    with pytest.raises(AnswerError, match=r"no answer to it\. Answer one of"):
        answer_proposal(connection, proposal.proposal_id, {question["id"]: "ymd"})
    with pytest.raises(AnswerError, match="There is no question other"):
        answer_proposal(connection, proposal.proposal_id, {"other": "dmy"})

    answered = answer_proposal(connection, proposal.proposal_id, {question["id"]: "mdy"})
    assert answered.open_questions == [] and "format: '%m/%d/%Y'" in answered.contract
    again = answer_proposal(connection, proposal.proposal_id, {question["id"]: "dmy"})
    assert "format: '%d/%m/%Y'" in again.contract and again.answers == {question["id"]: "dmy"}

    accept_proposal(connection, proposal.proposal_id, accepted_by="Anna")
    assert catalogue_in_force(connection)["fuel"].field("day").format == "%d/%m/%Y"


def test_a_statement_whose_total_is_told_apart_loads_all_but_that(
    connection: Connection, propose: Propose, settings: Settings
) -> None:
    statement = CERTAIN + f"Total,,{sum(number * 1.25 for number in range(1, 200))}\n"
    proposal = stored(propose("fuel/may.csv", statement))
    assert [question["kind"] for question in proposal.open_questions] == ["total"]
    answer_proposal(connection, proposal.proposal_id, {"total": "a total"})
    accept_proposal(connection, proposal.proposal_id, accepted_by="Anna")

    catalogue = catalogue_in_force(connection)
    found = RawFolder(settings.raw_dir, catalogue).look_at(settings.raw_dir / "fuel/may.csv")
    assert found is not None
    report = load_file(settings.database_url, found, load_options(settings, catalogue))
    assert (report.file.records_loaded, report.file.records_rejected) == (199, 1)
    reject = connection.execute("SELECT record_no, field FROM ingest.rejects").fetchall()
    assert reject == [(200, "day")]


def card_record(number: int) -> str:
    """A record of a German export with slips: no number, another notation, a day that does not exist."""
    reference = "" if number % 400 == 3 else 88_000_000 + 7 * number
    day = "31.02.2024" if number in (50, 700, 1500) else f"{1 + number % 28:02}.{1 + number % 6:02}.2024"
    euros, cents = 1 + number % 9, f"{100 + number % 800}"
    amount = f"{euros},{cents}.50" if number % 500 == 7 else f"{euros}.{cents},50"
    return f"{reference};{day};M-AB {number % 40};{amount}\n"


def test_a_file_with_few_slips_is_loaded_but_for_these(
    connection: Connection, propose: Propose, settings: Settings
) -> None:
    path = "tankkarten-2024-H1.csv"
    outcome = propose(path, "Transaktion-Nr.;Datum;Kennzeichen;Betrag\n" + "".join(map(card_record, range(2000))))
    proposal = stored(outcome)
    assert not outcome.is_accepted
    answers = {"key": "transaktion_nr", "odd_value:datum": "rejected", "number_format:betrag": "rejected"}
    answered = answer_proposal(connection, proposal.proposal_id, answers)
    assert answered.open_questions == []
    accept_proposal(connection, proposal.proposal_id, accepted_by="Anna")

    catalogue = catalogue_in_force(connection)
    dating = catalogue["tankkarten"].dating
    assert dating is not None and dating.field == "datum"
    found = RawFolder(settings.raw_dir, catalogue).look_at(settings.raw_dir / path)
    assert found is not None
    report = load_file(settings.database_url, found, load_options(settings, catalogue))
    assert (report.file.records_loaded, report.file.records_rejected) == (1988, 12)
    why = connection.execute("SELECT field, count(*) FROM ingest.rejects GROUP BY 1 ORDER BY 1").fetchall()
    assert why == [("betrag", 4), ("datum", 3), ("transaktion_nr", 5)]
    (total,) = connection.execute("SELECT sum(betrag) FROM raw.tankkarten").fetchone() or (None,)
    kept = [n for n in range(2000) if n % 400 != 3 and n not in (50, 700, 1500) and n % 500 != 7]
    assert float(total) == sum(1000 * (1 + n % 9) + 100 + n % 800 + 0.5 for n in kept)


COUNTERS = "day,a,b,c\n" + "".join(
    f"2024-05-{day:02},{','.join(str(-999 if day % step == 0 else day * step) for step in (3, 4, 5))}\n"
    for day in range(1, 29)
)
"""In three columns, -999 is a number or means that there is none."""


def test_one_answer_is_for_all_questions_of_its_kind(connection: Connection, propose: Propose) -> None:
    proposal = stored(propose("counters/may.csv", COUNTERS))
    ids = [each["id"] for each in proposal.open_questions if each["kind"] == "missing_value"]
    assert len(ids) == 3

    with pytest.raises(AnswerError, match=r"no question of the kind color\. The kinds are: .*missing_value"):
        answer_proposal(connection, proposal.proposal_id, {}, {"color": "nothing"})
    with pytest.raises(
        AnswerError, match=r"No question of the kind missing_value can be answered by blue\. .* nothing"
    ):
        answer_proposal(connection, proposal.proposal_id, {}, {"missing_value": "blue"})

    answered = answer_proposal(connection, proposal.proposal_id, {ids[0]: "a value"}, {"missing_value": "nothing"})
    assert answered.answers == {ids[0]: "a value", ids[1]: "nothing", ids[2]: "nothing"}
    fields = {each["name"]: each for each in yaml.safe_load(answered.contract)["schema"]["fields"]}
    assert "missingValues" not in fields["a"]
    assert "-999" in fields["b"]["missingValues"] and "-999" in fields["c"]["missingValues"]


def test_a_dry_run_counts_the_rows_whose_keys_are_in_the_table(
    connection: Connection, propose: Propose, settings: Settings
) -> None:
    propose("fuel/may.csv", CERTAIN)
    catalogue = catalogue_in_force(connection)
    path = settings.raw_dir / "fuel/may.csv"
    found = RawFolder(settings.raw_dir, catalogue).look_at(path)
    assert found is not None
    load_file(settings.database_url, found, load_options(settings, catalogue))
    lines = CERTAIN.splitlines(keepends=True)
    path.with_name("june.csv").write_text("".join([lines[0], *lines[100:], "N\\\\1,2024-06-01,1\n", lines[150]]))

    run = dry_run(path.with_name("june.csv"), catalogue["fuel"], {*catalogue}, settings)
    assert (run.accepted, run.superseded) == (102, 1)
    fuel = catalogue["fuel"]
    assert count_replaced(connection, fuel, fuel, run) == 100
    by_day = replace(fuel, fields=tuple(replace(each, type=FieldType.DATE) for each in fuel.fields))
    assert count_replaced(connection, fuel, by_day, run) is None, "a key of another type is another key"
    assert connection.execute("SELECT count(*) FROM raw.fuel").fetchone() == (199,)


def test_an_answered_proposal_shows_the_file_as_it_was_read(connection: Connection, propose: Propose) -> None:
    proposal = stored(propose("fuel/may.csv", DOUBTFUL))
    preview = proposal.document["preview"]
    assert preview["titles"] == ["card_id", "day", "litres"] and len(preview["rows"]) == 50
    assert preview["rows"][0] == ["C-0001", "02/02/2024", "1.25"]


def test_a_person_writes_the_contract_and_may_rename_it(connection: Connection, propose: Propose) -> None:
    proposal = stored(propose("fuel/may.csv", DOUBTFUL))
    text = FUEL.replace("name: fuel", "name: payments").replace("path: fuel.csv", "path: fuel/may.csv")

    edited = edit_proposal(connection, proposal.proposal_id, text)

    assert (edited.dataset, edited.is_acceptable) == ("payments", True)
    with pytest.raises(ProposalError, match="was edited"):
        answer_proposal(connection, proposal.proposal_id, {"date_order:day": "dmy"})
    accept_proposal(connection, proposal.proposal_id, accepted_by="Anna")
    assert state(connection, "fuel/may.csv") == ("registered", "payments")


def test_a_folder_has_one_proposal_and_its_acceptance_takes_every_file(
    connection: Connection, propose: Propose
) -> None:
    first = stored(propose("fuel/1.csv", DOUBTFUL))
    assert stored(propose("fuel/2.csv", DOUBTFUL)).proposal_id == first.proposal_id
    assert len(open_proposals(connection)) == 1

    answer_proposal(connection, first.proposal_id, {"date_order:day": "dmy"})
    accept_proposal(connection, first.proposal_id, accepted_by="Anna")

    assert state(connection, "fuel/1.csv") == state(connection, "fuel/2.csv") == ("registered", "fuel")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Güter (Süd)/2024/05.csv", "gueter_sued"),
        ("2024/Fuel Cards/05.csv", "fuel_cards"),
        ("2024-05 fuel.csv", "column_2024_05_fuel"),
        ("data/exports/payments-2024.csv", "payments"),
        ("costs/may.csv", "costs_data"),
    ],
)
def test_the_dataset_is_named_by_the_outermost_folder_or_the_file(
    connection: Connection, propose: Propose, path: str, name: str
) -> None:
    outcome = propose(path)

    assert outcome.is_accepted and stored(outcome).dataset == name
    assert catalogue_in_force(connection).dataset_of_path(path) == name
    assert state(connection, path) == ("registered", name)


def test_a_name_that_is_taken_gets_a_number(connection: Connection, propose: Propose) -> None:
    accept_contract(connection, contract_of_text(FUEL.replace("fuel", "gueter"), "it"), accepted_by="Anna")
    assert stored(propose("Güter/1.csv")).dataset == "gueter_2"
    assert catalogue_in_force(connection).dataset_of_path("Güter/other.csv") == "gueter_2"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (b"\x00\x01\x02" * 100, "no contract can be proposed"),
        (b"a,b\n", "no contract"),
        (JUNK, "not text"),
    ],
)
def test_a_file_that_nothing_can_be_proposed_for_says_so_in_the_ledger(
    connection: Connection, propose: Propose, content: bytes, message: str
) -> None:
    outcome = propose("odd/file.csv", content)

    assert outcome.proposal is None
    entry = ledger.latest_file(connection, "odd/file.csv")
    assert entry is not None and entry.state == "unrecognised" and message in str(entry.error)
    assert not str(entry.error).endswith(("?.", "..")) and "(at byte 0)" not in str(entry.error)


def test_a_changed_file_gets_a_proposal_that_supersedes_the_one_before(
    connection: Connection, propose: Propose
) -> None:
    first = stored(propose("may.csv", DOUBTFUL))
    second = stored(propose("may.csv", DOUBTFUL + "C-9999,01/01/2024,1\n"))

    assert first.proposal_id != second.proposal_id
    found = proposal_by_id(connection, first.proposal_id)
    assert found is not None and found.state == ProposalState.SUPERSEDED
    assert [each.proposal_id for each in open_proposals(connection)] == [second.proposal_id]


def test_an_unchanged_file_keeps_its_proposal_and_the_answers_given(connection: Connection, propose: Propose) -> None:
    first = stored(propose("may.csv", DOUBTFUL))
    again = stored(propose("may.csv", DOUBTFUL))
    assert (again.proposal_id, again.answers) == (first.proposal_id, {})

    answer_proposal(connection, first.proposal_id, {"date_order:day": "dmy"})

    answered = propose("may.csv", DOUBTFUL)
    assert not answered.is_accepted
    assert (stored(answered).proposal_id, stored(answered).answers) == (first.proposal_id, {"date_order:day": "dmy"})
    assert accept_proposal(connection, first.proposal_id, accepted_by="Anna").version == 1


OLD = "".join(f"C-{number:04},1850-05-{1 + number % 28:02},2.5\n" for number in range(200, 230))
RAGGED = "".join(f"C-{number:04},2024-05-03,2.5,another,cell\n" for number in range(200, 207))


@pytest.mark.parametrize(
    ("content", "count", "reason"),
    [(CERTAIN + OLD, "30 of 229 records would be rejected", "1900"), (CERTAIN + RAGGED, "7 of 206 ", "5 fields")],
    ids=["dates out of range", "other number of cells"],
)
def test_a_file_with_records_that_would_be_rejected_waits_with_a_question(
    connection: Connection, propose: Propose, content: str, count: str, reason: str
) -> None:
    outcome = propose("fuel/may.csv", content)

    assert not outcome.is_accepted
    (question,) = stored(outcome).open_questions
    assert question["id"] == "rejects"
    assert count in question["text"]
    assert reason in question["text"]
    refused = answer_proposal(connection, stored(outcome).proposal_id, {"rejects": "no, the file is corrected"})
    assert not refused.is_acceptable
    answer_proposal(connection, stored(outcome).proposal_id, {"rejects": "yes, reject them"})
    assert accept_proposal(connection, stored(outcome).proposal_id, accepted_by="Anna").version == 1


def test_a_proposal_that_waits_without_a_question_says_why(connection: Connection, propose: Propose) -> None:
    outcome = propose("fuel/may.csv", policy=ContractPolicy.REVIEW)

    assert "LOGISTICS_CONTRACTS is review" in outcome.sentence
    assert stored(outcome).waits_because is not None


def test_a_dismissed_proposal_leaves_its_file_as_it_is(connection: Connection, propose: Propose) -> None:
    proposal = stored(propose("fuel/may.csv", DOUBTFUL))
    dismissed = dismiss_proposal(connection, proposal.proposal_id, dismissed_by="Anna")

    assert (dismissed.state, dismissed.ended_by) == ("dismissed", "Anna")
    assert state(connection, "fuel/may.csv") == ("unrecognised", None)
    latest = latest_proposal(connection, "fuel/may.csv")
    assert latest is not None and latest.state == ProposalState.DISMISSED
    with pytest.raises(ProposalError, match="There is no proposal"):
        dismiss_proposal(connection, uuid4(), dismissed_by="Anna")


def test_files_of_a_retired_dataset_are_not_proposed_again(connection: Connection, propose: Propose) -> None:
    assert propose("fuel/1.csv").is_accepted
    retire_dataset(connection, "fuel", retired_by="Anna")

    outcome = propose("fuel/2.csv")

    assert outcome.proposal is None and "belongs to the dataset fuel, which is retired" in outcome.sentence
    assert "fuel" not in catalogue_in_force(connection)


def test_two_people_accept_one_proposal_once(connection: Connection, propose: Propose, database_url: str) -> None:
    proposal = stored(propose("fuel/may.csv", policy=ContractPolicy.REVIEW))
    outcomes: list[str] = []

    def run() -> None:
        with connect(database_url) as other:
            try:
                outcomes.append(f"version {accept_proposal(other, proposal.proposal_id, accepted_by='x').version}")
            except ProposalError:
                outcomes.append("refused")

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "refused", "refused", "version 1"]


def test_hostile_names_and_cells_are_only_texts(connection: Connection, propose: Propose) -> None:
    name = "x'); DROP TABLE raw.vehicles; --"
    content = f'"{name}",<script>alert(1)</script>,"=HYPERLINK(1)"\n' + "".join(
        f'"K-{number:04}","{name}",{number}\n' for number in range(100)
    )
    outcome = propose(f"{name}/$(rm).csv", content)

    assert connection.execute("SELECT to_regclass('raw.vehicles')::text").fetchone() == ("raw.vehicles",)
    assert outcome.proposal is not None
    assert outcome.proposal.document["preview"]["titles"][0] == name


def test_each_unrecognised_file_is_tried_once(connection: Connection, settings: Settings, raw_dir: Path) -> None:
    contents = {"fuel/1.csv": CERTAIN, "fuel/2.csv": CERTAIN, "tolls/1.csv": DOUBTFUL, "odd.csv": ""}
    for name, content in contents.items():
        path = raw_dir / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        found = RawFolder(raw_dir, catalogue_in_force(connection)).look_at(path)
        assert found is not None
        ledger.register(connection, found)

    outcomes = propose_for_unrecognised(connection, settings, created_by="the test")

    assert [outcome.is_accepted for outcome in outcomes] == [True, False, False, False]
    states = {path: state(connection, path) for path in contents}
    assert states["fuel/1.csv"] == states["fuel/2.csv"] == ("registered", "fuel")
    assert states["tolls/1.csv"] == states["odd.csv"] == ("unrecognised", None)
    assert propose_for_unrecognised(connection, settings, created_by="the test") == []
