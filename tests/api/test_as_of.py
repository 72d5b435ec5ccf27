"""What was known earlier: rows, exports and metrics as of a file are those of a database that has the files until then.

The files are loaded in another order than they were registered in, some in part at first, and one is unloaded again.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from logistics_core.catalogue import Catalogue
from logistics_core.metrics.defaults import metrics_of
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.analytics.figure_history import figure_history
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import connect
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import BatchLimits, LoadOptions, load_options
from logistics_pipeline.loading.unload import unload_file
from tests.contract_texts import synced_catalogue

DEPOTS = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: depots
path: depots.json
title: Depots
singular: depot
history: true
schema:
  primaryKey: [depot]
  fields:
    - {name: depot, type: string, constraints: {required: true}}
    - {name: region, type: string, role: dimension}
"""
TRIPS = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: trips
path: trips.json
title: Trips
singular: trip
history: true
schema:
  primaryKey: [trip]
  foreignKeys:
    - {fields: [depot], reference: {resource: depots, fields: [depot]}}
  fields:
    - {name: trip, type: integer, constraints: {required: true}}
    - {name: driven_on, type: date, constraints: {required: true}}
    - {name: depot, type: string, role: dimension, constraints: {required: true}}
    - {name: as_of, type: number}
datedBy: {field: driven_on}
"""
PARCELS = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: parcels
path: parcels.json
title: Parcels
singular: parcel
history: true
schema:
  primaryKey: [parcel, part]
  foreignKeys:
    - {fields: [trip], reference: {resource: trips, fields: [trip]}}
  fields:
    - {name: parcel, type: string, constraints: {required: true}}
    - {name: part, type: number, constraints: {required: true}}
    - {name: trip, type: integer}
    - {name: weight, type: number, unit: kg}
    - {name: kind, type: string, role: dimension}
datedBy: {field: trip, dataset: trips}
metrics:
  - {name: parcels_sent, aggregate: rows}
  - {name: total_weight, aggregate: sum, field: weight}
  - {name: mean_weight, aggregate: avg, field: weight}
  - {name: heaviest, aggregate: max, field: weight}
  - {name: kinds, aggregate: distinct, field: kind}
  - {name: median_weight, aggregate: quantile, field: weight, quantile: 0.5}
"""
SCANS = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: scans
path: scans.json
title: Scans
singular: scan
schema:
  fields:
    - {name: scanned_on, type: date, constraints: {required: true}}
    - {name: place, type: string, role: dimension}
datedBy: {field: scanned_on}
"""
"""Without a key: nothing is ever superseded, and no history has to be kept."""
STOCK = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: stock
path: stock.json
title: Stock
singular: stock_level
history: {snapshots: daily, timeZone: Europe/Berlin}
schema:
  primaryKey: [article, depot]
  foreignKeys:
    - {fields: [depot], reference: {resource: depots, fields: [depot]}}
  fields:
    - {name: article, type: string, constraints: {required: true}}
    - {name: depot, type: string, role: dimension, constraints: {required: true}}
    - {name: pieces, type: number}
metrics:
  - {name: in_stock, aggregate: sum, field: pieces}
  - {name: articles, aggregate: distinct, field: article}
  - {name: most, aggregate: max, field: pieces}
"""
PALLETS = DEPOTS.replace("depot", "pallet").replace("Depot", "Pallet").replace("history: true\n", "")
"""Does not keep its history."""

Records = list[dict[str, Any]]


def trips(shift: int) -> Records:
    return [
        {
            "trip": n,
            "driven_on": f"2024-0{1 + (n + shift) % 3}-{1 + (n * 7 + shift) % 28:02}",
            "depot": f"D{(n + shift) % 3}",
            "as_of": n * 2 + shift,
        }
        for n in range(shift, 12 + shift)
    ]


def parcels(shift: int) -> Records:
    return [
        {
            "parcel": f"P/{n % 9}",
            "part": 1 if shift % 2 else "1.0",
            "trip": n + shift,
            "weight": n * 1.5 + shift,
            "kind": f"kind {(n + shift) % 4}",
        }
        for n in range(14 - shift)
    ]


FILES: list[tuple[str, Records]] = [
    ("depots/a.json", [{"depot": f"D{n}", "region": "north"} for n in range(2)]),
    ("trips/a.json", trips(0)),
    ("parcels/a.json", parcels(0)),
    ("scans/a.json", [{"scanned_on": "2024-01-05", "place": "gate"}] * 3),
    ("depots/b.json", [{"depot": f"D{n}", "region": "south"} for n in range(1, 4)]),
    ("parcels/b.json", parcels(1)),
    ("trips/b.json", trips(3)),
    ("scans/b.json", [{"scanned_on": "2024-01-06", "place": "gate"}] * 2),
    ("parcels/wrong.json", parcels(5)),
    ("trips/c.json", trips(5)),
    ("parcels/c.json", parcels(2)),
    ("pallets/a.json", [{"pallet": "X", "region": "north"}]),
    ("stock/a.json", [{"article": f"A{n % 3}", "depot": f"D{n % 2}", "pieces": n * 10.5} for n in range(6)]),
    ("stock/b.json", [{"article": f"A{n}", "depot": "D0", "pieces": n} for n in range(4)]),
]
"""In the order of their registration."""
UNLOADED = 8
LOAD_ORDER = [10, 6, 2, 9, 13, 8, 0, 11, 5, 3, 12, 1, 7, 4]


@dataclass
class Site:
    """A database and the folder that its files are in."""

    url: str
    options: LoadOptions
    found: list[FoundFile]

    def load(self, number: int, **changes: Any) -> None:
        assert load_file(self.url, self.found[number], replace(self.options, **changes)).is_loaded


def make_site(url: str, data_dir: Path) -> Site:
    """The contracts in force, and all files registered."""
    folder = data_dir / "contracts"
    folder.mkdir(parents=True)
    for name, text in {
        "depots": DEPOTS, "trips": TRIPS, "parcels": PARCELS, "scans": SCANS, "pallets": PALLETS, "stock": STOCK,
    }.items():  # fmt: skip
        (folder / f"{name}.yaml").write_text(text)
    catalogue: Catalogue = synced_catalogue(url, folder)
    options = load_options(Settings(data_dir=data_dir), catalogue)
    found = []
    for path, records in FILES:
        file = options.raw_dir / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(records))
        each = options.folder.look_at(file)
        assert each is not None
        found.append(each)
    return Site(url, options, found)


class Interrupted(BaseException):
    pass


Databases = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def site(new_database: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything loaded, in a wild order, one file in two attempts, one unloaded."""
    with new_database() as url:
        site = make_site(url, tmp_path_factory.mktemp("history"))
        with connect(url) as connection:
            for number, found in enumerate(site.found):
                ledger.register(connection, found)
                connection.execute(
                    "UPDATE ingest.files SET registered_at = %s WHERE path = %s",
                    (f"2026-03-{1 + number:02} 12:00+00", found.key),
                )
        small = BatchLimits(records=3, bytes=1 << 20)

        def die(*_: object) -> None:
            raise Interrupted

        with pytest.raises(Interrupted):
            load_file(url, site.found[5], replace(site.options, batch=small), on_progress=die)
        for number in LOAD_ORDER:
            site.load(number, batch=small)
        unload_file(url, site.found[UNLOADED].key, site.options)
        refresh(url)
        yield site


@pytest.fixture(scope="module")
def api(site: Site, serve: Any) -> Iterator[Any]:
    with serve(site.url) as running:
        yield running


@pytest.fixture
def fresh(new_database: Databases, serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An API, and a function that loads one more file into its database, in the order of registration."""
    with new_database() as url:
        other = make_site(url, tmp_path_factory.mktemp("fresh"))
        with connect(url) as connection:
            for found in other.found:
                ledger.register(connection, found)
        with serve(url) as running:
            yield running, other


METRICS = "parcels_sent,total_weight,mean_weight,heaviest,kinds,median_weight"
REGION = "trips_record.depots_record.region"
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("/api/depots", {"source": True}),
    ("/api/depots/D1", {}),
    ("/api/trips", {"sort": "-trip", "count": "capped", "limit": 5}),
    ("/api/trips", {"sort": "-as_of", "depot": "D1"}),
    ("/api/parcels", {"sort": "parcel", "source": True}),
    ("/api/parcels", {"sort": "-day", "fields": "parcel,part,day,weight", "weight_from": 3}),
    ("/api/parcels/P%2F1/1", {"source": True}),
    ("/api/scans", {"source": True}),
    ("/api/metrics/parcels", {"metrics": METRICS, "exact": True, "total": True}),
    ("/api/metrics/parcels", {"metrics": METRICS, "by": "kind", "exact": True, "order": "kind"}),
    ("/api/metrics/parcels", {"metrics": METRICS, "grain": "month", "by": REGION, "exact": True}),
    (
        "/api/metrics/parcels",
        {"metrics": "total_weight",
            "start": "2024-01-01",
            "end": "2024-03-31", "grain": "month", "compare": "previous", "show": "share",
         "filter": '{"trips_record.depot":{"in":["D0","D1"]}}'},
    ),
    ("/api/metrics/trips", {"grain": "week", "show": "running"}),
    ("/api/metrics/scans", {"grain": "day"}),
    ("/api/metrics/stock", {"by": "depots_record.region"}),
]  # fmt: skip
BESIDE = ("as_of", "source", "data_version", "undated", "total")
"""What tells how an answer came about; a total number of rows may be estimated otherwise."""


def answered(api: Any, path: str, query: dict[str, Any]) -> Any:
    response = api.request(path, **query)
    if response.status_code == 404:
        return 404
    assert response.status_code == 200, response.text
    document = json.loads(response.content, parse_float=str)
    if path.startswith("/api/metrics"):
        columns = [{k: v for k, v in each.items() if k != "approximate_within"} for each in document.pop("columns")]
        return {**{name: value for name, value in document.items() if name not in BESIDE[:4]}, "columns": columns}
    if isinstance(document.get("data"), list):
        return {"data": document["data"], "is_last": document["next_cursor"] is None}
    return document


def exported(api: Any, name: str, **query: Any) -> list[str]:
    response = api.client.get(f"/api/exports/{name}", params=query)
    assert response.status_code == 200, response.text
    return sorted(response.text.splitlines())


def as_of_name(path: str) -> str:
    """Trips have a field of the usual name."""
    return "asOf" if path in ("/api/trips", "trips.csv") else "as_of"


@pytest.mark.slow
@pytest.mark.parametrize("every", [7, 1])
def test_answers_as_of_a_file_are_those_of_a_database_that_has_the_files_until_then(
    api: Any, fresh: tuple[Any, Site], every: int
) -> None:
    other, site = fresh
    seen = 0
    for number in range(len(FILES)):
        if number != UNLOADED:
            site.load(number)
        if number % every != every - 1:
            continue
        refresh(site.url)
        file_id = number + 1
        for path, query in QUESTIONS:
            query = query | {"limit": 900 + number} if path.startswith("/api/metrics") else query  # not from a cache
            expected = answered(other, path, query)
            assert answered(api, path, {**query, as_of_name(path): file_id}) == expected, (path, query, file_id)
            seen += expected != 404
        for name in ("parcels.csv", "trips.csv", "scans.ndjson", "depots.ndjson"):
            expected = exported(other, name, source=True)
            assert exported(api, name, source=True, **{as_of_name(name): file_id}) == expected
    assert seen > 100 / every


def test_pages_go_on_behind_their_cursor_as_of_the_same_file(api: Any) -> None:
    for sort in ("parcel", "-parcel", "day", "-weight"):
        whole = api.get("/api/parcels", sort=sort, as_of=6, source=True)["data"]
        found, cursor = [], None
        while True:
            page = api.get(
                "/api/parcels", sort=sort, as_of=6, source=True, limit=2, **({"cursor": cursor} if cursor else {})
            )
            found += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == whole
    cursor = api.get("/api/parcels", as_of=6, limit=2)["next_cursor"]
    api.refused(404, "/api/parcels", as_of=3, limit=2, cursor=cursor)


def test_a_file_is_meant_by_its_number_its_path_a_day_or_a_moment(api: Any) -> None:
    meant = {
        "6": 6, "parcels/b.json": 6, "2026-03-06": 6, "2026-03-06T12:00Z": 6, "2026-03-06T11:59:59Z": 5,
        "2026-03-06T13:30+02:00": 5, "2026-02-28": 0, "2031-01-01": 14, "0": 0,
    }  # fmt: skip
    for text, file_id in meant.items():
        response = api.request("/api/parcels", as_of=text, source=True)
        assert response.headers["as-of-file"] == str(file_id), text
        assert all(row["file_id"] <= file_id for row in response.json()["data"])
        assert api.get("/api/metrics/parcels", as_of=text)["as_of"]["file_id"] == file_id
    assert api.get("/api/parcels", as_of="2026-02-28")["data"] == []


@pytest.mark.parametrize("text", ["2026-02-30", "99", "nowhere.json", "99999999999", "2026-03-06T25:00Z"])
def test_what_means_no_file_is_refused(api: Any, text: str) -> None:
    problem = api.refused(422, "/api/parcels", as_of=text)
    assert problem["errors"][0]["parameter"] == "as_of"
    assert api.refused(422, "/api/metrics/parcels", as_of=text)["errors"][0]["found"] == text


def test_a_dataset_without_history_says_what_it_needs(api: Any) -> None:
    for path in ("/api/pallets", "/api/pallets/X", "/api/exports/pallets.csv", "/api/metrics/pallets"):
        (error,) = api.refused(422, path, as_of=5)["errors"]
        assert "`history: true` in the contract of pallets" in error["expected"]
    (error,) = api.refused(422, "/api/shipments", as_of=5)["errors"]
    assert "logistics history keep shipments" in error["expected"]


def test_what_is_known_since_a_file_alone_is_not_answered_for_earlier_ones(
    site: Site, new_database: Databases, serve: Any, tmp_path: Path
) -> None:
    with new_database() as url:
        other = make_site(url, tmp_path)
        with connect(url) as connection:
            for found in other.found:
                ledger.register(connection, found)
            connection.execute("UPDATE ingest.histories SET ended_at = clock_timestamp() WHERE dataset = 'depots'")
        for number in (0, 4):  # the second file supersedes a record of the first
            other.load(number)
        with connect(url) as connection:
            ledger.begin_history(connection, "depots")
        with serve(url) as api:
            (error,) = api.refused(422, "/api/depots", as_of=1)["errors"]
            assert "file 5 (depots/b.json) or a later one" in error["expected"]
            now = api.get("/api/depots", source=True)["data"]
            assert api.get("/api/depots", as_of=5, source=True)["data"] == now
            unload_file(url, other.found[0].key, other.options)
            other.load(0)  # again: nothing is missing any more
            assert api.get("/api/depots", as_of=1)["data"] == FILES[0][1]
            assert api.get("/api/depots", source=True)["data"] == now


# -- GraphQL -----------------------------------------------------------------------------------------------------------

DOCUMENT = """
query ($asOf: String) {
  parcels(
    asOf: $asOf, orderBy: PARCEL_ASC, first: 50, filter: {tripsRecord: {depotsRecord: {region: {isNull: false}}}}
  ) {
    nodes {
      parcel part weight day
      source { fileId recordNo }
      tripsRecord { trip drivenOn depotsRecord { depot region trips(first: 3) { nodes { trip } total { rows } } } }
    }
    total { rows }
  }
  trip(trip: 4, asOf: $asOf) { trip drivenOn depotsRecord { region } }
  parcelsMetrics(metrics: [PARCELS_SENT, TOTAL_WEIGHT], by: [KIND], exact: true, order: [KIND_ASC], asOf: $asOf) {
    rows { kind parcelsSent totalWeight }
  }
}
"""
NOW = DOCUMENT.replace("asOf: $asOf, ", "").replace(", asOf: $asOf", "").replace("query ($asOf: String) ", "")


def queried(api: Any, document: str, **variables: Any) -> Any:
    response = api.client.post("/api/graphql", json={"query": document, "variables": variables})
    body = json.loads(response.content, parse_float=str)
    assert "errors" not in body, body
    return body["data"]


def test_graphql_answers_as_of_a_file_as_rest_does_and_so_does_all_that_rows_refer_to(
    api: Any, new_database: Databases, serve: Any, tmp_path: Path
) -> None:
    with new_database() as url:
        other = make_site(url, tmp_path)
        with connect(url) as connection:
            for found in other.found:
                ledger.register(connection, found)
        with serve(url) as running:
            for number in range(11):
                if number != UNLOADED:
                    other.load(number)
                if number in (2, 5, 10):
                    assert queried(api, DOCUMENT, asOf=str(number + 1)) == queried(running, NOW)


def test_graphql_pages_go_on_as_of_the_same_file_and_what_is_unknown_is_refused(api: Any) -> None:
    document = """query ($after: String, $asOf: String) { parcels(asOf: $asOf, first: 4, after: $after) {
        nodes { parcel part } pageInfo { endCursor hasNextPage } } }"""
    found, after = [], None
    while True:
        page = queried(api, document, after=after, asOf="6")["parcels"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == api.get("/api/parcels", as_of=6, fields="parcel,part", sort="parcel")["data"]
    refused = api.client.post("/api/graphql", json={"query": '{ pallets(asOf: "3") { nodes { pallet } } }'}).json()
    assert "`history: true` in the contract of pallets" in refused["errors"][0]["message"]


# -- one record, and figures -------------------------------------------------------------------------------------------


def test_the_timeline_of_a_record_has_its_versions_and_what_each_changed(api: Any) -> None:
    timeline = api.get("/api/history/trips/7")
    assert timeline["is_complete"]
    versions = timeline["data"]
    assert [each["file"]["path"] for each in versions] == ["trips/c.json", "trips/b.json", "trips/a.json"]
    assert [each["until"] and each["until"]["file_id"] for each in versions] == [None, 10, 7]
    for version, before in zip(versions, [*versions[1:], None], strict=True):
        as_known = api.get("/api/trips/7", asOf=version["file"]["file_id"])
        assert version["record"] == as_known
        changed = before and [name for name in as_known if as_known[name] != before["record"][name]]
        assert version["changed"] == changed
    first = api.get("/api/history/trips/7", limit=1)
    rest = api.get("/api/history/trips/7", limit=5, cursor=first["next_cursor"])
    assert first["data"] + rest["data"] == versions and rest["next_cursor"] is None
    api.refused(404, "/api/history/trips/777")
    api.refused(404, "/api/history/trips/6", cursor=first["next_cursor"])


def test_a_key_of_several_fields_has_a_timeline_by_its_value(api: Any) -> None:
    versions = api.get("/api/history/parcels/P%2F1/1.00")["data"]
    found = [(each["file"]["file_id"], each["record_no"]) for each in versions]
    assert found == [(11, 11), (11, 2), (6, 11), (6, 2), (3, 11), (3, 2)], "each file has the key twice"


def test_a_timeline_says_where_earlier_versions_are_not_known(api: Any) -> None:
    timeline = api.get("/api/history/pallets/X")
    assert not timeline["is_complete"] and "`history: true`" in timeline["incomplete_because"]
    assert len(timeline["data"]) == 1


def test_the_history_of_figures_names_the_files_that_changed_them(api: Any) -> None:
    names = ["parcels_sent", "total_weight", "kinds", "median_weight"]
    query = {"metrics": ",".join(names), "filter": '{"trips_record.depots_record.region":"south"}', "end": "2024-03-20"}
    found = api.get("/api/history/figures/parcels", since="2026-03-02", **query)

    def known(file_id: int) -> dict[str, Any]:
        return api.get("/api/metrics/parcels", as_of=file_id, exact=True, **query)["data"][0]

    assert (found["then"], found["now"]) == (known(2), known(14))
    values, changes = known(2), {each["file"]["file_id"]: each for each in found["changes"]}
    for file_id in range(3, 15):
        after = known(file_id)
        if after == values:
            assert file_id not in changes
        else:
            change = changes.pop(file_id)
            assert (change["before"], change["after"]) == (values, after)
        values = after
    assert not changes and len(found["changes"]) >= 4
    upto = api.get("/api/history/figures/parcels", since="2026-03-02", until="6", **query)
    assert upto["now"] == known(6) and all(each["file"]["file_id"] <= 6 for each in upto["changes"])
    api.refused(422, "/api/history/figures/parcels", since="6", until="5")
    api.refused(422, "/api/history/figures/pallets", since="6")


def test_the_command_says_of_figures_what_the_api_does(api: Any, site: Site) -> None:
    dataset = site.options.catalogue["parcels"]
    found = api.get("/api/history/figures/parcels", since="2026-03-02", start="2024-01-03", end="2024-03-20")
    with connect(site.url) as connection:
        days = date(2024, 1, 3), date(2024, 3, 20)
        history = figure_history(connection, dataset, metrics_of(dataset), "2026-03-02", *days)
    assert (history.then, history.now, history.files) == (found["then"], found["now"], found["files"])
    assert [(each.file.file_id, each.before, each.after) for each in history.changes] == [
        (each["file"]["file_id"], each["before"], each["after"]) for each in found["changes"]
    ]
    assert len(history.changes) >= 4


def test_graphql_has_the_history_of_records_and_of_figures(api: Any) -> None:
    document = """{
        recordHistory(dataset: "parcels", key: ["P/1", "1.0"], limit: 2) {
          isComplete nextCursor data { file { fileId path } until { fileId } changed record }
        }
        figureHistory(dataset: "parcels", since: "2026-03-02", metrics: "total_weight") {
          then now changes { file { path } before after }
        }
    }"""
    found = queried(api, document)
    timeline = json.loads(api.client.get("/api/history/parcels/P%2F1/1.0?limit=2").content, parse_float=str)
    assert found["recordHistory"]["nextCursor"] == timeline["next_cursor"]
    assert [each["record"] for each in found["recordHistory"]["data"]] == [each["record"] for each in timeline["data"]]
    assert [each["changed"] for each in found["recordHistory"]["data"]] == [
        each["changed"] for each in timeline["data"]
    ]
    figures = api.client.get("/api/history/figures/parcels?since=2026-03-02&metrics=total_weight").content
    expected = json.loads(figures, parse_float=str)
    assert found["figureHistory"]["then"] == expected["then"]
    assert [each["after"] for each in found["figureHistory"]["changes"]] == [
        each["after"] for each in expected["changes"]
    ]
    for key in ('["P/1"]', '["P/1", "one"]'):
        text = f'{{ recordHistory(dataset: "parcels", key: {key}) {{ isComplete }} }}'
        assert api.client.post("/api/graphql", json={"query": text}).json()["errors"]


def test_the_histories_that_there_are_can_be_listed(api: Any) -> None:
    found = {each["dataset"]: each for each in api.get("/api/history")["data"]}
    assert found.keys() == {"depots", "trips", "parcels", "stock"}
    assert all(each["is_kept"] and each["files_with_gaps"] == 0 for each in found.values())


# -- snapshots ---------------------------------------------------------------------------------------------------------


def test_the_stock_of_a_day_is_what_was_known_at_its_end(api: Any) -> None:
    """File n was registered at noon of 1 March plus n - 1 days; the first one of the stock is file 13."""
    query = {"metrics": "in_stock,articles,most", "by": "depots_record.region"}
    found = api.get("/api/metrics/stock", grain="day", start="2026-03-12", end="2026-03-16", **query)
    expected = [
        {"period": f"2026-03-{day}"} | row
        for day in range(12, 17)
        for row in sorted(
            api.get("/api/metrics/stock", as_of=f"2026-03-{day}", **query)["data"],
            key=lambda row: row["depots_record.region"] or "~",
        )
    ]
    assert found["data"] == expected and len({row["period"] for row in found["data"]}) == 4
    own = {"metrics": "in_stock,articles,most", "by": "depot", "filter": '{"article":{"ne":"A2"}}'}
    found = api.get("/api/metrics/stock", grain="day", start="2026-03-13", end="2026-03-15", **own)
    assert found["data"] == [
        {"period": f"2026-03-{day}"} | row
        for day in range(13, 16)
        for row in sorted(
            api.get("/api/metrics/stock", as_of=f"2026-03-{day}", **own)["data"], key=lambda row: row["depot"]
        )
    ]
    total = api.get("/api/metrics/stock", metrics="in_stock", grain="month", start="2026-01-01", end="2026-04-30")
    (now,) = api.get("/api/metrics/stock", metrics="in_stock")["data"]
    assert total["data"] == [{"period": month} | now for month in ("2026-03-01", "2026-04-01")]


def test_snapshots_are_compared_with_those_of_the_period_before(api: Any) -> None:
    days = api.get(
        "/api/metrics/stock", metrics="in_stock", grain="day", compare="previous", start="2026-03-13", end="2026-03-15"
    )["data"]
    values = [row["in_stock"] for row in days]
    assert [row["in_stock_previous"] for row in days] == [None, *values[:-1]]
    single = api.get("/api/metrics/stock", metrics="in_stock", start="2026-03-01", end="2026-03-13")["data"]
    assert single == [{"in_stock": values[0]}]
    api.refused(422, "/api/metrics/stock", metrics="in_stock", grain="day", show="running")
    asof = api.get(
        "/api/metrics/stock", metrics="in_stock", grain="day", start="2026-03-13", end="2026-03-15", as_of=13
    )
    assert {row["in_stock"] for row in asof["data"]} == {values[0]}
