"""The folder of contract files that people edit, against the versions in the database: in either direction.

`.versions.json` in the folder holds, per dataset, the file and the version that were alike at the last sync. So an edit
of a person can be told from a version that was accepted elsewhere; where there are both, neither is overwritten.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import TypedDict

from logistics_core.catalogue import ContractError
from logistics_core.catalogue.contract_files import SUFFIX, contract_paths
from logistics_pipeline.atomic_files import replacing
from logistics_pipeline.contracts.accepting import Accepted, RefusedContractError, accept_contract
from logistics_pipeline.contracts.texts import ContractText, contract_of_file
from logistics_pipeline.contracts.versions import ContractVersion, all_versions, versions_in_force
from logistics_pipeline.database.connections import Connection

ACCEPTED_BY = "the contracts folder"
SYNCED_FILE = ".versions.json"


class Step(Enum):
    """What a sync does about one dataset."""

    NOTHING = auto()
    ACCEPT = auto()
    """The file is new or edited: accept it as the next version."""
    WRITE = auto()
    """The database is newer, or there is no file: write the version that is in force."""
    REMOVE = auto()
    """The dataset was retired, and the file is as it was then."""
    SAY_BOTH_CHANGED = auto()
    SAY_RETIRED = auto()


class Synced(TypedDict):
    """What the folder and the database agreed on at the last sync."""

    file: str
    sha256: str


@dataclass
class SyncReport:
    """What a sync has done, and what a person has to do; one sentence each."""

    changes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)


def decide(file: str | None, version: ContractVersion | None, synced: str | None, older: frozenset[str]) -> Step:
    """What to do, given the hashes of the file and of the last sync, and those of the dataset's older versions."""
    if version is None:
        return Step.NOTHING if file is None else Step.ACCEPT
    if version.retired_at is not None:
        return _decide_retired(file, version, synced)
    if file is None:
        return Step.WRITE
    if file == version.sha256:
        return Step.NOTHING
    if synced == version.sha256:
        return Step.ACCEPT
    if file == synced or file in older:
        return Step.WRITE
    return Step.ACCEPT if synced is None else Step.SAY_BOTH_CHANGED


def _decide_retired(file: str | None, version: ContractVersion, synced: str | None) -> Step:
    """A file that was not there at the last sync may be an old copy: it takes a person to use the dataset again."""
    if file is None:
        return Step.NOTHING
    return Step.REMOVE if synced is not None and file in (synced, version.sha256) else Step.SAY_RETIRED


def sync_folder(connection: Connection, folder: Path) -> SyncReport:
    """Accepts the contracts that are new or were edited, and writes those of which the database has a newer version.

    Never overwrites what a person has written. A contract that cannot be accepted is a problem in the report; the
    version before stays in force.
    """
    report = SyncReport()
    sync = _Sync(connection, folder, report)
    sync.accept_edited()
    sync.follow_database()
    sync.remember()
    return report


class _Sync:
    """One sync of a folder."""

    def __init__(self, connection: Connection, folder: Path, report: SyncReport) -> None:
        self._connection = connection
        self._folder = folder
        self._report = report
        self._synced = _read_synced(folder)
        self._files: dict[str, tuple[Path, ContractText]] = {}
        self._unreadable: set[str] = set()
        """Names of files that may hold any dataset."""
        self._failed: set[str] = set()
        self._read_files()

    def _read_files(self) -> None:
        for path in self._paths():
            try:
                contract = contract_of_file(path)
            except ContractError as error:
                self._report.problems.append(str(error))
                self._unreadable.add(path.name)
                continue
            if contract.name in self._files:
                first = self._files[contract.name][0]
                self._report.problems.append(
                    f"{path}: there are two contracts of the dataset {contract.name}, the other one in {first.name}: "
                    "give one another name, or remove it."
                )
                self._failed.add(contract.name)
            else:
                self._files[contract.name] = (path, contract)

    def _paths(self) -> list[Path]:
        try:
            return contract_paths(self._folder)
        except ContractError as error:
            self._report.problems.append(str(error))
            return []

    def _decide(self, name: str, versions: Mapping[str, ContractVersion]) -> Step:
        if name in self._failed:
            return Step.NOTHING
        file, version, synced = self._files.get(name), versions.get(name), self._synced.get(name)
        older = frozenset[str]()
        if file is not None and version is not None and file[1].sha256 != version.sha256:
            older = frozenset(each.sha256 for each in all_versions(self._connection, name)) - {version.sha256}
        return decide(file[1].sha256 if file else None, version, synced["sha256"] if synced else None, older)

    def accept_edited(self) -> None:
        """Accepts what is new or edited; again and again, as one contract may refer to another one."""
        versions = versions_in_force(self._connection)
        waiting = [name for name in self._files if self._decide(name, versions) is Step.ACCEPT]
        while waiting:
            refused = {name: problem for name in waiting if (problem := self._accept(name)) is not None}
            if len(refused) == len(waiting):
                self._report.problems += refused.values()
                self._failed |= refused.keys()
                return
            waiting = list(refused)

    def _accept(self, name: str) -> str | None:
        """Accepts the contract of a file; returns what is against it, if anything is."""
        path, contract = self._files[name]
        try:
            accepted = accept_contract(self._connection, contract, accepted_by=ACCEPTED_BY)
        except (ContractError, RefusedContractError) as error:
            return f"{path}: {str(error).replace('accept FILE', f'accept {path}')}"
        if not accepted.is_unchanged:
            self._report.accepted.append(accepted)
            self._report.changes.append(describe(accepted))
        return None

    def follow_database(self) -> None:
        """Writes, removes and reports whatever was decided elsewhere."""
        versions = versions_in_force(self._connection)
        for name in sorted(versions.keys() | self._files.keys()):
            step = self._decide(name, versions)
            if step is Step.NOTHING or step is Step.ACCEPT:
                continue
            try:
                self._follow(step, name, versions[name])
            except OSError as error:
                self._report.problems.append(
                    f"{self._path_of(name)}: version {versions[name].version} of the contract cannot be written there "
                    f"({error.strerror}). It is in force all the same."
                )

    def _follow(self, step: Step, name: str, version: ContractVersion) -> None:
        path = self._path_of(name)
        if step is Step.WRITE:
            self._write(path, version)
        elif step is Step.REMOVE:
            path.unlink(missing_ok=True)
            del self._files[name]
            self._report.changes.append(f"{path} is removed: the dataset {name} is retired.")
        elif step is Step.SAY_RETIRED:
            self._report.problems.append(
                f"{path} is the contract of a dataset that is retired. Delete the file, or take the dataset into use "
                f"again: logistics contracts accept {path}"
            )
        else:
            self._report.problems.append(
                f"{path} was edited, and version {version.version} of the contract was accepted elsewhere meanwhile. "
                f"Nothing is overwritten, and version {version.version} is in force. To see the differences: logistics "
                f"contracts diff {path}. To keep the file: logistics contracts accept {path}. To keep the version: "
                f"logistics contracts show {name} > {path}"
            )

    def _write(self, path: Path, version: ContractVersion) -> None:
        name = version.dataset
        if self._may_be_unreadable(name, path):
            return
        known = self._files.get(name)
        if known is not None and not _is_unchanged(path, known[1]):
            return  # being edited at this moment: the next sync decides
        with replacing(path) as file:
            file.write(version.contract.encode())
        contract = ContractText(version.contract, version.document, version.fields)
        self._files[name] = (path, contract)
        why = " again, as it was not there" if known is None and name in self._synced else ""
        self._report.changes.append(f"{path} is written{why}: version {version.version} of the contract of {name}.")

    def _may_be_unreadable(self, name: str, path: Path) -> bool:
        """Whether the file that would be written is there, but cannot be read: it may be half edited."""
        synced = self._synced.get(name)
        return path.name in self._unreadable or (synced is not None and synced["file"] in self._unreadable)

    def _path_of(self, name: str) -> Path:
        known = self._files.get(name)
        return known[0] if known is not None else self._folder / f"{name}{SUFFIX}"

    def remember(self) -> None:
        """Notes what folder and database agree on now."""
        versions = versions_in_force(self._connection)
        synced = dict(self._kept(versions))
        for name, (path, contract) in self._files.items():
            version = versions.get(name)
            if version is not None and version.retired_at is None and version.sha256 == contract.sha256:
                synced[name] = Synced(file=path.name, sha256=contract.sha256)
        if synced != self._synced:
            _write_synced(self._folder, synced)

    def _kept(self, versions: Mapping[str, ContractVersion]) -> Iterator[tuple[str, Synced]]:
        """What was agreed on before, except about retired datasets whose file is gone."""
        for name, synced in self._synced.items():
            version = versions.get(name)
            if version is not None and (version.retired_at is None or name in self._files):
                yield name, synced


def describe(accepted: Accepted) -> str:
    """What was accepted, in a sentence or some."""
    if accepted.is_unchanged:
        return f"Version {accepted.version} of the contract of {accepted.dataset} is in force already."
    changes = "".join(f" {change.text}" for change in accepted.changes)
    return f"Version {accepted.version} of the contract of {accepted.dataset} is in force.{changes}"


def _is_unchanged(path: Path, contract: ContractText) -> bool:
    try:
        return path.read_bytes() == contract.text.encode()
    except OSError:
        return False


def _read_synced(folder: Path) -> dict[str, Synced]:
    """What was noted at the last sync; nothing if that cannot be read: then an edit is told by its content alone."""
    try:
        noted = json.loads((folder / SYNCED_FILE).read_bytes())
        return {str(name): Synced(file=str(each["file"]), sha256=str(each["sha256"])) for name, each in noted.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _write_synced(folder: Path, synced: Mapping[str, Synced]) -> None:
    """A folder that cannot be written is no problem: its files are read all the same."""
    try:
        with replacing(folder / SYNCED_FILE) as file:
            file.write(json.dumps(synced, indent=1, sort_keys=True).encode())
    except OSError:
        pass
