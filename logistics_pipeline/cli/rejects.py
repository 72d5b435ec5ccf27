"""Commands about rejected records: rejects list|export|replay."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from typer.core import TyperGroup

from logistics_core.reject_text import raw_text
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.atomic_files import replacing
from logistics_pipeline.cli.ledger_names import find_file
from logistics_pipeline.cli.options import AsJson, RefreshAfter, dataset_option
from logistics_pipeline.cli.output import print_json, print_table, say
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import ConfigurationError, PipelineError
from logistics_pipeline.files.folder import key_of
from logistics_pipeline.loading.layouts import layout_from_json
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.rejects.export_lines import export_line
from logistics_pipeline.loading.rejects.replay import replay_export, replay_stored
from logistics_pipeline.loading.rejects.replay_results import Problem, Replay
from logistics_pipeline.local.environment import open_environment


class _ListsByDefault(TyperGroup):
    """`logistics rejects FILE` is `logistics rejects list FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


rejects = typer.Typer(
    cls=_ListsByDefault,
    help="Rejected records: lists them (also without `list`), exports them for correction, replays them; lists values "
    "that were left out.",
)

LedgerName = Annotated[
    str | None, typer.Argument(help="A file by its path, as `logistics files` shows it", show_default=False)
]
OfDataset = Annotated[str | None, dataset_option("Of all files of a dataset")]
ResolvedToo = Annotated[bool, typer.Option("--all", help="Also those that a replay has since accepted")]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.add_typer(rejects, name="rejects")


@rejects.command(name="list")
def list_rejects(
    file: LedgerName = None,
    limit: Annotated[int, typer.Option(help="At most this many; 0 for all", min=0)] = 100,
    resolved_too: ResolvedToo = False,
    as_json: AsJson = False,
) -> None:
    """Lists rejected records: their position, what is wrong, and their raw text.

    `data/failed` holds them too, in the format they came in and ready to be corrected.
    """
    settings = Settings()
    with open_environment(settings) as environment, connect(environment.database_url) as connection:
        path = _path_in_ledger(connection, file, settings) if file else None
        found = islice(ledger.rejects(connection, path=path, resolved_too=resolved_too), limit or None)
        if as_json:
            for reject in found:
                document = {**reject.__dict__}
                del document["raw"]
                print_json(document | raw_text(reject.raw))
            return
        rows = [
            (r.path, r.record_no, r.byte_offset, r.reason, r.raw[:300].decode("utf-8", "backslashreplace"))
            for r in found
        ]
    print_table(("file", "record", "byte", "reason", "raw text"), rows, numeric=("record", "byte"))


@rejects.command()
def cleared(
    file: LedgerName = None,
    limit: Annotated[int, typer.Option(help="At most this many; 0 for all", min=0)] = 100,
    as_json: AsJson = False,
) -> None:
    """Lists invalid values that were left out of loaded records, where the contract or a setting allows that."""
    settings = Settings()
    with open_environment(settings) as environment, connect(environment.database_url) as connection:
        path = _path_in_ledger(connection, file, settings) if file else None
        found = list(islice(ledger.cleared_values(connection, path=path), limit or None))
    if as_json:
        for value in found:
            document = {**value.__dict__}
            del document["raw"]
            print_json(document | raw_text(value.raw))
        return
    rows = [(v.path, v.record_no, v.field, v.reason, v.raw[:300].decode("utf-8", "backslashreplace")) for v in found]
    print_table(("file", "record", "field", "reason", "value"), rows, numeric=("record",))


@rejects.command()
def export(
    file: LedgerName = None,
    dataset: OfDataset = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; without it, standard output", show_default=False)
    ] = None,
    resolved_too: ResolvedToo = False,
) -> None:
    """Writes rejected records for correction, one JSON object per line.

    Correct the value of `"record"`, leave the rest as it is, then run `logistics rejects replay FILE`.
    """
    settings = Settings()
    with open_environment(settings) as environment, connect(environment.database_url) as connection:
        path = _path_in_ledger(connection, file, settings) if file else None
        files = ledger.files_with_rejects(connection, path=path, dataset=dataset)
        written = 0
        with _output(out, settings) as stream:
            for each in files:
                layout = layout_from_json(each.layout)
                for reject in ledger.rejects(connection, file_id=each.file_id, resolved_too=resolved_too):
                    stream.write(export_line(reject, layout))
                    written += 1
    if out is not None:
        say(f"{written:,} rejected records written to {out}.")


@contextmanager
def _output(out: Path | None, settings: Settings) -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears once it is complete."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if not key_of(out, settings.raw_dir).startswith("/"):
        raise ConfigurationError(f"{out} is below {settings.raw_dir}, whose files are loaded: write it elsewhere.")
    try:
        with replacing(out) as stream:
            yield stream
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written ({error.strerror}).") from error


@rejects.command()
def replay(
    file: Annotated[
        str | None,
        typer.Argument(
            help="A corrected export; or a file by its path, as `logistics files` shows it, whose rejects are to be "
            "validated again as they are",
            show_default=False,
        ),
    ] = None,
    dataset: OfDataset = None,
    as_json: AsJson = False,
    refresh_after: RefreshAfter = True,
) -> None:
    """Loads rejected records that were corrected, or that the present contract and settings accept.

    Each keeps its record number, so a later record with the same key still wins. Repeating a replay does no harm.

    Exit code 1 if any record is still bad, or any line of the export refers to no reject.
    """
    if (file is None) == (dataset is None):
        raise typer.BadParameter("Give either a FILE or --dataset.")
    settings = Settings()
    with open_environment(settings) as environment:
        url = environment.database_url
        done = _replay(url, file, dataset, settings, environment.load_options())
        if refresh_after and done.accepted:
            refresh(url)
    if as_json:
        print_json({**done.__dict__, "problems": [problem.__dict__ for problem in done.problems]})
    else:
        say(_summary(done))
        for problem in done.problems:
            say(f"  {_describe(problem)}")
    if not done.is_clean:
        raise typer.Exit(1)


def _replay(url: str, file: str | None, dataset: str | None, settings: Settings, options: LoadOptions) -> Replay:
    if file is None:
        return replay_stored(url, options, dataset=dataset, on_wait=_say_wait)
    with connect(url) as connection:
        known = find_file(connection, file, settings)
    if known is not None and known.dataset is not None:
        return replay_stored(url, options, path=known.path, on_wait=_say_wait)
    if Path(file).is_file():
        return replay_export(url, Path(file), options, on_wait=_say_wait)
    raise PipelineError(f"{file!r} is neither a file here nor one that `logistics files` lists.")


def _say_wait(path: str) -> None:
    say(f"Waiting for the load of {path} to end, to rewrite its file of rejects. Everything else is done.")


def _summary(done: Replay) -> str:
    parts = [f"{done.accepted:,} accepted ({done.loaded:,} loaded, {done.superseded:,} superseded by later records)"]
    parts += [f"{done.still_bad:,} still bad"]
    parts += [f"{done.resolved_before:,} had been accepted before"] if done.resolved_before else []
    parts += [f"{done.unusable:,} lines refer to no reject"] if done.unusable else []
    unknown = ", ".join(done.unknown_fields)
    finished = "".join(f" {path} had failed and is loaded now." for path in done.files_finished)
    return f"{', '.join(parts)}." + (f" Unknown fields were left out: {unknown}." if unknown else "") + finished


def _describe(problem: Problem) -> str:
    line = f"line {problem.line_no:,}" if problem.line_no is not None else ""
    version = f" (version {problem.version})" if problem.version and problem.version > 1 else ""
    record = f"{problem.path}{version} record {problem.record_no:,}" if problem.record_no is not None else ""
    return f"{', '.join(filter(None, (line, record)))}: {problem.reason}"


def _path_in_ledger(connection: Connection, name: str, settings: Settings) -> str:
    """The path in the ledger of a file given by that path or by its path on disk."""
    known = find_file(connection, name, settings)
    if known is None:
        raise PipelineError(f"The ledger has no file {name!r}; `logistics files` lists those it has.")
    return known.path
