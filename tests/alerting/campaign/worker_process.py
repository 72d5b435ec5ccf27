"""A worker as a process of its own, which can be killed and frozen, and whose own clock may be wrong."""

import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import psutil

from logistics_pipeline.database import listening
from logistics_pipeline.notifying import delivery, outbox
from logistics_pipeline.notifying.channels import webhook
from logistics_pipeline.worker import alerts, heartbeats, messages, process, reports, schedule
from logistics_pipeline.worker.__main__ import main
from tests.database.forking import become

FROZEN_SECONDS = 2
"""After so long others take over."""


class WorkerProcess:
    """`python -m logistics_pipeline.worker`, with shorter pauses that prove nothing."""

    def __init__(self, environment: Mapping[str, str], log: Path, ahead: timedelta) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.alerting.campaign.worker_process"])
        self._process = context.Process(target=_work, args=(dict(environment), log, ahead))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.join()

    def freeze(self) -> None:
        """As a machine does that sleeps, or a virtual one that is paused."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # another fault may have killed it at the same moment
            if self._process.is_alive():
                os.kill(self.pid, number)

    def share_of_core(self, seconds: float) -> float:
        """What it takes of a core while so many seconds pass, or more on a busy machine."""
        began, before = time.monotonic(), self._cpu_seconds()
        time.sleep(seconds)
        return (self._cpu_seconds() - before) / (time.monotonic() - began)

    def _cpu_seconds(self) -> float:
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


def _work(environment: dict[str, str], log: Path, ahead: timedelta) -> None:
    become(environment, log.parent, log, log)
    listening.LOCK_SECONDS = listening.FIRST_PAUSE_SECONDS = 0.05
    listening.LONGEST_PAUSE_SECONDS = 0.4
    heartbeats.HEARTBEAT_SECONDS = 0.2
    process.FROZEN_SECONDS = reports.FROZEN_SECONDS = FROZEN_SECONDS
    reports.LOOK_SECONDS = 0.5
    alerts.FOLDER_SECONDS = messages.POLL_SECONDS = 0.1
    # Nobody looks without a reason: what is found is what was told, however long a run waits for it.
    schedule.ANYWAY_SECONDS = schedule.OF_FIGURES_SECONDS = 86_400
    _step_own_clock(ahead)
    main()


def _step_own_clock(ahead: timedelta) -> None:
    class Shown(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + ahead

    for module in (delivery, outbox, messages):
        mock.patch.object(module, "datetime", Shown).start()
    mock.patch.object(webhook, "time", SimpleNamespace(time=lambda: time.time() + ahead.total_seconds())).start()
