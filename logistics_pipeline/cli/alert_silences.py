"""What commands about alerts share: their statements, and how silences name rules, labels and lengths of time."""

from datetime import datetime, timedelta
from typing import Any

import typer

from logistics_core.alert_rules.built_in import BUILT_IN
from logistics_core.catalogue.contract_shapes import suggestion
from logistics_core.settings import Settings
from logistics_core.sql_files import read_sql
from logistics_core.time_lengths import parse_length
from logistics_pipeline.alerting.rule_files import read_rules
from logistics_pipeline.database.connections import connect
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.local.environment import open_environment

LONGEST_SILENCE = timedelta(days=366)


def rows_of(name: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The rows of a statement in `sql/`, by the names of its columns."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        cursor = connection.execute(read_sql(name).encode(), parameters or {})
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def value_of(statement: str, parameters: dict[str, Any]) -> Any:
    """The one value of a statement; None without a row."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        row = connection.execute(statement.encode(), parameters).fetchone()
        return None if row is None else row[0]


def check_rule(name: str | None) -> None:
    """Refuses a rule that does not exist: a silence of it would hold back nothing.

    Raises:
        PipelineError: there is none of that name.
    """
    if name is None:
        return
    stored = {row["name"] for row in rows_of("alerting/list_rules")}
    known = stored | BUILT_IN.keys() | read_rules(Settings().alerts_dir).keys()
    if name not in known:
        raise PipelineError(f"There is no rule {name!r}.{suggestion(name, known)} See: logistics alerts list.")


def length_of_silence(text: str) -> timedelta:
    """For how long nothing is announced.

    Raises:
        BadParameter: it is no length, or too long.
    """
    try:
        found = parse_length(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from None
    if not timedelta(0) < found <= LONGEST_SILENCE:
        raise typer.BadParameter("is not between 1s and 366d.", param_hint="--for")
    return found


def label_of(text: str) -> tuple[str, str]:
    """The name and the value of a label.

    Raises:
        BadParameter: it has not both.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(
            f"is {text!r}. Expected: a name and a value, as in dataset=shipments.", param_hint="--label"
        )
    return name, value


def labels_text(labels: dict[str, str]) -> str:
    """Labels as the option `--label` takes them."""
    return ", ".join(f"{name}={value}" for name, value in labels.items())


def shown_time(moment: datetime | str | None) -> str:
    """A moment by the clock of the machine."""
    if moment is None:
        return ""
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return found.astimezone().strftime("%Y-%m-%d %H:%M")
