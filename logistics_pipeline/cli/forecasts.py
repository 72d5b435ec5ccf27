"""The commands about forecasts: run, list."""

from typing import Annotated

import typer

from logistics_core.catalogue import Catalogue
from logistics_core.settings import Settings
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import print_json, print_table, say
from logistics_pipeline.database.connections import connect
from logistics_pipeline.forecasting.accuracy import accuracy_of
from logistics_pipeline.forecasting.refitting import NothingToForecast, Refit, dataset_with_forecasts, refit
from logistics_pipeline.local.environment import open_environment

app = typer.Typer(no_args_is_help=True, help="Makes forecasts, and shows how right they are.")


def register(parent: typer.Typer) -> None:
    """Adds this module's commands."""
    parent.add_typer(app, name="forecasts")


Name = Annotated[str | None, typer.Argument(help="Only this dataset; all that have forecasts without")]


@app.command()
def run(dataset: Name = None, as_json: AsJson = False) -> None:
    """Makes the forecasts anew from the newest figures, and scores those whose periods are over.

    Dagster does so by itself when figures change.
    """
    settings = Settings()
    with open_environment(settings) as environment:
        names = _names(environment.catalogue(), dataset)
        found = [
            each
            for name in names
            for each in refit(
                environment.database_url,
                name,
                most_series=settings.forecast_series,
                on_wait=lambda: say("Waiting for another fit to end."),
            )
        ]
    if as_json:
        for each in found:
            print_json({**each.__dict__, "grain": each.grain.value, "last_period": each.last_period.isoformat()})
    else:
        _print(found)


def _print(found: list[Refit]) -> None:
    print_table(
        ("metric", "known until", "ahead", "series", "error", "repeated", "methods", "seconds"),
        [
            (
                f"{each.dataset}.{each.metric}",
                str(each.last_period),
                f"{each.horizon} {each.grain}s",
                f"{each.series:,}",
                _per_cent(each.error),
                _per_cent(each.naive_error),
                ", ".join(f"{name} {number:,}" for name, number in each.methods.items()),
                f"{each.seconds:.2f}",
            )
            for each in found
        ],
    )
    if not found:
        say("There is no finished period with records yet.")


@app.command("list")
def list_(dataset: Name = None, as_json: AsJson = False) -> None:
    """Lists forecasts with their error, of the last six weeks or months; in the back-test until enough was scored."""
    with open_environment(Settings()) as environment:
        names = _names(environment.catalogue(), dataset)
        with connect(environment.database_url) as connection:
            found = [(name, each) for name in names for each in accuracy_of(connection, name)]
    if as_json:
        for name, each in found:
            print_json({"dataset": name, **each.__dict__})
        return
    print_table(
        ("forecast", "by", "error", "repeated", "in 90 %", "known from"),
        [
            (
                f"{name}.{each.metric} per {each.grain}",
                ", ".join(each.fields) or "total",
                _per_cent(each.error),
                _per_cent(each.naive_error),
                _per_cent(each.coverage),
                "what came true" if each.is_tracked else "back-test",
            )
            for name, each in found
        ],
    )


def _per_cent(share: float | None) -> str:
    """An error may be more than all."""
    return "" if share is None else f"{100 * share:.1f} %"


def _names(catalogue: Catalogue, dataset: str | None) -> list[str]:
    if dataset is not None:
        return [dataset_with_forecasts(catalogue, dataset).name]
    found = [name for name, each in catalogue.items() if each.forecasts]
    if not found:
        raise NothingToForecast("No contract asks for forecasts. Add the key `forecasts` to one.")
    return found
