"""Resolves the settings into what the processes of this installation need in order to find each other."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from logistics_core.catalogue import Catalogue
from logistics_core.resource_files import RESOURCES
from logistics_core.settings import Settings
from logistics_pipeline.contracts.folder import SyncReport, sync_folder
from logistics_pipeline.contracts.versions import read_catalogue
from logistics_pipeline.database.connections import connect, parse_url, url_text, with_database, with_driver
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.loading.options import LoadOptions, load_options
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.migrations import ApiLogins, migrate, reader_url


@dataclass(frozen=True)
class Environment:
    """The settings with all URLs filled in."""

    settings: Settings
    database_url: str
    embedded: EmbeddedPostgres | None = None
    """The embedded server, if it is used."""

    @property
    def api_database_url(self) -> str:
        return self.settings.api_database_url or reader_url(self.database_url)

    @property
    def dagster_database_url(self) -> str:
        beside = with_database(self.database_url, f"{parse_url(self.database_url).database}_dagster")
        return with_driver(self.settings.dagster_database_url or beside, "psycopg2")

    def variables(self) -> dict[str, str]:
        """The environment variables that Dagster's processes and the API need, whoever starts them."""
        settings = self.settings
        return {
            "DAGSTER_HOME": str(RESOURCES),
            "LOGISTICS_DATABASE_URL": self.database_url,
            "LOGISTICS_API_DATABASE_URL": self.api_database_url,
            "LOGISTICS_DAGSTER_DATABASE_URL": self.dagster_database_url,
            "LOGISTICS_DATA_DIR": str(settings.data_dir.absolute()),
            "LOGISTICS_DAGSTER_DIR": str(settings.dagster_dir.absolute()),
            "LOGISTICS_CODE_SERVER_HOST": settings.code_server_host,
            "LOGISTICS_CODE_SERVER_PORT": str(code_server_port(settings)),
            # gRPC would look for the code server through the proxy that http_proxy names. Empty: through none.
            "grpc_proxy": "",
        }

    def migrate(self) -> SyncReport:
        """Brings the server up to date with the code and the folder of contracts; returns what was synced."""
        migrate(self.database_url, dagster_url=self.dagster_database_url, api_logins=self._api_logins())
        return self.sync_contracts()

    def sync_contracts(self) -> SyncReport:
        """Brings the contracts in the folder and in the database together."""
        with connect(self.database_url, application_name="logistics contracts") as connection:
            return sync_folder(connection, self.settings.contracts_dir)

    def catalogue(self) -> Catalogue:
        """The datasets there are, from the database.

        Raises:
            ContractError: a stored contract cannot be used by this version of the program.
        """
        return read_catalogue(self.settings, self.database_url)

    def load_options(self) -> LoadOptions:
        """How to load, by the settings and the contracts in the database."""
        return load_options(self.settings, self.catalogue())

    def _api_logins(self) -> ApiLogins:
        """The API's separate logins, if it has any; the URL that `logistics env` prints is none."""
        given = self.settings.api_database_url
        reader = None if given == reader_url(self.database_url) else given
        return ApiLogins(reader, self.settings.api_operator_database_url)


@contextmanager
def open_environment(
    settings: Settings,
    *,
    up_to_date: bool = False,
    starts_stopped: bool = False,
    on_sync: Callable[[SyncReport], None] = lambda report: None,
) -> Iterator[Environment]:
    """Makes the database available while the block runs.

    An embedded server is started if need be and brought up to date; after `logistics db stop` only by a command that
    `starts_stopped` ones. Another server is used as it is, unless it is to be brought `up_to_date`. `on_sync` takes
    what was synced between the folder of contracts and the database.

    Raises:
        ConfigurationError: the data folder is not writable, the database URL is invalid, or the embedded server does
            not start.
    """
    make_folders(settings)
    if settings.database_url is not None:
        environment = Environment(settings, url_text(parse_url(settings.database_url)))
        if up_to_date:
            on_sync(environment.migrate())
        yield environment
        return
    server = EmbeddedPostgres(settings.postgres_dir)
    try:
        environment = Environment(settings, server.acquire(by_hand=starts_stopped), server)
        on_sync(environment.migrate())
        yield environment
    finally:
        server.release()


def code_server_port(settings: Settings) -> int:
    """Where Dagster finds the code server, unless `logistics up` chooses another port."""
    return settings.code_server_port or 4000


def make_folders(settings: Settings) -> None:
    """Makes the data folder and its subfolders.

    Raises:
        ConfigurationError: it is not writable.
    """
    try:
        for folder in (settings.raw_dir, settings.failed_dir, settings.logs_dir, settings.dagster_dir):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError(13, "Permission denied", str(folder))
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {settings.data_dir} is not writable ({error.strerror}: {error.filename}). "
            "Set LOGISTICS_DATA_DIR to a folder that is."
        ) from error
