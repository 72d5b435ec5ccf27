"""An edition of a report from the answers of its board: HTML with pictures, the same as a text, and tables as CSV."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from io import StringIO
from typing import Any

from logistics_core.editions import Edition, Picture, Table
from logistics_core.metrics.periods import DayRange
from logistics_core.spreadsheets import harmless
from logistics_pipeline.reporting.answers import AnsweredBoard, Panel
from logistics_pipeline.reporting.charts import Chart, charts_of, is_number, period_words
from logistics_pipeline.reporting.drawing import draw
from logistics_pipeline.reporting.faults import ReportFault
from logistics_pipeline.reporting.words import NOTHING, group_words, range_words, unit_words, value_words

MOST_ROWS = 20
"""Of a table in the mail; the file has all."""
MOST_BYTES = 8 << 20
"""Of pictures and tables together: many servers refuse mails of 10 MB."""
_HEADING = "font-size:16px;font-weight:600;margin:0 0 8px"
_MUTED = "color:#5b6673;font-size:13px"
_CELL = "padding:4px 12px 4px 0;border-bottom:1px solid #e6eaef;text-align:{align};font-size:13px"


@dataclass(frozen=True)
class Composed:
    """An edition, and what messages without pictures say of it."""

    edition: Edition
    facts: tuple[tuple[str, str], ...]
    """The figures of panels that show figures alone."""


def compose(
    board: AnsweredBoard, days: DayRange | None, draw_charts: Callable[[Sequence[Chart]], list[bytes]] = draw
) -> Composed:
    """The edition, whole.

    Raises:
        ReportFault: it would have nothing to show, cannot be drawn, or is too large for a mail.
    """
    if not any(panel.rows for panel in board.panels):
        what = "has no panel" if not board.panels else f"has no records ({range_words(days)})"
        raise ReportFault(f"The board {board.title!r} {what}: an empty report is not sent.")
    charts = [charts_of(panel) for panel in board.panels]
    pngs = iter(draw_charts([each for of_panel in charts for each in of_panel]))
    pictures = [
        [Picture(f"chart-{p + 1}-{c + 1}", chart.title, chart.alt, next(pngs)) for c, chart in enumerate(of_panel)]
        for p, of_panel in enumerate(charts)
    ]
    tables = [_csv(number, panel) for number, panel in enumerate(board.panels, 1)]
    shown = [picture for of_panel in pictures for picture in of_panel]
    size = sum(len(each.png) for each in shown) + sum(len(each.csv.encode()) for each in tables)
    if size > MOST_BYTES:
        raise ReportFault(
            f"The report has {size >> 20} MiB of pictures and tables. A mail takes {MOST_BYTES >> 20}: lower `limit` "
            "of its questions, or make two boards of it."
        )
    html = "\n".join(_section(panel, of_panel) for panel, of_panel in zip(board.panels, pictures, strict=True))
    text = "\n".join(line for panel in board.panels for line in _text(panel))
    introduction = f'<p style="{_MUTED}">{escape(range_words(days))}</p>'
    if board.description:
        introduction += f"<p>{escape(board.description)}</p>"
    return Composed(
        Edition(html=introduction + html, text=f"{range_words(days)}\n\n{text}", pictures=shown, tables=tables),
        tuple(fact for panel in board.panels if is_number(panel) for fact in _facts(panel)),
    )


def _facts(panel: Panel) -> Iterator[tuple[str, str]]:
    for row in panel.rows[:1]:
        for column in panel.values:
            yield column["title"], value_words(row[column["name"]], column)


# -- HTML ------------------------------------------------------------------------------------------------------------


def _section(panel: Panel, pictures: Sequence[Picture]) -> str:
    parts = [f'<h2 style="{_HEADING}">{escape(panel.title)}</h2>']
    if not panel.rows:
        parts.append(f'<p style="{_MUTED}">No records in these days.</p>')
    elif is_number(panel):
        parts += [_figure(panel, column) for column in panel.values]
    else:
        parts += [_image(each, has_title=len(pictures) > 1) for each in pictures]
        parts.append(_table(panel))
    return f'<div style="margin:0 0 28px">{"".join(parts)}</div>'


def _image(picture: Picture, *, has_title: bool) -> str:
    title = f'<div style="{_MUTED}">{escape(picture.title)}</div>' if has_title else ""
    return (
        f'{title}<img src="cid:{picture.name}" alt="{escape(picture.alt)}" width="540" '
        'style="max-width:100%;height:auto;display:block;margin:0 0 8px">'
    )


def _figure(panel: Panel, column: Mapping[str, Any]) -> str:
    row = panel.rows[0]
    change = _change(row, column)
    words = f'<div style="font-size:26px;font-weight:600">{escape(value_words(row[column["name"]], column))}</div>'
    beside = f' <span style="{_MUTED}">{escape(change)}</span>' if change else ""
    return f'<div style="margin:0 0 12px"><div style="{_MUTED}">{escape(column["title"])}</div>{words}{beside}</div>'


def _change(row: Mapping[str, Any], column: Mapping[str, Any]) -> str:
    """`+3.1 % from 1,204`, if the question compares."""
    name = column["name"]
    if f"{name}_previous" not in row:
        return ""
    change = row.get(f"{name}_change")
    before = value_words(row[f"{name}_previous"], column)
    return f"before: {before}" if change is None else f"{change:+,.1f} % from {before}"


def _table(panel: Panel) -> str:
    columns = panel.answer["columns"]
    head = "".join(_cell("th", _heading(column), column) for column in columns)
    body = "".join(
        f"<tr>{''.join(_cell('td', _words(panel, row, column), column) for column in columns)}</tr>"
        for row in panel.rows[:MOST_ROWS]
    )
    note = f'<p style="{_MUTED}">{escape(_rest(panel))}</p>' if _rest(panel) else ""
    return f'<table style="border-collapse:collapse;width:100%"><tr>{head}</tr>{body}</table>{note}'


def _cell(tag: str, words: str, column: Mapping[str, Any]) -> str:
    align = "left" if column["kind"] in ("period", "dimension") else "right"
    return f'<{tag} style="{_CELL.format(align=align)}">{escape(words)}</{tag}>'


def _heading(column: Mapping[str, Any]) -> str:
    unit = unit_words(column.get("unit"))
    return f"{column['title']}, {unit}" if unit else str(column["title"])


def _words(panel: Panel, row: Mapping[str, Any], column: Mapping[str, Any]) -> str:
    if column["kind"] == "period":
        return period_words(panel, row)
    if column["kind"] == "dimension":
        return group_words(row, [column["name"]])
    return value_words(
        row[column["name"]], {"unit": column["unit"] if column["unit"] == "%" else _plain(column["unit"])}
    )


def _plain(unit: str | None) -> str | None:
    """A unit that is in the heading: what remains says how many decimals."""
    return "currency" if unit is not None and unit.startswith("currency") else None


def _rest(panel: Panel) -> str:
    """What the table does not show, if anything."""
    hidden = len(panel.rows) - MOST_ROWS
    missing = panel.answer["groups"] - len(panel.rows)
    parts = [f"{hidden:,} more rows are in the attached file."] if hidden > 0 else []
    return " ".join([*parts, f"{missing:,} rows are beyond the limit of the question."] if missing > 0 else parts)


# -- text and CSV ----------------------------------------------------------------------------------------------------


def _text(panel: Panel) -> Iterator[str]:
    yield panel.title
    yield "-" * len(panel.title)
    if not panel.rows:
        yield "No records in these days."
    for row in panel.rows[:MOST_ROWS]:
        where = ", ".join(filter(None, [period_words(panel, row), group_words(row, panel.by)]))
        values = (f"{column['title']} {value_words(row[column['name']], column)}" for column in panel.values)
        yield ": ".join(filter(None, [where, ", ".join(values) or NOTHING]))
    if _rest(panel):
        yield _rest(panel)
    yield ""


def _csv(number: int, panel: Panel) -> Table:
    """All rows of an answer, every digit kept. Texts that a spreadsheet takes for formulas get an apostrophe."""
    names = [column["name"] for column in panel.answer["columns"]]
    output = StringIO()
    writer = csv.writer(output)
    writer.writerow(names)
    writer.writerows([[_csv_value(row[name]) for name in names] for row in panel.rows])
    slug = re.sub(r"[^a-z0-9]+", "-", panel.title.lower()).strip("-")[:50] or "panel"
    return Table(f"{number:02}-{slug}.csv", output.getvalue())


def _csv_value(value: Any) -> Any:
    if isinstance(value, str):
        return harmless(value)
    return format(value, "f") if isinstance(value, Decimal) else value
