"""Reads the YAML of a contract or a source with the place of each value, and says in plain words where it is not YAML.

Only what these need is taken: no aliases, which can expand without bound, no tags beyond the plain types, no key
twice, and limits of size and depth. What the keys mean is not known here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import yaml

MAX_VALUES = 100_000
"""Values in a contract, with its mappings and lists: 1,500 fields have about a third of them."""
MAX_DEPTH = 20

KeyPath: TypeAlias = tuple[str | int, ...]
"""What leads to a value: `("schema", "fields", 3, "type")`."""

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Any = yaml.resolver.Resolver()
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")
)
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class Place(NamedTuple):
    """Where a value stands, counted from 1, and what is written there if it is a single value."""

    line: int
    column: int
    written: str | None = None

    def __str__(self) -> str:
        return f"line {self.line:,}, column {self.column:,}"


class YamlFault(ValueError):
    """The text is not YAML that a contract may be written in; the message says where, why, and what to do."""


@dataclass(frozen=True)
class YamlDocument:
    """What a text says."""

    value: Any
    places: Mapping[KeyPath, Place]
    """The place of each value; of a key in a mapping, that of the key."""


def read_yaml(text: str, noun: str = "contract") -> YamlDocument:
    """Reads one document. `noun` is what messages call it.

    Raises:
        YamlFault: it is not YAML, or more than a contract may use of it.
    """
    _check_characters(text)
    places: dict[KeyPath, Place] = {}
    try:
        reader = _Reader(yaml.parse(text, Loader=_PARSER), places, noun)
        return YamlDocument(reader.document(), places)
    except yaml.MarkedYAMLError as error:
        raise YamlFault(_explanation(error, text)) from None
    except RecursionError:
        raise YamlFault(_too_deep(Place(1, 1), noun)) from None


def path_text(path: KeyPath) -> str:
    """A path as messages have it: `schema.fields[3].type`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def with_place(path: KeyPath, message: str, places: Mapping[KeyPath, Place]) -> str:
    """The message after the place of its key or, where that is missing, of what it belongs to."""
    while path and path not in places:
        path = path[:-1]
    return f"{places[path]}: {message}" if path in places else message


# -- the text --------------------------------------------------------------------------------------------------------


def _check_characters(text: str) -> None:
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if found is None:
        return
    code = ord(found.group())
    kind = "half of a character" if 0xD800 <= code <= 0xDFFF else "a control character"
    raise YamlFault(
        f"{_place_at(text, found.start())}: U+{code:04X} is {kind}. Remove it. If there are more, the file is not a "
        "text file."
    )


def _place_at(text: str, position: int) -> Place:
    lines = _LINE_BREAK.split(text[:position])
    return Place(len(lines), len(lines[-1]) + 1)


def _explanation(error: yaml.MarkedYAMLError, text: str) -> str:
    """Why the text is not YAML, by what stands at the place: parsers differ in their words."""
    lines = _LINE_BREAK.split(text)
    opened, found = _place_of(error.context_mark), _place_of(error.problem_mark)
    found = found or opened or Place(1, 1)
    begin = _character(lines, opened)
    if begin in ("'", '"'):
        return f"{opened}: the quote that begins here has no end, or a \\ in it is followed by a wrong character."
    line = lines[found.line - 1] if found.line <= len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        tab = Place(found.line, indent.index("\t") + 1)
        return f"{tab}: a tab indents the line. Replace tabs by blanks."
    if begin in ("[", "{"):
        end = {"[": "]", "{": "}"}[begin]
        return f"{opened}: the {begin} that begins here is not closed by {end}, or a comma is missing at {found}."
    at = _character(lines, found)
    if at in ("@", "`", "%", "|", ">", "*", "&", "!", "\t"):
        name = "a tab" if at == "\t" else at
        return f"{found}: {name} cannot stand here. Put the value in quotes."
    if at == ":":
        return (
            f"{found}: the colon cannot stand here. Put a text that holds a colon in quotes. If a key precedes it: "
            "indent the key like the others of its mapping, and end the line above with a value or a colon."
        )
    if not any(lines[found.line - 1 :]) or (found.line == len(lines) and not line[found.column - 1 :].strip()):
        return f"{found}: the text ends here, but a [, a {{ or a quote above is still open. Close it."
    return (
        f"{found}: the line does not continue the one before. Expected: `key: value`, or `- ` before an item of a "
        "list, indented by blanks like its neighbours."
    )


def _place_of(mark: Any) -> Place | None:
    return None if mark is None else Place(mark.line + 1, mark.column + 1)


def _character(lines: list[str], place: Place | None) -> str:
    if place is None or place.line > len(lines):
        return ""
    return lines[place.line - 1][place.column - 1 : place.column]


def _too_deep(place: Place, noun: str) -> str:
    return f"{place}: lists and mappings within each other are more than {MAX_DEPTH} deep. A {noun} needs 6."


# -- values ----------------------------------------------------------------------------------------------------------


class _Reader:
    """Makes values of the parser's events, and notes their places."""

    def __init__(self, events: Iterator[Any], places: dict[KeyPath, Place], noun: str) -> None:
        self._events = events
        self._noun = noun
        self._places = places
        self._count = 0
        self._constructor: Any = yaml.constructor.SafeConstructor()

    def document(self) -> Any:
        """The only document; None if there is none."""
        event = self._next()
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        value = self._value(event, ())
        self._next()  # the end of the document
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            raise YamlFault(
                f"{_start(after)}: a second document begins. A file holds one {self._noun}: put the other one in a "
                "file of its own."
            )
        return value

    def _next(self) -> Any:
        return next(self._events)

    def _value(self, event: Any, path: KeyPath) -> Any:
        self._check(event, path)
        if isinstance(event, yaml.ScalarEvent):
            self._places.setdefault(path, Place(*_start(event)[:2], event.value))
            return self._scalar(event)
        self._places.setdefault(path, _start(event))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        return self._mapping(path)

    def _check(self, event: Any, path: KeyPath) -> None:
        place = _start(event)
        if isinstance(event, yaml.AliasEvent):
            raise YamlFault(
                f"{place}: *{event.anchor} is an alias, and aliases are not allowed in a {self._noun}. Write the value "
                "again, or put it in quotes if the * is part of a text."
            )
        if event.tag is not None and event.tag not in _PLAIN_TAGS and event.tag != "!":
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise YamlFault(f"{place}: the tag {tag} is not allowed in a {self._noun}. Write the value without it.")
        self._count += 1
        if self._count > MAX_VALUES:
            raise YamlFault(f"{place}: the file has more than {MAX_VALUES:,} values: it is not a {self._noun}.")
        if len(path) > MAX_DEPTH:
            raise YamlFault(_too_deep(place, self._noun))

    def _list(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event, path)
            place = Place(*_start(event)[:2])
            if key in found:
                first = self._places[*path, key]
                name = path_text((*path, key))
                raise YamlFault(f"{place}: the key {name} occurs twice, first in line {first.line:,}. Remove one.")
            value_event = self._next()
            written = value_event.value if isinstance(value_event, yaml.ScalarEvent) else None
            self._places[*path, key] = place._replace(written=written)
            found[key] = None
            found[key] = self._value(value_event, (*path, key))
        return found

    def _key(self, event: Any, path: KeyPath) -> str:
        """A key as it is written: `no` and `1` are names here."""
        if not isinstance(event, yaml.ScalarEvent):
            where = f" of {path_text(path)}" if path else ""
            raise YamlFault(f"{_start(event)}: a key{where} is a list or a mapping. Expected: a name before the colon.")
        return str(event.value)

    def _scalar(self, event: Any) -> Any:
        """A single value. YAML reads what has no quotes as a number, a date, true or false, or nothing, if it can."""
        tag = event.tag
        if tag is None or tag == "!":
            tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == "tag:yaml.org,2002:str" or tag not in _PLAIN_TAGS:  # `=` and `<<` mean nothing in a contract
            return event.value
        try:
            return self._constructor.construct_object(
                yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
            )
        except (ValueError, KeyError, yaml.constructor.ConstructorError):
            kind = {"timestamp": "date", "int": "number", "float": "number"}.get(tag.rpartition(":")[2], "value")
            written = event.value if len(event.value) <= 40 else f"{event.value[:40]}..."
            raise YamlFault(
                f"{_start(event)}: {written} looks like a {kind}, and there is no such {kind}. Put it in quotes if it "
                "is a text, or correct it."
            ) from None


def _start(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)
