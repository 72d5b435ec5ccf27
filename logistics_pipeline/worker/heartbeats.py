"""Signs of life: when each duty of a worker was done last, and what is wrong with it."""

import os
import socket

from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection

HEARTBEAT_SECONDS = 15.0


def name_of_process() -> str:
    """Host and process."""
    return f"{socket.gethostname()} {os.getpid()}"


def beat(connection: Connection, duty: str, problem: str | None) -> None:
    """Says that a duty is being done."""
    connection.execute(
        read_sql("alerting/heartbeat").encode(), {"duty": duty, "worker": name_of_process(), "problem": problem}
    )
