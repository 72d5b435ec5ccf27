"""A database whose rows are distributed, with its folders: the campaign has one with faults and one without."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from logistics_core.database_contract.file_states import FINISHED_STATES
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline import ledger
from logistics_pipeline.analytics.checks import Severity, all_checks
from logistics_pipeline.analytics.checks.runner import run_checks
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, connect, transient_errors
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.migrations.distribution import distribute
from tests.campaigns import empty_tables
from tests.cluster.campaign.servers import Servers
from tests.cluster.nodes import make_template, prepared_folder
from tests.database.test_refreshing import actual_tables, expected_tables
from tests.database.test_replaying import export, replay
from tests.database.test_rollups import differing_rollups
from tests.faults.account import Account, read_account
from tests.faults.files import MEASURES


class Site:
    """A database of the cluster, reached through the coordinator's proxy, and a folder below `folder`."""

    def __init__(self, servers: Servers, name: str, folder: Path) -> None:
        self._name = name
        self._servers = servers
        make_template(servers.cluster, name)
        self.folder = prepared_folder(servers.cluster.url(name), folder / name / "raw")
        distribute(self.url)
        self._found: dict[str, FoundFile] = {}

    @property
    def url(self) -> str:
        return self.folder.url

    def connect(self) -> Connection:
        """Past the proxy: what it sends is not counted, and nothing strikes it."""
        return connect(self._servers.direct_url(self._name))

    def clear(self, batch: BatchLimits) -> None:
        """Begins anew: no files, no rows, no figures."""
        self._found.clear()
        for folder in (self.folder.options.raw_dir, self.folder.options.failed_dir):
            shutil.rmtree(folder, ignore_errors=True)
        self.folder.options.raw_dir.mkdir()
        self.folder = replace(self.folder, options=replace(self.folder.options, batch=batch, chunk_bytes=1 << 12))
        with self.connect() as connection:
            connection.execute("SELECT recover_prepared_transactions()")
            empty_tables(connection, "raw", "keys", "ingest", restarts_identity=False)
        refresh(self.url, full=True)

    def set_retry_seconds(self, seconds: float) -> None:
        """For how long a load or an unload tries again by itself."""
        self.folder = replace(self.folder, options=replace(self.folder.options, retry_seconds=seconds))

    # -- what is done in it: each can be called again until it ends ------------------------------------------------

    def drop(self, name: str, content: bytes) -> None:
        self._found[name] = self.folder.drop(name, content)

    def load(self, name: str) -> None:
        self.folder.load(self._found[name])

    def load_beside_a_refresh(self, name: str) -> None:
        with ThreadPoolExecutor(2) as pool:
            both = pool.submit(self.load, name), pool.submit(self.refresh)
            for each in both:
                each.result()

    def refresh(self) -> None:
        refresh(self.url)

    def unload(self, name: str) -> None:
        """And loads what is due then, as the sensor does: files that had records under the same keys."""
        unload_file(self.url, name, self.folder.options)
        with connect(self.url) as connection, transient_errors("listing what to load again"):
            files = ledger.latest_files(connection).values()
        for file in files:
            if file.is_reload_due or file.state not in FINISHED_STATES:
                self.load(file.path)

    def replay(self) -> None:
        """Corrects the measure of each rejected record; what is wrong elsewhere stays rejected."""
        with connect(self.url) as connection, transient_errors("reading rejects"):
            measures = {file.path: MEASURES[file.dataset] for file in ledger.files_with_rejects(connection)}
            lines = [
                line | {"record": line["record"] | {measures[line["file"]]: 5}}
                for line in export(connection)
                if isinstance(line.get("record"), dict)
            ]
        replay(self.folder, self.folder.options.raw_dir.parent / "mended.ndjson", lines)

    # -- what is in it ---------------------------------------------------------------------------------------------

    def account(self) -> Account:
        with self.connect() as connection:
            return read_account(connection, self.folder.options.failed_dir)

    def contradictions(self) -> list[str]:
        """What does not hold together here, when everything is refreshed."""
        found = []
        with self.connect() as connection:
            if actual_tables(connection) != expected_tables(connection):
                found.append("the figures are not those of the rows")
            found += [f"pre-aggregate: {each}" for each in differing_rollups(connection)]
            rows, keys = (
                connection.execute(f"SELECT shipment_id, log_id FROM {schema}.shipments ORDER BY 1, 2".encode())
                for schema in ("raw", "keys")
            )
            if rows.fetchall() != keys.fetchall():
                found.append("keys.shipments does not have the keys of raw.shipments")
        checks = all_checks(self.folder.options.catalogue, RejectThreshold.parse("100%"))
        for check, finding in run_checks(self.url, checks, whole=True):
            if not finding.passed and finding.severity is Severity.ERROR:
                found.append(f"check {check.full_name}: {finding.sentence}")
        return found
