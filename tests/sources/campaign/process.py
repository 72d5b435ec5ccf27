"""A pull as a process of its own, which can be killed, says what it has done, and how much memory it took."""

import faulthandler
import multiprocessing
import os
import resource
import signal
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from tenacity import wait_random

from logistics_pipeline.sources.definitions.definition import RestSource
from logistics_pipeline.sources.definitions.reading import read_definition
from logistics_pipeline.sources.pulls.pulling import PullOptions, pull
from logistics_pipeline.sources.requests import retries

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Ending:
    """How a pulling process ended: `done`, `raised` or `killed`, with the pull's state, and its memory at most."""

    kind: str
    text: str = ""
    memory_bytes: int = 0


class PullingProcess:
    """One call of `pull`."""

    def __init__(self, url: str, definition: Path, resource_name: str, options: PullOptions) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.sources.campaign.process"])
        self._result, theirs = context.Pipe(duplex=False)
        self._stand_file = definition.parent / "where-it-stands.txt"
        arguments = (url, definition, resource_name, options, theirs, self._stand_file)
        self._process = context.Process(target=_pull, args=arguments)
        self._process.start()
        theirs.close()

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()

    def wait(self) -> Ending:
        self._process.join(PATIENCE_SECONDS)
        if self._process.exitcode is None:
            raise TimeoutError(f"The pull did not end in {PATIENCE_SECONDS} s. It stood at:\n{self._end()}")
        with self._result:
            is_there = self._process.exitcode == 0 and self._result.poll()
            ending: Ending = self._result.recv() if is_there else Ending("killed")
        return ending

    def _end(self) -> str:
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGUSR1)
        time.sleep(1)
        self._process.kill()
        self._process.join()
        return self._stand_file.read_text()


def _pull(url: str, definition: Path, name: str, options: PullOptions, result: Pipe, stand: Path) -> None:
    faulthandler.register(signal.SIGUSR1, stand.open("w"))
    retries._BACKOFF = wait_random(0, 0.02)  # type: ignore[assignment]  # seconds that prove nothing
    try:
        source = read_definition(definition)
        assert isinstance(source, RestSource)
        report = pull(url, source, name, options)
        ending = Ending("done", str(report.pull.state), _memory())
    except Exception:  # noqa: BLE001 - a process's edge: the campaign reports it
        ending = Ending("raised", traceback.format_exc(), _memory())
    result.send(ending)


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
