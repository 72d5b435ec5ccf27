"""The command that takes a file's rows out of the database again: unload."""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.cli.ledger_names import ledger_path
from logistics_pipeline.cli.options import AsJson, RefreshAfter
from logistics_pipeline.cli.output import load_result, print_json, say
from logistics_pipeline.database.connections import connect
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.unload import Unloaded, unload_file
from logistics_pipeline.local.environment import open_environment


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(unload)


def unload(
    file: Annotated[str, typer.Argument(help="A file by its path, as `logistics files` shows it", show_default=False)],
    version: Annotated[
        int | None,
        typer.Option(help="An older version of it; without it, the newest that was loaded", min=1, show_default=False),
    ] = None,
    as_json: AsJson = False,
    refresh_after: RefreshAfter = True,
) -> None:
    """Removes a file's rows and rejects from the database. The file itself is not touched.

    Dagster does not load it again as long as it stays unchanged in `data/raw`. `logistics retry FILE` loads it again,
    and so does materialising its partition.

    Rows of older files that it superseded return by themselves where earlier versions are kept (`logistics history`).
    Otherwise load those files again: the command says which they are.
    """
    settings = Settings()
    with open_environment(settings) as environment:
        url = environment.database_url
        with connect(url) as connection:
            path = ledger_path(connection, file, settings)
        done = unload_file(url, path, environment.load_options(), version=version, on_wait=_say_wait)
        if refresh_after:  # even if it was unloaded before: that command may not have got so far
            refresh(url)
        newest = _newest_version(url, path)
    if as_json:
        print_json(_as_document(done, settings))
    else:
        for line in _describe(done, newest):
            say(line)


def _newest_version(url: str, path: str) -> int:
    with connect(url) as connection:
        newest = ledger.latest_file(connection, path)
    return newest.version if newest else 0


def _say_wait(path: str) -> None:
    say(f"{path} is being loaded: it is unloaded when its load has ended.")


def _as_document(done: Unloaded, settings: Settings) -> dict[str, Any]:
    return {
        **load_result(done.file, Path(done.file.path)),
        "rows_taken_out": done.removed.rows,
        "rejects_taken_out": done.removed.rejects,
        "records_back": done.removed.restored,
        "was_unloaded_before": done.was_unloaded_before,
        "to_reload": [{"file": each.path, "version": each.version} for each in done.to_reload],
        "out_of_reach": [{"file": each.path, "version": each.version} for each in done.out_of_reach],
    }


def _describe(done: Unloaded, newest_version: int) -> Iterable[str]:
    file, removed = done.file, done.removed
    name = f"{file.path} (version {file.version})" if file.version > 1 or newest_version > 1 else file.path
    if done.was_unloaded_before:
        yield f"{name}: it had been unloaded before."
    else:
        yield f"{name}: {removed.rows:,} rows and {removed.rejects:,} rejects removed."
    if removed.restored:
        yield f"{removed.restored:,} records that it had superseded are back."
    if removed.corrections:
        yield f"{removed.corrections:,} of the rejects had been corrected: the next load of the file restores them."
    if file.version == newest_version:
        yield f"It is not loaded again while it does not change; to load it again: {_load_command([file])}"
    if done.to_reload:
        yield (
            "Older files may have had rows under the same keys, which are gone now. To bring them back, load these "
            f"again: {_load_command(done.to_reload)}"
        )
    for each in done.out_of_reach:
        yield (
            f"So may version {each.version} of {each.path}, which was replaced since: for its rows, drop its content "
            "once more."
        )


def _load_command(files: Iterable[LedgerFile]) -> str:
    """What loads them again: Dagster does where it looks, the command line elsewhere."""
    paths = [each.path for each in files]
    by_dagster = [path for path in paths if not path.startswith("/")]
    elsewhere = [path for path in paths if path.startswith("/")]
    commands = (("logistics retry", by_dagster), ("logistics load", elsewhere))
    return "; ".join(f"{command} {shlex.join(some)}" for command, some in commands if some)
