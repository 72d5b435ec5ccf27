"""Validates a reject against the current contract: its corrected record if there is one, else its raw text."""

from dataclasses import dataclass

from logistics_core.catalogue import Dataset
from logistics_core.reject_text import as_json
from logistics_pipeline.ledger import LockedReject
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.file_formats import AS_THE_CONTRACT, FileFormats
from logistics_pipeline.loading.contract.record_validator import (
    ClearedValue,
    PartialRow,
    Rejection,
    Row,
    compile_validator,
)
from logistics_pipeline.loading.formats.json_names import json_names
from logistics_pipeline.loading.layouts import CsvLayout, LargeObject, Layout, LongText, Unreadable
from logistics_pipeline.loading.rejects.reread import read_again

_NO_HEADER = Rejection(
    None,
    "its file was loaded by a version that did not keep the header, so its row cannot be read by itself; "
    'export it and replace "record": null by a whole record',
)


@dataclass(frozen=True)
class Revalidated:
    """The current contract's verdict on a reject."""

    record_no: int
    outcome: Row | PartialRow | Rejection
    correction: bytes | None
    """The validated record as JSON if it differs from the raw text's."""
    fields: frozenset[str] = frozenset()
    """Names of all its fields."""
    is_of_raw_text: bool = True
    """The raw text itself was validated, so a rejection is the raw text's own."""

    @property
    def row(self) -> Row:
        """The row of an accepted record."""
        assert not isinstance(self.outcome, Rejection)
        return self.outcome.row if isinstance(self.outcome, PartialRow) else self.outcome

    @property
    def cleared(self) -> tuple[ClearedValue, ...]:
        """Values that an accepted record is stored without."""
        return self.outcome.cleared if isinstance(self.outcome, PartialRow) else ()


class RecordRevalidator:
    """Validates the rejects of one file again."""

    def __init__(
        self,
        dataset: Dataset,
        layout: Layout | None,
        date_order: DateOrder | None,
        formats: FileFormats = AS_THE_CONTRACT,
    ) -> None:
        self._layout = layout
        self._names = None if layout is None or isinstance(layout, CsvLayout) else json_names(dataset)
        self._validate = compile_validator(dataset, date_order, formats)

    def revalidate(self, reject: LockedReject, record: object) -> Revalidated:
        """Validates a record in place of a reject; None means the reject's own raw text.

        A record that was not changed after its export counts as the raw text's, whatever the space between its values.
        """
        value = None if self._layout is None else read_again(reject.raw, self._layout)
        if record is not None and _is_corrected(record, value):
            return self._validated(reject, record, as_json(record))
        if self._layout is None:
            return Revalidated(reject.record_no, _NO_HEADER, None, is_of_raw_text=False)
        return self._validated(reject, value, None)

    def _validated(self, reject: LockedReject, value: object, correction: bytes | None) -> Revalidated:
        if self._names is not None:
            value = self._names.read(value)
        names = frozenset(value) if isinstance(value, dict) else frozenset[str]()
        return Revalidated(reject.record_no, self._validate(value), correction, names, correction is None)


def _is_corrected(record: object, raw_value: object) -> bool:
    if raw_value is None or isinstance(raw_value, Unreadable | LargeObject | LongText):
        return True
    return as_json(record) != as_json(raw_value)
