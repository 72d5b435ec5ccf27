"""A coordinator and two workers of the campaign's own, durable, that reach one another through proxies only.

So a server can be killed and started again, and the network between any two of them cut. Nobody else uses them.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from logistics_pipeline.database.connections import with_database
from tests.cluster.nodes import Cluster
from tests.faults.proxy import COMMIT, Proxy
from tests.postgres_servers import PostgresServer, programs
from tests.temporary_folders import temporary_folder

SETTINGS = {
    "shared_preload_libraries": "'citus'",
    "wal_level": "logical",
    "max_prepared_transactions": "200",
    "citus.shard_count": "4",
    "citus.node_conninfo": "'sslmode=disable'",  # the proxies look for commits
    "citus.recover_2pc_interval": "10s",
}
TWO_PHASES = b"PREPARE"
"""In what the coordinator sends to a worker to commit there: PREPARE TRANSACTION, then COMMIT PREPARED."""


def why_unavailable() -> str | None:
    """Why there cannot be such servers here; None if there can."""
    if any(programs().parent.glob("share/**/extension/citus.control")):
        return None
    return (
        f"PostgreSQL in {programs()} does not have the extension Citus. LOGISTICS_TEST_POSTGRES names another folder."
    )


class Node:
    """One of the servers, and the proxy that all others come through."""

    def __init__(self, folder: Path, commit: bytes) -> None:
        self.name = folder.name
        self.server = PostgresServer(folder, SETTINGS)
        self.proxy = Proxy(self._socket, commit)
        self._is_reachable = True
        self._pending: threading.Timer | None = None
        self.errors: list[Exception] = []

    def kill(self, away_seconds: float) -> None:
        """kill -9 to all of its processes; it is started again after a while."""
        self.settle()
        self.server.kill()
        self._later(away_seconds, self._start)

    def cut(self, away_seconds: float) -> None:
        """Ends all connections to it, and lets no others through for a while."""
        self.settle()
        self._is_reachable = False
        self.proxy.cut()
        self._later(away_seconds, self._connect_again)

    def settle(self) -> None:
        """Waits until it is there again."""
        if self._pending is not None:
            self._pending.join()

    def close(self) -> None:
        self.settle()
        self.proxy.close()
        self.server.stop()

    def _socket(self) -> Path:
        if not self._is_reachable:
            raise ConnectionRefusedError("The network is cut.")
        return self.server.sockets / ".s.PGSQL.5432"

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self._pending = threading.Timer(seconds, act)
        self._pending.start()

    def _start(self) -> None:
        try:
            self.server.start()
        except Exception as error:  # noqa: BLE001 - a thread's edge: the run looks here
            self.errors.append(error)

    def _connect_again(self) -> None:
        self._is_reachable = True


class Servers:
    """The coordinator and the workers."""

    def __init__(self, coordinator: Node, workers: tuple[Node, ...]) -> None:
        self.coordinator = coordinator
        self.workers = workers
        self.cluster = Cluster(
            coordinator.proxy.url("postgres"), tuple(worker.proxy.url("postgres") for worker in workers)
        )

    @property
    def nodes(self) -> tuple[Node, ...]:
        return self.coordinator, *self.workers

    def direct_url(self, database: str) -> str:
        """A database on the coordinator, past its proxy."""
        return with_database(self.coordinator.server.url, database)

    def settle(self) -> None:
        """Waits until all are there again.

        Raises:
            AssertionError: a server did not start again.
        """
        for node in self.nodes:
            node.settle()
            assert not node.errors, node.errors

    def workers_in_doubt(self) -> int:
        """How many workers have a transaction that they have prepared, and neither committed nor rolled back."""
        return sum(worker.server.execute(_IN_DOUBT) == (True,) for worker in self.workers)

    def end_sessions(self) -> list[tuple[str, object]]:
        """Ends all sessions of clients; says of each node what they wait for."""
        return [(node.name, node.server.execute(_END)) for node in self.nodes]


_IN_DOUBT = "SELECT count(*) > 0 FROM pg_prepared_xacts"
_END = """
    SELECT array_agg(concat_ws(' ', application_name, wait_event_type, wait_event, left(query, 200)))
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND pg_terminate_backend(pid)
"""


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Starts them, and takes everything away at the end."""
    with temporary_folder("logistics-cluster-") as folder:
        coordinator = Node(Path(folder) / "coordinator", COMMIT)
        servers = Servers(coordinator, tuple(Node(Path(folder) / f"worker{number}", TWO_PHASES) for number in (1, 2)))
        try:
            for node in servers.nodes:
                node.server.create()
                node.server.start()
            yield servers
        finally:
            for node in servers.nodes:
                node.close()
