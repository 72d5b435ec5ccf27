"""Plans: the statement of an operation, what its parameters are made of, and what it costs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError
from psycopg import sql

from logistics_api.graphql.variables import Late, Variables, resolved
from logistics_api.rows.queries import ESTIMATE
from logistics_core.catalogue import Dataset

Binder = Callable[[Variables], dict[str, Any]]
"""Makes parameters of a statement from the values of variables."""


@dataclass(frozen=True)
class RowsAsked:
    """How many rows a page asks for."""

    first: int | Late
    most: int

    def number(self, variables: Variables) -> int:
        """The number.

        Raises:
            GraphQLError: it is none that a page can have.
        """
        number: int = resolved(self.first, variables)
        if not 1 <= number <= self.most:
            raise GraphQLError(
                f"first takes a number from 1 to {self.most:,}, not {number:,}. Read further pages with after."
            )
        return number


@dataclass
class Cost:
    """What an operation may read at most: columns, each with the pages whose sizes multiply the number of its rows."""

    parts: list[tuple[tuple[RowsAsked, ...], int, int]] = field(default_factory=list)
    """Pages around it, rows where no page says how many, columns."""

    def add(self, pages: Sequence[RowsAsked], columns: int, rows: int = 1) -> None:
        self.parts.append((tuple(pages), rows, max(columns, 1)))

    def of(self, variables: Variables) -> int:
        """Rows asked for × columns, summed up.

        Raises:
            GraphQLError: a page has a size that it cannot have.
        """
        total = 0
        for pages, rows, columns in self.parts:
            for page in pages:
                rows *= page.number(variables)
            total += rows * columns
        return total


@dataclass(frozen=True)
class Estimate:
    """A number of rows that PostgreSQL expects: asked for before the statement, of which it is a parameter."""

    name: str
    statement: bytes
    """An EXPLAIN with a plan as JSON; its parameters are among those of the statement."""


@dataclass
class AsOfAsked:
    """That a part of an operation is about what was known earlier: its parameter is the number of the last file."""

    name: str
    text: str | Late
    datasets: dict[str, Dataset] = field(default_factory=dict)
    """Whose records are read, by name."""

    def add(self, dataset: Dataset) -> None:
        """Notes that records of a dataset are read."""
        self.datasets[dataset.name] = dataset

    @property
    def file(self) -> sql.Composable:
        """What stands for the number in the statement."""
        return sql.SQL("{}::int").format(sql.Placeholder(self.name))


class Binding:
    """The parameters of a statement while it is written."""

    def __init__(self) -> None:
        self.binders: list[Binder] = []
        self.estimates: list[Estimate] = []
        self.as_of: list[AsOfAsked] = []
        self._count = 0

    def name(self) -> str:
        """A name that no other parameter has."""
        self._count += 1
        return f"p{self._count}"

    def value(self, value: Any, convert: Callable[[Any], Any] = lambda value: value) -> sql.Composable:
        """Adds a parameter; returns what stands for it in the statement.

        Raises:
            GraphQLError: `convert` refuses a value that is known already.
        """
        name = self.name()
        if isinstance(value, Late):
            late = value
            self.binders.append(lambda variables: {name: convert(late.value(variables))})
        else:
            converted = convert(value)
            self.binders.append(lambda _: {name: converted})
        return sql.Placeholder(name)

    def as_of_file(self, text: str | Late) -> AsOfAsked:
        """Adds the number of the file that a text means; it is looked up before the statement."""
        asked = AsOfAsked(self.name(), text)
        self.as_of.append(asked)
        return asked

    def made(self, make: Callable[[Variables], Any]) -> sql.Composable:
        """Adds a parameter that is made of variables."""
        name = self.name()
        self.binders.append(lambda variables: {name: make(variables)})
        return sql.Placeholder(name)

    def estimated(self, relation: sql.Composable, conditions: sql.Composable) -> sql.Composable:
        """Adds the number of rows that PostgreSQL expects."""
        name = self.name()
        named = sql.SQL("the rows of a page")  # in a comment, which ends with its line
        statement = sql.SQL(ESTIMATE).format(table=named, relation=relation, conditions=conditions)
        self.estimates.append(Estimate(name, statement.as_bytes(None)))
        return sql.SQL("{}::bigint").format(sql.Placeholder(name))
