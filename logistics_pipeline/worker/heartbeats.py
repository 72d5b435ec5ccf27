"""Signs of life: when each duty of a worker was done last, and what is wrong with it."""

import os
import socket
from time import monotonic

from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection

HEARTBEAT_SECONDS = 15.0


class Heartbeat:
    """That of one duty."""

    def __init__(self, duty: str) -> None:
        self._duty = duty
        self._beaten_at = float("-inf")

    def beat(self, connection: Connection, problem: str | None = None) -> None:
        """Says that the duty is being done, every `HEARTBEAT_SECONDS` at most."""
        if monotonic() - self._beaten_at < HEARTBEAT_SECONDS:
            return
        self._beaten_at = monotonic()
        parameters = {"duty": self._duty, "worker": name_of_process(), "problem": problem}
        connection.execute(read_sql("alerting/heartbeat").encode(), parameters)


def name_of_process() -> str:
    """Host and process."""
    return f"{socket.gethostname()} {os.getpid()}"
