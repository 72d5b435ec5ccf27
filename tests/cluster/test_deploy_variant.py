"""What the containers of deploy/citus run makes a cluster of servers that demand passwords."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from logistics_pipeline.database.connections import with_database
from logistics_pipeline.migrations import ApiLogins, migrate
from logistics_pipeline.migrations.distribution import distribute
from tests.checkout import PROJECT_ROOT
from tests.cluster.campaign.servers import SETTINGS, why_unavailable
from tests.conftest import options_of
from tests.database.conftest import FolderUnderTest
from tests.database.records import log
from tests.postgres_servers import NOT_DURABLE, PostgresServer, client_program
from tests.temporary_folders import temporary_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="an address of this machine for each server"),
]

VARIANT = PROJECT_ROOT / "deploy/citus"
HOSTS = [f"127.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250 + 1}.{number}" for number in (1, 2, 3)]
RULES = "local all all trust\nhost all all all scram-sha-256\n"
PASSWORDS = {"POSTGRES_PASSWORD": r"p4ss: of\the owner", "API_DATABASE_PASSWORD": "p4ss of the API"}


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[PostgresServer]]:
    """The coordinator and two workers as the containers start them: with the login and the database, nothing else."""
    if reason := why_unavailable():
        pytest.skip(reason)
    with temporary_folder("logistics-citus-") as folder:
        Path(folder).chmod(0o755)
        rules, passwords = Path(folder) / "pg_hba.conf", Path(folder) / "passwords"
        rules.write_text(RULES)
        for name, value in {**PASSWORDS, "PGPASSFILE": str(passwords), "NODE_USER": "pgserver"}.items():
            monkeypatch.setenv(name, value)
        started = []
        for number, host in enumerate(HOSTS):
            settings = {**NOT_DURABLE, **SETTINGS, "hba_file": f"'{rules}'", "listen_addresses": f"'{host}'"}
            started.append(PostgresServer(Path(folder) / f"node{number}", settings))
            started[-1].create()
        try:
            subprocess.run(["sh", VARIANT / "start.sh", "true"], check=True)
            for server in started:
                server.start()
                owner = psycopg.sql.Literal(PASSWORDS["POSTGRES_PASSWORD"]).as_string()
                server.execute(f"CREATE ROLE logistics SUPERUSER LOGIN PASSWORD {owner}")
                server.execute("CREATE DATABASE logistics OWNER logistics")
            yield started
        finally:
            for server in started:
                server.stop()


def name_nodes() -> None:
    """As the service `nodes` does."""
    environment = {
        **os.environ,
        "PATH": f"{client_program('psql').parent}:{os.environ['PATH']}",
        "COORDINATOR": HOSTS[0],
        "WORKERS": " ".join(HOSTS[1:]),
        "PGUSER": "logistics",
        "PGDATABASE": "logistics",
        "PGPASSWORD": PASSWORDS["POSTGRES_PASSWORD"],
    }
    subprocess.run(["sh", VARIANT / "nodes.sh"], env=environment, check=True, capture_output=True)


def test_the_nodes_find_each_other_and_the_api_reads_rows_of_all_of_them(
    servers: list[PostgresServer], tmp_path: Path
) -> None:
    name_nodes()
    name_nodes()  # with each `up`
    url = psycopg.conninfo.make_conninfo(
        host=HOSTS[0], user="logistics", dbname="logistics", password=PASSWORDS["POSTGRES_PASSWORD"]
    )
    reader = psycopg.conninfo.make_conninfo(url, user="logistics_api", password=PASSWORDS["API_DATABASE_PASSWORD"])

    migrate(url, api_logins=ApiLogins(reader=reader))
    placed = {each.dataset: each.column for each in distribute(url)}

    assert placed == {"vehicles": None, "vehicle_logs": "log_id", "shipments": "log_id"}
    (tmp_path / "raw").mkdir()
    folder = FolderUnderTest(url, options_of(tmp_path / "raw"))
    folder.drop_and_load("vehicle_logs.json", [log(number) for number in range(40)])
    with psycopg.connect(reader) as connection:
        assert connection.execute("SELECT count(*) FROM raw.vehicle_logs").fetchone() == (40,)
    direct = with_database(servers[0].url, "logistics")
    with psycopg.connect(direct) as connection:
        shards = connection.execute("SELECT count(DISTINCT nodename) FROM citus_shards").fetchone()
    assert shards == (2,)
