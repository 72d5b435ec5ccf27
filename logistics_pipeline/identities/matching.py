"""Finds what may be the same thing: compares what is known about external ids with master records. Pure.

Codes such as plates are compared by their letters and digits, names by how alike their words are, in any order.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from logistics_core.catalogue.identities import Comparison, MatchRule

_WORD = re.compile(r"[^\W\d_]{3}")
"""What a text has at least to be compared as a name: three letters in a row. Plates and numbers are no names."""

LEAST_CODE = 3
"""Letters and digits that a code must have at least, if it is not written the same."""
MOST_PER_ID = 3
"""Proposals of one rule for an id."""
MOST_PAIRS = 5_000_000
"""Pairs of names that are compared at a time, some two seconds: of more ids only the first ones."""


@dataclass(frozen=True)
class Unknown:
    """An external id that is linked with nothing."""

    system: str
    external_id: str
    said: Mapping[str, str] = field(default_factory=dict)
    """What records with it say about attributes of the thing."""
    said_in: Mapping[str, str] = field(default_factory=dict)
    """The fields that say so, for people."""


@dataclass(frozen=True)
class Master:
    """A master record."""

    key: str
    values: Mapping[str, str]
    """The fields that rules compare."""


@dataclass(frozen=True)
class Match:
    """An external id that may be a master record."""

    unknown: Unknown
    key: str
    rule: MatchRule
    similarity: float
    evidence: str


def code_of(text: str) -> str:
    """The letters and digits of a text, in lower case: the same for `W-1234` and `w 1234`."""
    return "".join(character for character in unicodedata.normalize("NFKC", text).casefold() if character.isalnum())


def find_matches(
    rules: Sequence[MatchRule], unknown: Sequence[Unknown], masters: Sequence[Master], entity: str
) -> list[Match]:
    """What the rules suggest, by id in the order given; of one id and master record only what the first rule says."""
    found: dict[tuple[str, str, str], Match] = {}
    for rule in rules:
        compared = _by_code if rule.comparison is Comparison.CODE else _by_name
        for match in compared(rule, unknown, masters, entity):
            pair = match.unknown.system, match.unknown.external_id, match.key
            if pair not in found or (rule.accepts and not found[pair].rule.accepts):
                found[pair] = match
    return list(found.values())


def _value(each: Unknown, rule: MatchRule) -> tuple[str, str]:
    """What is compared of an id, with what it is called.

    That is what its records say about the field; the id itself if they say nothing about it at all.
    """
    if rule.field in each.said_in:
        return each.said.get(rule.field, ""), each.said_in[rule.field]
    return each.external_id, "id"


def _by_code(rule: MatchRule, unknown: Iterable[Unknown], masters: Iterable[Master], entity: str) -> Iterator[Match]:
    by_code: dict[str, list[Master]] = {}
    for master in masters:
        code = code_of(master.values.get(rule.field, ""))
        if code:
            by_code.setdefault(code, []).append(master)
    for each in unknown:
        text, called = _value(each, rule)
        code = code_of(text)
        for master in by_code.get(code, [])[:MOST_PER_ID]:
            known = master.values[rule.field]
            if text != known and len(code) < LEAST_CODE:
                continue
            how = "they are written the same" if text == known else "letters and digits are the same"
            evidence = (
                f"{each.system} {each.external_id}: the {called} is {text!r}, the {rule.field} of {entity} "
                f"{master.key} is {known!r}; {how}."
            )
            yield Match(each, master.key, rule, 100.0, evidence)


def _by_name(rule: MatchRule, unknown: Sequence[Unknown], masters: Sequence[Master], entity: str) -> Iterator[Match]:
    from rapidfuzz import fuzz, process, utils  # here: only refreshes with names to compare need it

    choices = {master.key: master.values[rule.field] for master in masters if master.values.get(rule.field)}
    if not choices:
        return
    for each in unknown[: max(MOST_PAIRS // len(choices), 1)]:
        text, called = _value(each, rule)
        if not _WORD.search(text):
            continue
        alike = process.extract(
            text,
            choices,
            scorer=fuzz.token_sort_ratio,
            processor=utils.default_process,
            score_cutoff=rule.similarity,
            limit=MOST_PER_ID,
        )
        for known, similarity, key in alike:
            evidence = (
                f"{each.system} {each.external_id}: the {called} is {text!r}, the {rule.field} of {entity} {key} is "
                f"{known!r}; they are {similarity:.0f} % alike."
            )
            yield Match(each, key, rule, round(similarity, 1), evidence)
