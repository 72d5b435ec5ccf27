"""An edition of a report from the answers of its board: HTML with pictures, the same as a text, and tables as CSV.

Texts are sentences, which each language tells; tables are for programs, and the same in all of them.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from io import StringIO
from typing import Any

from msgspec import structs

from logistics_core.editions import Edition, Picture, Table
from logistics_core.languages.sentences import Sentence, joined
from logistics_core.languages.translating import ENGLISH, Language, language_named
from logistics_core.metrics.periods import DayRange
from logistics_core.spreadsheets import harmless
from logistics_pipeline.reporting.answers import AnsweredBoard, Panel
from logistics_pipeline.reporting.charts import Chart, charts_of, is_number, period_words, place_words
from logistics_pipeline.reporting.drawing import draw
from logistics_pipeline.reporting.faults import ReportFault
from logistics_pipeline.reporting.words import (
    NOTHING,
    column_words,
    group_words,
    range_words,
    unit_words,
    value_words,
)

Say = Callable[[str], str]
"""Tells a text in the language of an edition."""

MOST_ROWS = 20
"""Of a table in the mail; the file has all."""
MOST_BYTES = 8 << 20
"""Of pictures and tables together: many servers refuse mails of 10 MB."""
_NO_RECORDS = Sentence("No records in these days.")
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
    board: AnsweredBoard,
    days: DayRange | None,
    languages: Sequence[str] = (ENGLISH,),
    draw_charts: Callable[[Sequence[Chart]], list[bytes]] = draw,
) -> Composed:
    """The edition, whole: in the first of the languages, and beside it in the others.

    Raises:
        ReportFault: it would have nothing to show, cannot be drawn, or is too large for a mail.
    """
    if not any(panel.has_figures for panel in board.panels):
        what = "has no panel" if not board.panels else f"has no records ({range_words(days)})"
        raise ReportFault(f"The board {board.title!r} {what}: an empty report is not sent.")
    charts = [charts_of(panel) for panel in board.panels]
    spoken = [language_named(code) for code in languages]
    told = [[[chart.told(language) for chart in of_panel] for of_panel in charts] for language in spoken]
    pngs = iter(draw_charts([each for of_language in told for of_panel in of_language for each in of_panel]))
    pictures = [_pictures(of_language, pngs) for of_language in told]
    tables = [_csv(number, panel) for number, panel in enumerate(board.panels, 1)]
    for of_language in pictures:
        _check_size([picture for of_panel in of_language for picture in of_panel], tables)
    first, *others = (
        _edition(board, days, language, of_language) for language, of_language in zip(spoken, pictures, strict=True)
    )
    return Composed(
        structs.replace(first, tables=tables, others=others),
        tuple(fact for panel in board.panels if is_number(panel) for fact in _facts(panel)),
    )


def _pictures(charts: Sequence[Sequence[Chart]], pngs: Iterator[bytes]) -> list[list[Picture]]:
    return [
        [Picture(f"chart-{p}-{c}", chart.title, chart.alt, next(pngs)) for c, chart in enumerate(of_panel, 1)]
        for p, of_panel in enumerate(charts, 1)
    ]


def _check_size(pictures: Sequence[Picture], tables: Sequence[Table]) -> None:
    size = sum(len(each.png) for each in pictures) + sum(len(each.csv.encode()) for each in tables)
    if size > MOST_BYTES:
        raise ReportFault(
            f"The report has {size >> 20} MiB of pictures and tables. A mail takes {MOST_BYTES >> 20}: lower `limit` "
            "of its questions, or make two boards of it."
        )


def _edition(
    board: AnsweredBoard, days: DayRange | None, language: Language, pictures: Sequence[Sequence[Picture]]
) -> Edition:
    """In one language, without its tables. What people wrote, such as titles, stays as they wrote it."""
    say = language.say
    html = "\n".join(_section(panel, of_panel, say) for panel, of_panel in zip(board.panels, pictures, strict=True))
    text = "\n".join(line for panel in board.panels for line in _text(panel, say))
    about = say(range_words(days))
    introduction = f'<p style="{_MUTED}">{escape(about)}</p>'
    if board.description:
        introduction += f"<p>{escape(board.description)}</p>"
    shown = [picture for of_panel in pictures for picture in of_panel]
    return Edition(introduction + html, f"{about}\n\n{text}", shown, [], language.code)


def _facts(panel: Panel) -> Iterator[tuple[str, str]]:
    for row in panel.rows[:1]:
        for column in panel.values:
            yield column_words(column, panel.metrics), value_words(row[column["name"]], column)


def _title(panel: Panel, say: Say) -> str:
    """As somebody wrote it, or in the language."""
    return say(panel.title) if isinstance(panel.title, Sentence) else panel.title


# -- HTML ------------------------------------------------------------------------------------------------------------


def _section(panel: Panel, pictures: Sequence[Picture], say: Say) -> str:
    parts = [f'<h2 style="{_HEADING}">{escape(_title(panel, say))}</h2>']
    if not panel.rows:
        parts.append(f'<p style="{_MUTED}">{escape(say(_NO_RECORDS))}</p>')
    elif is_number(panel):
        parts += [_figure(panel, column, say) for column in panel.values]
    else:
        parts += [_image(each, has_title=len(pictures) > 1) for each in pictures]
        parts.append(_table(panel, say))
    return f'<div style="margin:0 0 28px">{"".join(parts)}</div>'


def _image(picture: Picture, *, has_title: bool) -> str:
    title = f'<div style="{_MUTED}">{escape(picture.title)}</div>' if has_title else ""
    return (
        f'{title}<img src="cid:{picture.name}" alt="{escape(picture.alt)}" width="540" '
        'style="max-width:100%;height:auto;display:block;margin:0 0 8px">'
    )


def _figure(panel: Panel, column: Mapping[str, Any], say: Say) -> str:
    row = panel.rows[0]
    title = escape(say(column_words(column, panel.metrics)))
    value = escape(say(value_words(row[column["name"]], column)))
    words = f'<div style="font-size:26px;font-weight:600">{value}</div>'
    change = say(_change(row, column))
    beside = f' <span style="{_MUTED}">{escape(change)}</span>' if change else ""
    return f'<div style="margin:0 0 12px"><div style="{_MUTED}">{title}</div>{words}{beside}</div>'


def _change(row: Mapping[str, Any], column: Mapping[str, Any]) -> str:
    """`+3.1 % from 1,204`, if the question compares."""
    name = column["name"]
    if f"{name}_previous" not in row:
        return ""
    change = row.get(f"{name}_change")
    before = value_words(row[f"{name}_previous"], column)
    if change is None:
        return Sentence("before: {before}", before=before)
    return Sentence("{change:change} from {before}", change=change, before=before)


def _table(panel: Panel, say: Say) -> str:
    columns = panel.answer["columns"]
    head = "".join(_cell("th", say(_heading(panel, column)), column) for column in columns)
    body = "".join(
        f"<tr>{''.join(_cell('td', say(_words(panel, row, column)), column) for column in columns)}</tr>"
        for row in panel.rows[:MOST_ROWS]
    )
    rest = say(_rest(panel))
    note = f'<p style="{_MUTED}">{escape(rest)}</p>' if rest else ""
    return f'<table style="border-collapse:collapse;width:100%"><tr>{head}</tr>{body}</table>{note}'


def _cell(tag: str, words: str, column: Mapping[str, Any]) -> str:
    align = "left" if column["kind"] in ("period", "dimension") else "right"
    return f'<{tag} style="{_CELL.format(align=align)}">{escape(words)}</{tag}>'


def _heading(panel: Panel, column: Mapping[str, Any]) -> str:
    title, unit = column_words(column, panel.metrics), unit_words(column.get("unit"))
    return Sentence("{title}, {unit}", title=title, unit=unit) if unit else title


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
    in_file = Sentence(
        "{count} more row is in the attached file.", "{count} more rows are in the attached file.", count=hidden
    )
    beyond = Sentence(
        "{count} row is beyond the limit of the question.",
        "{count} rows are beyond the limit of the question.",
        count=missing,
    )
    return joined(([in_file] if hidden > 0 else []) + ([beyond] if missing > 0 else []), " ")


# -- text and CSV ----------------------------------------------------------------------------------------------------


def _text(panel: Panel, say: Say) -> Iterator[str]:
    title = _title(panel, say)
    yield title
    yield "-" * len(title)
    if not panel.rows:
        yield say(_NO_RECORDS)
    for row in panel.rows[:MOST_ROWS]:
        where = say(place_words(panel, row))
        values = (
            f"{say(column_words(column, panel.metrics))} {say(value_words(row[column['name']], column))}"
            for column in panel.values
        )
        yield ": ".join(filter(None, [where, ", ".join(values) or NOTHING]))
    if rest := say(_rest(panel)):
        yield rest
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
