"""The command that writes sample data: generate."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from logistics_pipeline.cli.output import say
from logistics_pipeline.demo.generator import generate as generate_files


class FileFormat(StrEnum):
    """What the generator can write."""

    json = "json"
    ndjson = "ndjson"
    csv = "csv"


class KeyOrder(StrEnum):
    """The order of the keys in a generated file."""

    chronological = "chronological"
    random = "random"


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(generate)


def generate(
    out: Annotated[Path, typer.Option(help="Folder to write to; created if it does not exist", show_default=False)],
    shipments: Annotated[int, typer.Option(help="Number of shipments")] = 100_000,
    logs: Annotated[int, typer.Option(help="Number of vehicle logs")] = 100_000,
    vehicles: Annotated[int, typer.Option(help="Number of vehicles")] = 500,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes")] = 42,
    file_format: Annotated[FileFormat, typer.Option("--format", help="Format of the files")] = FileFormat.json,
    bad_every: Annotated[int, typer.Option(help="One record in this many is bad; 0 for none")] = 5_000,
    order: Annotated[KeyOrder, typer.Option(help="Order of the keys in the files")] = KeyOrder.chronological,
    replace: Annotated[bool, typer.Option("--replace", help="Replace files of the same names")] = False,
) -> None:
    """Writes sample data: realistic trips and shipments, with a few bad records."""
    written = generate_files(
        out,
        vehicles=vehicles,
        logs=logs,
        shipments=shipments,
        seed=seed,
        format=file_format.value,
        bad_every=bad_every or None,
        order=order.value,
        replace=replace,
    )
    for file in written:
        say(f"{file.path}: {file.records:,} records, {file.bad:,} of them bad")
