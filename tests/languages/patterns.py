"""The patterns that programs write: of sentences in Python and SQL, of built-in rules, and of words in messages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from logistics_api.metrics.descriptions import KINDS_OF_COLUMNS
from logistics_api.my_notifications.endpoints import TEST_MESSAGE
from logistics_core.alert_rules.built_in import BUILT_IN
from logistics_core.catalogue import built_in_catalogue
from logistics_core.metrics.defaults import metrics_of
from logistics_core.metrics.periods import Grain
from logistics_pipeline.notifying.rendering.words import STATES

ROOT = Path(__file__).parent.parent.parent
_SQL_TEXT = r"'((?:[^']|'')*)'"
_SQL_SENTENCE = re.compile(
    rf"jsonb_build_array\(\s*{_SQL_TEXT},\s*(?:NULL|{_SQL_TEXT}),\s*(?:jsonb_build_object|'{{}}')"
)
_SQL_FACT = re.compile(rf"jsonb_build_array\({_SQL_TEXT}, (?!NULL)")
_PLACE = re.compile(r"\{\w+(?::\w+)?\}")

Pattern = tuple[str, str | None]
"""Of one, and of several."""


def patterns() -> set[Pattern]:
    """All that have words to translate."""
    found = {*_in_python(), *_in_sql(), *((text, None) for text in (*STATES, *TEST_MESSAGE))}
    found |= {(str(rule[key]), None) for rule in BUILT_IN.values() for key in ("title", "description") if key in rule}
    found |= {(text, None) for text in _titles_of_columns()}
    return {each for each in found if re.search(r"[^\W\d_]", _PLACE.sub("", each[0]))}


def _titles_of_columns() -> Iterator[str]:
    """In reports: of built-in metrics and fields, periods, and what the API says of metrics that are compared."""
    for dataset in built_in_catalogue().values():
        yield from (metric.title for metric in metrics_of(dataset))
        yield from (each.title for each in dataset.fields)
    yield from (grain.capitalize() for grain in Grain)
    yield from (title.format("{metric}") for _, title in KINDS_OF_COLUMNS.values())


def _in_python() -> Iterator[Pattern]:
    packages = (ROOT / "logistics_pipeline" / each for each in ("alerting", "notifying", "reporting", "cli"))
    for package in (*packages, ROOT / "logistics_core" / "languages"):
        for path in package.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _is_of_sentence(node.func):
                    yield from _of_call(node)


def _is_of_sentence(function: ast.expr) -> bool:
    """`Sentence(…)` or `language.say(…)`."""
    match function:
        case ast.Name(id="Sentence") | ast.Attribute(attr="say"):
            return True
    return False


def _of_call(call: ast.Call) -> Iterator[Pattern]:
    texts = [_texts(each) for each in call.args]
    if len(texts) == 2 and texts[0] and texts[1]:
        yield texts[0][0], texts[1][0]
    else:
        yield from ((text, None) for each in texts for text in each)


def _texts(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.IfExp(body=first, orelse=second):
            return [*_texts(first), *_texts(second)]
    return []


def _in_sql() -> Iterator[Pattern]:
    for path in (ROOT / "sql" / "alerting").glob("*.sql"):
        text = path.read_text()
        for one, several in _SQL_SENTENCE.findall(text):
            yield _unquoted(one), _unquoted(several) or None
        yield from ((_unquoted(name), None) for name in _SQL_FACT.findall(text))


def _unquoted(text: str) -> str:
    return text.replace("''", "'").replace("%%", "%")


def places(pattern: str) -> list[str]:
    """What stands in braces."""
    return sorted(_PLACE.findall(pattern))
