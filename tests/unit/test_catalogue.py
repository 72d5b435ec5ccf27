"""Contract files and the catalogue made of them."""

import codecs
import os
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from logistics_core.catalogue import ContractError, Dating, Expectations, FieldType, built_in_catalogue, load_catalogue
from logistics_core.catalogue.contract_files import BUILT_IN_FOLDER, MAX_FILE_BYTES, read_contract
from logistics_core.catalogue.table_dialect import ENCODINGS, TableDialect

CONTRACT = {
    "$schema": "https://datapackage.org/profiles/2.0/dataresource.json",
    "name": "fuel_cards",
    "path": "fuel_cards.csv",
    "title": "Fuel cards",
    "description": "One record per payment.",
    "schema": {
        "primaryKey": ["payment_id"],
        "foreignKeys": [{"fields": ["log_id"], "reference": {"resource": "vehicle_logs", "fields": ["log_id"]}}],
        "fields": [
            {
                "name": "payment_id",
                "title": "Payment",
                "type": "string",
                "role": "identifier",
                "description": "Identifies the payment",
                "constraints": {"required": True},
            },
            {"name": "log_id", "title": "Log", "type": "string", "role": "dimension", "description": "The trip"},
            {
                "name": "paid_on",
                "title": "Day",
                "type": "date",
                "role": "time",
                "description": "Day of payment",
                "constraints": {"required": True},
            },
            {
                "name": "litres",
                "title": "Litres",
                "type": "number",
                "role": "measure",
                "unit": "L",
                "description": "Fuel bought",
                "constraints": {"minimum": 0.5},
            },
        ],
    },
    "datedBy": {"field": "paid_on"},
    "indexes": [{"name": "fuel_cards_by_log", "fields": ["log_id"]}],
}


def write(folder: Path, **changes: object) -> Path:
    """Writes the contract of fuel_cards; a change names its place as `schema__primaryKey`."""
    document = yaml.safe_load(yaml.safe_dump(CONTRACT))
    for place, value in changes.items():
        *parents, last = place.split("__")
        target = document
        for name in parents:
            target = target[int(name) if name.isdigit() else name]
        target[int(last) if last.isdigit() else last] = value
    path = folder / f"{document['name']}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_a_contract_says_how_values_are_written_and_bounded(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        schema__missingValues=["", "NA", " k. A. "],
        schema__fields__3__missingValues=["-999"],
        schema__fields__3__decimalChar=",",
        schema__fields__3__groupChar=" ",
        schema__fields__3__bareNumber=False,
        schema__fields__3__constraints={"exclusiveMinimum": 0, "maximum": 99.5, "exclusiveMaximum": 100},
        schema__fields__2__constraints={
            "required": True,
            "minimum": date(2000, 1, 1),
            "exclusiveMaximum": "2031-01-01",
        },
    )
    payment, _, paid_on, litres = read_contract(path).fields

    assert payment.missing_words == paid_on.missing_words == {"NA", "k. A."}
    assert litres.missing_words == {"-999"}
    assert (litres.decimal_char, litres.group_char, litres.is_bare_number) == (",", " ", False)
    assert litres.bounds == ("> 0", "<= 99.5", "< 100")
    assert paid_on.bounds == (">= 2000-01-01", "<= 2030-12-31")


def test_a_contract_says_what_is_expected_of_its_data(tmp_path: Path) -> None:
    assert read_contract(write(tmp_path)).expectations == Expectations()
    path = write(
        tmp_path, expect={"quality": 0.95, "freshness": "12 hours"}, schema__fields__3__expect={"filled": True}
    )
    dataset = read_contract(path)
    assert dataset.expectations == Expectations(Decimal("0.95"), timedelta(hours=12))
    assert [field.name for field in dataset.fields if field.is_expected] == ["litres"]


def with_type(folder: Path, type: str, **keys: object) -> Path:
    """The contract with a field of a type in place of litres."""
    document = {
        "name": "own",
        "title": "Own",
        "type": str(type),
        "role": "dimension",
        "description": "Of any type",
        **keys,
    }
    return write(folder, schema__fields__3=document)


def test_a_contract_may_have_fields_of_all_types_of_table_schema(tmp_path: Path) -> None:
    for type in FieldType:
        assert read_contract(with_type(tmp_path, type)).field("own").type is type

    whole = read_contract(with_type(tmp_path, "integer", groupChar=".", constraints={"minimum": 1})).field("own")
    assert (whole.decimal_char, whole.group_char, whole.at_least) == (",", ".", 1)
    flag = read_contract(with_type(tmp_path, "boolean", trueValues=["ja", "Ja"], falseValues=["nein"])).field("own")
    assert (flag.true_values, flag.false_values) == (("ja", "Ja"), ("nein",))
    default = read_contract(with_type(tmp_path, "boolean")).field("own")
    assert (default.true_values, default.false_values) == (
        ("true", "True", "TRUE", "1"),
        ("false", "False", "FALSE", "0"),
    )
    moment = read_contract(with_type(tmp_path, "datetime", format="%d/%m/%Y %H:%M %z", timeZone=True)).field("own")
    assert (moment.format, moment.has_time_zone) == ("%d/%m/%Y %H:%M %z", True)
    assert read_contract(with_type(tmp_path, "date", format="any")).field("own").format is None
    assert read_contract(with_type(tmp_path, "date", format="default")).field("own").format == "default"
    assert read_contract(with_type(tmp_path, "year", constraints={"maximum": 2030})).field("own").at_most == 2030


@pytest.mark.parametrize(
    ("type", "keys", "said"),
    [
        (
            "integer",
            {"format": "%Y"},
            "only date, datetime, duration, time, yearmonth have a format; own is an integer",
        ),
        ("date", {"format": "%d.%m"}, "must have a year, a month and a day, and no time of day, because own is a date"),
        ("date", {"format": "%d.%m.%Y %H:%M"}, "no time of day"),
        ("date", {"format": "%d.%m.%Q"}, "has %Q, which is not known. There are %Y, %y"),
        ("date", {"format": "%d.%m.%Y%"}, "has %, which is not known"),
        ("date", {"format": "%d.%m.%Y %y"}, "says twice what %y or %Y says"),
        ("date", {"format": ""}, "must have 1 to 64 characters"),
        ("datetime", {"format": "%d.%m.%Y"}, "must have a year, a month, a day and an hour"),
        ("datetime", {"format": "%d.%m.%Y %I:%M"}, "must have a year, a month, a day and an hour"),
        ("datetime", {"format": "%d.%m.%Y %H:%M %p"}, "has %p, which needs the hour as %I"),
        ("datetime", {"format": "%d.%m.%Y %H:%M.%f"}, "has a fraction, %f, of no second: add %S"),
        ("datetime", {"format": "%d.%m.%Y %H:%S"}, "has seconds and no minutes"),
        ("datetime", {"format": "%d.%m.%Y %H:%M", "timeZone": True}, "must have %z if timeZone"),
        ("datetime", {"format": "%d.%m.%Y %H:%M%z"}, "must have %z if timeZone"),
        ("time", {"format": "%M:%S"}, "must have an hour, and no day"),
        ("yearmonth", {"format": "%d.%m.%Y"}, "must have a year and a month, and nothing more"),
        ("duration", {"format": "%H.%M"}, "must be %H:%M:%S or %H:%M or %M:%S, not '%H.%M'"),
        ("date", {"timeZone": True}, "only a datetime has timeZone; own is a date"),
        ("array", {"trueValues": ["x"]}, "only a boolean has trueValues; own is an array"),
        ("boolean", {"trueValues": []}, "trueValues must list at least one word"),
        ("boolean", {"falseValues": ["1"]}, "'1' is among trueValues and among falseValues"),
        ("boolean", {"decimalChar": ","}, "only a number has decimalChar; own is a boolean"),
        ("time", {"constraints": {"minimum": 1}}, "only a number, an integer, a year or a date has a minimum"),
        ("object", {"example": {"a": 1}}, "is not a contract"),
    ],
)
def test_what_a_type_does_not_have_is_refused(tmp_path: Path, type: str, keys: dict[str, object], said: str) -> None:
    with pytest.raises(ContractError, match=said):
        read_contract(with_type(tmp_path, type, **keys))


def test_a_contract_says_how_files_are_written(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        encoding="Windows-1250",
        dialect={"delimiter": "^", "quoteChar": "'", "doubleQuote": False, "escapeChar": "\\", "headerRows": [3, 4],
                 "headerJoin": " / ", "commentChar": "#", "commentRows": [1], "skipInitialSpace": True,
                 "property": "data.items"},
        schema__fields__3__aliases=["Menge (l)", "tank.litres", "Menge (l)"],
    )  # fmt: skip
    dataset = read_contract(path)
    assert dataset.encoding == "cp1250"
    assert dataset.dialect == TableDialect("^", "'", False, "\\", None, (3, 4), " / ", "#", (1,), True, "data.items")
    assert dataset.field("litres").aliases == ("Menge (l)", "tank.litres")


def test_a_contract_that_says_nothing_of_its_files_leaves_it_to_them(tmp_path: Path) -> None:
    dataset = read_contract(write(tmp_path, dialect={}))
    assert (dataset.encoding, dataset.dialect.is_plain, dataset.field("litres").aliases) == (None, True, ())
    assert all(each.dialect.is_plain and each.encoding is None for each in built_in_catalogue().values())


def test_encodings_are_those_that_keep_ascii_by_pythons_names() -> None:
    for name in ENCODINGS:
        assert codecs.lookup(name).name == name
        if not name.startswith("utf-16"):
            delimiters = bytes(range(0x20, 0x5C)) + b"abcxyz|^\t\r\n"
            assert delimiters.decode(name) == delimiters.decode("ascii"), name


STAMPED = {"schema__fields__2__type": "datetime", "schema__fields__2__timeZone": True}


def test_a_dataset_is_dated_by_a_timestamp_in_a_time_zone(tmp_path: Path) -> None:
    plain = read_contract(write(tmp_path, **STAMPED))
    zoned = read_contract(write(tmp_path, **STAMPED, datedBy={"field": "paid_on", "timeZone": "Europe/Berlin"}))

    assert plain.dating == Dating("paid_on", time_zone="UTC")
    assert zoned.dating == Dating("paid_on", time_zone="Europe/Berlin")


@pytest.mark.parametrize("name", ["Europe/Berln", "europe/berlin", "localtime", "UTC+2", "", "x'; DROP TABLE"])
def test_a_time_zone_has_a_name_of_the_database(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, **STAMPED, datedBy={"field": "paid_on", "timeZone": name})

    with pytest.raises(
        ContractError, match=r"datedBy.timeZone is .* Expected: UTC or a name of the time zone database"
    ):
        read_contract(path)


def test_texts_keep_words_for_nothing_and_numbers_and_dates_do_not() -> None:
    _, name, mileage = built_in_catalogue()["vehicles"].fields
    assert (name.missing_words, mileage.missing_words) == (frozenset(), {"NA", "N/A", "NULL", r"\N", "-"})


def test_the_built_in_datasets_are_those_of_the_data_contract_in_their_order() -> None:
    catalogue = built_in_catalogue()
    assert list(catalogue) == ["vehicles", "vehicle_logs", "shipments"]
    assert {path.stem for path in BUILT_IN_FOLDER.glob("*.yaml")} == set(catalogue)
    assert catalogue["vehicles"].dating is None
    assert catalogue["vehicle_logs"].dating == Dating("trip_date")
    assert catalogue["shipments"].dating == Dating("log_id", "vehicle_logs")
    weight, cost = catalogue["shipments"].field("weight"), catalogue["shipments"].field("cost")
    assert (weight.above, weight.at_least, weight.required) == (Decimal(0), None, False)
    assert (cost.above, cost.at_least, cost.type) == (None, Decimal(0), FieldType.NUMBER)
    assert catalogue["vehicle_logs"].field("fuel_used").description_with_unit == "Fuel burnt, litres"
    assert catalogue["vehicle_logs"].slug == "vehicle-logs"


def test_a_folder_without_contracts_changes_nothing(tmp_path: Path) -> None:
    assert load_catalogue(tmp_path / "none") == load_catalogue(tmp_path) == load_catalogue() == built_in_catalogue()


def test_a_contract_of_the_user_joins_the_catalogue(tmp_path: Path) -> None:
    write(tmp_path)
    catalogue = load_catalogue(tmp_path)
    assert list(catalogue) == [*built_in_catalogue(), "fuel_cards"]
    dataset = catalogue["fuel_cards"]
    assert (dataset.key, dataset.columns) == (("payment_id",), ("payment_id", "log_id", "paid_on", "litres"))
    assert (dataset.key_indexes, dataset.date_index, dataset.table) == ((0,), 2, "raw.fuel_cards")
    assert dataset.field("litres").at_least == Decimal("0.5")
    assert not dataset.field("log_id").required
    assert dataset.indexes[0].columns == ("log_id",)


def test_titles_roles_and_descriptions_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "fuel_cards.yaml").write_text(
        """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: fuel_cards
path: fuel/
schema:
  primaryKey: [card_id]
  fields:
    - {name: card_id, type: string, constraints: {required: true}}
    - {name: paid_on, type: date}
    - {name: litres, type: number}
    - {name: station, type: string}
    - {name: items, type: array}
"""
    )
    dataset = read_contract(tmp_path / "fuel_cards.yaml")
    assert (dataset.title, dataset.description) == ("Fuel cards", "Fuel cards.")
    assert (dataset.fields[0].title, dataset.fields[0].description) == ("Card id", "Card id")
    assert [field.role for field in dataset.fields] == ["identifier", "time", "measure", "dimension", "text"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Fuel Cards"}, "name is 'Fuel Cards'"),
        ({"name": "x" * 41}, "at most 40 characters"),
        ({"nmae": "x"}, "line [0-9]+, column 1: nmae is an unknown key. Did you mean name?"),
        (
            {"$schema": "https://datapackage.org/profiles/1.0/dataresource.json"},
            r"\$schema is 'https://datapackage.org/profiles/1.0/dat.*Expected: https://datapackage.org/profiles/2.0/",
        ),
        ({"title": None}, "title is empty. Expected: a text"),
        (
            {"schema__primaryKey": ["payment"]},
            "schema.primaryKey names 'payment', which is no field. There are: payment_id",
        ),
        ({"schema__primaryKey": ["payment_id", "payment_id"]}, "schema.primaryKey names payment_id twice"),
        ({"schema__primaryKey": ["payment_id", "litres"]}, "names litres, which must be required: set constraints"),
        ({"schema__primaryKey": [f"f{number}" for number in range(33)]}, "a key has at most 32 fields, not 33"),
        ({"schema__fields__0__name": "record_no"}, r"schema.fields\[0\].name is 'record_no'"),
        ({"schema__fields__1__name": "payment_id"}, "two fields have one name"),
        ({"schema__fields__1__name": "litres_from"}, "litres_from is the name of a filter on litres"),
        (
            {"schema__fields__1__type": "integre"},
            r"schema.fields\[1\].type is 'integre'. Expected: one of string, .* Did you mean integer\?",
        ),
        (
            {"schema__fields__1__constraints": {"minimum": 0}},
            "only a number, an integer, a year or a date has a minimum or a maximum; log_id is a string",
        ),
        (
            {"schema__fields__1__constraints": {"pattern": "x"}},
            r"schema.fields\[1\].constraints.pattern is an unknown key",
        ),
        ({"datedBy": {"field": "litres"}}, "must be a required date or datetime"),
        (
            {"datedBy": {"field": "paid_on", "timeZone": "Europe/Berlin"}},
            "paid_on is no datetime with `timeZone: true`",
        ),
        (
            {"datedBy": {"field": "log_id", "dataset": "vehicle_logs", "timeZone": "UTC"}},
            "log_id is no datetime with `timeZone: true`",
        ),
        ({"datedBy": {"field": "day"}}, "datedBy.field names 'day', which is no field"),
        ({"datedBy": {"field": "payment_id", "dataset": "vehicle_logs"}}, "schema.foreignKeys does not declare"),
        ({"schema__foreignKeys__0__reference__resource": "trips"}, "log_id refers to trips, which is no dataset"),
        ({"schema__foreignKeys__0__reference__fields": ["a", "b"]}, "one field of vehicle_logs; it names 1 and 2"),
        ({"schema__foreignKeys__0__reference__fields": ["vehicle_id"]}, "vehicle_logs, whose key is log_id"),
        ({"schema__foreignKeys__0__fields": []}, "one field of vehicle_logs; it names 0 and 1"),
        ({"schema__foreignKeys__0__fields": ["litres"]}, "but one is a number and the other a string"),
        ({"schema__fields__3__constraints": {"minimum": float("nan")}}, "a bound must be a finite number"),
        ({"schema__fields__3__constraints": {"minimum": "five"}}, "the bound of a number must be a number, not 'five'"),
        ({"schema__fields__3__constraints": {"maximum": True}}, "the bound of a number must be a number, not true"),
        ({"schema__fields__2__constraints": {"maximum": 5}}, "the bound of a date must be a date such as 2024-01-31"),
        ({"schema__fields__2__constraints": {"maximum": "soon"}}, "the bound of a date must be a date .* not 'soon'"),
        ({"schema__fields__1__decimalChar": ","}, r"schema.fields\[1\]: only a number has decimalChar"),
        ({"schema__fields__3__decimalChar": "x"}, "decimalChar must be a point or a comma, not 'x'"),
        ({"schema__fields__3__groupChar": "_"}, "groupChar must be one of"),
        ({"schema__fields__3__groupChar": "."}, "decimalChar and groupChar must differ"),
        ({"schema__missingValues": "NA"}, "schema.missingValues is 'NA'. Expected: a list of texts"),
        ({"schema__fields__3__name": "touched"}, "which the product uses for something else"),
        ({"schema__fields__3__name": "model_dump_x"}, "which the product uses for something else"),
        ({"description": "a\0b"}, "description contains a control character"),
        ({"singular": "fuel_cards"}, "the name fuel_cards is used twice"),
        ({"singular": "vehicle"}, "the name vehicle is used twice, by vehicles and here"),
        ({"name": "constructor"}, "which the product uses for something else"),
        ({"encoding": "unknown-8"}, "encoding is 'unknown-8', which is not known"),
        ({"encoding": "unicode_escape"}, "encoding is 'unicode_escape', which is not known"),
        ({"encoding": "utf-7"}, "encoding is 'utf-7', which is not known"),
        ({"encoding": "x" * 2_000 + "\0"}, "which is not known"),
        ({"dialect": {"delimeter": ";"}}, "dialect.delimeter is an unknown key. Did you mean delimiter?"),
        ({"dialect": {"delimiter": "::"}}, r"dialect.delimiter must be a single character, .*, not '::'"),
        ({"dialect": {"delimiter": "\n"}}, "dialect.delimiter must be a single character"),
        ({"dialect": {"quoteChar": "a"}}, "dialect.quoteChar must be a single character, a punctuation mark of ASCII"),
        ({"dialect": {"delimiter": ";", "commentChar": ";"}}, "delimiter and commentChar are both ';'"),
        ({"dialect": {"header": False, "headerRows": [1]}}, "headerRows names rows, but header is false"),
        ({"dialect": {"headerRows": [0]}}, r"dialect.headerRows must be .*, not \[0\]"),
        ({"dialect": {"headerRows": [2, 1]}}, "in ascending order"),
        ({"dialect": {"headerRows": list(range(1, 12))}}, "at most 10 row numbers"),
        ({"dialect": {"commentRows": [1_001]}}, "dialect.commentRows must be at most 100 row numbers from 1 to 1,000"),
        ({"dialect": {"headerRows": [2], "commentRows": [1, 2]}}, "row 2 is in headerRows and in commentRows"),
        ({"dialect": {"commentRows": [1, 5]}}, "commentRows names row 5, but rows above it are records"),
        ({"dialect": {"headerRows": [2], "commentRows": [4]}}, "commentRows names row 4"),
        ({"dialect": {"commentChar": "\u00a7"}}, "dialect.commentChar must be a single character"),
        ({"dialect": {"headerJoin": "x" * 11}}, "dialect.headerJoin must have at most 10 printable characters"),
        ({"dialect": {"property": ""}}, "dialect.property must have 1 to 255 printable characters"),
        ({"schema__fields__1__aliases": "Log"}, r"schema.fields\[1\].aliases is 'Log'. Expected: a list of texts"),
        ({"schema__fields__1__aliases": [" "]}, r"schema.fields\[1\].aliases: an alias has 1 to 255 characters"),
        ({"schema__fields__1__aliases": ["x" * 256]}, "an alias has 1 to 255 characters"),
        ({"schema__fields__1__aliases": ["a\0"]}, "none of them a control character, not 'a"),
        ({"schema__fields__1__aliases": [str(n) for n in range(51)]}, "at most 50 aliases, not 51"),
        (
            {"schema__fields__1__aliases": ["litres"]},
            "'litres' is an alias of log_id, and a name or an alias of litres",
        ),
        ({"indexes": [{"name": "i", "fields": []}]}, "i must name at least one field"),
        ({"indexes": [{"name": "i", "fields": ["log_id", "log_id"]}]}, "each only once"),
        ({"indexes": [{"name": "i", "fields": ["nothing"]}]}, "indexes: i names 'nothing'"),
        ({"indexes": [{"name": "i", "fields": ["litres"], "method": "gin"}]}, "must be btree or brin, not 'gin'"),
        ({"expect": {"quality": 95}}, "expect.quality must be a share from 0 to 1, such as 0.95, not 95"),
        ({"expect": {"quality": float("nan")}}, "expect.quality must be a share"),
        ({"expect": {"quality": 10**400}}, "expect.quality is the number 1000.*Expected: a number"),
        ({"expect": {"freshness": "daily"}}, "expect.freshness must be a length of time .* not 'daily'"),
        ({"expect": {"freshness": "0 days"}}, "expect.freshness must be a length of time"),
        (
            {"expect": {"completeness": 1}},
            "expect.completeness is an unknown key. .* The keys in expect are: quality, freshness",
        ),
        (
            {"schema__fields__3__expect": {"filled": "often"}},
            r"schema.fields\[3\].expect.filled is 'often'. Expected: true or false",
        ),
    ],
)
def test_what_is_wrong_with_a_contract_is_said_with_its_place(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(ContractError, match=said) as raised:
        load_catalogue(tmp_path)
    assert str(raised.value).startswith((str(path), "fuel_cards: "))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a contract"),
        (b"- a list", "is not a contract"),
        (b"name: [", "is not YAML"),
        (b"name: \xff", "byte 6 is not UTF-8"),
        (b"name: !!python/object/apply:os.system ['true']", "is not YAML"),
        (b"a: &a [1]\nb: *a", "aliases are not allowed"),
        (b"name: x\nname: y", "the key name occurs twice"),
        (b"example: 2024-02-30", "Put it in quotes"),
        (b"[" * 20_000, "more than 20 deep"),
        (b"#" * (MAX_FILE_BYTES + 1), "at most 1,048,576 bytes"),
    ],
)
def test_what_is_no_contract_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(ContractError, match=said):
        load_catalogue(tmp_path)


@pytest.mark.parametrize("name", ["fuel_cards", "vehicles", "vehicles_pkey", "shipments_by_log"])
def test_an_index_has_a_name_of_its_own(tmp_path: Path, name: str) -> None:
    write(tmp_path, indexes=[{"name": name, "fields": ["log_id"]}])
    with pytest.raises(ContractError, match=f"fuel_cards: the index {name} has the name of "):
        load_catalogue(tmp_path)


def test_hidden_files_are_no_contracts_and_other_endings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "._fuel.yaml").write_bytes(b"\0")
    (tmp_path / "notes.txt").write_text("not a contract")
    assert load_catalogue(tmp_path) == built_in_catalogue()
    (tmp_path / "fuel.yml").write_text("")
    with pytest.raises(ContractError, match=r"the name of a contract ends in \.yaml"):
        load_catalogue(tmp_path)


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.yaml")
    with pytest.raises(ContractError, match="is not a file"):
        load_catalogue(tmp_path)


def test_a_built_in_dataset_is_not_replaced_in_silence(tmp_path: Path) -> None:
    write(tmp_path, name="vehicles")
    with pytest.raises(ContractError, match="two contracts of the dataset vehicles"):
        load_catalogue(tmp_path)


def test_a_dataset_is_dated_only_by_one_that_has_dates(tmp_path: Path) -> None:
    relation = [{"fields": ["log_id"], "reference": {"resource": "vehicles", "fields": ["vehicle_id"]}}]
    write(tmp_path, schema__foreignKeys=relation, datedBy={"field": "log_id", "dataset": "vehicles"})
    with pytest.raises(ContractError, match="datedBy names vehicles, whose records have no date of their own"):
        load_catalogue(tmp_path)


def test_a_contract_keeps_columns_that_it_does_not_know_unless_it_says_otherwise(tmp_path: Path) -> None:
    kept = read_contract(write(tmp_path))
    assert kept.has_extras
    assert kept.stored_columns == (*kept.columns, "extras")
    ignored = read_contract(write(tmp_path, extras=False))
    assert not ignored.has_extras
    assert ignored.stored_columns == ignored.columns
    assert not any(dataset.has_extras for dataset in built_in_catalogue().values())


def test_a_field_has_the_name_of_that_column_only_if_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="extras: false"):
        read_contract(write(tmp_path, schema__fields__3__name="extras"))
    assert "extras" in read_contract(write(tmp_path, schema__fields__3__name="extras", extras=False)).columns


@pytest.mark.parametrize(
    ("title", "unit", "label"),
    [
        ("Fuel", "L", "Fuel, L"),
        ("Menge (l)", "L", "Menge (l)"),
        ("MwSt %", "%", "MwSt %"),
        ("Small", "L", "Small, L"),
        ("Price", "currency", "Price"),
        ("Depot", None, "Depot"),
    ],
)
def test_a_heading_names_the_unit_once(title: str, unit: str | None, label: str) -> None:
    field = replace(built_in_catalogue()["vehicle_logs"].fields[-1], title=title, unit=unit)
    assert field.label == label
