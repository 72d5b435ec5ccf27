"""What is counted for the score of quality equals a full recount, after any loads, unloads, replays, corrections."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from psycopg import sql

from logistics_core.catalogue import Dataset, InvalidValues
from logistics_core.quality import Counts, Failure, rules_of, score_of
from logistics_core.quality.queries import DATASETS
from logistics_pipeline import ledger
from logistics_pipeline.analytics.quality import count_references, quality_of
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.layouts import layout_from_json
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.reject_limit import RejectLimit
from logistics_pipeline.loading.rejects.export_lines import export_line
from logistics_pipeline.loading.rejects.replay import replay_export, replay_stored
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.migrations import migrate
from tests.database.conftest import FolderUnderTest, Interrupted, at_statement
from tests.database.records import Record, as_array, as_lines, log, vehicle
from tests.examples import few_or_all
from tests.fourth_dataset import add_contract, drivers

ODDITIES: list[dict[str, Any]] = [
    {},
    {"document": None, "json": ""},
    {"vehicle_id": "v99"},
    {"vehicle_id": None, "chosen": None},
    {"document": "far"},  # cleared: the field is optional
    {"chosen": "2024-02-30", "document": "NaN"},
    {"number": -1},
    {"number": "many"},
    {"hired_on": None},
    {"from": ""},
    {"driver_id": None},
    {"badge": 7},  # a field that the contract does not know
]
LOG_ODDITIES: list[dict[str, Any]] = [
    {},
    {"mileage": None},
    {"mileage": -1},  # cleared: outside its bounds
    {"fuel_used": "none"},
    {"vehicle_id": "v99"},
    {"trip_date": None},
    {"trip_date": "soon"},
]

entries = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 11)), min_size=1, max_size=8)
"""Records as (key, which oddity it has)."""


def driver(key: int, oddity: int) -> Record:
    return drivers(key + 1)[key] | {"vehicle_id": f"v{key}"} | ODDITIES[oddity]


def odd_log(key: int, oddity: int) -> Record:
    return log(key) | LOG_ODDITIES[oddity % len(LOG_ODDITIES)]


def odd_vehicle(key: int, oddity: int) -> Record:
    return vehicle(key) | ({"total_mileage": None} if oddity % 3 == 1 else {})


MAKERS: dict[str, Callable[[int, int], Record]] = {"drivers": driver, "vehicle_logs": odd_log, "vehicles": odd_vehicle}


def correct(line: Record) -> Record:
    """A line of an export whose record a person has corrected."""
    record = {"driver_id": "D-000", "from": "Ulm", "hired_on": "2024-03-01", "number": 1, "trip_date": "2024-01-01"}
    record |= {"log_id": "l0", "vehicle_id": "v0"}
    return line | {"record": record if isinstance(line["record"], str | None) else line["record"] | record}


class Counting(RuleBasedStateMachine):
    """Files of a built-in dataset, of a user's and of the one that both refer to."""

    def __init__(self, folder: FolderUnderTest, connection: Connection, scratch: Path) -> None:
        super().__init__()
        self.connection, self.folder, self.scratch = connection, folder, scratch
        self.lenient = folder.options.catalogue.with_invalid_values(InvalidValues.NULL)
        self.found: list[FoundFile] = []
        self.names = count()
        connection.execute(
            "TRUNCATE raw.drivers, raw.vehicles, raw.vehicle_logs, ingest.files RESTART IDENTITY CASCADE"
        )

    @rule(dataset=st.sampled_from(list(MAKERS)), entries=entries, as_one=st.booleans(), clears=st.booleans())
    def deliver(self, dataset: str, entries: list[tuple[int, int]], as_one: bool, clears: bool) -> None:
        self._deliver(f"{dataset}/{next(self.names)}.json", dataset, entries, as_one, clears)

    @precondition(lambda self: self.found)
    @rule(data=st.data(), entries=entries)
    def deliver_again(self, data: st.DataObject, entries: list[tuple[int, int]]) -> None:
        key = self._choose(data).key
        self.found = [each for each in self.found if each.key != key]
        self._deliver(key, key.partition("/")[0], entries, False, False)

    @precondition(lambda self: self.found)
    @rule(data=st.data(), statement=st.integers(0, 40))
    def load_and_die(self, data: st.DataObject, statement: int) -> None:
        def die(_: Connection) -> None:
            raise Interrupted

        with at_statement(statement, die), suppress(Interrupted):
            self.folder.load(self._choose(data))

    @precondition(lambda self: self.found)
    @rule(data=st.data(), reference_parser=st.booleans())
    def load(self, data: st.DataObject, reference_parser: bool) -> None:
        self.folder.load(self._choose(data), reference_parser=reference_parser)

    @precondition(lambda self: self.found)
    @rule(data=st.data(), reload=st.booleans())
    def unload(self, data: st.DataObject, reload: bool) -> None:
        found = self._choose(data)
        self.folder.load(found)
        unload_file(self.folder.url, found.key, self.folder.options)
        if reload:
            self.folder.load(found)

    @rule(dataset=st.sampled_from(list(MAKERS)))
    def replay_as_they_are(self, dataset: str) -> None:
        """Invalid values of optional fields are cleared now."""
        replay_stored(self.folder.url, replace(self.folder.options, catalogue=self.lenient), dataset=dataset)

    @rule(fraction=st.integers(1, 3))
    def replay_corrected(self, fraction: int) -> None:
        lines = [
            json.loads(export_line(reject, layout_from_json(file.layout)))
            for file in ledger.files_with_rejects(self.connection)
            for reject in ledger.rejects(self.connection, file_id=file.file_id)
        ]
        path = self.scratch / "corrected.ndjson"
        path.write_bytes(as_lines([correct(line) for line in lines[::fraction]]))
        replay_export(self.folder.url, path, self.folder.options)

    # -- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def counts_equal_a_recount(self) -> None:
        catalogue = self.folder.options.catalogue
        count_references(self.folder.url, catalogue)
        parameters = {"datasets": list(MAKERS)}
        for file_id, dataset in self.connection.execute("SELECT file_id, dataset FROM ingest.files").fetchall():
            assert self._stored(file_id) == self._recounted(file_id, catalogue[dataset])
        found = {each.dataset.name: each.score for each in quality_of(self.connection, catalogue.values())}
        for name, document in self.connection.execute(DATASETS.encode(), parameters).fetchall():
            expected = score_of(rules_of(catalogue[name], self._of_dataset(catalogue[name])))
            assert score_of(rules_of(catalogue[name], Counts.from_document(document))) == expected == found[name]

    def _stored(self, file_id: int) -> dict[str, Any]:
        cells = "SELECT field, {} FROM ingest.column_counts WHERE file_id = %s AND {} <> 0"
        rejected = Counter[tuple[str | None, str]]()
        for field, kind, number in self.connection.execute(
            "SELECT field, kind, count FROM ingest.reject_kinds WHERE file_id = %s AND count > 0", (file_id,)
        ):
            rejected[field, kind] += number
        counted = {
            name: dict(self.connection.execute(cells.format(name, name).encode(), (file_id,)).fetchall())
            for name in ("filled", "cleared", "cleared_out_of_bounds")
        }
        references = self.connection.execute(
            "SELECT field, asked, found FROM ingest.reference_counts WHERE file_id = %s ORDER BY 1", (file_id,)
        ).fetchall()
        return counted | {"rejected": dict(rejected), "references": references}

    def _recounted(self, file_id: int, dataset: Dataset) -> dict[str, Any]:
        """From the rows, the rejects, and the cleared values themselves."""
        rows = self._rows(file_id, dataset)
        cleared = Counter[str](), Counter[str]()
        for field, reason in self.connection.execute(
            "SELECT field, reason FROM ingest.cleared_values WHERE file_id = %s", (file_id,)
        ):
            cleared["must be at least" in reason][field] += 1
        rejected = Counter(
            (field, reason.partition(", found ")[0])
            for field, reason in self.connection.execute(
                "SELECT field, reason FROM ingest.rejects WHERE file_id = %s AND resolved_at IS NULL", (file_id,)
            )
        )
        return {
            "filled": {
                name: number for name in dataset.columns if (number := sum(row[name] is not None for row in rows))
            },
            "cleared": dict(cleared[0]),
            "cleared_out_of_bounds": dict(cleared[1]),
            "rejected": dict(rejected),
            "references": sorted(self._references(rows, dataset)),
        }

    def _references(self, rows: list[dict[str, Any]], dataset: Dataset) -> list[tuple[str, int, int]]:
        known = {key for (key,) in self.connection.execute("SELECT vehicle_id FROM raw.vehicles")}
        fields = [name for each in dataset.references for name in each.fields]
        given = {name: [row[name] for row in rows if row[name] is not None] for name in fields}
        return [(field, len(keys), sum(key in known for key in keys)) for field, keys in given.items() if keys]

    def _rows(self, file_id: int, dataset: Dataset) -> list[dict[str, Any]]:
        query = sql.SQL("SELECT to_json(held) FROM {} AS held WHERE file_id = %s").format(
            sql.Identifier("raw", dataset.name)
        )
        return [row for (row,) in self.connection.execute(query, (file_id,)).fetchall()]

    def _of_dataset(self, dataset: Dataset) -> Counts:
        """From the newest version of each file of which something was read."""
        newest = {
            file.path: file
            for file in ledger.files_in_order(self.connection)
            if file.dataset == dataset.name and file.records_read
        }
        total = Counts()
        for file in newest.values():
            recounted = self._recounted(file.file_id, dataset)
            total.files += 1
            total.files_as_agreed += not file.unknown_fields
            total.read += file.records_read
            total.loaded += file.records_loaded
            total.superseded += file.records_superseded
            total.filled.update(recounted["filled"])
            for field, number in recounted["cleared"].items():
                total.cleared[field, Failure.INVALID] += number
            for field, number in recounted["cleared_out_of_bounds"].items():
                total.cleared[field, Failure.OUT_OF_BOUNDS] += number
            for (field, kind), number in recounted["rejected"].items():
                total.rejected[field, _failure(kind)] += number
            for field, asked, found in recounted["references"]:
                total.asked[field] += asked
                total.found[field] += found
        return total

    # -- the pieces ------------------------------------------------------------------------------------------------

    def _deliver(self, key: str, dataset: str, entries: list[tuple[int, int]], as_one: bool, clears: bool) -> None:
        records: list[object] = [MAKERS[dataset](*entry) for entry in entries]
        if as_one:
            records.append("no record")
        found = self.folder.drop(key, as_array(records))
        ledger.register(self.connection, found)
        self.found.append(found)
        self.folder.load(found, catalogue=self.lenient if clears else self.folder.options.catalogue)

    def _choose(self, data: st.DataObject) -> FoundFile:
        return data.draw(st.sampled_from(self.found), label="file")


def _failure(kind: str) -> Failure:
    if kind.endswith(("is missing", "is empty")):
        return Failure.MISSING
    return Failure.OUT_OF_BOUNDS if "must be at least" in kind else Failure.INVALID


@pytest.fixture
def folder(raw_folder: FolderUnderTest, raw_dir: Path) -> FolderUnderTest:
    """The raw folder of an installation with a dataset of its own."""
    catalogue = add_contract(raw_dir.parent)
    migrate(raw_folder.url, catalogue=catalogue)
    options = replace(
        raw_folder.options,
        catalogue=catalogue,
        batch=BatchLimits(3, 1 << 20),
        retry_seconds=0.001,
        max_rejects=RejectLimit.parse("100%"),
    )
    return replace(raw_folder, options=options)


@few_or_all(5, of=15)
@pytest.mark.usefixtures("impatient")
def test_every_count_equals_a_recount_after_any_sequence(
    folder: FolderUnderTest, connection: Connection, tmp_path: Path, examples: int
) -> None:
    run_state_machine_as_test(
        lambda: Counting(folder, connection, tmp_path),
        settings=settings(
            max_examples=examples,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
