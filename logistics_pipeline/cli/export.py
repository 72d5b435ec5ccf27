"""The commands that carry data out of the database and back: export and restore."""

from dataclasses import asdict
from typing import Annotated

import typer

from logistics_core.catalogue import built_in_catalogue
from logistics_core.places.reading import declared_places
from logistics_core.places.upload_addresses import UploadAddressError
from logistics_core.places.upload_addresses import upload_address as make_address
from logistics_core.settings import Settings
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import print_json, say
from logistics_pipeline.database.connections import connect
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.exports.backup import export_everything
from logistics_pipeline.exports.backup import restore as restore_everything
from logistics_pipeline.exports.datasets import Format, export_datasets
from logistics_pipeline.exports.destinations import Destination, destination
from logistics_pipeline.exports.from_files import rebuild
from logistics_pipeline.exports.manifest import Manifest, folder_name
from logistics_pipeline.files.places import WatchedPlaces
from logistics_pipeline.loading.loader import LoadReport
from logistics_pipeline.local.environment import Environment, open_environment


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(export)
    app.command()(restore)
    app.command("upload-address")(upload_address)


def export(
    to: Annotated[str, typer.Option(help="A folder, or s3://bucket/prefix, az:// or gs://", show_default=False)],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Datasets, and `ledger` and `rejects`; all of them if none is named", show_default=False),
    ] = None,
    format: Annotated[Format, typer.Option(help="What files are written in")] = Format.CSV,
    everything: Annotated[
        bool, typer.Option("--everything", help="All that `logistics restore` needs to make the database again")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Exports data to a folder or an object store, as one state of the database.

    Each export is a folder of its own, named by time and data version. A file shows only when it is whole;
    manifest.json, with the size, rows and SHA-256 of each, is written last.
    """
    if everything and names:
        raise ConfigurationError("--everything exports all there is: name no datasets beside it.")
    settings = Settings()
    with open_environment(settings) as environment:
        with connect(environment.database_url) as connection:
            folder = folder_name(connection)
        where = destination(to, declared_places(settings.sources_dir), folder)
        if everything:
            manifest = export_everything(environment.database_url, where)
        else:
            catalogue = environment.catalogue()
            wanted = names or [*catalogue, "ledger", "rejects"]
            manifest = export_datasets(environment.database_url, wanted, where, format, catalogue)
    _say_exported(manifest, where, as_json)


def _say_exported(manifest: Manifest, where: Destination, as_json: bool) -> None:
    if as_json:
        print_json({"url": where.url, **asdict(manifest)})
        return
    for file in manifest.files:
        say(f"{file.name}: {file.rows:,} rows, {file.size_bytes:,} bytes")
    say(f"Exported to {where.url}, data version {manifest.data_version:,}.")


def restore(
    source: Annotated[
        str | None, typer.Argument(metavar="URL", help="One export of everything: its folder", show_default=False)
    ] = None,
    files: Annotated[
        bool, typer.Option("--files", help="From the raw folder and the declared places, in place of an export")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Makes the database again from an export of everything, or from the files themselves; computes its figures.

    The database must be new or empty. Rows, the ledger with its order, rejects, corrections and contracts are those of
    the export. Keys of the API are not in it: make new ones.
    """
    if (source is None) is not files:
        raise ConfigurationError("Name the folder of an export, or use --files to load all files anew: one of both.")
    settings = Settings()
    with open_environment(settings, up_to_date=True) as environment:
        if source is None:
            _rebuild(environment, as_json)
            return
        found = restore_everything(environment.database_url, destination(source, declared_places(settings.sources_dir)))
        environment.sync_contracts()
    if as_json:
        print_json({"tables": found.tables, "rows": found.rows, "data_version": found.manifest.data_version})
    else:
        say(f"{found.rows:,} rows of {found.tables:,} tables are restored; the figures are computed.")


def _rebuild(environment: Environment, as_json: bool) -> None:
    done = rebuild(environment.database_url, environment.load_options(), lambda report: _say_loaded(report, as_json))
    if as_json:
        print_json(asdict(done))
    else:
        say(f"{done.records:,} records of {done.files:,} files are loaded; the figures are computed.")
    if done.failed:
        if not as_json:
            say(f"{done.failed:,} files are not loaded: see `logistics files`.")
        raise typer.Exit(1)


def _say_loaded(report: LoadReport, as_json: bool) -> None:
    if not as_json:
        say(f"{report.file.path}: {report.file.state}, {report.file.records_loaded:,} records")


def upload_address(
    url: Annotated[str, typer.Argument(help="Of the file that is to be sent, at a declared place", show_default=False)],
    minutes: Annotated[int, typer.Option(min=1, max=7 * 24 * 60, help="How long the address may be used")] = 15,
) -> None:
    """Prints an address to which a browser or curl can send one file with PUT, without any credentials.

    The file lands in the bucket and is loaded like every other one there.
    """
    place = WatchedPlaces.of_settings(Settings(), built_in_catalogue()).place_of(url)
    try:
        address = make_address(place.definition, url.removeprefix(place.root), minutes * 60)
    except UploadAddressError as error:
        raise ConfigurationError(str(error)) from None
    print(address.url)
    for name, value in address.headers.items():
        say(f"Send the header {name}: {value}")
