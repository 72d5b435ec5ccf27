"""How files are loaded: the catalogue, limits, folders and retry time. What is loaded is a `FoundFile`."""

from dataclasses import dataclass, field
from pathlib import Path

from logistics_core.catalogue import Catalogue, Dataset, built_in_catalogue, load_catalogue
from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.reading import declared_places
from logistics_core.reject_threshold import RejectThreshold
from logistics_core.settings import Settings
from logistics_pipeline.files.byte_stream import MAX_EXPANSION
from logistics_pipeline.files.places import WatchedPlaces
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.reject_limit import RejectLimit

CHUNK_BYTES = 64 * 1024
"""Input bytes read at a time: more would not stay in the processor's cache while they are decoded."""

WIDE_COLUMNS = 16
"""From so many columns on, twice as much is read at a time: a chunk has a cost per column, whatever its rows."""

OWN_PROCESS_BYTES = 64 << 20
"""From this many bytes left to read, a parser process pays off. Starting one takes 0.2 CPU seconds; without it, parsing
only waits where PostgreSQL takes rows more slowly than they are parsed."""


@dataclass(frozen=True)
class BatchLimits:
    """A transaction is committed once it holds this many records, or records from this many bytes of input."""

    records: int
    bytes: int


@dataclass(frozen=True)
class LoadOptions:
    """How to load files."""

    raw_dir: Path
    failed_dir: Path
    batch: BatchLimits
    max_record_bytes: int
    date_order: DateOrder | None
    retry_seconds: float
    """A load gives up after this time without progress while the database fails."""
    max_expansion: int = MAX_EXPANSION
    max_rejects: RejectLimit = field(default_factory=lambda: RejectLimit.parse("50%"))
    warn_rejects: RejectThreshold = field(default_factory=lambda: RejectThreshold.parse("1%"))
    chunk_bytes: int = CHUNK_BYTES
    """For a dataset without many columns."""
    own_process_bytes: int = OWN_PROCESS_BYTES
    parses_meanwhile: bool = True
    """Parse without the process of its own until that has started."""
    catalogue: Catalogue = field(default_factory=built_in_catalogue)
    """The datasets that files may belong to."""
    reference_parser: bool = False
    """Use the reference parser alone, to compare the two."""
    places: tuple[PlaceDefinition, ...] = ()
    """The places beside the raw folder."""
    landed_dir: Path | None = None
    """Where files of places that land are copied to; None: beside the folder of rejects."""

    @property
    def folder(self) -> WatchedPlaces:
        """The raw folder, and the declared places."""
        return WatchedPlaces.of(self.raw_dir, self.catalogue, self.places)

    def chunk_bytes_of(self, dataset: Dataset) -> int:
        """Input bytes of a dataset that are read at a time."""
        return self.chunk_bytes * (2 if len(dataset.columns) >= WIDE_COLUMNS else 1)


def load_options(settings: Settings, catalogue: Catalogue | None = None) -> LoadOptions:
    """Returns the load options that the settings define.

    Raises:
        ContractError: a contract file cannot be used.
    """
    return LoadOptions(
        catalogue=(load_catalogue(settings.contracts_dir) if catalogue is None else catalogue).with_invalid_values(
            settings.invalid_optional_values
        ),
        raw_dir=settings.raw_dir,
        failed_dir=settings.failed_dir,
        batch=BatchLimits(settings.batch_records, settings.batch_bytes),
        max_record_bytes=settings.max_record_bytes,
        date_order=settings.date_order,
        retry_seconds=settings.retry_seconds,
        max_expansion=settings.max_expansion,
        max_rejects=RejectLimit.parse(settings.max_rejects),
        warn_rejects=settings.warn_threshold,
        landed_dir=settings.landed_dir,
        places=declared_places(settings.sources_dir),
    )
