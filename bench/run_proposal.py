"""Proposes a contract for a file and stores it, in a process of its own; prints seconds and CPU seconds."""

import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

from logistics_core.settings import ContractPolicy, Settings
from logistics_pipeline.contracts.proposing import propose_for_file
from logistics_pipeline.database.connections import connect
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.files.folder import RawFolder


def main() -> None:
    url, folder, path, number = sys.argv[1:]
    settings = Settings(database_url=url, data_dir=Path(folder), contracts=ContractPolicy.REVIEW)
    with connect(url) as connection:
        raw_dir = RawFolder(Path(path).parent, catalogue_in_force(connection))
        found = raw_dir.look_at(Path(path))
        assert found is not None
        found = replace(found, key=f"orders{number}.csv")
        since, cpu_since = time.perf_counter(), _cpu_seconds()
        proposed = propose_for_file(connection, found, settings, created_by="the benchmark")
        print(time.perf_counter() - since, _cpu_seconds() - cpu_since)
        assert proposed.proposal.is_acceptable, proposed.proposal.open_questions


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
