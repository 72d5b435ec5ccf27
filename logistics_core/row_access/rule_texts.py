"""Reads rules as people write them: `shipments: origin = Berlin | Hamburg and status = open or destination = Berlin`.

A rule names a dataset and, behind a colon, the rows of it that may be seen: fields with the values that they may have,
joined by `and`, and by `or`, which binds less. A field may be that of a record referred to: `log.vehicle.depot`. A
dataset alone means all of its rows. Values that contain `=`, `|`, quotation marks, `and` or `or` stand in quotation
marks, which are doubled within.
"""

import re
from collections.abc import Iterator, Sequence

from logistics_core.catalogue import Catalogue
from logistics_core.catalogue.contract_shapes import listed, suggestion
from logistics_core.metrics.conditions import MAX_CONDITIONS
from logistics_core.row_access.rules import KEYWORDS, Alternative, RowAccess, read_alternative

_TOKEN = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<mark>[=|])|(?P<word>[^\s"=|]+))')
_EXAMPLE = "such as 'shipments: origin = Berlin | Hamburg'"

Token = tuple[str, str]
"""Its kind (`quoted`, `mark`, `word` or `keyword`) and its text."""


def read_rules(texts: Sequence[str], catalogue: Catalogue) -> RowAccess:
    """What rules grant together.

    Raises:
        ValueError: one of them is no rule, or does not fit the contract of its dataset; the message says which and how.
    """
    return RowAccess.of([rule for text in texts for rule in _read(text, catalogue)])


def _read(text: str, catalogue: Catalogue) -> list[tuple[str, Alternative]]:
    name, colon, conditions = (part.strip() for part in text.partition(":"))
    dataset = catalogue.get(name)
    if dataset is None:
        raise ValueError(
            f"{text!r}: there is no dataset {name!r}.{suggestion(name, catalogue)} There are: {listed(catalogue)}."
        )
    if not colon:
        return [(name, {})]
    try:
        found = list(_alternatives(list(_tokens(conditions))))
        if sum(map(len, found)) > MAX_CONDITIONS:
            raise ValueError(f"a rule has at most {MAX_CONDITIONS} conditions")
        for each in found:
            read_alternative(each, dataset, catalogue)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    return [(name, each) for each in found]


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ValueError("a quotation mark is not closed")
        position = found.end()
        if found["quoted"] is not None:
            yield "quoted", found["quoted"].replace('""', '"')
        elif found["mark"]:
            yield "mark", found["mark"]
        else:
            yield ("keyword" if found["word"] in KEYWORDS else "word"), found["word"]


def _alternatives(tokens: list[Token]) -> Iterator[Alternative]:
    for part in _split(tokens, ("keyword", "or")):
        alternative: dict[str, tuple[str, ...]] = {}
        for condition in _split(part, ("keyword", "and")):
            path, values = _condition(condition)
            if path in alternative:
                raise ValueError(f"{path} stands twice where both must hold; write {path} = A | B for either")
            alternative[path] = values
        yield alternative


def _split(tokens: list[Token], separator: Token) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in tokens:
        if token == separator:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _condition(tokens: list[Token]) -> tuple[str, tuple[str, ...]]:
    shown = " ".join(text for _, text in tokens)
    match tokens:
        case [("word", path), ("mark", "="), *rest] if rest:
            return path, tuple(_value(each, shown) for each in _split(rest, ("mark", "|")))
    raise ValueError(f"expected a field, = and values, {_EXAMPLE}; found {shown!r}")


def _value(tokens: list[Token], shown: str) -> str:
    match tokens:
        case [("quoted", text)]:
            return text
        case [("word", _), *_] if all(kind == "word" for kind, _ in tokens):
            return " ".join(text for _, text in tokens)
    raise ValueError(f"expected values separated by |, {_EXAMPLE}; found {shown!r}")
