"""What assets and the sensor borrow: the database and the folders, from the settings. Opened when used, not before."""

from dataclasses import dataclass

from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.loading.options import LoadOptions, load_options


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
