"""Figures as Markdown: for the terminal part by part, and docs/benchmarks.md from all recorded results."""

from collections.abc import Callable, Iterable, Sequence

from bench.part import Part
from bench.results import Cell, Findings, Kind, Result, Table, Target

_FORMATS: dict[Kind, Callable[[float], str]] = {
    "count": lambda value: f"{value:,.0f}",
    "rate": lambda value: f"{round(value, -3 if value >= 100_000 else -2):,.0f}",
    "ratio": lambda value: f"{value:.2f}",
    "seconds": lambda value: f"{value:.2f}",
    "ms": lambda value: f"{value:.1f}",
    "MiB": lambda value: f"{value:,.0f}",
    "percent": lambda value: f"{value:.1f} %",
}

_INTRODUCTION = """\
# Benchmarks

`make bench` writes this page from the figures in `bench/results/`; edit neither by hand.

```sh
make bench                      # everything: three quarters of an hour
make bench ONLY=speed,memory    # some parts
make bench SCALE=0.1 REPEAT=3   # smaller and faster, for a quick look; recorded only at full scale
```

## How to read it

- **The limit** is PostgreSQL itself: `psql \\copy` of the same rows, prepared beforehand in COPY's text format, with
  the loader's own `file_id` and `record_no`, into the same table. It parses no JSON, validates nothing, keeps no
  ledger and cannot resume. The loader does all of that; a ratio of 1.00 would mean that all of it is free.
- **The same index strategy**: where the loader drops secondary indexes and builds them again at the end, so does the
  limit, with the same statements and settings, within its measured time; where the loader keeps them, so does the
  limit. The column *indexes* says which. The primary key is always there.
- **Side by side**: loader, limit, loader, limit, … in one run on one server, with all tables truncated and a
  checkpoint before each. Rates are medians; a ratio is the median of the ratios within each repetition, with the
  lowest and the highest beside it. On a shared machine rates vary by a factor of two from hour to hour; ratios vary
  much less.
- **The clock** of the loader runs from the call of `load_file` to its return. That includes the connection, the
  ledger, format detection, the SHA-256 of the file and the export of rejects, but not Python's own start. The clock
  of the limit includes the start of psql, some 10 ms.
- **CPU seconds** are per million records: those of all processes of the loader together, and those of the PostgreSQL
  processes that worked for it (beside them, those that worked for the limit). They are more stable than rates on a
  machine shared with others.
- **Memory** is that of all processes of the loader together, sampled every 20 ms: the sum of their resident set sizes
  (RSS, which counts shared pages once per process) and, for information, of their proportional set sizes (PSS).
- **The server** is the embedded one with the product's own settings: fsync, full-page writes and synchronous commit
  on. The loader does not wait for the disk after each batch (what a server crash undoes is loaded again), only when
  it marks the file as loaded; the limit is one transaction and also waits once.
- **Data** comes from the project's generator (`logistics generate`), without bad records unless stated.
  *Chronological*: keys increase; *random*: keys in any order, the worst case for a B-tree.
"""


def render_part(part: Part, result: Result | None) -> str:
    """A part's section."""
    lines = [f"## {part.title}", "", part.explanation.strip(), ""]
    if result is None:
        return "\n".join([*lines, f"Not measured yet: `make bench ONLY={part.name}`.", ""])
    return "\n".join([*lines, *_findings(result.findings), _provenance(result), ""])


def render_page(parts: Sequence[Part], load: Callable[[str], Result | None]) -> str:
    """The whole of docs/benchmarks.md."""
    results = {part.name: load(part.name) for part in parts}
    known = [result for result in results.values() if result is not None]
    sections = [render_part(part, results[part.name]) for part in parts]
    overview = [*_environments(known), _summary(known)] if known else []
    return "\n".join([_INTRODUCTION, *overview, *sections])


def _environments(results: list[Result]) -> Iterable[str]:
    """Machine and versions: one table as long as all parts were measured on the same."""
    distinct: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for result in results:
        distinct.setdefault(tuple(result.environment.items()), []).append(result.part)
    yield "## Machine and versions\n"
    for environment, names in distinct.items():
        if len(distinct) > 1:
            yield f"{', '.join(names)}:\n"
        yield _markdown(("", ""), [[name, value] for name, value in environment], (False, False))


def _summary(results: list[Result]) -> str:
    targets = [target for result in results for target in result.findings.targets]
    return f"## Targets\n\n{_targets(targets)}"


def _findings(findings: Findings) -> Iterable[str]:
    for table in findings.tables:
        yield f"**{table.title}**\n"
        yield render_table(table)
    for note in findings.notes:
        yield f"{note}\n"


def _provenance(result: Result) -> str:
    stolen = (
        ""
        if result.stolen_percent is None
        else f"; {result.stolen_percent:.1f} % of the CPU time was stolen by the host"
    )
    return f"*Measured on {result.measured_on}, in {result.minutes:.0f} minutes{stolen}.*\n"


def render_table(table: Table) -> str:
    rows = [[write(cell, column.kind) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows]
    return _markdown(
        [column.name for column in table.columns], rows, [column.kind != "text" for column in table.columns]
    )


def write(value: Cell, kind: Kind) -> str:
    """A figure in the way its kind is written."""
    if value is None:
        return "–"
    return _FORMATS[kind](float(value)) if kind != "text" else str(value)


def _targets(targets: list[Target]) -> str:
    rows = [
        [
            target.what,
            f"{'≥' if target.sense == 'at least' else '≤'} {_amount(target.wanted, target)}",
            _amount(target.measured, target),
            "yes" if target.is_met else "**no**",
        ]
        for target in targets
    ]
    return _markdown(("figure", "wanted", "measured", "met"), rows, (False, True, True, False))


def _amount(value: float, target: Target) -> str:
    unit = {"seconds": " s", "ms": " ms", "MiB": " MiB"}.get(target.kind, "")
    return write(value, target.kind) + unit


def _markdown(names: Sequence[str], rows: list[list[str]], numeric: Sequence[bool]) -> str:
    """A table whose columns also line up in plain text."""
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, numeric, strict=True)]

    def line(cells: Sequence[str]) -> str:
        aligned = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        ]
        return f"| {' | '.join(aligned)} |"

    return "\n".join([line(names), line(rule), *map(line, rows), ""])
