"""Writes the three sample files; the other modules decide what is in them.

It streams: whatever the number of records, memory holds the routes, the days and one batch of lines (a few MB).
The same arguments give byte-identical files, on any machine whose C library computes the same sines.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import get_args

from logistics_core.catalogue import built_in_catalogue
from logistics_pipeline.demo.bad_records import BadRecordWriter
from logistics_pipeline.demo.file_formats import Format, Layout, layout_of
from logistics_pipeline.demo.file_writer import write_lines
from logistics_pipeline.demo.records import Order, Plan, shipment_lines, vehicle_lines, vehicle_log_lines
from logistics_pipeline.errors import ConfigurationError

Progress = Callable[[str, int], None]
"""Called with the dataset's name and the number of its records written so far."""

MakeLines = Callable[[Plan, Layout], Iterator[str]]

_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2100, 12, 31)  # the trip dates that the data contract allows


@dataclass(frozen=True)
class GeneratedFile:
    """A complete file: `records` counts all of them, `bad` those among them that the data contract rejects."""

    path: Path
    dataset: str
    records: int
    bad: int


def generate(
    out: Path,
    *,
    vehicles: int = 500,
    logs: int = 100_000,
    shipments: int = 100_000,
    seed: int = 42,
    format: Format = "json",
    bad_every: int | None = 5_000,
    order: Order = "chronological",
    first_day: date = date(2024, 1, 1),
    days: int = 730,
    replace: bool = False,
    on_progress: Progress | None = None,
) -> list[GeneratedFile]:
    """Writes `vehicles`, `vehicle_logs` and `shipments` into the folder `out`.

    Files of these names are replaced only with `replace`.

    Every full segment of `bad_every` logs, and of shipments, holds exactly one bad record somewhere, so a file has
    `records // bad_every` of them; vehicles have none. Keys are unique: of each file, `records - bad` rows are loaded.
    (One kind of bad record is an all-number date: it is bad only while LOGISTICS_DATE_ORDER is unset.)
    `order` is that of the keys in the logs' and shipments' files; trip dates always grow with the log's key.

    Each file appears under its name only when it is complete; until then it has a hidden name in the same folder.

    Raises:
        ConfigurationError: an argument is invalid, a file exists, or the folder cannot be written to.
    """
    _check_choices(format, order)
    _check_counts(vehicles, logs, shipments, bad_every)
    _check_period(first_day, days)
    plan = Plan(vehicles, logs, shipments, seed, order, first_day, days)
    contents: list[tuple[str, int, int | None, MakeLines]] = [
        ("vehicles", vehicles, None, vehicle_lines),
        ("vehicle_logs", logs, bad_every, vehicle_log_lines),
        ("shipments", shipments, bad_every, shipment_lines),
    ]
    layouts = {name: layout_of(format, built_in_catalogue()[name]) for name, *_ in contents}
    if not replace:
        _check_absent([out / f"{name}{layout.suffix}" for name, layout in layouts.items()])
    files = []
    for name, records, every, make_lines in contents:
        layout = layouts[name]
        bad_records = BadRecordWriter(layout, records, every, plan.random(f"bad {name}"))
        file = GeneratedFile(out / f"{name}{layout.suffix}", name, records, bad_records.total)
        _write(file, layout, make_lines(plan, layout), bad_records, on_progress)
        files.append(file)
    return files


def _write(
    file: GeneratedFile,
    layout: Layout,
    lines: Iterator[str],
    bad_records: BadRecordWriter,
    on_progress: Progress | None,
) -> None:
    # The callback runs outside `write_lines`, so that its own OSError is not mistaken for one of the file.
    with closing(write_lines(file.path, layout, lines, bad_records.damage)) as progress:
        for written in progress:
            if on_progress is not None:
                on_progress(file.dataset, written)


def _check_absent(paths: list[Path]) -> None:
    for path in paths:
        if os.path.lexists(path):
            raise ConfigurationError(f"{path} exists already. Choose another folder, or have it replaced: --replace.")


def _check_choices(format: str, order: str) -> None:
    for name, value, allowed in (("format", format, get_args(Format)), ("order", order, get_args(Order))):
        if value not in allowed:
            raise ConfigurationError(
                f"There is no {name} {value!r} of sample data: choose one of {', '.join(allowed)}."
            )


def _check_counts(vehicles: int, logs: int, shipments: int, bad_every: int | None) -> None:
    for name, count in (("vehicles", vehicles), ("logs", logs), ("shipments", shipments)):
        if count < 0:
            raise ConfigurationError(f"The number of {name} cannot be negative; found {count:,}.")
    if logs and not vehicles:
        raise ConfigurationError("Logs need vehicles that drive them: ask for at least one vehicle, or for no logs.")
    if shipments and not logs:
        raise ConfigurationError("Shipments need logs that carry them: ask for at least one log, or for no shipments.")
    if bad_every is not None and bad_every < 1:
        raise ConfigurationError(f"One bad record in every {bad_every:,} is not possible: give 1 or more, or none.")


def _check_period(first_day: date, days: int) -> None:
    if days < 1:
        raise ConfigurationError(f"Sample data covers at least 1 day; found {days:,}.")
    if first_day < _FIRST_DAY or days > (_LAST_DAY - first_day) / timedelta(days=1) + 1:
        raise ConfigurationError(
            f"Trip dates lie between {_FIRST_DAY} and {_LAST_DAY}; {days:,} days from {first_day} do not."
        )
