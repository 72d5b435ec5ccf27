"""The loader as a process of its own, which can be killed, and whose folder for rejects can be full."""

import ctypes
import faulthandler
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import psutil

from logistics_pipeline.errors import TransientError
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.rejects.failed_files import export_paths
from tests.database.forking import forkserver
from tests.faults.server import PATIENCE_SECONDS

_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000


@dataclass(frozen=True)
class Ending:
    """How a loader's process ended: `ended` (with the file's state), `transient`, `raised` or `killed`."""

    kind: str
    text: str = ""


class LoaderProcess:
    """One call of `load_file`. With `room_bytes`, that is all the space there is for rejected records."""

    def __init__(self, url: str, path: Path, options: LoadOptions, room_bytes: int | None = None) -> None:
        context = forkserver()
        self._result, theirs = context.Pipe(duplex=False)
        self._stand_file = options.raw_dir.parent / "where-the-loader-stands.txt"
        arguments = (url, path, options, room_bytes, theirs, self._stand_file)
        self._process = context.Process(target=_load, args=arguments)
        self._theirs = theirs
        self._starting = threading.Lock()
        self._children: list[psutil.Process] = []

    def start(self) -> None:
        with self._starting:
            self._process.start()
            self._theirs.close()

    @property
    def is_running(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        """kill -9."""
        with self._starting:  # it may reach the place where it is killed sooner than `start` returns
            self._children += self._living_children()
        self._process.kill()

    def kill_children(self) -> int:
        """kill -9 to each process that this one has started, of which it says how many."""
        children = self._living_children()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        return len(children)

    def wait(self) -> Ending:
        """Waits for its end, and for that of the children it may have left behind."""
        self._process.join(PATIENCE_SECONDS)
        if self._process.exitcode is None:
            raise TimeoutError(f"The loader did not end in {PATIENCE_SECONDS} s. {self._end_and_describe()}")
        with self._result:
            ending: Ending = self._result.recv() if self._has_result() else Ending("killed")
        _, orphans = psutil.wait_procs(self._children, timeout=PATIENCE_SECONDS)
        if any(_is_alive(orphan) for orphan in orphans):
            raise TimeoutError(f"A killed loader left processes behind: {orphans}")
        return ending

    def _end_and_describe(self) -> str:
        """Where it stands, in every thread, and what it has started."""
        children = [(child.pid, child.status(), child.cmdline()) for child in self._living_children()]
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGUSR1)
        time.sleep(1)
        self._process.kill()
        self._process.join()
        return f"Its children: {children}. It stood at:\n{self._stand_file.read_text()}"

    def _has_result(self) -> bool:
        return self._process.exitcode == 0 and self._result.poll()

    def _living_children(self) -> list[psutil.Process]:
        try:
            return [child for child in psutil.Process(self._process.pid).children(recursive=True) if _is_alive(child)]
        except psutil.NoSuchProcess:
            return []


def _is_alive(process: psutil.Process) -> bool:
    """A process that has ended stays a zombie until somebody asks for it; in a container that may be nobody."""
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


# -- inside that process -------------------------------------------------------------------------------------------


def _load(url: str, path: Path, options: LoadOptions, room_bytes: int | None, result: Pipe, stand: Path) -> None:
    faulthandler.register(signal.SIGUSR1, stand.open("w"))
    try:
        found = options.folder.look_at(path)
        assert found is not None
        if room_bytes is not None:
            _leave_room(export_paths(found.key, options.failed_dir), room_bytes)
        ending = Ending("ended", load_file(url, found, options).file.state)
    except TransientError as error:
        ending = Ending("transient", str(error))
    except Exception:  # noqa: BLE001 - a process's edge: the campaign reports it
        ending = Ending("raised", traceback.format_exc())
    result.send(ending)


def _leave_room(exports: tuple[Path, ...], room_bytes: int) -> None:
    """Makes the folder of rejected records a file system with so much space, seen by this process only.

    Where such are forbidden (some containers, macOS), the unfinished exports lead to a device that is always full.
    """
    folder = exports[0].parent
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _mount_small(folder, room_bytes)
    except (OSError, AttributeError):
        for export in exports:
            export.with_name(f".{export.name}.tmp").symlink_to("/dev/full")


def _mount_small(folder: Path, size_bytes: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    try:
        _call(libc.unshare, _CLONE_NEWNS)
    except PermissionError:  # an ordinary user may, inside a name space of users
        _call(libc.unshare, _CLONE_NEWUSER | _CLONE_NEWNS)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _call(libc.mount, b"none", b"/", None, 0x44000, None)  # MS_REC | MS_PRIVATE: nothing of it gets out
    _call(libc.mount, b"tmpfs", bytes(folder), b"tmpfs", 0, f"size={size_bytes}".encode())


def _call(function: Callable[..., int], *arguments: object) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
