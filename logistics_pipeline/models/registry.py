"""Versions of models: registered, tested, promoted, rolled back, archived. The database holds the rules.

A version changes its state by a row of `models.transitions` alone (see the migration): with author and reason, and to
production only with a back-test of that version.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import errors
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from logistics_core.catalogue.models import DeclaredModel
from logistics_core.models.artefacts import ArtefactFormat, check_artefact, digest_of
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.models.backtesting import Verdict

PIPELINE = "pipeline"
"""The author of what happens by itself."""
KEPT_ARTEFACTS = 20
"""Of archived versions of a model that were never in production, the newest keep their artefacts."""


class RegistryError(PipelineError):
    """What is asked for is not possible: the message says what is."""


@dataclass(frozen=True)
class Draft:
    """A version that is not registered yet."""

    method: str
    format: ArtefactFormat
    content: bytes
    input_schema: list[dict[str, Any]]
    outputs: dict[str, Any]
    card: dict[str, Any]
    declaration: str
    code_version: str
    data_version: int
    trained_on: int
    first_day: date | None
    last_day: date | None
    seconds: float
    memory_bytes: int
    companion: bytes | None = None
    """A document of our own that the artefact needs beside it."""


@dataclass(frozen=True)
class Version:
    """A row of `models.versions`, without the artefact."""

    model: str
    version: int
    state: str
    method: str
    format: str
    sha256: str
    companion_sha256: str | None
    outputs: dict[str, Any]
    card: dict[str, Any]
    declaration: str
    code_version: str
    data_version: int
    last_day: date | None
    author: str
    created_at: datetime

    @property
    def name(self) -> str:
        """For messages: `version 3 of shipments.delivery_time`."""
        return f"version {self.version} of {self.model}"


_COLUMNS = (
    "model, version, state, method, format, sha256, companion_sha256, outputs, card, declaration, code_version, "
    "data_version, last_day, author, created_at"
)


# -- what there is ---------------------------------------------------------------------------------------------------


def declare(connection: Connection, dataset: str, model: DeclaredModel) -> str:
    """Notes that the contract asks for a model; returns its name."""
    name = model.full_name(dataset)
    connection.execute(
        "INSERT INTO models.models AS known (model, dataset, kind, declaration) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (model) DO UPDATE SET kind = excluded.kind, declaration = excluded.declaration, retired_at = NULL "
        "WHERE (known.kind, known.declaration, known.retired_at) "
        "IS DISTINCT FROM (excluded.kind, excluded.declaration, NULL)",
        (name, dataset, model.kind, Jsonb(declaration_document(model))),
    )
    return name


def declaration_document(model: DeclaredModel) -> dict[str, Any]:
    """What a contract asks for, as JSON."""
    return {
        "name": model.name,
        "field": model.field,
        "by": list(model.by),
        "per": list(model.per),
        "promise": model.promise,
        "min_effect": float(model.min_effect),
    }


def retire_missing(connection: Connection, declared: Sequence[str]) -> None:
    """Notes which models no contract asks for any more. Their versions and predictions stay."""
    connection.execute(
        "UPDATE models.models SET retired_at = clock_timestamp() WHERE retired_at IS NULL AND NOT model = ANY(%s)",
        (list(declared),),
    )


def find_version(connection: Connection, model: str, version: int) -> Version:
    """A version.

    Raises:
        RegistryError: there is none of that number.
    """
    with connection.cursor(row_factory=class_row(Version)) as cursor:
        found = cursor.execute(
            f"SELECT {_COLUMNS} FROM models.versions WHERE model = %s AND version = %s", (model, version)
        ).fetchone()
    if found is None:
        raise RegistryError(f"{model} has no version {version}. `logistics models list {model}` shows all versions.")
    return found


def in_production(connection: Connection, model: str) -> Version | None:
    """The version in production; None if there is none."""
    with connection.cursor(row_factory=class_row(Version)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM models.versions WHERE model = %s AND state = 'production'", (model,)
        ).fetchone()


def in_production_at(connection: Connection, model: str, at: datetime) -> int | None:
    """The version that was in production at a moment; None if none was."""
    row = connection.execute(
        "SELECT version FROM models.aliases WHERE model = %s AND alias = 'champion' AND since <= %s "
        "AND (until IS NULL OR until > %s) ORDER BY alias_id DESC LIMIT 1",
        (model, at, at),
    ).fetchone()
    return None if row is None else int(row[0])


def read_artefact(connection: Connection, version: Version, *, companion: bool = False) -> bytes:
    """The bytes of a version, as they were registered.

    Raises:
        RegistryError: they were deleted.
        ArtefactError: they were changed.
    """
    digest = version.companion_sha256 if companion else version.sha256
    row = connection.execute("SELECT content FROM models.artefacts WHERE sha256 = %s", (digest,)).fetchone()
    if row is None or digest is None:
        raise RegistryError(f"The artefact of {version.name} was deleted, as it was archived long ago.")
    content = bytes(row[0])
    check_artefact(content, digest, version.name)
    return content


# -- changes ---------------------------------------------------------------------------------------------------------


def register(connection: Connection, model: str, draft: Draft, author: str) -> Version:
    """Stores a new version. The connection is in a transaction, and nobody else registers versions of the model."""
    for content, format in ((draft.content, draft.format), (draft.companion, ArtefactFormat.JSON)):
        if content is not None:
            connection.execute(
                "INSERT INTO models.artefacts (sha256, format, content) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (digest_of(content), format.value, content),
            )
    values = {
        "model": model,
        "method": draft.method,
        "format": draft.format.value,
        "sha256": digest_of(draft.content),
        "companion_sha256": None if draft.companion is None else digest_of(draft.companion),
        "input_schema": Jsonb(draft.input_schema),
        "outputs": Jsonb(draft.outputs),
        "card": Jsonb(draft.card),
        "declaration": draft.declaration,
        "code_version": draft.code_version,
        "data_version": draft.data_version,
        "trained_on": draft.trained_on,
        "first_day": draft.first_day,
        "last_day": draft.last_day,
        "author": author,
        "seconds": draft.seconds,
        "memory_bytes": draft.memory_bytes,
    }
    row = connection.execute(
        f"INSERT INTO models.versions (version, {', '.join(values)}) "
        "VALUES ((SELECT coalesce(max(version), 0) + 1 FROM models.versions WHERE model = %(model)s), "
        f"{', '.join(f'%({name})s' for name in values)}) RETURNING version",
        values,
    ).fetchone()
    assert row is not None
    return find_version(connection, model, int(row[0]))


def store_backtest(
    connection: Connection,
    version: Version,
    windows: Sequence[dict[str, Any]],
    overall: dict[str, Any],
    compared: Sequence[dict[str, Any]] | None,
    verdict: Verdict,
) -> int:
    """Stores a back-test of a version; returns its ID."""
    row = connection.execute(
        "INSERT INTO models.backtests (model, version, data_version, records, windows, overall, compared, verdict, "
        "reason) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING backtest_id",
        (
            version.model,
            version.version,
            version.data_version,
            overall["records"],
            Jsonb(list(windows)),
            Jsonb(overall),
            None if compared is None else Jsonb(list(compared)),
            verdict.verdict,
            verdict.reason,
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def promote(
    connection: Connection, model: str, version: int, author: str, reason: str, *, even_if_worse: bool = False
) -> Version:
    """Takes a version to production, by its newest back-test. The one that was there is archived.

    If a person does so, later versions are promoted by themselves again.

    Raises:
        RegistryError: it has no back-test, or one that another version in production has won; or it is in production.
    """
    with connection.transaction(), _explained():
        found = find_version(connection, model, version)
        backtest = _newest_backtest(connection, found)
        if found.state == "production":
            raise RegistryError(f"Version {version} of {model} is in production already.")
        if backtest is None:
            raise RegistryError(
                f"Version {version} of {model} has no stored back-test, so it cannot be promoted. "
                f"`logistics models train {model}` makes a version and tests it."
            )
        backtest_id, verdict, says, data_version = backtest
        champion = in_production(connection, model)
        if champion is not None and verdict == "worse" and not even_if_worse:
            raise RegistryError(
                f"Version {version} of {model} lost its back-test (data version {data_version}): {says} Promote it "
                "nevertheless with --even-if-worse."
            )
        if found.state in ("registered", "archived"):
            _move(connection, found, "staging", author, reason, backtest_id)
        _move(connection, find_version(connection, model, version), "production", author, reason, backtest_id)
        if author != PIPELINE:
            hold(connection, model, held=False)
        return find_version(connection, model, version)


def roll_back(connection: Connection, model: str, author: str, reason: str) -> Version:
    """Takes the version to production that was there before, and holds it. Done again, it goes back one more.

    Nothing is promoted by itself until a person promotes a version.

    Raises:
        RegistryError: there was none before.
    """
    with connection.transaction():
        champion = in_production(connection, model)
        line = _line_of_champions(connection, model)
        before = line if champion is None else line[: line.index(champion.version)]
        if not before:
            raise RegistryError(
                f"No other version of {model} was in production before. `logistics models promote {model} VERSION` "
                f"takes one there; `logistics models history {model}` says which there were."
            )
        found = promote(connection, model, before[-1], author, reason, even_if_worse=True)
        hold(connection, model, held=True)
        return found


def _line_of_champions(connection: Connection, model: str) -> list[int]:
    """The versions that followed each other in production.

    One that came back stands where it was first, and those after it are left out: nobody wanted to stay with them.
    """
    line: list[int] = []
    for (version,) in connection.execute(
        "SELECT version FROM models.aliases WHERE model = %s AND alias = 'champion' ORDER BY alias_id", (model,)
    ).fetchall():
        if version in line:
            del line[line.index(version) + 1 :]
        else:
            line.append(version)
    return line


def archive(connection: Connection, model: str, version: int, author: str, reason: str) -> Version:
    """Archives a version. That in production leaves the model without one.

    Raises:
        RegistryError: it is archived already.
    """
    with connection.transaction(), _explained():
        found = find_version(connection, model, version)
        if found.state == "archived":
            raise RegistryError(f"Version {version} of {model} is archived already.")
        _move(connection, found, "archived", author, reason, None)
        return find_version(connection, model, version)


def stage(connection: Connection, version: Version, author: str, reason: str, backtest_id: int) -> None:
    """Takes a registered version to staging: it may be promoted, by this back-test."""
    _move(connection, version, "staging", author, reason, backtest_id)


def challenge(connection: Connection, version: Version, author: str, reason: str, backtest_id: int) -> None:
    """Makes a version the challenger, in place of the one before."""
    connection.execute(
        "UPDATE models.aliases SET until = greatest(since, clock_timestamp()) "
        "WHERE model = %s AND alias = 'challenger' AND until IS NULL",
        (version.model,),
    )
    connection.execute(
        "INSERT INTO models.aliases (model, alias, version, author, reason, backtest_id) "
        "VALUES (%s, 'challenger', %s, %s, %s, %s)",
        (version.model, version.version, author, reason, backtest_id),
    )


def hold(connection: Connection, model: str, *, held: bool) -> None:
    """Whether the version in production stays until a person promotes another."""
    connection.execute("UPDATE models.models SET is_held = %s WHERE model = %s", (held, model))


def is_held(connection: Connection, model: str) -> bool:
    """Whether nothing is promoted by itself."""
    return connection.execute("SELECT is_held FROM models.models WHERE model = %s", (model,)).fetchone() == (True,)


def archive_superseded(connection: Connection, model: str) -> None:
    """Archives versions in staging that a newer one of the same method has superseded, and forgets old artefacts."""
    rows = connection.execute(
        "SELECT version FROM models.versions AS version WHERE model = %s AND state IN ('registered', 'staging') "
        "AND EXISTS (SELECT FROM models.versions AS newer WHERE newer.model = version.model "
        "AND newer.method = version.method AND newer.version > version.version) ORDER BY version",
        (model,),
    ).fetchall()
    for (version,) in rows:
        archive(connection, model, version, PIPELINE, "A newer version of the same method has taken its place.")
    connection.execute(
        "DELETE FROM models.artefacts WHERE sha256 IN (SELECT unnest(ARRAY[sha256, companion_sha256]) "
        "FROM models.versions WHERE model = %(model)s AND state = 'archived' "
        "AND version NOT IN (SELECT version FROM models.aliases WHERE model = %(model)s AND alias = 'champion') "
        "ORDER BY version DESC OFFSET %(kept)s) "
        "AND sha256 NOT IN (SELECT unnest(ARRAY[sha256, coalesce(companion_sha256, sha256)]) FROM models.versions "
        "AS used WHERE used.state <> 'archived' OR EXISTS (SELECT FROM models.aliases AS alias WHERE "
        "alias.model = used.model AND alias.version = used.version AND alias.alias = 'champion'))",
        {"model": model, "kept": 2 * KEPT_ARTEFACTS},
    )


def _newest_backtest(connection: Connection, version: Version) -> tuple[int, str, str, int] | None:
    row = connection.execute(
        "SELECT backtest_id, verdict, reason, data_version FROM models.backtests WHERE model = %s AND version = %s "
        "ORDER BY backtest_id DESC LIMIT 1",
        (version.model, version.version),
    ).fetchone()
    return None if row is None else (row[0], row[1], row[2], row[3])


def _move(
    connection: Connection, version: Version, to_state: str, author: str, reason: str, backtest_id: int | None
) -> None:
    connection.execute(
        "INSERT INTO models.transitions (model, version, from_state, to_state, author, reason, backtest_id) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (version.model, version.version, version.state, to_state, author[:200], reason[:2000], backtest_id),
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Says in a sentence what the database refuses, such as a change that somebody else has made meanwhile."""
    try:
        yield
    except errors.IntegrityError as error:
        raise RegistryError(error.diag.message_primary or str(error)) from error


def as_text(document: Any) -> str:
    """JSON for people."""
    return json.dumps(document, ensure_ascii=False, indent=2, default=str)
