"""A key that nobody has confirmed: a file that would replace most of another one's records waits for an answer.

Whatever the order of the files, nothing is superseded before somebody has answered; what is delivered again unchanged
never asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import pytest

from logistics_core.database_contract.contracts import ProposalState
from logistics_core.database_contract.file_states import FileState
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.contracts.accepting import RefusedContractError, accept_contract
from logistics_pipeline.contracts.drift_proposals import follow_file
from logistics_pipeline.contracts.proposals import StoredProposal, open_proposals, proposal_by_id
from logistics_pipeline.contracts.proposing import accept_proposal, answer_proposal, propose_unrecognised
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.contracts.versions import version_in_force
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.unload import unload_file
from tests.database.conftest import FolderUnderTest

CONTRACT = """
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: sales
path: sales/a.csv
title: Sales
singular: sale
description: One record per receipt.
keyConfirmed: false
schema:
  primaryKey: [receipt]
  fields:
    - {name: receipt, title: Receipt, type: integer, role: identifier, description: Number,
       constraints: {required: true}}
    - {name: depot, title: Depot, type: string, role: text, description: Depot}
    - {name: day, title: Day, type: date, role: time, description: Day}
    - {name: amount, title: Amount, type: number, role: measure, description: Amount}
"""
ONE_BATCH = BatchLimits(records=1_000, bytes=1 << 20)
HEADER = "receipt,depot,day,amount\n"


def sales(depot: str, numbers: Sequence[int] = range(1, 11), amount: int = 5, day: str = "2024-05-01") -> bytes:
    return (HEADER + "".join(f"{number},{depot},{day},{amount + number}.5\n" for number in numbers)).encode()


@dataclass
class Installation:
    """A dataset whose key nobody has confirmed, with its contract in the database."""

    folder: FolderUnderTest
    connection: Connection

    def load(self, name: str, content: bytes, **options: Any) -> tuple[LedgerFile, StoredProposal | None]:
        """Drops and loads a file by the contract in force, and does what follows."""
        return self.load_again(self.drop(name, content), **options)

    def drop(self, name: str, content: bytes) -> FoundFile:
        return self.now().drop(name, content)

    def load_again(self, found: FoundFile, **options: Any) -> tuple[LedgerFile, StoredProposal | None]:
        report = self.now().load(found, **options)
        return report.file, follow_file(self.connection, report.file, found.path).proposal

    def now(self) -> FolderUnderTest:
        """The folder with the contract in force."""
        options = replace(self.folder.options, catalogue=catalogue_in_force(self.connection), batch=ONE_BATCH)
        return replace(self.folder, options=options)

    def answer(self, proposal: StoredProposal, answer: str) -> None:
        answer_proposal(self.connection, proposal.proposal_id, {"key": answer})
        accept_proposal(self.connection, proposal.proposal_id, accepted_by="somebody")

    def rows(self) -> list[tuple[int, str]]:
        return self.connection.execute(
            "SELECT receipt::integer, depot FROM raw.sales ORDER BY receipt, depot"
        ).fetchall()

    def superseded(self) -> int:
        found = self.connection.execute("SELECT sum(records_superseded)::integer FROM ingest.files").fetchone()
        return found[0] if found else 0

    def file(self, name: str) -> LedgerFile:
        found = ledger.latest_file(self.connection, name)
        assert found is not None
        return found


@pytest.fixture
def installation(raw_folder: FolderUnderTest, connection: Connection) -> Installation:
    accept_contract(connection, contract_of_text(CONTRACT, "sales.yaml"), accepted_by="the policy auto")
    return Installation(raw_folder, connection)


def answers(proposal: StoredProposal | None) -> list[str]:
    assert proposal is not None
    (question,) = proposal.open_questions
    assert question["id"] == "key"
    return list(question["answers"])


# -- held ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(["ulm", "bonn", "kiel"])))
def test_nothing_is_superseded_whatever_file_comes_first(order: tuple[str, ...], installation: Installation) -> None:
    first, *others = order
    loaded, nothing = installation.load(f"sales/{first}.csv", sales(first))
    assert (loaded.state, nothing) == (FileState.LOADED, None)

    for name in others:
        held, proposal = installation.load(f"sales/{name}.csv", sales(name))

        assert (held.state, held.records_loaded) == (FileState.FAILED, 0)
        assert f"10 of 10 records have the key of another record, of sales/{first}.csv, with other" in str(held.error)
        assert answers(proposal) == ["corrections", "receipt, depot", "no key"]
    assert (installation.rows(), installation.superseded()) == ([(number, first) for number in range(1, 11)], 0)


@pytest.mark.parametrize("answer", ["receipt, depot", "no key"])
def test_another_key_brings_every_record_into_the_table(answer: str, installation: Installation) -> None:
    found = {name: installation.drop(f"sales/{name}.csv", sales(name)) for name in ("ulm", "bonn", "kiel")}
    (_, _), (_, proposal), (_, other) = (installation.load_again(each) for name, each in found.items())
    assert proposal is not None
    assert other is not None

    installation.answer(proposal, answer)

    ended = proposal_by_id(installation.connection, other.proposal_id)
    assert ended is not None
    assert ended.state == ProposalState.SUPERSEDED
    for name in ("bonn", "kiel"):
        assert installation.file(f"sales/{name}.csv").retry_requested_at is not None
        again, nothing = installation.load_again(found[name])
        assert (again.state, again.records_loaded, again.warning, nothing) == (FileState.LOADED, 10, None, None)
    expected = sorted((number, name) for number in range(1, 11) for name in found)
    assert (installation.rows(), installation.superseded()) == (expected, 0)


def test_corrections_confirm_the_key_for_good(installation: Installation) -> None:
    installation.load("sales/may.csv", sales("ulm"))
    found = installation.drop("sales/may-corrected.csv", sales("ulm", amount=700))
    _, proposal = installation.load_again(found)
    assert proposal is not None

    installation.answer(proposal, "corrections")

    version = version_in_force(installation.connection, "sales")
    assert version is not None
    assert version.fields.is_key_confirmed
    corrected, nothing = installation.load_again(found)
    assert (corrected.records_loaded, corrected.warning, nothing) == (10, None, None)
    assert installation.file("sales/may.csv").records_superseded == 10
    third, nothing = installation.load("sales/may-again.csv", sales("ulm", amount=90))
    assert (third.state, third.records_loaded, nothing) == (FileState.LOADED, 10, None)


def test_a_confirmed_key_has_a_held_file_loaded_though_another_question_about_it_is_open(
    installation: Installation,
) -> None:
    installation.load("sales/may.csv", sales("ulm"))
    _, proposal = installation.load("sales/may-corrected.csv", sales("ulm", amount=700))
    found = installation.drop("sales/june.csv", sales("ulm", amount=90).replace(b",amount\n", b",amount_eur\n"))
    held, other = installation.load_again(found)
    assert held.state is FileState.FAILED
    assert proposal is not None
    assert other is not None
    assert {question["id"].partition(":")[0] for question in other.open_questions} > {"key"}

    installation.answer(proposal, "corrections")

    still = proposal_by_id(installation.connection, other.proposal_id)
    assert still is not None
    assert still.state == ProposalState.OPEN
    assert "key" not in {question["id"] for question in still.open_questions}
    assert installation.file("sales/june.csv").retry_requested_at is not None
    again, _ = installation.load_again(found)
    assert (again.state, again.records_loaded) == (FileState.LOADED, 10)


def test_a_file_that_was_registered_first_and_is_loaded_later_is_held(installation: Installation) -> None:
    """Its records would be superseded at once: the others were registered later."""
    first = installation.drop("sales/a.csv", sales("ulm"))
    ledger.register(installation.connection, first)
    installation.load("sales/b.csv", sales("bonn"))

    held, proposal = installation.load_again(first)

    assert (held.state, held.records_superseded) == (FileState.FAILED, 0)
    assert "receipt, depot" in answers(proposal)


def test_a_file_without_a_column_that_tells_it_apart(installation: Installation) -> None:
    installation.load("sales/depot_ulm.csv", sales("x"))

    held, proposal = installation.load("sales/depot_bonn.csv", sales("x", amount=40))

    assert held.state is FileState.FAILED
    assert answers(proposal) == ["corrections", "no key"]


def test_a_statement_per_day_with_row_numbers(installation: Installation) -> None:
    installation.load("sales/1.csv", sales("x"))

    _, proposal = installation.load("sales/2.csv", sales("x", amount=40, day="2024-05-02"))

    assert answers(proposal) == ["corrections", "receipt, day", "no key"]


def test_of_a_large_file_the_batch_that_would_replace_records_is_not_written(installation: Installation) -> None:
    """Not even in a file that begins with new records; the load goes on behind them."""
    limits = BatchLimits(records=10, bytes=1 << 20)
    installation.load("sales/a.csv", sales("ulm", range(100, 130)))
    found = installation.drop("sales/b.csv", sales("bonn", range(80, 130)))

    held, proposal = installation.load_again(found, batch=limits, chunk_bytes=8)
    assert (held.state, held.records_loaded, installation.superseded()) == (FileState.FAILED, 20, 0)
    assert "(at record 21)" in str(held.error)
    assert proposal is not None
    installation.answer(proposal, "receipt, depot")

    again, _ = installation.load_again(found, batch=limits, chunk_bytes=8)
    assert (again.state, again.records_loaded, len(installation.rows())) == (FileState.LOADED, 50, 80)


STATIONS = (
    ("fuel/depot_ulm.csv", "fuel/depot_bonn.csv", "receipt_no,litres"),
    ("wide/wide450.csv", "wide/wide600.csv", "receipt_id,a,b,c"),
)


@pytest.mark.parametrize(("first", "second", "header"), STATIONS)
def test_files_that_differ_by_their_names_alone(
    first: str, second: str, header: str, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    """From a file of unknown shape to the table: nobody was asked about the key, so the second file is held."""
    installation = Installation(raw_folder, connection)
    rows = [f"{number}," + ",".join(["{0}"] * header.count(",")) for number in range(1, 60)]
    content = "\n".join([header, *rows]) + "\n"
    settings = Settings(database_url=raw_folder.url, data_dir=raw_folder.options.raw_dir.parent)
    found = installation.drop(first, content.format("2.5").encode())
    ledger.register(connection, found)
    assert propose_unrecognised(connection, found, settings, created_by="the test").is_accepted
    loaded, nothing = installation.load(first, content.format("2.5").encode())
    assert (loaded.state, loaded.records_loaded, nothing) == (FileState.LOADED, 59, None)

    held, proposal = installation.load(second, content.format("7.5").encode())

    assert (held.dataset, held.state, held.records_loaded) == (loaded.dataset, FileState.FAILED, 0)
    assert answers(proposal) == ["corrections", "no key"]
    assert proposal is not None
    installation.answer(proposal, "no key")
    again, nothing = installation.load_again(installation.now().touch(raw_folder.options.raw_dir / second))
    assert (again.state, again.records_loaded, installation.superseded(), nothing) == (FileState.LOADED, 59, 0, None)


# -- not held --------------------------------------------------------------------------------------------------------


def test_the_same_records_again_never_ask(installation: Installation) -> None:
    installation.load("sales/a.csv", sales("ulm"))
    same = sales("ulm").replace(b".5\n", b".50\n")

    for name, content in (("a2", sales("ulm")), ("a3", same), ("overlap", sales("ulm", range(6, 16)))):
        again, nothing = installation.load(f"sales/{name}.csv", content)
        assert (again.state, again.warning, nothing) == (FileState.LOADED, None, None)


def test_new_content_of_a_file_is_its_correction(installation: Installation) -> None:
    installation.load("sales/a.csv", sales("ulm"))

    again, nothing = installation.load("sales/a.csv", sales("ulm", amount=700))

    assert (again.state, again.version, again.warning, nothing) == (FileState.LOADED, 2, None, None)


def test_a_few_replaced_records_are_loaded_with_a_warning_and_asked_about_once(installation: Installation) -> None:
    installation.load("sales/a.csv", sales("ulm"))
    some = sales("ulm", range(8, 20), amount=700)

    file, proposal = installation.load("sales/b.csv", some)

    assert (file.state, file.records_loaded) == (FileState.LOADED, 12)
    assert "3 of 12 records have the key of another record, of sales/a.csv, with other values" in str(file.warning)
    assert "corrections" in answers(proposal)
    assert proposal is not None
    _, nothing = installation.load("sales/c.csv", sales("ulm", range(20, 30)) + b"1,ulm,2024-05-01,1.5\n")
    assert nothing is None
    assert [each.proposal_id for each in open_proposals(installation.connection)] == [proposal.proposal_id]
    with pytest.raises(RefusedContractError, match="Unload the files first"):
        installation.answer(proposal, "no key")


def test_records_of_one_file_with_one_key_are_not_lost_in_silence(installation: Installation) -> None:
    """As stops of a trip that visits a stop twice, where the file before had none such."""
    content = sales("ulm", range(1, 13)) + b"3,ulm,2024-05-02,1.5\n7,ulm,2024-05-03,1.5\n"

    file, proposal = installation.load("sales/a.csv", content)

    assert (file.state, file.records_loaded, file.records_superseded) == (FileState.LOADED, 12, 2)
    assert "2 of 14 records have the key of another record, of this file itself, with other" in str(file.warning)
    assert "corrections" in answers(proposal)


def test_equal_records_in_one_file_are_one(installation: Installation) -> None:
    file, nothing = installation.load("sales/a.csv", sales("ulm") + b"3,ulm,2024-05-01,8.5\n")

    assert (file.records_loaded, file.records_superseded, file.warning, nothing) == (10, 1, None, None)


def test_most_records_of_one_file_with_one_key_hold_it(installation: Installation) -> None:
    lines = b"".join(b"%d,ulm,2024-05-01,%d.5\n" % (1 + number % 3, number) for number in range(12))

    file, _ = installation.load("sales/a.csv", HEADER.encode() + lines)

    assert (file.state, installation.rows()) == (FileState.FAILED, [])
    assert "9 of 12 records have the key of another record, of this file itself" in str(file.error)


def test_a_confirmed_key_never_asks(raw_folder: FolderUnderTest, connection: Connection) -> None:
    text = CONTRACT.replace("keyConfirmed: false\n", "")
    accept_contract(connection, contract_of_text(text, "sales.yaml"), accepted_by="somebody")
    installation = Installation(raw_folder, connection)
    installation.load("sales/ulm.csv", sales("ulm"))

    file, nothing = installation.load("sales/bonn.csv", sales("bonn"))

    assert (file.state, file.warning, nothing) == (FileState.LOADED, None, None)
    assert installation.superseded() == 10


def test_a_held_file_is_loaded_once_the_other_one_is_unloaded(installation: Installation) -> None:
    installation.load("sales/ulm.csv", sales("ulm"))
    found = installation.drop("sales/bonn.csv", sales("bonn"))
    installation.load_again(found)
    unload_file(installation.folder.url, "sales/ulm.csv", installation.now().options)

    file, nothing = installation.load_again(found)

    assert (file.state, file.error, file.warning, nothing) == (FileState.LOADED, None, None, None)
    assert installation.rows() == [(number, "bonn") for number in range(1, 11)]


def test_a_file_that_is_loaded_once_more_is_not_held_because_of_files_that_were_loaded_with_a_warning(
    installation: Installation,
) -> None:
    """Its rows were in the table: holding it would take them out."""
    small = installation.drop("sales/a.csv", sales("ulm", range(1, 5)))
    installation.load_again(small)
    warned, _ = installation.load("sales/b.csv", sales("bonn", range(3, 13)))
    installation.load("sales/c.csv", sales("ulm", range(90, 95)) + b"1,kiel,2024-05-01,1.5\n")
    assert (warned.state, warned.records_loaded) == (FileState.LOADED, 10)
    unload_file(installation.folder.url, "sales/c.csv", installation.now().options)

    again, _ = installation.load_again(small)

    assert (again.state, again.records_loaded, again.records_superseded) == (FileState.LOADED, 2, 2)
    assert "2 of 4 records have the key of another record, of sales/b.csv" in str(again.warning)


# -- the key of a table with rows ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "fits"), [("receipt, depot", True), ("", True), ("depot, receipt", True), ("depot", False)]
)
def test_a_table_with_rows_takes_a_key_of_more_fields(key: str, fits: bool, installation: Installation) -> None:
    installation.load("sales/a.csv", sales("ulm"))
    text = CONTRACT.replace("primaryKey: [receipt]", f"primaryKey: [{key}]")
    text = text.replace("description: Depot}", "description: Depot, constraints: {required: true}}")
    contract = contract_of_text(text, "sales.yaml")

    if not fits:
        with pytest.raises(RefusedContractError, match="Unload the files first"):
            accept_contract(installation.connection, contract, accepted_by="somebody", may_break=True)
        return
    if not key:
        contract = contract_of_text(CONTRACT.replace("primaryKey: [receipt]", "primaryKey: []"), "sales.yaml")
    accept_contract(installation.connection, contract, accepted_by="somebody", may_break=True)

    file, _ = installation.load("sales/b.csv", sales("bonn"))
    assert (file.state, len(installation.rows())) == (FileState.LOADED, 20)


def test_rows_without_a_value_of_the_new_key_refuse_it(installation: Installation) -> None:
    installation.load("sales/a.csv", sales("ulm") + b"77,,2024-05-01,1.5\n")
    text = CONTRACT.replace("primaryKey: [receipt]", "primaryKey: [receipt, depot]")
    text = text.replace("description: Depot}", "description: Depot, constraints: {required: true}}")

    with pytest.raises(RefusedContractError, match="Unload the files first"):
        accept_contract(
            installation.connection, contract_of_text(text, "sales.yaml"), accepted_by="somebody", may_break=True
        )
