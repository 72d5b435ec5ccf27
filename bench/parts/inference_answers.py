"""What tools say about CSV files of which the right answer is known."""

from collections.abc import Sequence

from bench.inference_files import KINDS, MadeColumns, MadeDialect, make_columns, make_dialects
from bench.inferring import OURS, Answer, Tool, tools
from bench.part import Bench, Part
from bench.results import Cell, Column, Findings, Table, Target

_COLUMNS_PER_KIND = 160
_DIALECTS = 240
_WANTED_SHARE = 0.99
_DECIDED = "decided silently"


def _measure(bench: Bench) -> Findings:
    found = tools()
    columns = make_columns(bench.folder, max(10, round(_COLUMNS_PER_KIND * bench.scale)))
    typed = [tool for tool in found if tool.finds_types]
    answers = {}
    for tool in typed:
        bench.say(f"{tool.title}: types")
        answers[tool.title] = tool.ask([(each.path, each.delimiter) for each in columns])
    dialects = make_dialects(bench.folder, max(10, round(_DIALECTS * bench.scale)))
    rows = []
    for tool in found:
        if tool.finds_dialect:
            bench.say(f"{tool.title}: dialects")
            rows.append(_dialect_row(tool, dialects))
    right, count = _right(columns, answers[OURS])
    harmed = _harmed(columns, answers[OURS], _DECIDED)
    return Findings(
        [_types_table(typed, columns, answers), _dialect_table(rows, len(dialects))],
        [
            Target(
                f"{count:,} generated columns: share that is right", "ratio", "at least", _WANTED_SHARE, right / count
            ),
            Target("of them ambiguous and decided silently", "count", "at most", 0, harmed),
        ],
    )


# -- types -----------------------------------------------------------------------------------------------------------


def _types_table(tools: Sequence[Tool], columns: list[MadeColumns], answers: dict[str, list[Answer]]) -> Table:
    rows: list[list[Cell]] = []
    for kind in KINDS:
        of_kind = [number for number, each in enumerate(columns) if each.kind is kind]
        chosen = [columns[number] for number in of_kind]
        counts = [_right(chosen, [answers[tool.title][number] for number in of_kind])[0] for tool in tools]
        total = _right(chosen, [answers[OURS][number] for number in of_kind])[1]
        rows.append([kind.title, kind.harm or "read as text", total, *counts])
    all_right = [_right(columns, answers[tool.title])[0] for tool in tools]
    rows.append(["all", "-", _right(columns, answers[OURS])[1], *all_right])
    heads = [Column("kind of column", "text"), Column("if wrong", "text"), Column("columns", "count")]
    return Table(
        "Types: columns that are read rightly", [*heads, *(Column(each.title, "count") for each in tools)], rows
    )


def _right(columns: Sequence[MadeColumns], answers: Sequence[Answer]) -> tuple[int, int]:
    """How many columns are right, of how many."""
    right = [_says(answer, title) & each.kind.types for each, answer, title in _each_column(columns, answers)]
    return sum(map(bool, right)), len(right)


def _harmed(columns: Sequence[MadeColumns], answers: Sequence[Answer], harm: str) -> int:
    chosen = [(each, answer) for each, answer in zip(columns, answers, strict=True) if each.kind.harm == harm]
    right, count = _right([each for each, _ in chosen], [answer for _, answer in chosen])
    return count - right


def _each_column(columns: Sequence[MadeColumns], answers: Sequence[Answer]) -> list[tuple[MadeColumns, Answer, str]]:
    return [
        (each, answer, title)
        for each, answer in zip(columns, answers, strict=True)
        for title in each.titles
    ]  # fmt: skip


def _says(answer: Answer, title: str) -> set[str]:
    """The type of a column, or that it is asked for; nothing if the file was not read."""
    if any(title in columns for _, columns in answer.questions):
        return {"question"}
    return {type for name, type in answer.columns if name == title}


# -- dialects --------------------------------------------------------------------------------------------------------


def _dialect_table(rows: list[list[Cell]], files: int) -> Table:
    names = ["delimiter", "header or none", "columns", "titles and encoding", "all of it", "asked or refused instead"]
    heads = [Column("tool", "text"), *(Column(name, "count") for name in names)]
    return Table(f"How a file is written: {files:,} files, of which rightly", heads, rows)


def _dialect_row(tool: Tool, made: list[MadeDialect]) -> list[Cell]:
    answers = tool.ask([(each.path, each.delimiter) for each in made])
    checks = [_check(each, answer) for each, answer in zip(made, answers, strict=True)]
    held = sum(not all(check) and _is_held(answer) for check, answer in zip(checks, answers, strict=True))
    counts = [sum(check[place] for check in checks) for place in range(4)]
    return [tool.title, *counts, sum(map(all, checks)), held]


def _check(made: MadeDialect, answer: Answer) -> tuple[bool, bool, bool, bool]:
    titles = tuple(title for title, _ in answer.columns)
    return (
        answer.delimiter == made.delimiter,
        answer.has_header == made.has_header,
        len(titles) == len(made.titles),
        titles == made.titles if made.has_header else len(titles) == len(made.titles),
    )


def _is_held(answer: Answer) -> bool:
    """Whether nothing would be loaded without a person: there is no answer, or a question about the file."""
    return answer.error is not None or any(not columns for _, columns in answer.questions)


PART = Part(
    "inference_answers",
    "What a file holds: answers",
    """\
Generated files: the right answer follows from how each was made. The kinds are those that this project was written for,
so the table shows what others do with them, not how often they occur. On 242 columns of published files, most of them
plain, csv-detective is right more often (0.988) than this project (0.979): see decision 0027.

Columns of 200 cells, ten to a file with semicolons:
notations of numbers and dates, ten words for nothing, one odd value at any place, and texts that look like numbers or
dates. Where the whole column leaves two readings, to ask (or to keep the text) is right and to choose one is wrong. The
second column says what becomes of the values otherwise.

Dialects: a table of five columns by delimiter, quotes, encoding (UTF-8 with and without BOM, Windows-1252, UTF-16),
line end, lines above, and header. CleverCSV and csv-detective do not say which line is the first of the table, so
lines above count against the titles only. DuckDB reads UTF-8 unless it is told otherwise. A file that a tool refuses or
asks about is not right, but held. Polars has to be told the delimiter and is left out; CleverCSV has no types.""",
    _measure,
)
