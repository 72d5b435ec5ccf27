"""The commands about earlier versions: history show, keep, stop, of, figures."""

from datetime import datetime
from typing import Annotated, Any

import typer
from psycopg import sql

from logistics_core import versions
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.contract_files import BUILT_IN
from logistics_core.metrics.defaults import find_metric, metrics_of
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.analytics.figure_history import FigureHistory, figure_history
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import print_json, print_table, say
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.local.environment import open_environment
from logistics_pipeline.migrations.history_tables import has_history_table, keep_history

app = typer.Typer(
    no_args_is_help=True,
    help="Shows earlier versions of records and figures. A contract with `history: true` has them kept; `keep` does so "
    "for a built-in dataset.",
)

_MOST_GAPS = 20


def register(parent: typer.Typer) -> None:
    """Adds this module's commands."""
    parent.add_typer(app, name="history")


Name = Annotated[str, typer.Argument(help="A dataset", metavar="DATASET", show_default=False)]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], show_default=False)]


@app.command()
def show(as_json: AsJson = False) -> None:
    """Lists the datasets that keep earlier versions, and the files of which some are not known."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        found = [_described(connection, each) for each in ledger.histories(connection)]
    if as_json:
        for each in found:
            print_json(each)
        return
    print_table(
        ("dataset", "kept", "superseded records", "all versions known"),
        [(each["dataset"], _kept(each), f"{each['superseded_kept']:,}", _known(each)) for each in found],
        numeric=("superseded records",),
    )
    for each in found:
        if each["gaps"]:
            files = " ".join(each["gaps"][:_MOST_GAPS])
            more = f" and {len(each['gaps']) - _MOST_GAPS:,} more" if len(each["gaps"]) > _MOST_GAPS else ""
            say(f"Some versions of {each['dataset']} are not known. Unload these and load them again: {files}{more}")
    if not found:
        say("No dataset keeps earlier versions. Write `history: true` into a contract or: logistics history keep NAME")


def _described(connection: Connection, history: ledger.LedgerHistory) -> dict[str, Any]:
    gaps = [ledger.file_by_id(connection, each) for each in ledger.files_with_gaps(connection, history.dataset)]
    since = ledger.last_file(connection, file_id=history.since_file_id)
    kept = 0
    if has_history_table(connection, history.dataset):
        table = sql.Identifier("history", history.dataset)
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone()
        kept = row[0] if row is not None else 0
    return {
        "dataset": history.dataset,
        "is_kept": history.ended_at is None,
        "since_file_id": history.since_file_id,
        "since_path": None if since is None else since.path,
        "started_at": history.started_at,
        "ended_at": history.ended_at,
        "superseded_kept": kept,
        "gaps": [file.path for file in gaps],
    }


def _kept(each: dict[str, Any]) -> str:
    return f"since {each['started_at']:%Y-%m-%d}" if each["is_kept"] else f"until {each['ended_at']:%Y-%m-%d}"


def _known(each: dict[str, Any]) -> str:
    if not each["is_kept"]:
        return "no"
    return (
        "as of any file" if not each["gaps"] else f"as of file {each['since_file_id']} ({each['since_path']}) and later"
    )


@app.command()
def keep(dataset: Name) -> None:
    """Keeps earlier versions of a built-in dataset's records from now on.

    The rows that there are become the first versions.
    """
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        found = _built_in(environment.catalogue(), dataset)
        if keep_history(connection, found):
            say(f"Earlier versions of {dataset} are kept from now on.")
        else:
            say(f"Earlier versions of {dataset} are kept already.")


@app.command()
def stop(dataset: Name) -> None:
    """Stops keeping earlier versions of a built-in dataset's records.

    Those that were kept stay, but cannot be asked for any longer: later ones are missing.
    """
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        _built_in(environment.catalogue(), dataset)
        if ledger.end_history(connection, dataset):
            say(f"Earlier versions of {dataset} are kept no longer. Those that were kept stay.")
        else:
            say(f"Earlier versions of {dataset} were not kept.")


def _built_in(catalogue: Catalogue, name: str) -> Dataset:
    found = _dataset(catalogue, name)
    if name not in BUILT_IN:
        raise PipelineError(
            f"{name} has a contract of your own, which decides this: write `history: true` or remove it."
        )
    return found


def _dataset(catalogue: Catalogue, name: str) -> Dataset:
    if name not in catalogue:
        raise PipelineError(f"There is no dataset {name!r}. There are: {', '.join(catalogue)}.")
    return catalogue[name]


@app.command()
def of(
    dataset: Name,
    key: Annotated[list[str], typer.Argument(help="The values of its key, in the order of the contract")],
    as_json: AsJson = False,
) -> None:
    """Shows the versions of one record, the oldest first: which file brought each, and what it changed."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        found = _dataset(environment.catalogue(), dataset)
        rows = _versions(connection, found, key)
    if not rows:
        raise PipelineError(f"There is no record of {dataset} with {', '.join(found.key)} {', '.join(key)}.")
    before: dict[str, Any] | None = None
    lines = []
    for path, registered_at, record_no, row in rows:
        changed = {name: value for name, value in row.items() if before is None or before[name] != value}
        if as_json:
            print_json({"file": path, "registered_at": registered_at, "record_no": record_no, "changed": changed})
        lines.append((f"{registered_at:%Y-%m-%d %H:%M}", path, record_no, _in_words(changed)))
        before = row
    if not as_json:
        print_table(("since", "file", "record", "what it says"), lines, numeric=("record",))


def _in_words(changed: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in changed.items()) or "the same"


def _versions(connection: Connection, dataset: Dataset, key: list[str]) -> list[tuple[Any, ...]]:
    if len(key) != len(dataset.key) or not dataset.key:
        raise PipelineError(f"The key of {dataset.name} has {len(dataset.key)} values: {', '.join(dataset.key)}.")
    is_record = sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in zip(dataset.key, key, strict=True)
    )
    relation = versions.all_versions(dataset, is_record, has_history=has_history_table(connection, dataset.name))
    columns = sql.SQL(", ").join(sql.Identifier("page", name) for name in dataset.columns)
    query = sql.SQL(
        "SELECT path, registered_at, record_no, {} FROM {} AS page JOIN ingest.files USING (file_id) "
        "ORDER BY file_id, record_no"
    ).format(columns, relation)
    return [
        (*row[:3], dict(zip(dataset.columns, row[3:], strict=True))) for row in connection.execute(query).fetchall()
    ]


@app.command()
def figures(
    dataset: Name,
    metric: Annotated[
        list[str] | None, typer.Argument(help="Metrics of it; all without", metavar="[METRIC]...", show_default=False)
    ] = None,
    since: Annotated[
        str, typer.Option(help="As of when: a file by its number or path, a day, or a moment", show_default=False)
    ] = "",
    start: Day = None,
    end: Day = None,
    as_json: AsJson = False,
) -> None:
    """Says what figures were at an earlier time, what they are now, and which files changed them."""
    if not since:
        raise PipelineError("Say as of when the figures are compared with those of now, such as --since 2026-03-01.")
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        found = _dataset(environment.catalogue(), dataset)
        wanted = [_metric(found, name) for name in metric] if metric else list(metrics_of(found))
        history = figure_history(
            connection, found, wanted, since, start.date() if start else None, end.date() if end else None
        )
    if as_json:
        _print_documents(history)
    else:
        _print_history(history)


def _metric(dataset: Dataset, name: str) -> Any:
    found = find_metric(dataset, name)
    if found is None:
        known = ", ".join(each.name for each in metrics_of(dataset))
        raise PipelineError(f"{dataset.name} has no metric {name!r}. There are: {known}.")
    return found


def _print_documents(history: FigureHistory) -> None:
    print_json({"then": history.then, "now": history.now, "files": history.files})
    for change in history.changes:
        print_json(
            {"file": change.file.path, "version": change.file.version, "before": change.before, "after": change.after}
        )


def _text(value: Any) -> str:
    return "none" if value is None else str(value)


def _print_history(history: FigureHistory) -> None:
    at = "before the first file" if history.since is None else f"as of {history.since.path}"
    print_table(
        ("metric", at, "now"), [(name, _text(value), _text(history.now[name])) for name, value in history.then.items()]
    )
    say(f"{len(history.changes):,} of {history.files:,} files since then changed them.")
    print_table(
        ("file", "metric", "before", "after"),
        [
            (change.file.path, name, _text(change.before[name]), _text(value))
            for change in history.changes
            for name, value in change.after.items()
            if change.before[name] != value
        ],
    )
