"""The commands about models: list, train, promote, rollback, archive, export, history."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg.rows import dict_row

from logistics_core.catalogue import Catalogue
from logistics_core.settings import Settings
from logistics_core.sql_files import read_sql
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import print_json, print_table, say
from logistics_pipeline.cli.user import user_name
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.local.environment import open_environment
from logistics_pipeline.models import registry
from logistics_pipeline.models.registry import Version
from logistics_pipeline.models.updating import Updated, find_model, import_model, names_of, update_model

app = typer.Typer(no_args_is_help=True, help="Trains models, promotes their versions, and shows how right they are.")


def register(parent: typer.Typer) -> None:
    """Adds this module's commands."""
    parent.add_typer(app, name="models")


Name = Annotated[str, typer.Argument(help="A model, such as shipments.delivery_time", metavar="MODEL")]
OneName = Annotated[str | None, typer.Argument(help="Only this model; all without", metavar="MODEL")]
Number = Annotated[int, typer.Argument(min=1, help="A version by its number", metavar="VERSION")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with the change")]
Author = Annotated[str | None, typer.Option("--author", help="Who; your login if omitted")]


@app.command("list")
def list_(model: OneName = None, as_json: AsJson = False) -> None:
    """Lists all models with the version in production or, of one model, all its versions with their back-tests."""
    with open_environment(Settings()) as environment:
        catalogue = environment.catalogue()
        if model is not None:
            find_model(catalogue, model)
        with connect(environment.database_url) as connection:
            found = _rows(connection, "models/versions" if model else "models/list", {"model": model})
    if as_json:
        for each in found:
            print_json(_plain(each))
    elif model is not None:
        _print_versions(found)
    else:
        _print_models(found, catalogue)


def _print_models(found: list[dict[str, Any]], catalogue: Catalogue) -> None:
    print_table(
        ("model", "in production", "method", "trained on", "error", "naive", "in 90 %", "precision", "challenger"),
        [
            (
                each["model"],
                _text(each["version"], "v"),
                each["method"] or "",
                _count(each["trained_on"]),
                _number(each["error"]),
                _number(each["naive_error"]),
                _per_cent(each["coverage_90"]),
                _per_cent(each["precision"]),
                _text(each["challenger"], "v"),
            )
            for each in found
        ],
    )
    missing = [name for name in names_of(catalogue) if name not in {each["model"] for each in found}]
    if missing:
        say(
            f"Not trained yet: {', '.join(missing)}. Dagster does so after the next refresh; `logistics models train` "
            f"now."
        )


def _print_versions(found: list[dict[str, Any]]) -> None:
    print_table(
        ("version", "state", "method", "trained", "data", "records", "error", "naive", "in 90 %", "verdict"),
        [
            (
                str(each["version"]),
                each["state"],
                each["method"],
                f"{each['created_at']:%Y-%m-%d %H:%M}",
                str(each["data_version"]),
                _count(each["trained_on"]),
                _number(each["error"]),
                _number(each["naive_error"]),
                _per_cent(each["coverage_90"]),
                each["verdict"] or "no back-test",
            )
            for each in found
        ],
    )


@app.command()
def train(model: OneName = None, as_json: AsJson = False) -> None:
    """Trains and tests a new version from the newest records, and promotes it if its back-test allows.

    Dagster does so by itself when records have changed, once a day (LOGISTICS_MODEL_INTERVAL).
    """
    settings = Settings()
    with open_environment(settings) as environment:
        catalogue = environment.catalogue()
        names = [model] if model else names_of(catalogue)
        for name in names:
            find_model(catalogue, name)
        found = [
            update_model(
                environment.database_url,
                name,
                settings=settings,
                author=_author(None),
                trains=True,
                on_wait=lambda: say("Waiting for another process that uses the model."),
            )
            for name in names
        ]
    for each in found:
        _say_trained(each, as_json)


def _say_trained(found: Updated, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "model": found.model,
                "version": found.version,
                "data_version": found.data_version,
                "predicted": found.predicted,
                "scored": found.scored,
                "odd": found.odd,
                "skipped": found.skipped,
                "seconds": round(found.seconds, 3),
                "trained": [
                    {
                        "version": each.version.version,
                        "method": each.version.method,
                        "verdict": each.verdict.verdict,
                        "reason": each.verdict.reason,
                        "is_promoted": each.is_promoted,
                        "backtest": each.overall,
                    }
                    for each in found.trained
                ],
            }
        )
        return
    if found.skipped:
        say(f"{found.model}: nothing to learn from yet. {found.skipped}")
    for each in found.trained:
        became = "in production" if each.is_promoted else "not promoted"
        say(f"{each.version.name} ({each.version.method}) is {became}. {each.verdict.reason}")


@app.command()
def promote(
    model: Name,
    version: Number,
    reason: Reason,
    author: Author = None,
    even_if_worse: Annotated[
        bool, typer.Option("--even-if-worse", help="Also if it has lost its back-test to the version in production")
    ] = False,
) -> None:
    """Takes a version to production, by its stored back-test. The one that was there is archived."""
    with _registry(model) as connection:
        _say(
            registry.promote(connection, model, version, _author(author), reason, even_if_worse=even_if_worse),
            "is in production",
        )


@app.command()
def rollback(model: Name, reason: Reason = "Rolled back", author: Author = None) -> None:
    """Takes the version to production that was there before. It stays until somebody promotes another."""
    with _registry(model) as connection:
        found = registry.roll_back(connection, model, _author(author), reason)
    _say(found, f"is in production again, until you promote another: logistics models promote {model} VERSION")


@app.command()
def archive(model: Name, version: Number, reason: Reason, author: Author = None) -> None:
    """Archives a version. A model whose version in production is archived has none, and predicts nothing."""
    with _registry(model) as connection:
        _say(registry.archive(connection, model, version, _author(author), reason), "is archived")


@app.command()
def export(
    model: Name,
    out: Annotated[Path, typer.Option("--out", help="The file to write; it must not exist")],
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="A version; that in production without")
    ] = None,
) -> None:
    """Writes the artefact of a version to a file: JSON, LightGBM's text, or ONNX. Prints its SHA-256."""
    with _registry(model) as connection:
        found = _version(connection, model, version)
        content = registry.read_artefact(connection, found)
    with out.open("xb") as file:
        file.write(content)
    say(f"{out} has the {found.format} of {found.name}: {len(content):,} bytes, SHA-256 {found.sha256}.")


@app.command("import")
def import_(
    model: Name,
    graph: Annotated[Path, typer.Argument(help="An ONNX file", exists=True, dir_okay=False, metavar="FILE")],
    author: Author = None,
) -> None:
    """Stores an ONNX graph as a version of a model of durations, and tests it. It runs in a process with limits."""
    settings = Settings()
    with open_environment(settings) as environment:
        content = graph.read_bytes()
        found = import_model(environment.database_url, model, content, settings=settings, author=_author(author))
    say(
        f"{found.version.name} is in staging. {found.verdict.reason} Promote it: logistics models promote {model} "
        f"{found.version.version}"
    )


@app.command()
def history(
    model: Name,
    at: Annotated[
        datetime | None, typer.Option("--at", help="Only which version was in production at this moment, UTC")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Lists every change of the versions of a model: who, when, why, and by which back-test."""
    with _registry(model) as connection:
        if at is not None:
            found = registry.in_production_at(connection, model, _utc(at))
            print(found if found is not None else "none")
            return
        rows = _rows(connection, "models/history", {"model": model})
    if as_json:
        for each in rows:
            print_json(_plain(each))
        return
    print_table(
        ("when", "version", "change", "by", "back-test", "reason"),
        [
            (
                f"{each['changed_at']:%Y-%m-%d %H:%M:%S}",
                str(each["version"]),
                f"{each['from_state']} → {each['to_state']}",
                each["author"],
                _text(each["backtest_id"], "#"),
                each["reason"],
            )
            for each in rows
        ],
    )


# -- what the commands share -----------------------------------------------------------------------------------------


@contextmanager
def _registry(model: str) -> Iterator[Connection]:
    """A connection to the database, if a contract asks for the model."""
    with open_environment(Settings()) as environment:
        find_model(environment.catalogue(), model)
        with connect(environment.database_url, application_name="logistics models") as connection:
            yield connection


def _version(connection: Connection, model: str, number: int | None) -> Version:
    if number is not None:
        return registry.find_version(connection, model, number)
    found = registry.in_production(connection, model)
    if found is None:
        raise registry.RegistryError(f"No version of {model} is in production. Name one: --version.")
    return found


def _author(name: str | None) -> str:
    return name or user_name()


def _say(version: Version, what: str) -> None:
    say(f"{version.name[0].upper()}{version.name[1:]} {what}.")


def _rows(connection: Connection, name: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(read_sql(name).encode(), parameters).fetchall()


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _text(value: Any, before: str) -> str:
    return "" if value is None else f"{before}{value}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


def _per_cent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
