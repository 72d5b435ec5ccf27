"""What assets and the sensor borrow: the database and the folders, from the settings. Opened when used, not before."""

from dataclasses import dataclass

from logistics_pipeline.database import Connection, connect
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.loading.copying import BatchLimits
from logistics_pipeline.loading.loader import LoadOptions
from logistics_pipeline.loading.reject_limit import RejectLimit
from logistics_settings import Settings


@dataclass(frozen=True)
class Warehouse:
    """The database that files are loaded into, and how."""

    settings: Settings

    @property
    def url(self) -> str:
        """The database's URL.

        Raises:
            ConfigurationError: none is set in this process.
        """
        if self.settings.database_url is None:
            raise ConfigurationError(
                "LOGISTICS_DATABASE_URL is not set in Dagster's code server. `logistics up` sets it; to run Dagster "
                'by hand, first run: eval "$(logistics env)"'
            )
        return self.settings.database_url

    @property
    def options(self) -> LoadOptions:
        return load_options(self.settings)

    def connect(self) -> Connection:
        return connect(self.url, application_name="logistics dagster")


def load_options(settings: Settings) -> LoadOptions:
    """The loader's options as the settings have them."""
    return LoadOptions(
        raw_dir=settings.raw_dir,
        failed_dir=settings.failed_dir,
        batch=BatchLimits(settings.batch_records, settings.batch_bytes),
        max_record_bytes=settings.max_record_bytes,
        date_order=settings.date_order,
        retry_seconds=settings.retry_seconds,
        max_expansion=settings.max_expansion,
        max_rejects=RejectLimit.parse(settings.max_rejects),
    )
