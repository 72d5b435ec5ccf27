"""Which keys and kinds of values a contract has: what differs from that is said by the key, with what to write instead.

What values mean is judged later, in `contract_files`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from functools import cache
from sys import float_info
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from logistics_core.catalogue.contract_yaml import KeyPath, Place, path_text

_OTHER_WORDS = {
    "int": "integer", "bigint": "integer", "smallint": "integer", "long": "integer", "float": "number",
    "double": "number", "decimal": "number", "numeric": "number", "real": "number", "text": "string", "str": "string",
    "varchar": "string", "char": "string", "bool": "boolean", "timestamp": "datetime", "timestamptz": "datetime",
    "interval": "duration", "json": "object", "jsonb": "object", "dict": "object", "list": "array",
    "id": "identifier", "key": "identifier", "metric": "measure", "fact": "measure", "category": "dimension",
    "attribute": "dimension", "comment": "text", "date_time": "datetime", "month": "yearmonth",
    "columns": "fields", "column": "fields", "primary_key": "primaryKey", "pk": "primaryKey", "nullable": "required",
    "label": "title", "comments": "description", "min": "minimum", "max": "maximum", "sep": "delimiter",
    "separator": "delimiter", "timezone": "timeZone", "synonyms": "aliases", "null_values": "missingValues",
}  # fmt: skip
"""What other programs call the same."""

FieldOfContract = TypeVar("FieldOfContract")

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What datasets, fields, indexes and metrics may be called."""

_MOST_NAMED = 20
_MOST_SHOWN = 40


class ShapeFault(ValueError):
    """A value is of another kind than its key takes; the message begins with the key."""

    def __init__(self, path: KeyPath, message: str) -> None:
        super().__init__(message)
        self.path = path


def check_shape(document: object, struct: type[msgspec.Struct], places: Mapping[KeyPath, Place]) -> None:
    """Checks keys and kinds of values.

    Raises:
        ShapeFault: for the first that is wrong, in the order of the document.
    """
    _Checker(struct, places).check(document, _type_of(struct), ())


def nearest_match(word: str, known: Iterable[str]) -> str | None:
    """What somebody may have meant who wrote another word."""
    names = list(known)
    other = _OTHER_WORDS.get(word.lower())
    if other in names:
        return other
    by_spelling = {_spelling(name): name for name in names}
    close = get_close_matches(_spelling(word), by_spelling, n=1, cutoff=0.7)
    return by_spelling[close[0]] if close else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message that asks for what may have been meant; empty if nothing comes near."""
    nearest = nearest_match(word, known)
    return f" Did you mean {nearest}?" if nearest else ""


def listed(names: Iterable[str]) -> str:
    """The first names of many, for a message."""
    all_names = list(names)
    return ", ".join(all_names[:_MOST_NAMED]) + (" and others" if len(all_names) > _MOST_NAMED else "")


def known_field(name: str, fields: Mapping[str, FieldOfContract], where: str) -> FieldOfContract:
    """The field of that name.

    Raises:
        ValueError: there is none; the message begins with `where`.
    """
    if name not in fields:
        raise ValueError(
            f"{where} names {name!r}, which is no field. There are: {listed(fields)}.{suggestion(name, fields)}"
        )
    return fields[name]


def _spelling(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "").replace(" ", "")


@cache
def _type_of(struct: type[msgspec.Struct]) -> Any:
    return inspect.type_info(struct)


class _Checker:
    def __init__(self, root: type[msgspec.Struct], places: Mapping[KeyPath, Place]) -> None:
        self._root = root
        self._places = places

    def check(self, value: object, kind: Any, path: KeyPath) -> None:
        if isinstance(kind, inspect.Metadata):
            self.check(value, kind.type, path)
        elif isinstance(kind, inspect.UnionType):
            self._check_any(value, kind.types, path)
        elif isinstance(kind, inspect.StructType):
            self._check_mapping(value, kind, path)
        elif isinstance(kind, inspect.ListType):
            self._check_list(value, kind, path)
        elif isinstance(kind, inspect.DictType):
            self._check_names(value, kind, path)
        elif isinstance(kind, inspect.EnumType | inspect.LiteralType):
            self._check_word(value, kind, path)
        elif not _is_single(value, kind):
            raise self._fault(value, path, _expected(kind))

    def _check_any(self, value: object, kinds: Sequence[Any], path: KeyPath) -> None:
        """Nothing, or the one kind that a key takes. Of several, at most one is a list, and one a mapping."""
        if value is None and any(isinstance(kind, inspect.NoneType) for kind in kinds):
            return
        others = [kind for kind in kinds if not isinstance(kind, inspect.NoneType)]
        form = _forms(value)
        of_its_form = [kind for kind in others if form and isinstance(kind, form)]
        if len(others) == 1 or of_its_form:
            self.check(value, (of_its_form or others)[0], path)
        elif not any(_is_single(value, kind) for kind in others):
            raise self._fault(value, path, " or ".join(_expected(kind) for kind in others))

    def _check_mapping(self, value: object, kind: Any, path: KeyPath) -> None:
        if not isinstance(value, dict):
            keys = ", ".join(each.encode_name for each in kind.fields if each.required) or _listed(kind)
            raise self._fault(value, path, f"keys with values, such as {keys}")
        known = {each.encode_name: each.type for each in kind.fields}
        for key, each in value.items():
            if key not in known:
                raise self._unknown_key(key, kind, path)
            self.check(each, known[key], (*path, key))
        for each in kind.fields:
            if each.required and each.encode_name not in value:
                raise ShapeFault(path, f"{_named(path)} lacks the key `{each.encode_name}`. {_advice(each)}")

    def _check_list(self, value: object, kind: Any, path: KeyPath) -> None:
        if not isinstance(value, list):
            items = "texts" if isinstance(kind.item_type, inspect.StrType) else "items"
            raise self._fault(value, path, f"a list of {items}, each in a line of its own that begins with `- `")
        for number, each in enumerate(value):
            self.check(each, kind.item_type, (*path, number))

    def _check_names(self, value: object, kind: Any, path: KeyPath) -> None:
        if not isinstance(value, dict):
            raise self._fault(value, path, "names with values, each in a line of its own: `name: value`")
        for key, each in value.items():
            self.check(each, kind.value_type, (*path, key))

    def _check_word(self, value: object, kind: Any, path: KeyPath) -> None:
        words = _words(kind)
        if value in words and isinstance(value, str):
            return
        nearest = nearest_match(value, words) if isinstance(value, str) and len(words) > 1 else None
        raise self._fault(value, path, _choice(words), nearest)

    def _fault(self, value: object, path: KeyPath, expected: str, nearest: str | None = None) -> ShapeFault:
        found = described(value, self._places.get(path))
        meant = f" Did you mean {nearest}?" if nearest else ""
        quotes = ""
        if expected.startswith("a text") and value is not None and not isinstance(value, dict | list):
            quotes = " Put it in quotes."
        return ShapeFault(path, f"{_named(path)} is {found}. Expected: {expected}.{meant}{quotes}")

    def _unknown_key(self, key: object, kind: Any, path: KeyPath) -> ShapeFault:
        known = [each.encode_name for each in kind.fields]
        word = str(key)
        name = path_text((*path, _short(word)))
        nearest = nearest_match(word, known)
        elsewhere = [] if word in known else list(_owners(_type_of(self._root), word, ()))
        if elsewhere:
            advice = f" It belongs to {' or '.join(dict.fromkeys(elsewhere))}: move it there."
        elif nearest:
            advice = f" Did you mean {nearest}?"
        else:
            advice = " Correct or remove it."
        where = f"in {path_text(path)}" if path else "here"
        return ShapeFault((*path, word), f"{name} is an unknown key.{advice} The keys {where} are: {_listed(kind)}.")


def _owners(kind: Any, key: str, path: KeyPath) -> Iterator[str]:
    """Where a key belongs, as messages name it."""
    if isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _owners(each, key, path)
    elif isinstance(kind, inspect.Metadata):
        yield from _owners(kind.type, key, path)
    elif isinstance(kind, inspect.ListType):
        parent = str(path[-1]) if path else ""
        yield from _owners(kind.item_type, key, (*path[:-1], f"{parent}[...]"))
    elif isinstance(kind, inspect.StructType):
        for field in kind.fields:
            if field.encode_name == key:
                yield path_text(path) if path else "the top of the file"
            yield from _owners(field.type, key, (*path, field.encode_name))


def _forms(value: object) -> tuple[type, ...]:
    """The kinds that a list, or a mapping, may be of; none for single values."""
    if isinstance(value, dict):
        return inspect.StructType, inspect.DictType
    return (inspect.ListType,) if isinstance(value, list) else ()


def _is_single(value: object, kind: Any) -> bool:
    match kind:
        case inspect.AnyType():
            return True
        case inspect.StrType():
            return isinstance(value, str)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case inspect.FloatType():
            return isinstance(value, float) or (
                isinstance(value, int) and not isinstance(value, bool) and abs(value) <= float_info.max
            )
    return False


def _expected(kind: Any) -> str:
    match kind:
        case inspect.StructType():
            return f"keys with values, such as {_listed(kind)}"
        case inspect.DictType():
            return "names with values"
        case inspect.ListType():
            return "a list"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number"
        case inspect.FloatType():
            return "a number"
    return "a text"


def _words(kind: Any) -> list[str]:
    return [str(word) for word in (kind.cls if isinstance(kind, inspect.EnumType) else kind.values)]


def _choice(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"one of {', '.join(words)}"


def _listed(kind: Any) -> str:
    return listed(each.encode_name for each in kind.fields)


def _named(path: KeyPath) -> str:
    return path_text(path) or "the file"


def _advice(field: Any) -> str:
    """What to write for a key that is missing."""
    kind = field.type.type if isinstance(field.type, inspect.Metadata) else field.type
    if isinstance(kind, inspect.EnumType | inspect.LiteralType):
        return f"Add it, with {_choice(_words(kind))}."
    if isinstance(kind, inspect.StructType):
        return f"Add it, with the keys {', '.join(each.encode_name for each in kind.fields if each.required)}."
    if isinstance(kind, inspect.ListType):
        return "Add it, with a list of items that begin with `- `."
    return f"Add it, with {_expected(kind)}."


def described(value: object, place: Place | None = None) -> str:
    """A value for people: as it is written, and what YAML takes it for."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return (
            f"a group of keys ({', '.join(map(_short, map(str, list(value)[:3])))}{', ...' if len(value) > 3 else ''})"
        )
    if isinstance(value, list):
        return f"a list of {len(value):,} {'item' if len(value) == 1 else 'items'}"
    written = _short(place.written if place is not None and place.written is not None else str(value))
    if isinstance(value, bool):
        yes = "true" if value else "false"
        return yes if written.lower() == yes else f"{written}, which YAML takes for {yes}"
    if isinstance(value, int | float):
        return f"the number {written}"
    if isinstance(value, date):
        return f"the date {written}"
    return repr(_short(str(value)))


def _short(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
