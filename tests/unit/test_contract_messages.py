"""What is said about contract files that are wrong: the place, the key, what was found and what to write instead."""

import re
import time
from pathlib import Path

import pytest

from logistics_core.catalogue import ContractError
from logistics_core.catalogue.contract_files import contract_from_document, read_contract, read_document
from logistics_core.catalogue.contract_shapes import nearest_match
from logistics_core.catalogue.contract_yaml import MAX_VALUES, read_yaml

CONTRACT = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: fuel
path: fuel/
title: Fuel
description: One record per payment.
schema:
  primaryKey: [payment]
  fields:
    - name: payment
      title: Payment
      type: string
      role: identifier
      description: Identifies the payment
      constraints: {required: true}
    - name: litres
      title: Litres
      type: number
      role: measure
      description: Fuel bought
"""

LIBRARY_WORDS = re.compile(
    r"`(str|int|object|array|bool|null)`|\bNoneType\b|\bdict\b|\bexpected `|msgspec|yaml\.|\bblock (mapping|end)|"
    r"scanning|parsing|token|<class|Error\b|unicode string|datetime\.|Struct|_Field|_Resource|\$\.",
)


def changed(old: str, new: str) -> str:
    assert CONTRACT.count(old) >= 1, old
    return CONTRACT.replace(old, new, 1)


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    # -- no YAML
    "tab": (changed("  primaryKey", "\tprimaryKey"),
        "line 7, column 1: a tab indents the line. Replace tabs by blanks"),
    "open list": (changed("[payment]", "[payment"), "line 7, column 15: the \\[ that begins here is not closed by ]"),
    "open mapping": (changed("true}", "true"), "the { that begins here is not closed by }"),
    "open at the end": (CONTRACT + "indexes: [", "the text ends here, but a \\[, a { or a quote above is still open"),
    "open quote": (changed("title: Fuel", 'title: "Fuel'), "line 4, column 8: the quote that begins here has no end"),
    "path in quotes": (changed("path: fuel/", 'path: "C:\\yuel"'), "line 3, column 7: the quote .* a \\\\ in it"),
    "second colon": (changed("title: Fuel", "title: Fuel: all"), "line 4, column 12: the colon cannot stand here"),
    "indented too far": (changed("title: Fuel", "  title: Fuel"), "line 4, column 8: the colon cannot stand here"),
    "indented too little": (changed("      role", "   role"), "line 12, column 4: the line does not continue"),
    "at sign": (changed("title: Fuel", "title: @fuel"),
        "line 4, column 8: @ cannot stand here. Put the value in quotes"),
    "per cent": (changed("title: Fuel", "title: %"), "line 4, column 8: % cannot stand here"),
    "alias": (changed("title: Fuel", "title: *fuel"), r"line 4, column 8: \*fuel is an alias"),
    "laughs": (
        "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
        r"line 2, column 8: \*a is an alias, and aliases are not allowed",
    ),
    "own object": (
        changed("title: Fuel", "title: !!python/name:os.system"),
        "line 4, column 8: the tag !!python/name:os.system is not allowed",
    ),
    "own tag": (changed("title: Fuel", "title: !secret x"), "the tag !secret is not allowed in a contract"),
    "bytes": (changed("title: Fuel", "title: !!binary aGk="), "the tag !!binary is not allowed"),
    "twice": (changed("      role", "      type: date\n      role"),
        r"line 12, .*the key schema.fields\[0\].type occurs "
              "twice, first in line 11"),
    "list as key": (changed("title: Fuel", "? [a]\n: b"), "line 4, column 3: a key is a list or a mapping"),
    "two documents": (CONTRACT + "---\n" + CONTRACT, "line 20, column 1: a second document begins"),
    "deep": (changed("title: Fuel", "title: " + "[" * 3_000), "more than 20 deep"),
    "many values": ("a: [" + "1," * (MAX_VALUES + 5) + "]", "more than 100,000 values"),
    "large": ("#" * 1_100_000, "at most 1,048,576 bytes"),
    "control character": (changed("title: Fuel", "title: Fu\x07el"),
        r"line 4, column 10: U\+0007 is a control character"),
    "workbook": (b"PK\x03\x04\x14\x00\x06\x00\x08\x00\xff\xfe", "is not UTF-8. Expected: a text file in UTF-8"),
    "Latin-1": (CONTRACT.replace("Fuel", "Fül").encode("latin-1"), "line 4, byte .* is not UTF-8"),
    "UTF-16": (CONTRACT.encode("utf-16"), "line 1, byte 0 is not UTF-8"),
    "no such day": (changed("name: fuel", "name: 2024-02-30"), "line 2, column 7: 2024-02-30 looks like a date"),
    "endless number": (changed("name: fuel", "name: " + "9" * 5_000), "line 2, column 7: 9{40}... looks like a number"),
    # -- another shape
    "empty": ("", "it is empty. `logistics contracts propose FILE` prints a contract"),
    "comments only": ("# soon\n---\n", "it is empty"),
    "a text": ("the contract of fuel", "the file is 'the contract of fuel'. Expected: keys with values, such as"),
    "a list": ("- name: fuel\n", r"the file is a list of 1 item. Expected: keys with values, such as \$schema, name"),
    "JSON of records": ('[{"id": 1}, {"id": 2}]', "the file is a list of 2 items"),
    "JSON of one": ('{"name": "fuel"}', r"the file lacks the key `\$schema`. Add it, with https://datapackage.org/"),
    "number as name": (changed("name: litres", "name: 2024"),
        r"line 15, column 7: schema.fields\[1\].name is the number "
                       "2024. Expected: a text. Put it in quotes"),
    "no as title": (changed("title: Fuel", "title: no"), "line 4, column 1: title is no, which YAML takes for false"),
    "time as title": (changed("title: Fuel", "title: 12:30"), "title is the number 12:30. Expected: a text. Put it in"),
    "day as title": (changed("title: Fuel", "title: 2024-01-31"), "title is the date 2024-01-31"),
    "empty title": (changed("title: Fuel", "title:"), "line 4, column 1: title is empty. Expected: a text"),
    "type of others": (changed("type: number", "type: decimal"), r"line 17, column 7: schema.fields\[1\].type is "
                       r"'decimal'. Expected: one of string, integer, .*array. Did you mean number\?"),
    "misspelt type": (changed("type: number", "type: nubmer"), r"'nubmer'. .* Did you mean number\?"),
    "type in capitals": (changed("type: number", "type: NUMBER"), r"'NUMBER'. .* Did you mean number\?"),
    "type as list": (changed("type: number", "type: [number, 'null']"),
        r"schema.fields\[1\].type is a list of 2 items"),
    "unknown type": (changed("type: number", "type: geopoint"), r"'geopoint'. Expected: one of string, [a-z, ]*\.$"),
    "misspelt role": (changed("role: measure", "role: mesure"),
        r"schema.fields\[1\].role is 'mesure'. .*mean measure\?"),
    "misspelt key": (changed("title: Litres", "titel: Litres"), r"line 16, column 7: schema.fields\[1\].titel is an "
                     r"unknown key. Did you mean title\? The keys in schema.fields\[1\] are: name, title"),
    "key of others": (changed("fields:", "columns:"), r"schema.columns is an unknown key. Did you mean fields\?"),
    "key in capitals": (changed("primaryKey", "PrimaryKey"), r"Did you mean primaryKey\?"),
    "key elsewhere": (changed("role: measure", "role: measure\n      minimum: 0"), r"schema.fields\[1\].minimum is an "
                      r"unknown key. It belongs to schema.fields\[...\].constraints: move it there"),
    "key one level down": (changed("\nschema:", "\nfields: []\nschema:"),
        "fields is an unknown key. It belongs to schema"),
    "field as key": (
        CONTRACT[: CONTRACT.index("    - name")] + "    payment: {type: string}\n",
        "line 8, column 3: schema.fields is a group of keys .payment.. Expected: a list of items",
    ),
    "one value as list": (changed("[payment]", "payment"), "schema.primaryKey is 'payment'. Expected: a list of texts"),
    "constraints as list": (changed("{required: true}", "[required]"), r"schema.fields\[0\].constraints is a list of 1 "
                            "item. Expected: keys with values, such as required, minimum"),
    "yes as a text": (changed("required: true", "required: 'yes'"),
        "constraints.required is 'yes'. Expected: true or false"),
    "number among words": (changed("  primaryKey", "  missingValues: [NA, -999]\n  primaryKey"), r"line 7, column 23: "
                           r"schema.missingValues\[1\] is the number -999. Expected: a text. Put it in quotes"),
    "no type": (changed("      type: number\n", ""),
        r"line 15, .*schema.fields\[1\] lacks the key `type`. Add it, with one of string, integer"),
    "no fields": (changed(CONTRACT[CONTRACT.index("  fields:") :], ""),
        "schema lacks the key `fields`. Add it, with a list"),
    # -- another meaning
    "unknown key field": (changed("[payment]", "[paymnet]"),
        "line 7, column 3: schema.primaryKey names 'paymnet', which "
                          r"is no field. There are: payment, litres. Did you mean payment\?"),
    "same name": (changed("name: litres", "name: payment"),
        r"line 15, column 7: schema.fields\[1\].name is 'payment', as "
                  r"is that of schema.fields\[0\]"),
    "blank in a name": (changed("name: litres", "name: the litres"), r"line 15, column 7: schema.fields\[1\].name is "),
    "day as bound": (changed("Fuel bought", "Fuel\n      constraints: {minimum: 2024-01-01}"),
        "must be a number, not the "
                     "date 2024-01-01"),
    "moment as bound": (changed("type: number", "type: date\n      constraints: {minimum: 2024-01-01 10:00:00}"),
                        "must be a date such as 2024-01-31, not the date 2024-01-01 10:00:00"),
    "nothing to say": (changed("title: Litres", "title: Litres\n      aliases: ['']"),
        r"schema.fields\[1\].aliases: an "),
}  # fmt: skip


@pytest.mark.parametrize(("content", "said"), HOSTILE.values(), ids=HOSTILE)
def test_a_wrong_contract_is_explained_in_plain_words(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = tmp_path / "fuel.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    began = time.monotonic()
    with pytest.raises(ContractError) as raised:
        read_contract(path)
    message = str(raised.value)
    assert re.search(said, message), message
    assert message.startswith(str(path)) and message.endswith((".", "?"))
    assert not LIBRARY_WORDS.search(message.removeprefix(str(path))), message
    assert len(message) - len(str(path)) < 500
    assert time.monotonic() - began < 20


def test_the_contract_that_they_are_made_of_is_right() -> None:
    document = read_document(CONTRACT, "fuel.yaml")
    assert [field.name for field in contract_from_document(document.value, "fuel.yaml", document.places).fields] == [
        "payment",
        "litres",
    ]


def test_json_is_a_contract_as_well_also_if_tabs_indent_it() -> None:
    assert read_yaml('{\n\t"name": "fuel",\n\t"path": "a\\u00e4/"\n}').value == {"name": "fuel", "path": "aä/"}


def test_a_document_without_places_is_explained_by_its_keys() -> None:
    with pytest.raises(ContractError, match=r"^Version 2 is not a contract: title is the number 5\. Expected: a text"):
        contract_from_document({"title": 5}, "Version 2")


def test_every_key_keeps_its_place() -> None:
    places = read_document(CONTRACT, "fuel.yaml").places
    assert places["schema", "fields", 1, "type"] == (17, 7, "number")
    assert str(places["schema", "primaryKey", 0]) == "line 7, column 16"


@pytest.mark.parametrize("word", ["integr", "Integer", "int", "INT", "bigint"])
def test_the_nearest_match_is_found_by_spelling_and_by_what_others_say(word: str) -> None:
    assert nearest_match(word, ["string", "integer", "number"]) == "integer"


def test_what_resembles_nothing_has_no_nearest_match() -> None:
    assert nearest_match("geopoint", ["string", "integer", "number"]) is None


def test_many_keys_in_one_mapping_take_linear_time() -> None:
    """Looking for doubles among all keys before would take minutes."""
    text = "".join(f"k{number}: a\n" for number in range(40_000))
    began = time.monotonic()
    assert len(read_yaml(text).value) == 40_000
    assert time.monotonic() - began < 20
