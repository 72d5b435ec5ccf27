"""How long it takes to find out what a CSV file holds, beside other tools, and until a proposal is stored."""

from pathlib import Path
from statistics import median

from bench.inference_files import make_timed_file
from bench.inferring import OURS, Tool, tools
from bench.part import Bench, Part
from bench.processes import Memory, python_module, run
from bench.results import Cell, Column, Findings, Table, Target

_SMALL = [(1_000, "1 kB"), (10_000, "10 kB"), (100_000, "100 kB")]
_LARGE = [(10_000_000, "10 MB"), (100_000_000, "100 MB")]
_REPETITIONS = 5
_WANTED_SMALL_MS = 10
_WANTED_LARGE_SECONDS = 2

_TIMES = [
    Column("tool", "text"),
    Column("version", "text"),
    Column("looks at", "text"),
    *(Column(f"{name}, ms", "ms") for _, name in [*_SMALL, *_LARGE]),
    Column("100 kB: CPU, ms", "ms"),
    Column("100 MB: CPU, ms", "ms"),
    Column("100 MB: peak RSS, MiB", "MiB"),
]
_STORED = [
    Column("100 MB file, until its proposal is stored", "text"),
    Column("runs", "count"),
    Column("seconds", "seconds"),
    Column("CPU, seconds", "seconds"),
    Column("peak RSS, MiB", "MiB"),
]


def _measure(bench: Bench) -> Findings:
    repetitions = bench.repetitions(_REPETITIONS)
    files = {name: _file(bench, name, size) for size, name in [*_SMALL, *_LARGE]}
    rows: list[list[Cell]] = []
    for tool in tools():
        bench.say(tool.title)
        rows.append(_row(tool, files, repetitions))
    stored, seconds = _until_stored(bench, files["100 MB"], max(1, repetitions // 2))
    for path in files.values():
        path.unlink()
    largest_small = next(row for row in rows if row[0] == OURS)[_position("100 kB, ms")]
    return Findings(
        [Table("Files of orders, seven columns", _TIMES, rows), Table("End to end", _STORED, [stored])],
        [
            Target(
                "inference of a file of 100 kB, reading included",
                "ms",
                "at most",
                _WANTED_SMALL_MS,
                _number(largest_small),
            ),
            Target("proposal for a file of 100 MB stored", "seconds", "at most", _WANTED_LARGE_SECONDS, seconds),
        ],
    )


def _number(cell: Cell) -> float:
    assert isinstance(cell, int | float)
    return float(cell)


def _position(title: str) -> int:
    return [column.name for column in _TIMES].index(title)


def _file(bench: Bench, name: str, size: int) -> Path:
    path = bench.folder / f"orders-{name.replace(' ', '-')}.csv"
    make_timed_file(path, size if size <= 100_000 else max(100_000, round(size * bench.scale)))
    return path


def _row(tool: Tool, files: dict[str, Path], repetitions: int) -> list[Cell]:
    small = [(files[name], ",") for _, name in _SMALL]
    answers = tool.ask(small, repetitions)
    milliseconds: list[Cell] = [each.seconds * 1_000 for each in answers]
    cpu: Cell = None
    memory = Memory()
    for _, name in _LARGE:
        path = files[name]
        if path.stat().st_size > tool.most_bytes:
            milliseconds.append(None)
            cpu = None
            continue
        memory = Memory()
        answer = tool.ask([(path, ",")], memory=memory)[0]
        if answer.error is not None:
            raise RuntimeError(f"{tool.title} cannot read {path.name}: {answer.error}")
        milliseconds.append(answer.seconds * 1_000)
        cpu = answer.cpu_seconds * 1_000
    peak = memory.rss_mib if cpu is not None else None
    return [tool.title, tool.version or "-", tool.reads, *milliseconds, answers[-1].cpu_seconds * 1_000, cpu, peak]


def _until_stored(bench: Bench, path: Path, runs: int) -> tuple[list[Cell], float]:
    """Inference, the dry run of the contract, and the database."""
    seconds, cpu_seconds, peak = [], [], 0.0
    for number in range(runs):
        command = python_module("bench.run_proposal", bench.database.url, str(bench.folder), str(path), str(number))
        finished = run(command, watch_memory=True)
        if finished.status != 0:
            raise RuntimeError(f"No proposal was stored:\n{finished.errors[-2000:]}")
        took, cpu = map(float, finished.output.split())
        seconds.append(took)
        cpu_seconds.append(cpu)
        peak = max(peak, finished.memory.rss_mib)
    middle = median(seconds)
    return ["inference, dry run of 100,000 records, database", runs, middle, median(cpu_seconds), peak], middle


PART = Part(
    "inference",
    "What a file holds: time",
    """\
From the bytes of a CSV file to its dialect and the types of its columns. Each tool runs in a process of its own, from
PyPI in its own virtual environment; the clock leaves out its start and imports, and for small files a first call.
Figures of small files are medians. The tools look at different amounts of a large file, as the third column says: a
tool that reads every row takes longer and knows more. CleverCSV finds the dialect and no types; Polars has to be told
the delimiter; csv-detective and Polars, which tries dates on every row, are not measured on 100 MB: they take minutes.

End to end is what a user waits for once a file is seen: inference, a dry run of the proposed contract by the loader's
own parsers on the first 100,000 records, and the proposal stored in the database.""",
    _measure,
)
