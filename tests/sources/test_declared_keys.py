"""The key that a source declares is that of the contract which is proposed for what it has landed."""

import pytest

from logistics_core.database_contract.contracts import ProposalState
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.contracts.proposals import StoredProposal
from logistics_pipeline.contracts.proposing import propose_unrecognised
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.sources.pulls import sync_sources
from tests.sources.conftest import SourceUnderTest


def proposed(source: SourceUnderTest, connection: Connection, *, is_known: bool = True) -> StoredProposal:
    """The proposal for the file of a pull, which the sensor has found."""
    folder = source.folder / "sources"
    folder.mkdir(parents=True)
    (folder / "fleet.yaml").write_text(source.definition)
    if is_known:
        sync_sources(connection, folder)
    path = source.pull().file
    assert path is not None
    settings = Settings(database_url=source.url, data_dir=source.folder)
    found = RawFolder(settings.raw_dir, catalogue_in_force(connection)).look_at(path)
    assert found is not None
    ledger.register(connection, found)
    outcome = propose_unrecognised(connection, found, settings, created_by="the test")
    assert outcome.proposal is not None, outcome.sentence
    return outcome.proposal


def key_of(stored: StoredProposal) -> list[str]:
    key: list[str] = stored.document["contract"]["schema"]["primaryKey"]
    return key


@pytest.mark.parametrize(
    ("declared", "fields", "expected"),
    [
        ("[vehicle, distance]", "", ["vehicle", "distance"]),
        ("[id]", "    fields: {number: id, km: {path: distance, unit: m to km}}\n", ["number"]),
        ("[id, vehicle]", "    fields: {of: vehicle, number: {path: id, text: true}}\n", ["number", "of"]),
    ],
)
def test_a_declared_key_is_not_asked_about(
    source: SourceUnderTest, connection: Connection, declared: str, fields: str, expected: list[str]
) -> None:
    source.define_trips(more=fields)
    source.definition = source.definition.replace("key: [id]", f"key: {declared}")

    stored = proposed(source, connection)

    assert sorted(key_of(stored)) == sorted(expected)
    assert "key" not in {each["kind"] for each in stored.document["questions"]}
    assert "keyConfirmed" not in stored.document["contract"]
    assert stored.state == ProposalState.ACCEPTED


def test_a_single_record_has_the_declared_key(source: SourceUnderTest, connection: Connection) -> None:
    source.fleet.records = source.fleet.records[:1]
    source.define_trips(more="    fields: {name: id, km: distance}\n")

    assert key_of(proposed(source, connection)) == ["name"]


@pytest.mark.parametrize(
    ("fields", "is_known"),
    [
        ("    fields: {of: vehicle, km: distance}\n", True),  # the key is left out
        ("    fields: {of: {path: id, values: {T000000: a}, otherwise: b}, km: distance}\n", True),  # it is merged
        ("    fields: {name: id, km: distance}\n", False),  # the definition is not in force
    ],
)
def test_the_key_is_looked_for_where_none_of_the_file_is_declared(
    source: SourceUnderTest, connection: Connection, fields: str, is_known: bool
) -> None:
    source.fleet.records = source.fleet.records[:1]  # which tells nothing about keys
    source.define_trips(more=fields)

    assert key_of(proposed(source, connection, is_known=is_known)) == []
