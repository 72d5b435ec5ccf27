"""What all runs share: a server that may be hurt, receivers, and the installation of the run at hand."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import yaml

from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, connect, with_database
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from logistics_pipeline.migrations import migrate
from tests.alerting.campaign.clock import SEARCH_PATH, install, set_clock
from tests.alerting.campaign.world import HARMLESS, RULES, Figures
from tests.database.records import as_array, log
from tests.faults.proxy import Proxy
from tests.faults.server import APPLICATION, PATIENCE_SECONDS, FragileServer
from tests.notifying.events import SECRET
from tests.notifying.mail_server import Mailbox
from tests.notifying.sink import Reply, Sink

TEMPLATE = "alerts_template"
EACH, DIGESTS = "/each", "/digests"
ADDRESSES = ("desk@example.org", "night@example.org")
ENDPOINTS = ("receiver", "digests", "people", "inbox")

Found = TypeVar("Found")


class Stage:
    """The server with a database that those of runs are copied from; `begin` makes the next one."""

    def __init__(self, server: FragileServer, proxy: Proxy, sink: Sink, mailbox: Mailbox, folder: Path) -> None:
        self.server = server
        self.proxy = proxy
        self.sink = sink
        self.mailbox = mailbox
        self._folder = folder
        self.database = TEMPLATE
        self.data_dir = folder / "template"
        self.logs = folder / "logs"
        self.logs.mkdir()
        self._second = 0
        self._make_template()

    def _make_template(self) -> None:
        with psycopg.connect(self.server.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}".encode())
        with psycopg.connect(self.server.url(TEMPLATE), autocommit=True) as connection:
            install(connection)
        migrate(self.url)
        self.load_figures(Figures())

    # -- the installation ----------------------------------------------------------------------------------------------

    def begin(self, number: int) -> None:
        """A new database and data folder; nothing is left of the run before."""
        self.server.restart_if_ended()
        self.database, self.data_dir = f"run_{number}", self._folder / f"run_{number}"
        with self.server.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {self.database} TEMPLATE {TEMPLATE} STRATEGY file_copy".encode())
        for each in (self.sink.received, self.sink.replies, self.sink.by_path, *self.mailbox.lists):
            each.clear()
        self.sink.usual = Reply()
        self.rules_dir.mkdir(parents=True)
        for name in HARMLESS:
            self.write_rule(name, {"enabled": False})
        for name, document in RULES.items():
            self.write_rule(name, document)
        _write(self.data_dir / "notifications.yaml", yaml.safe_dump(self._endpoints()))

    def end(self) -> None:
        """Takes the installation away."""
        with self.server.connect("postgres") as connection:
            connection.execute(f"DROP DATABASE {self.database} WITH (FORCE)".encode())
        shutil.rmtree(self.data_dir)

    def _endpoints(self) -> dict[str, Any]:
        return {
            "mail": {"server": "127.0.0.1", "port": self.mailbox.port, "security": "none", "private": True,
                     "from": "alerts@example.org"},
            "endpoints": {
                "receiver": self._hook(EACH),
                "digests": self._hook(DIGESTS) | {"digest": "15m"},
                "people": {"channel": "email", "to": list(ADDRESSES)},
                "inbox": {"channel": "inbox"},
            },
        }  # fmt: skip

    def _hook(self, path: str) -> dict[str, Any]:
        secrets = ["env:SINK_SECRET"]
        return {"channel": "webhook", "url": f"{self.sink.url}{path}", "private": True, "secrets": secrets}

    @property
    def environment(self) -> dict[str, str]:
        """That of a worker, whose way to the database leads through the proxy."""
        url = f"{self.proxy.url(self.database)}&options={SEARCH_PATH}"
        return os.environ | {
            "LOGISTICS_DATABASE_URL": url, "LOGISTICS_DATA_DIR": str(self.data_dir), "SINK_SECRET": SECRET
        }  # fmt: skip

    @property
    def rules_dir(self) -> Path:
        return self.data_dir / "alerts"

    def write_rule(self, name: str, document: Any) -> None:
        _write(self.rules_dir / f"{name}.yaml", document if isinstance(document, str) else yaml.safe_dump(document))

    def remove_rule(self, name: str) -> None:
        (self.rules_dir / f"{name}.yaml").unlink()

    # -- the database, which may be recovering -------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Past the proxy, by the clock of the database."""
        url = with_database(self.server.url("postgres"), self.database)
        return f"{url}{'&' if '?' in url else '?'}options={SEARCH_PATH}"

    def with_connection(self, do: Callable[[Connection], Found]) -> Found:
        def run() -> Found:
            with connect(self.url, application_name=APPLICATION) as connection:
                return do(connection)

        return self.server.surviving(run)

    def query(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        return self.with_connection(lambda connection: connection.execute(statement.encode(), values).fetchall())

    # -- what happens in it --------------------------------------------------------------------------------------------

    def set_clock(self, to: datetime) -> None:
        self.with_connection(lambda connection: set_clock(connection, to))

    def tell(self) -> None:
        """What the next commit of anybody does: workers look whether something is due."""
        self.query("SELECT pg_notify(channel, '') FROM unnest(ARRAY['ingest', 'data_version', 'messages']) AS channel")

    def load(self, name: str, content: bytes) -> None:
        """Drops a new version of a file, and loads it."""
        self._second += 1
        options = replace(load_options(Settings(data_dir=self.data_dir)), retry_seconds=PATIENCE_SECONDS)
        path = options.raw_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)
        os.utime(path, (self._second, self._second))
        found = options.folder.look_at(path)
        assert found is not None
        self.server.surviving(lambda: load_file(self.url, found, options))

    def load_figures(self, figures: Figures) -> None:
        """The distances that vehicles have driven on the newest day, as far as the figures."""
        records = [
            log(number, log_id=vehicle, vehicle_id=vehicle, trip_date="2026-02-27", mileage=distance)
            for number, (vehicle, distance) in enumerate(figures.distances.items(), 1)
        ]
        self.load("vehicle_logs/figures.json", as_array(records))
        self.server.surviving(lambda: refresh(self.url))


def _write(path: Path, content: str | bytes) -> None:
    """At once, as good programs do: no worker reads a half."""
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
    unfinished.replace(path)
