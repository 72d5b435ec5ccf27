"""A renamed column is recognised, as a question; columns that only look like one another are not.

Pairs are generated: what is dropped from a file and what is new in it, each with values as they occur, in names of
several languages and styles. Half of them are renames, half are decoys.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from logistics_core.profiles import MEASURES, FieldProfile, ValueKind, make_profile
from logistics_pipeline.inference.renames import Candidate, compare, find_renames, name_similarity

PAIRS = 200

Values = Callable[[random.Random], list[str]]


def of(words: str) -> Values:
    choices = words.split()
    return lambda chance: chance.choices(choices, k=300)


def ids(prefix: str, width: int) -> Values:
    def make(chance: random.Random) -> list[str]:
        first = chance.randrange(10 ** (width - 1), 9 * 10 ** (width - 1))
        return [f"{prefix}{(first + number) % 10**width:0{width}}" for number in range(300)]

    return make


def normal(mean: float, spread: float, digits: int) -> Values:
    return lambda chance: [f"{chance.gauss(mean, spread):.{digits}f}" for _ in range(300)]


def days(span: int) -> Values:
    def make(chance: random.Random) -> list[str]:
        first = date(2024, 1, 1) + timedelta(days=chance.randrange(60))
        return [str(first + timedelta(days=chance.randrange(span))) for _ in range(300)]

    return make


CITIES = "Aachen Basel Bern Bonn Graz Hamburg Kiel Linz Lyon Metz Nancy Oslo Paris Porto Riga Turin Ulm Wien Zug"


@dataclass(frozen=True)
class Kind:
    """A column as it occurs: what it is called, and what it holds."""

    family: str
    names: tuple[str, ...]
    """In the order: usual, longer, shortened, synonym, then in other languages."""
    values: Values


KINDS = (
    Kind(
        "string", ("vehicle_id", "vehicle_identifier", "veh_id", "truck_id", "fahrzeug_id", "vehiculo_id"), ids("V-", 4)
    ),
    Kind(
        "string",
        ("customer_number", "customer_account_number", "cust_no", "client_number", "kundennummer", "numero_client"),
        ids("", 6),
    ),
    Kind(
        "string",
        ("driver_name", "full_driver_name", "drv_name", "operator_name", "fahrername", "nom_chauffeur"),
        of("Ada Bo Cem Dina Eli Finn Gül Hans Ida Jan Kim Lea"),
    ),
    Kind("string", ("city", "city_name", "cty", "town", "ort", "ville"), of(CITIES)),
    Kind(
        "string", ("country", "country_code", "ctry", "nation", "land", "pays"), of("DE FR AT CH IT ES PL NL BE DK SE")
    ),
    Kind(
        "string",
        ("status", "delivery_status", "stat", "state", "zustand", "estado"),
        of("open planned loaded shipped delivered returned lost"),
    ),
    Kind(
        "string",
        ("fuel_type", "type_of_fuel", "fuel_typ", "energy", "kraftstoff", "carburant"),
        of("diesel petrol electric lng cng hydrogen"),
    ),
    Kind(
        "string",
        ("tracking_code", "parcel_tracking_code", "trk_code", "shipment_code", "sendungscode", "codigo_envio"),
        ids("TRK", 9),
    ),
    Kind("number", ("weight", "weight_kg", "wght", "mass", "gewicht", "poids"), normal(480, 140, 1)),
    Kind("number", ("distance", "trip_distance", "dist", "mileage", "strecke", "distancia"), normal(210, 60, 2)),
    Kind("number", ("quantity", "quantity_ordered", "qty", "pieces", "menge", "cantidad"), normal(40, 12, 0)),
    Kind("number", ("price", "unit_price", "prc", "rate", "preis", "prix"), normal(19, 5, 2)),
    Kind(
        "number", ("temperature", "air_temperature", "temp", "degrees", "temperatur", "temperatura"), normal(11, 6, 1)
    ),
    Kind("number", ("volume", "cargo_volume", "vol", "cubic_metres", "volumen", "volume_m3"), normal(30, 8, 2)),
    Kind(
        "number",
        ("duration_minutes", "trip_duration_minutes", "dur_minutes", "minutes", "dauer", "duree"),
        normal(95, 30, 0),
    ),
    Kind("date", ("order_date", "date_of_order", "ord_date", "booking_day", "bestelldatum", "fecha_pedido"), days(30)),
    Kind(
        "date",
        ("invoice_date", "invoice_issue_date", "inv_date", "billing_day", "rechnungsdatum", "fecha_factura"),
        days(90),
    ),
)

STYLES: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    lambda name: name.replace("_", " ").title(),
    lambda name: "".join(word.capitalize() for word in name.split("_")),
    lambda name: name.replace("_", "-"),
)
DECOYS = (
    ("start_date", "end_date"),
    ("pickup_city", "delivery_city"),
    ("first_name", "last_name"),
    ("net_weight", "gross_weight"),
    ("latitude", "longitude"),
    ("min_temperature", "max_temperature"),
    ("created_on", "updated_on"),
    ("origin", "destination"),
    ("address_1", "address_2"),
    ("planned_km", "actual_km"),
    ("sender_city", "recipient_city"),
    ("vorname", "nachname"),
)
VALUE_KINDS = {"string": ValueKind.TEXT, "number": ValueKind.NUMBER, "date": ValueKind.DATE}


def profile(kind: Kind, chance: random.Random) -> FieldProfile:
    texts: list[str | None] = [*kind.values(chance)]
    share = chance.choice((0.0, 0.0, 0.1))
    texts = [None if chance.random() < share else text for text in texts]
    return make_profile(texts, VALUE_KINDS[kind.family], MEASURES[VALUE_KINDS[kind.family]])


def candidate(kind: Kind, name: str, position: int, chance: random.Random) -> Candidate:
    neighbours = (f"c{position - 1}", f"c{position + 1}")
    return Candidate(name, (name,), kind.family, position, profile(kind, chance), *neighbours)


def rename(chance: random.Random) -> tuple[Candidate, Candidate]:
    """The same column under another name: usually in its place, sometimes moved if the names are near."""
    kind, position = chance.choice(KINDS), chance.randrange(8)
    style = chance.choice(STYLES)
    old, new = chance.sample(kind.names, 2)
    is_near = {old, new} <= set(kind.names[:3])
    moved = chance.random() < (0.4 if is_near else 0.1)
    place = (position + chance.randrange(2, 6)) if moved else position
    return candidate(kind, old, position, chance), candidate(kind, style(new), place, chance)


def decoy(chance: random.Random) -> tuple[Candidate, Candidate]:
    """A column that is dropped, and another one that is added."""
    position = chance.randrange(8)
    match chance.randrange(4):
        case 0:  # opposites with values alike, even in the same place
            one, other = chance.choice(DECOYS)
            kind = chance.choice(KINDS)
            return candidate(kind, one, position, chance), candidate(kind, other, position, chance)
        case 1:  # another thing in the same place
            kind, other_kind = chance.sample(KINDS, 2)
            names = chance.choice(kind.names), chance.choice(STYLES)(chance.choice(other_kind.names))
            return candidate(kind, names[0], position, chance), candidate(other_kind, names[1], position, chance)
        case 2:  # another thing under a name like that, in the same place
            kind = chance.choice([each for each in KINDS if each.family != "date"])
            others = [each for each in KINDS if each.family == kind.family and each is not kind]
            old = candidate(kind, kind.names[0], position, chance)
            return old, candidate(chance.choice(others), kind.names[1], position, chance)
        case _:  # another thing elsewhere
            kind, other_kind = chance.sample(KINDS, 2)
            old = candidate(kind, chance.choice(kind.names), position, chance)
            return old, candidate(other_kind, chance.choice(other_kind.names), position + 3, chance)


@pytest.mark.parametrize("seed", [3, 1999, 20241129])
@pytest.mark.parametrize("are_alone", [False, True])
def test_renames_are_found_and_nothing_else_is_taken_for_one(seed: int, are_alone: bool) -> None:
    """Pairs by themselves, and pairs of which each is all that a file lacks and has anew."""
    chance = random.Random(seed)
    truths = [number % 2 == 0 for number in range(PAIRS)]
    pairs = [rename(chance) if is_rename else decoy(chance) for is_rename in truths]

    asked = [bool(find_renames([old], [new])) if are_alone else compare(old, new) is not None for old, new in pairs]

    hits = sum(truth and found for truth, found in zip(truths, asked, strict=True))
    wrong = [
        (old.name, new.name, is_rename)
        for (old, new), is_rename, found in zip(pairs, truths, asked, strict=True)
        if is_rename is not found
    ]
    assert hits / sum(asked) >= 0.95, wrong
    assert hits / sum(truths) >= 0.8, wrong


def test_each_column_is_one_other_at_most_and_the_most_alike_wins() -> None:
    chance = random.Random(1)
    by_name = {kind.names[0]: kind for kind in KINDS}
    vanished = [candidate(by_name[name], name, place, chance) for place, name in enumerate(("weight", "city", "price"))]
    new = [
        candidate(by_name["weight"], "gewicht", 0, chance),
        candidate(by_name["weight"], "weight_kg", 5, chance),
        candidate(by_name["city"], "city_name", 1, chance),
        candidate(by_name["fuel_type"], "energy", 2, chance),
    ]

    found = {each.old.name: each.new.name for each in find_renames(vanished, new)}

    assert found["city"] == "city_name"
    assert found["weight"] in ("gewicht", "weight_kg")
    assert "price" not in found


@pytest.mark.parametrize(
    ("one", "other"), [("start_date", "End Date"), ("address_1", "address_2"), ("netto", "brutto"), ("LAT", "lon")]
)
def test_names_of_opposites_are_never_near(one: str, other: str) -> None:
    assert name_similarity([one], [other]) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("quantity", "qty"),
        ("Customer No", "cust_no"),
        ("colour", "color"),
        ("order_date", "dateOfOrder"),
        ("weight", "net weight"),
    ],
)
def test_names_in_other_styles_and_short_forms_are_near(one: str, other: str) -> None:
    assert (name_similarity([one], [other]) or 0) >= 0.5


@pytest.mark.parametrize(
    ("one", "other"), [("weight", "height"), ("city", "date"), ("price", "prize"), ("port", "sport")]
)
def test_short_words_that_are_alike_by_chance_are_asked_only_with_values_alike(one: str, other: str) -> None:
    """Whatever their names, columns with other values are not one."""
    chance = random.Random(2)
    old = candidate(KINDS[3], one, 0, chance)
    assert compare(old, candidate(KINDS[6], other, 0, chance)) is None
