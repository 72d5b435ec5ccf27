"""The resource that assets and sensors use: the database, catalogue, sources and settings. Connects when used."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property

from logistics_core.catalogue import Catalogue
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.kept_connections import KeptConnections
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.files.places import WatchedPlaces
from logistics_pipeline.loading.options import LoadOptions, load_options
from logistics_pipeline.sources.definitions.definition import RestSource

APPLICATION_NAME = "logistics dagster"


@dataclass(frozen=True)
class DatabaseResource:
    """The database that files are loaded into, and how they are loaded."""

    settings: Settings
    catalogue: Catalogue
    """The datasets that the definitions were built for."""
    sources: Mapping[str, RestSource] = field(default_factory=dict)
    """The sources that the definitions were built for."""

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
        """How to load, by the settings."""
        return load_options(self.settings, self.catalogue)

    @property
    def folder(self) -> WatchedPlaces:
        """The raw folder and the declared places, with the datasets of the catalogue."""
        return WatchedPlaces.of_settings(self.settings, self.catalogue)

    def kept_connection(self) -> AbstractContextManager[Connection]:
        """Lends a connection that the process keeps, to what is evaluated again and again.

        Raises:
            TransientError: the server cannot be reached now.
        """
        return self._kept.lend()

    @cached_property
    def _kept(self) -> KeptConnections:
        return KeptConnections(self.url, APPLICATION_NAME)

    def connect(self) -> Connection:
        """Opens a connection.

        Raises:
            TransientError: the server cannot be reached now.
        """
        return connect(self.url, application_name=APPLICATION_NAME)
