"""The key `history` of a contract, and what its changes mean."""

import pytest
import yaml

from logistics_core.catalogue import ContractError, Dataset
from logistics_core.catalogue.contract_files import contract_from_document
from logistics_core.catalogue.model import KeptHistory, Snapshots
from logistics_pipeline.contracts.comparing import are_compatible, changes_between
from tests.contract_texts import FUEL

STOCK = FUEL.replace("datedBy: {field: paid_on}\n", "")


def read(text: str) -> Dataset:
    return contract_from_document(yaml.safe_load(text), "the file")


@pytest.mark.parametrize(
    ("written", "history"),
    [
        ("", None),
        ("history: false\n", None),
        ("history: true\n", KeptHistory()),
        ("history: {}\n", KeptHistory()),
        ("history: {snapshots: daily}\n", KeptHistory(Snapshots.DAILY)),
        ("history: {snapshots: monthly, timeZone: Asia/Tokyo}\n", KeptHistory(Snapshots.MONTHLY, "Asia/Tokyo")),
    ],
)
def test_it_says_whether_versions_are_kept_and_what_is_made_of_them(written: str, history: KeptHistory | None) -> None:
    dataset = read(STOCK + written)
    assert dataset.history == history
    assert dataset.has_periods == (history is not None and history.snapshots is not None)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("history: yes please\n", "history is 'yes please'. Expected: true or false or keys with values"),
        ("history: {snapshots: hourly}\n", "history.snapshots is 'hourly'. Expected: one of daily, monthly"),
        ("history: {snapshot: daily}\n", "history.snapshot is an unknown key. Did you mean snapshots?"),
        ("history: {timeZone: UTC}\n", "history.timeZone says whose days snapshots are of: add history.snapshots"),
        ("history: {snapshots: daily, timeZone: Berlin}\n", "history.timeZone is 'Berlin'"),
        ("datedBy: {field: paid_on}\nhistory: {snapshots: daily}\n", "but datedBy gives them one by the days"),
    ],
)
def test_what_it_cannot_say_is_refused_with_what_to_write(written: str, says: str) -> None:
    with pytest.raises(ContractError, match=says.replace("(", r"\(").replace(".", r"\.").replace("?", r"\?")):
        read(STOCK + written)


def test_its_changes_are_compatible_and_say_what_becomes_of_what_was_kept() -> None:
    none, kept, daily = (read(STOCK + text) for text in ("", "history: true\n", "history: {snapshots: daily}\n"))
    for old, new, words in (
        (none, kept, "are kept from now on"),
        (kept, none, "are kept no longer; those that were kept stay"),
        (kept, daily, "The snapshots of its history change"),
    ):
        changes = changes_between(old, new)
        assert are_compatible(changes)
        assert [words in change.text for change in changes] == [True]
