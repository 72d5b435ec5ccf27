"""One set of dynamic partitions per dataset: a file is a partition, its key is its path (see `folder`)."""

from collections.abc import Iterable, Sequence

import dagster as dg

from logistics_core.catalogue import DATASETS, Dataset

FILES: dict[str, dg.DynamicPartitionsDefinition] = {
    name: dg.DynamicPartitionsDefinition(name=f"{name}_files") for name in DATASETS
}


def files_of(dataset: Dataset) -> dg.DynamicPartitionsDefinition:
    """The partitions of a dataset: one per file."""
    return FILES[dataset.name]


def contiguous_ranges(
    wanted: Iterable[str], order: Sequence[str], sizes: dict[str, int], *, most_files: int, most_bytes: int
) -> list[list[str]]:
    """Cuts partitions into ranges that hold exactly them, each small enough for one run.

    A range of dynamic partitions means everything between its ends in the order of insertion (`order`), so a gap ends
    a range; so does a range that would exceed `most_files` or `most_bytes`, except that one file always fits.
    """
    position = {key: index for index, key in enumerate(order)}
    ranges: list[list[str]] = []
    total = 0
    for key in sorted(wanted, key=position.__getitem__):
        fits = (
            ranges
            and len(ranges[-1]) < most_files
            and total + sizes[key] <= most_bytes
            and position[key] == position[ranges[-1][-1]] + 1
        )
        if fits:
            ranges[-1].append(key)
            total += sizes[key]
        else:
            ranges.append([key])
            total = sizes[key]
    return ranges
