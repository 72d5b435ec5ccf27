"""One reject against the contract as it is now: its mended record if there is one, else its raw text read again."""

from dataclasses import dataclass

from logistics_core.catalogue import Dataset
from logistics_pipeline.ledger import LockedReject
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.record_validator import Rejection, Row, compile_validator
from logistics_pipeline.loading.layouts import Layout, Unreadable
from logistics_pipeline.loading.rejects.reread import as_json, read_again

_NO_HEADER = Rejection(
    None,
    "its file was loaded by a version that did not keep the header, so its row cannot be read again by itself; "
    'export it and put a whole record in the place of "record": null',
)


@dataclass(frozen=True)
class Judged:
    """What the contract says to a reject now."""

    record_no: int
    outcome: Row | Rejection
    mended: bytes | None
    """The record that was judged, as JSON, where it is not the raw text's."""
    fields: frozenset[str] = frozenset()
    """Names of all its fields."""
    is_of_raw_text: bool = True
    """The raw text itself was judged: what is wrong now is what is wrong with it."""


class Judge:
    """Judges the rejects of one file."""

    def __init__(self, dataset: Dataset, layout: Layout | None, date_order: DateOrder | None) -> None:
        self._layout = layout
        self._validate = compile_validator(dataset, date_order)

    def judge(self, reject: LockedReject, record: object) -> Judged:
        """Judges a record in the place of a reject; None stands for the reject's own raw text.

        A record that is still as it was exported is the raw text's too, whatever the space between its values.
        """
        value = None if self._layout is None else read_again(reject.raw, self._layout)
        mended = None
        if record is not None and (value is None or isinstance(value, Unreadable) or as_json(record) != as_json(value)):
            value, mended = record, as_json(record)
        elif self._layout is None:
            return Judged(reject.record_no, _NO_HEADER, None, is_of_raw_text=False)
        names = frozenset(value) if isinstance(value, dict) else frozenset[str]()
        return Judged(reject.record_no, self._validate(value), mended, names, mended is None)
