"""One set of dynamic partitions per dataset: a file is a partition, and its key is its path (see `files.folder`)."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from logistics_pipeline import ledger
from logistics_pipeline.files.folder import FoundFile


def partitions_name(dataset: str) -> str:
    """Dagster's name for the partitions of a dataset."""
    return f"{dataset}_files"


def file_partitions(dataset: str) -> dg.DynamicPartitionsDefinition:
    """The partitions of a dataset's raw table: one per file."""
    return dg.DynamicPartitionsDefinition(name=partitions_name(dataset))


def add_partitions(instance: dg.DagsterInstance, dataset: str, files: Iterable[FoundFile]) -> list[str]:
    """Adds a partition for each file that has none; returns all partitions in Dagster's order, that of insertion.

    One statement adds them all; the partition requests of a sensor result take one statement per key.
    """
    name = partitions_name(dataset)
    known = list(instance.get_dynamic_partitions(name))
    present = set(known)
    new = [file for file in files if file.key not in present]
    if not new:
        return known
    instance.add_dynamic_partitions(name, [file.key for file in ledger.in_registration_order(new)])
    return list(instance.get_dynamic_partitions(name))


def partition_status(instance: dg.DagsterInstance, dataset: str, keys: Sequence[str]) -> dict[str, str | None]:
    """Dagster's status of each partition; None where Dagster has no result for it and no run."""
    asset = dg.AssetKey(["raw", dataset])
    found = instance.get_status_by_partition(asset, keys, file_partitions(dataset)) if keys else None
    return {key: status.value if status else None for key, status in (found or {}).items()}


def contiguous_ranges(
    wanted: Iterable[str], order: Sequence[str], sizes: Mapping[str, int], *, max_files: int, max_bytes: int
) -> list[list[str]]:
    """Splits partitions into ranges that hold exactly these, each small enough for one run.

    A range of dynamic partitions means everything between its ends in the order of insertion (`order`), so a gap ends
    a range. So does a range that would exceed `max_files` or `max_bytes`, except that a single file always fits.
    """
    position = {key: index for index, key in enumerate(order)}
    ranges: list[list[str]] = []
    total = 0
    for key in sorted(wanted, key=position.__getitem__):
        fits = (
            ranges
            and len(ranges[-1]) < max_files
            and total + sizes[key] <= max_bytes
            and position[key] == position[ranges[-1][-1]] + 1
        )
        if fits:
            ranges[-1].append(key)
            total += sizes[key]
        else:
            ranges.append([key])
            total = sizes[key]
    return ranges
