"""Commands on sources: what is pulled from other systems, and the pulls there were."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from logistics_core.catalogue.contract_files import SUFFIX
from logistics_core.catalogue.contract_shapes import suggestion
from logistics_core.database_contract.pull_states import PullState
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import print_json, print_table, say
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import ConfigurationError, PipelineError
from logistics_pipeline.local.environment import Environment, open_environment
from logistics_pipeline.sources.checking import ResourceCheck, check_source
from logistics_pipeline.sources.definition import FilesSource, Resource, RestSource, Source
from logistics_pipeline.sources.in_force import stored_sources
from logistics_pipeline.sources.pulling import PullOptions, PullRequest, pull
from logistics_pipeline.sources.pulls import Pull, PullReport, latest_pulls, list_pulls, sync_sources
from logistics_pipeline.sources.reading import json_schema, read_definition
from logistics_pipeline.sources.remapping import Remapped, remap, restore_pulls
from logistics_pipeline.sources.times import parse_start

Name = Annotated[str, typer.Argument(metavar="NAME", help="The source: the name of its file, without .yaml")]
OneResource = Annotated[str | None, typer.Argument(metavar="RESOURCE", help="Only this resource", show_default=False)]

_COUNTS = ("pages", "records", "landed", "not mapped", "requests", "retries")

group = typer.Typer(no_args_is_help=True, help="Sources: data that is pulled from other systems.")


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.add_typer(group, name="sources")


@contextmanager
def _opened() -> Iterator[tuple[Environment, Connection]]:
    """The environment and the database, which knows what the folder of sources says."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        sync_sources(connection, environment.settings.sources_dir)
        yield environment, connection


def _source(connection: Connection, name: str, settings: Settings) -> RestSource:
    """The source of that name.

    Raises:
        ConfigurationError: there is none, or its file cannot be used.
    """
    stored = stored_sources(connection)
    found = stored.sources.get(name)
    if name in stored.problems and found is None:
        raise ConfigurationError(stored.problems[name])
    if found is None:
        known = ", ".join(stored.sources) or "none"
        raise ConfigurationError(
            f"There is no source {name!r}: {settings.sources_dir / name}{SUFFIX} does not exist. There are: {known}."
            f"{suggestion(name, stored.sources)}"
        )
    if isinstance(found, FilesSource):
        raise ConfigurationError(
            f"{name} is a place of files: it is watched, not pulled. `logistics files` lists them."
        )
    assert isinstance(found, RestSource)
    if name in stored.problems:
        say(f"Warning: {stored.problems[name]} The definition before is used.")
    return found


def _resources(source: RestSource, only: str | None) -> list[Resource]:
    if only is None:
        return list(source.resources)
    if only not in source.names:
        raise ConfigurationError(
            f"{source.name} has no resource {only!r}. There are: {', '.join(source.names)}."
            f"{suggestion(only, source.names)}"
        )
    return [source.resource(only)]


# -- list, pulls -----------------------------------------------------------------------------------------------------


@group.command("list")
def list_sources(as_json: AsJson = False) -> None:
    """Lists the sources and their resources, each with its last pull."""
    with _opened() as (environment, connection):
        stored = stored_sources(connection)
        last = latest_pulls(connection)
    rows = []
    for name, source in stored.sources.items():
        for resource, pulled in _rows_of(source, last):
            rows.append((name, resource, pulled))
    if as_json:
        for name, resource, pulled in rows:
            print_json(_list_document(name, resource, pulled, stored.problems.get(name)))
        for name in stored.problems.keys() - stored.sources.keys():
            print_json({"source": name, "problem": stored.problems[name]})
        return
    print_table(
        ("source", "resource", "dataset", "schedule", "last pull", "state", "records"),
        [_list_row(name, resource, pulled) for name, resource, pulled in rows],
        numeric=("records",),
    )
    for problem in stored.problems.values():
        say(f"Warning: {problem}")
    if not rows and not stored.problems:
        say(f"There are no sources. Put definitions into {environment.settings.sources_dir} (docs/sources.md).")


def _rows_of(source: Source, last: dict[tuple[str, str], Pull]) -> Iterator[tuple[Resource | None, Pull | None]]:
    if isinstance(source, RestSource):
        for resource in source.resources:
            yield resource, last.get((source.name, resource.name))
    else:
        yield None, None


def _list_row(name: str, resource: Resource | None, pulled: Pull | None) -> tuple[object, ...]:
    if resource is None:
        return name, "", "", "watched", "", "", ""
    schedule = resource.schedule.text if resource.schedule else ""
    at = "" if pulled is None else f"{pulled.attempted_at:%Y-%m-%d %H:%M:%S}"
    state = "" if pulled is None else pulled.state
    return name, resource.name, resource.dataset, schedule, at, state, "" if pulled is None else pulled.records


def _list_document(name: str, resource: Resource | None, pulled: Pull | None, problem: str | None) -> dict[str, object]:
    return {
        "source": name,
        "kind": "files" if resource is None else "rest",
        "resource": None if resource is None else resource.name,
        "dataset": None if resource is None else resource.dataset,
        "schedule": resource.schedule.text if resource is not None and resource.schedule else None,
        "problem": problem,
        "last_pull": None if pulled is None else pulled.document(),
    }


@group.command("pulls")
def show_pulls(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only this source", show_default=False)] = None,
    resource: OneResource = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first")] = 20,
    as_json: AsJson = False,
) -> None:
    """Lists pulls: what they asked for, brought and cost, and why they failed or wait."""
    with _opened() as (_, connection):
        found = list_pulls(connection, source=name, resource=resource, limit=limit)
    if as_json:
        for each in found:
            print_json(each.document())
        return
    print_table(
        ("pull", "source", "resource", "begun", "state", *_COUNTS),
        [
            (
                str(each.pull_id), each.source, each.resource, f"{each.started_at:%Y-%m-%d %H:%M:%S}", each.state,
                each.pages, each.records, each.records_landed, each.records_unmapped, each.requests, each.retries,
            )
            for each in found
        ],
        numeric=("pull", *_COUNTS),
    )  # fmt: skip
    for each in found:
        for sentence in _remarks(each):
            say(f"Pull {each.pull_id}: {sentence}")


def _remarks(pulled: Pull) -> Iterator[str]:
    if pulled.error is not None:
        yield f"{pulled.error} {pulled.advice or ''}".strip()
    yield from (f"Warning: {each}" for each in pulled.warnings)


# -- run, backfill ---------------------------------------------------------------------------------------------------


def _time(text: str | None, option: str) -> datetime | None:
    try:
        return None if text is None else parse_start(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} {error}") from None


@group.command("run")
def run(
    name: Name,
    resource: OneResource = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Begin here instead of where the last pull ended: a date or time in UTC"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pulls a source now, parents before their children; goes on with pulls that failed or wait.

    Its records land in the raw folder, where Dagster finds them; without Dagster, load them with `logistics load`.
    Exit code 1 if a pull failed, 4 if one waits for its source.
    """
    _run(name, resource, PullRequest(since=_time(since, "--since")), as_json)


@group.command("backfill")
def backfill(
    name: Name,
    resource: OneResource = None,
    begin: Annotated[str, typer.Option("--from", help="Begin of the time: a date or a time in UTC")] = "",
    until: Annotated[str | None, typer.Option("--until", help="Its end; unset: now")] = None,
    as_json: AsJson = False,
) -> None:
    """Pulls a time of its own, such as one before the first pull; the next pull begins where it would have without.

    Exit codes as for `run`.
    """
    if not begin:
        raise typer.BadParameter("Say where it begins: --from 2024-01-31.")
    request = PullRequest(since=_time(begin, "--from"), until=_time(until, "--until"), is_backfill=True)
    if request.since is not None and request.until is not None and request.since >= request.until:
        raise typer.BadParameter("--from is not before --until.")
    _run(name, resource, request, as_json)


def _run(name: str, only: str | None, request: PullRequest, as_json: bool) -> None:
    reports = []
    with _opened() as (environment, connection):
        source = _source(connection, name, environment.settings)
        options = PullOptions.of(environment.settings)
        for resource in _resources(source, only):
            if _is_left_out(resource, request, only):
                say(f"{name}.{resource.name} has no windows: it is left out.")
                continue
            report = pull(environment.database_url, source, resource.name, options, request)
            reports.append(report)
            _print_report(report, as_json)
    states = {report.pull.state for report in reports}
    if PullState.FAILED in states:
        raise typer.Exit(1)
    if PullState.PAUSED in states:
        raise typer.Exit(4)


def _is_left_out(resource: Resource, request: PullRequest, only: str | None) -> bool:
    has_time = request.since is not None or request.until is not None
    has_windows = resource.incremental is not None and not resource.incremental.keeps_cursor
    return has_time and not has_windows and only is None


def _print_report(report: PullReport, as_json: bool) -> None:
    pulled = report.pull
    if as_json:
        print_json(pulled.document() | {"was_resumed": report.was_resumed, "file": report.file and str(report.file)})
        return
    for sentence in _remarks(pulled):
        say(f"{pulled.source}.{pulled.resource}: {sentence}")
    print(f"{pulled.source}.{pulled.resource}: {_summary(report)}", flush=True)


def _summary(report: PullReport) -> str:
    pulled = report.pull
    cost = f"{pulled.requests:,} requests in {pulled.seconds:.1f} s"
    match pulled.state:
        case PullState.FAILED:
            return f"failed after {pulled.pages:,} pages; {cost}. Run it again: it goes on there."
        case PullState.PAUSED:
            return f"waits until {pulled.paused_until:%Y-%m-%d %H:%M:%S} UTC; {cost}. Run it again then."
        case PullState.UNCHANGED:
            return f"{pulled.records:,} records, the same as the last time; {cost}."
    if pulled.dataset is None:
        return f"{pulled.records:,} records; {cost}."
    unmapped = f", {pulled.records_unmapped:,} not mapped" if pulled.records_unmapped else ""
    vanished = f", {pulled.records_vanished:,} vanished since the last time" if pulled.records_vanished else ""
    where = f" in {report.file}" if report.file else ""
    return f"{pulled.records:,} records, {pulled.records_landed:,} landed{unmapped}{vanished}{where}; {cost}."


# -- check -----------------------------------------------------------------------------------------------------------


@group.command("check")
def check(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A source, or a definition file")],
    resource: OneResource = None,
    as_json: AsJson = False,
) -> None:
    """Tries a definition: reads the first page of each resource, and says what a load would make of its records.

    Nothing is kept. Exit code 1 if something is wrong.
    """
    with _opened() as (environment, connection):
        source = _definition(connection, name, environment.settings)
        _resources(source, resource)
        checks = []
        for each in check_source(connection, source, environment.catalogue(), environment.settings, resource):
            checks.append(each)
            print_json({"source": source.name} | asdict(each)) if as_json else _print_check(source, each)
    if not all(each.is_good for each in checks):
        raise typer.Exit(1)


def _definition(connection: Connection, name: str, settings: Settings) -> RestSource:
    if not name.endswith(SUFFIX):
        return _source(connection, name, settings)
    found = read_definition(Path(name))
    if not isinstance(found, RestSource):
        raise ConfigurationError(f"{name} defines a place of files: `check` tries APIs.")
    return found


def _print_check(source: RestSource, found: ResourceCheck) -> None:
    asked = f" ({found.url})" if found.url else ""
    counted = "was not read" if found.records is None else f"first page has {found.records:,} records"
    total = f" of {found.total:,}" if found.total is not None else ""
    following = "" if found.records is None else "; another page follows" if found.next else "; it is the last one"
    print(f"{source.name}.{found.resource}: {counted}{total}{following}{asked}.")
    for sample in found.samples[:1]:
        print_json(dict(sample))
    for reason, count in found.unmapped.items():
        print(f"  not mapped: {count:,}: {reason}")
    if found.load is not None:
        records = found.load["records"]
        print(f"  a load would accept {records['accepted']:,} and reject {records['rejected']:,} of them")
    for note in found.notes:
        print(f"  note: {note}")
    for problem in found.problems:
        print(f"  wrong: {problem}")


@group.command("schema")
def schema() -> None:
    """Prints what a definition may hold, as a JSON Schema for editors."""
    print_json(json_schema())


# -- remap -----------------------------------------------------------------------------------------------------------


@group.command("remap")
def map_anew(name: Name, resource: OneResource = None, as_json: AsJson = False) -> None:
    """Makes the files of all pulls anew from the archive, by the present mapping, without asking the source.

    Files keep their place among the others: an old pull does not win over a younger one. Dagster loads them again.
    Pulls that the archive has and the database has lost are restored first.
    """
    with _opened() as (environment, connection):
        source = _source(connection, name, environment.settings)
        options = PullOptions.of(environment.settings)
        restored = restore_pulls(connection, options.archive_dir)
        if restored:
            say(f"{restored:,} pulls of the archive were unknown to the database, and are restored.")
        wanted = [each for each in _resources(source, resource) if each.dataset is not None or resource is not None]
        to_reload: dict[str, None] = {}
        for each in wanted:
            for done in remap(environment.database_url, source, each.name, options, environment.load_options()):
                to_reload |= dict.fromkeys(done.to_reload)
                if as_json:
                    print_json({"source": name, "resource": each.name} | asdict(done))
                elif done.is_changed:
                    print(f"{name}.{each.name}, pull {done.pull_id}: {_mapped_anew(done)}")
        _request_loads(connection, to_reload)
    if not wanted:
        raise PipelineError(f"{name} has no resource with a dataset: there is nothing to map.")


def _mapped_anew(done: Remapped) -> str:
    landed = "no record, and no file" if done.path is None else f"{done.records_landed:,} records in {done.path}"
    return f"{landed}, {done.records_unmapped:,} not mapped." if done.records_unmapped else f"{landed}."


def _request_loads(connection: Connection, paths: dict[str, None]) -> None:
    """Has Dagster load files again that had rows under the same keys."""
    for path in paths:
        file = ledger.latest_file(connection, path)
        if file is not None and ledger.request_retry(connection, file.file_id):
            say(f"{path} may have rows to bring back: its load is requested.")
