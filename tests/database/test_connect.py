"""What every connection of the pipeline asks of its server."""

import signal
import subprocess
import sys

import psycopg
import pytest

from logistics_pipeline.database.connections import connect
from tests.end_to_end.conftest import wait_for

ASK = """
import sys
from logistics_pipeline.database.connections import connect
connect(sys.argv[1], application_name="doomed").execute("SELECT pg_sleep(600)")
"""


@pytest.mark.slow
def test_a_statement_ends_soon_after_its_client_was_killed(database_url: str) -> None:
    running = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'doomed' AND state = 'active'"
    with (
        psycopg.connect(database_url, autocommit=True) as watching,
        subprocess.Popen([sys.executable, "-c", ASK, database_url]) as client,
    ):
        wait_for(lambda: watching.execute(running).fetchone() == (1,), 30, "the statement runs")
        client.send_signal(signal.SIGKILL)
        wait_for(lambda: watching.execute(running).fetchone() == (0,), 30, "the statement has ended")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ("5s", "public")),
        ("?options=-c%20search_path%3Draw", ("5s", "raw")),
        ("?options=-c%20client_connection_check_interval%3D0", ("0", "public")),
    ],
)
def test_options_of_the_url_hold_beside_it(database_url: str, options: str, expected: tuple[str, str]) -> None:
    url = database_url + (options.replace("?", "&") if "?" in database_url else options)
    with connect(url) as connection:
        found = connection.execute(
            "SELECT current_setting('client_connection_check_interval'), replace(current_setting('search_path'), "
            "'\"$user\", ', '')"
        ).fetchone()
    assert found == expected
