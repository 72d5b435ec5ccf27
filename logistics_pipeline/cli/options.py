"""Options that several commands have."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from logistics_core.catalogue import Catalogue, ContractError, load_catalogue
from logistics_core.catalogue.contract_files import BUILT_IN, SUFFIX
from logistics_core.row_access.rule_texts import read_rules
from logistics_core.row_access.rules import RowAccess
from logistics_core.settings import Settings
from logistics_pipeline.contracts.versions import read_catalogue
from logistics_pipeline.errors import ConfigurationError, PipelineError

_COMPLETION_SECONDS = 0.5
"""How long a completion tries to reach the database."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document per line instead of text for people")]
RefreshAfter = Annotated[bool, typer.Option("--refresh/--no-refresh", help="Refresh the figures at the end")]


def dataset_option(help: str) -> Any:
    """The option `--dataset`: the name of a dataset, built in or with a contract in the data folder."""
    return typer.Option(
        metavar="DATASET", help=help, callback=_check_dataset, autocompletion=_complete_dataset, show_default=False
    )


def rows_of_rules(rules: Sequence[str], catalogue: Catalogue) -> RowAccess:
    """What the options `--only` let a caller see.

    Raises:
        PipelineError: one of them is no rule, or does not fit the contract of its dataset.
    """
    try:
        return read_rules(rules, catalogue)
    except ValueError as error:
        raise PipelineError(f"--only {error}") from None


def moment(text: str | None, option: str) -> datetime | None:
    """The moment that an option names: a time, or the beginning of a day; UTC where no zone is given.

    Raises:
        ConfigurationError: it is neither.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{option} is {text!r}. Expected: a time such as 2024-06-01T12:00Z, or a day such as 2024-06-01."
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def dataset_names(settings: Settings) -> list[str]:
    """The datasets there are: in the database that the settings name; else, as it may not run, those of the folder.

    A contract file with a mistake counts by its name: what needs it says what is wrong, and nothing else is held up.

    Raises:
        TransientError: the database cannot be reached.
        ContractError: a contract in the database cannot be used by this version.
    """
    if settings.database_url is not None:
        return list(read_catalogue(settings))
    try:
        return list(load_catalogue(settings.contracts_dir))
    except ContractError:
        return [
            *BUILT_IN,
            *sorted(file.name.removesuffix(SUFFIX) for file in settings.contracts_dir.glob(f"*{SUFFIX}")),
        ]


def _check_dataset(name: str | None) -> str | None:
    if name is None or name in (known := dataset_names(Settings())):
        return name
    raise typer.BadParameter(f"there is no dataset {name!r}. Choose one of {', '.join(known)}.")


def _complete_dataset(incomplete: str) -> list[str]:
    try:
        settings = Settings().model_copy(update={"retry_seconds": _COMPLETION_SECONDS})
        return [name for name in dataset_names(settings) if name.startswith(incomplete)]
    except (
        ContractError,
        PipelineError,
        ValueError,
    ):  # the latter for settings that are wrong: a completion has nobody to tell
        return []
