"""Options that several commands have."""

from typing import Annotated, Any

import typer

from logistics_core.catalogue import ContractError, load_catalogue
from logistics_core.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document per line instead of text for people")]
RefreshAfter = Annotated[bool, typer.Option("--refresh/--no-refresh", help="Refresh the figures at the end")]


def dataset_option(help: str) -> Any:
    """The option `--dataset`: the name of a dataset, built in or with a contract in the data folder."""
    return typer.Option(
        metavar="DATASET", help=help, callback=_check_dataset, autocompletion=_complete_dataset, show_default=False
    )


def dataset_names() -> list[str]:
    """The datasets there are by the settings.

    Raises:
        ContractError: a contract file cannot be used.
    """
    return list(load_catalogue(Settings().contracts_dir))


def _check_dataset(name: str | None) -> str | None:
    if name is None or name in (known := dataset_names()):
        return name
    raise typer.BadParameter(f"there is no dataset {name!r}. Choose one of {', '.join(known)}.")


def _complete_dataset(incomplete: str) -> list[str]:
    try:
        return [name for name in dataset_names() if name.startswith(incomplete)]
    except (ContractError, ValueError):  # the latter for settings that are wrong: a completion has nobody to tell
        return []
