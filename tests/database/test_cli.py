"""The command line, as real processes: what it prints, how it exits, and that expected trouble is never a traceback."""

import json
import os
import re
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from logistics_api.database.pool import Database
from logistics_api.errors import ConfigurationError
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import parse_url, with_database
from tests.database.forking import run_command
from tests.database.records import as_array, as_lines, log, shipment, vehicle

LOGISTICS = Path(sys.executable).with_name("logistics")
"""The command as it is installed. Most tests run its `main` in a forked process, which is as real and much quicker."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]

RESULT_FIELDS = ["file", "dataset", "state", "records_read", "loaded", "superseded", "rejected", "bytes", "seconds"]
"""The fields that issue 2 names, in its order."""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def logistics(data_dir: Path, database_url: str) -> Run:
    """Runs a command on the test's database; keywords are further settings, None to unset one."""

    def run(*arguments: object, **settings: object) -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
        ours = {"database_url": database_url, "data_dir": data_dir} | settings
        environment |= {f"LOGISTICS_{name.upper()}": str(value) for name, value in ours.items() if value is not None}
        done = run_command([str(argument) for argument in arguments], environment, data_dir.parent)
        assert "Traceback" not in done.stderr
        return done

    return run


def documents(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_the_command_is_installed_and_explains_itself() -> None:
    done = subprocess.run([LOGISTICS, "--help"], capture_output=True, text=True, check=True)

    assert all(
        command in done.stdout for command in ("load", "refresh", "files", "rejects", "generate", "migrate", "up")
    )


def test_load_prints_one_document_per_file_and_refreshes_at_the_end(logistics: Run, data_dir: Path) -> None:
    vehicles = write(
        data_dir / "raw" / "vehicles.json", as_array([vehicle(1), vehicle(1), vehicle(2, total_mileage=-1)])
    )
    write(data_dir / "raw" / "logs" / "vehicle_logs.ndjson", as_lines([log(number) for number in range(5)]))
    shipments = write(data_dir.parent / "elsewhere" / "shipments.json", as_array([shipment(1), shipment(2)]))

    done = logistics("load", vehicles, data_dir / "raw" / "logs", shipments, "--json")

    assert (done.returncode, done.stderr) == (0, "")
    first, second, third = documents(done)
    assert list(first)[: len(RESULT_FIELDS)] == RESULT_FIELDS
    assert first["seconds"] >= 0 and first["bytes"] == vehicles.stat().st_size
    assert [first[name] for name in RESULT_FIELDS[:7]] == [str(vehicles), "vehicles", "loaded", 3, 1, 1, 1]
    assert (second["dataset"], second["loaded"], third["file"], third["loaded"]) == (
        "vehicle_logs",
        5,
        str(shipments),
        2,
    )
    refreshed = documents(logistics("refresh", "--json"))[0]
    assert (refreshed["data_version"], refreshed["days"], refreshed["unassigned_shipments"]) == (1, 0, 0)


def test_load_again_loads_nothing_even_when_the_file_was_touched(logistics: Run, data_dir: Path) -> None:
    path = write(data_dir / "raw" / "vehicles.json", as_array([vehicle(1)]))
    logistics("load", path)
    os.utime(path, (1, 1))

    again = logistics("load", path)

    assert again.returncode == 0
    assert "had been loaded before" in again.stderr
    assert [file["version"] for file in documents(logistics("files", "--json"))] == [1]


def test_any_file_that_fails_makes_the_exit_code_1_and_the_others_are_loaded(logistics: Run, data_dir: Path) -> None:
    good = write(data_dir / "raw" / "vehicles.json", as_array([vehicle(1)]))
    cut = write(data_dir / "raw" / "vehicle_logs.json", as_array([log(1), log(2)])[:-20])
    odd = write(data_dir / "raw" / "drivers.json", b"[]")

    done = logistics("load", data_dir / "missing.json", cut, odd, good, "--json")

    assert done.returncode == 1
    found = documents(done)
    assert [file["state"] for file in found] == ["failed", "failed", "unrecognised", "loaded"]
    assert "no such file" in found[0]["error"]
    assert "byte" in found[1]["error"] and found[1]["loaded"] == 1
    assert documents(logistics("refresh", "--json"))[0]["days"] == 0, "the good record of the bad file was refreshed"
    listed = documents(logistics("files", "--state", "failed", "--json"))
    assert [(file["path"], file["state"]) for file in listed] == [("vehicle_logs.json", "failed")]
    text = logistics("load", data_dir / "missing.json", odd)
    assert (text.returncode, text.stdout) == (1, "")
    assert "There is no such file" in text.stderr and "UNRECOGNISED" in text.stderr
    as_vehicles = logistics("load", odd, "--dataset", "vehicles", "--json")
    assert (as_vehicles.returncode, documents(as_vehicles)[0]["state"]) == (0, "loaded")


def test_files_and_rejects_are_listed_for_people_and_for_programs(logistics: Run, data_dir: Path) -> None:
    name = "vehicles [bold], 北京.ndjson"
    bad = [vehicle(number, total_mileage=-1, name="[red]") for number in range(5)]
    path = write(data_dir / "raw" / name, as_lines(bad) + b'{"vehicle_id": "\xff \xc3\xbc"}\n')
    logistics("load", path)

    listed = documents(logistics("rejects", "--json"))
    assert [(reject["path"], reject["record_no"]) for reject in listed] == [(name, number) for number in range(1, 7)]
    assert json.loads(listed[0]["raw"]) == bad[0]
    assert "raw" not in listed[5] and listed[5]["raw_base64"]
    assert len(documents(logistics("rejects", path, "--limit", "2", "--json"))) == 2
    table = logistics("rejects", name)
    assert "[red]" in table.stdout and "at least 0" in table.stdout
    assert name in logistics("files").stdout
    unknown = logistics("rejects", "nonsense.json")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "has no file 'nonsense.json'" in unknown.stderr


def test_rejects_are_exported_mended_replayed_and_in_the_figures(logistics: Run, data_dir: Path) -> None:
    bad = [log(number, mileage=-1) for number in range(4)]
    logistics("load", write(data_dir / "raw" / "vehicle_logs.json", as_array([*bad, log(9)])))
    out = data_dir.parent / "exports" / "bad.ndjson"

    exported = logistics("rejects", "export", "vehicle_logs.json", "--out", out)
    assert (exported.returncode, exported.stdout) == (0, "")
    assert "4 rejected records written" in exported.stderr
    printed = logistics("rejects", "export", "--dataset", "vehicle_logs")
    assert printed.stdout == out.read_text()
    lines = documents(printed)
    for line in lines[:3]:
        line["record"]["mileage"] = 5
    out.write_bytes(as_lines(lines))

    replayed = logistics("rejects", "replay", out)
    assert (replayed.returncode, replayed.stdout) == (1, "")
    assert "3 accepted (3 loaded, 0 superseded by later records), 1 still bad." in replayed.stderr
    assert "line 4, vehicle_logs.json record 4: mileage must be at least 0" in replayed.stderr
    again = logistics("rejects", "replay", out, "--json")
    assert again.returncode == 1
    assert [documents(again)[0][name] for name in ("loaded", "still_bad", "resolved_before")] == [0, 1, 3]
    (file,) = documents(logistics("files", "--json"))
    assert [file[name] for name in RESULT_FIELDS[3:7]] == [5, 4, 0, 1]
    assert documents(logistics("refresh", "--json"))[0]["data_version"] == 2, "the replay had refreshed the figures"
    assert len(documents(logistics("rejects", "--json"))) == 1
    listed = documents(logistics("rejects", "list", "--all", "--json"))
    assert [reject["resolved_at"] is not None for reject in listed] == [True, True, True, False]
    assert len(documents(logistics("rejects", "export"))) == 1
    assert len(documents(logistics("rejects", "export", "--all"))) == 4


def test_rejects_are_replayed_by_the_settings_of_now(logistics: Run, data_dir: Path) -> None:
    files = [
        write(data_dir / "raw" / name, b"log_id;vehicle_id;trip_date\n%s;v1;3/2/2024\n" % key)
        for name, key in (("vehicle_logs-1.csv", b"l1"), ("vehicle_logs-2.csv", b"l2"), ("vehicle_logs-3.csv", b"l1"))
    ]
    logistics("load", *files)

    one = logistics("rejects", "replay", files[0], "--json", "--no-refresh", date_order="dmy")
    rest = logistics("rejects", "replay", "--dataset", "vehicle_logs", date_order="dmy")

    assert (one.returncode, documents(one)[0]["loaded"]) == (0, 1)
    assert (rest.returncode, "2 accepted" in rest.stderr) == (0, True)
    listed = documents(logistics("files", "--json"))
    assert [[file[name] for name in RESULT_FIELDS[3:7]] for file in listed] == [
        [1, 0, 1, 0],
        [1, 1, 0, 0],
        [1, 1, 0, 0],
    ]
    assert documents(logistics("rejects", "replay", "--dataset", "shipments", "--json"))[0]["problems"] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["replay"], "either a FILE or --dataset"),
        (["replay", "bad.ndjson", "--dataset", "vehicles"], "either a FILE or --dataset"),
        (["replay", "nowhere.ndjson"], "neither a file here nor one that `logistics files` lists"),
        (["replay", "bad.ndjson"], "line 1: "),
        (["export", "nowhere.json"], "has no file 'nowhere.json'"),
        (["export", "--out", "data/raw/bad.ndjson"], "whose files are loaded"),
        (["export", "--out", "bad.ndjson/bad.ndjson"], "cannot be written"),
        (["list", "nowhere.json"], "has no file 'nowhere.json'"),
    ],
)
def test_what_cannot_be_exported_or_replayed_is_said(
    arguments: list[str], says: str, logistics: Run, data_dir: Path
) -> None:
    write(data_dir.parent / "bad.ndjson", b"{}\n")

    done = logistics("rejects", *arguments)

    assert (done.returncode in (1, 2), done.stdout) == (True, "")
    assert says in " ".join(done.stderr.replace("│", " ").split())


def test_a_file_of_mostly_bad_records_fails_and_says_what_to_do(logistics: Run, data_dir: Path) -> None:
    records = [vehicle(number, total_mileage=1 if number % 3 == 0 else -1) for number in range(9_000)]
    path = write(data_dir / "raw" / "vehicles.ndjson", as_lines(records))

    failed = logistics("load", path, "--json", batch_records=100, max_rejects="50%")
    more = logistics("load", path, "--json", batch_records=100, max_rejects=3_000)
    whole = logistics("load", path, "--json", batch_records=100, max_rejects="100%")

    assert [documents(done)[0]["state"] for done in (failed, more, whole)] == ["failed", "failed", "loaded"]
    first, second, third = (documents(done)[0] for done in (failed, more, whole))
    assert 1_000 <= first["records_read"] < second["records_read"] < third["records_read"] == 9_000
    assert 3_000 < second["rejected"] < third["rejected"] == 6_000
    assert "total_mileage must be at least 0" in first["error"] and "LOGISTICS_MAX_REJECTS" in first["error"]
    assert len(documents(logistics("rejects", "--json", "--limit", "0"))) == 6_000


def test_a_loaded_file_with_many_rejects_has_a_warning(logistics: Run, data_dir: Path) -> None:
    bad = write(data_dir / "raw" / "vehicles-bad.json", as_array([*map(vehicle, range(22)), *[{"vehicle_id": 7}] * 3]))
    good = write(data_dir / "raw" / "vehicles-good.json", as_array([vehicle(30)]))

    loaded = logistics("load", bad, good)
    listed = logistics("files")

    assert loaded.returncode == 0 and "Warning: 12% of its records were rejected." in loaded.stderr
    assert listed.stdout.count("loaded, 12% rejected") == 1
    (warned,) = documents(logistics("files", "--state", "warning", "--json"))
    assert (warned["path"], warned["has_warning"], warned["rejected_share"]) == ("vehicles-bad.json", True, 0.12)
    assert documents(logistics("files", "--state", "warning", "--json", warn_rejects="20%")) == []
    assert len(documents(logistics("files", "--state", "loaded", "--json"))) == 2


def test_a_failed_file_is_dismissed_until_it_is_loaded(logistics: Run, data_dir: Path) -> None:
    path = write(data_dir / "raw" / "vehicles.json", b"[{")
    logistics("load", path)

    unconfirmed = logistics("forget", "vehicles.json")  # by nobody
    assert unconfirmed.returncode != 0 and "add --yes" in unconfirmed.stderr
    done = logistics("forget", "vehicles.json", "--yes", "--json")

    assert documents(done)[0]["dismissed_at"] is not None
    assert documents(logistics("files", "--json")) == []
    assert len(documents(logistics("files", "--all", "--state", "failed", "--json"))) == 1
    assert "No file has failed" in logistics("retry", "--failed").stderr
    logistics("load", path)
    assert documents(logistics("files", "--json"))[0]["state"] == "failed"


def test_what_nobody_can_confirm_names_the_option(logistics: Run) -> None:
    done = logistics("reset", "--sample")

    assert done.returncode != 0 and "no terminal to ask for confirmation: add --yes" in done.stderr


def test_long_remarks_do_not_widen_the_first_column_of_a_list_in_a_pipe(logistics: Run, data_dir: Path) -> None:
    note = write(data_dir / "raw" / "vehicles.csv", b"Vehicle ID,total_mileage\nv1,7\n")
    bad = write(data_dir / "raw" / "vehicles-bad.json", b'[{"' + b"x" * 300 + b'": 1}, {')
    logistics("load", note, bad)

    heading, *rows = logistics("files").stdout.splitlines()

    assert len(rows) == 2 and heading.split()[-1] == "remarks" and heading.index("state") < 30
    at = heading.index("remarks")
    by_name = {row.split()[0]: row[at:].strip() for row in rows}
    assert by_name["vehicles.csv"] == "Column `Vehicle ID` read as vehicle_id."
    assert by_name["vehicles-bad.json"]


def test_a_file_with_rows_is_not_dismissed(logistics: Run, data_dir: Path) -> None:
    partly = write(data_dir / "raw" / "vehicles.json", b'[{"vehicle_id": "v1"}, {')
    loaded = write(data_dir / "raw" / "vehicles-2.json", as_array([vehicle(2)]))
    logistics("load", partly, loaded)

    assert "logistics unload vehicles.json" in logistics("forget", "vehicles.json", "--yes").stderr
    assert "is loaded: only failed" in logistics("forget", "vehicles-2.json", "--yes").stderr
    assert "has no file" in logistics("forget", "nowhere.json", "--yes").stderr


def test_failed_files_are_listed_in_their_newest_version_only(logistics: Run, data_dir: Path) -> None:
    path = write(data_dir / "raw" / "vehicles.json", b"[{")
    logistics("load", path)
    logistics("load", write(path, as_array([vehicle(1)])))

    assert documents(logistics("files", "--state", "failed", "--json")) == []
    assert [each["state"] for each in documents(logistics("files", "--json"))] == ["failed", "loaded"]


def test_refresh_says_what_it_did(logistics: Run, data_dir: Path) -> None:
    path = write(data_dir / "raw" / "vehicle_logs.json", as_array([log(1), log(2)]))
    loaded = logistics("load", path, "--no-refresh")
    assert "refreshed" not in loaded.stderr

    done = logistics("refresh")
    assert (done.returncode, done.stdout) == (0, "")
    assert "2 days refreshed" in done.stderr
    full = documents(logistics("refresh", "--full", "--json"))[0]
    assert (full["full"], full["days"], full["data_version"]) == (True, 2, 2)


def test_generate_writes_files_that_load(logistics: Run, data_dir: Path) -> None:
    done = logistics(
        "generate", "--out", data_dir / "raw", "--vehicles", 5, "--logs", 50, "--shipments", 60, "--format", "ndjson",
        "--bad-every", 20, "--seed", 3,
    )  # fmt: skip
    assert done.returncode == 0

    loaded = documents(logistics("load", data_dir / "raw", "--json"))

    assert sorted(file["records_read"] for file in loaded) == [5, 50, 60]
    assert all(file["state"] == "loaded" for file in loaded)
    assert sum(file["rejected"] for file in loaded) > 0


def test_a_setting_that_is_wrong_is_named(logistics: Run) -> None:
    done = logistics("files", api_port="eighty", date_order="ymd")

    assert done.returncode == 1
    assert "LOGISTICS_API_PORT is 'eighty'" in done.stderr
    assert "LOGISTICS_DATE_ORDER is 'ymd'" in done.stderr


def test_a_variable_that_is_no_setting_is_warned_of(logistics: Run) -> None:
    done = logistics("files", "--json", batch_recods=5)

    assert (done.returncode, done.stdout) == (0, "")
    assert (
        done.stderr
        == "Warning: LOGISTICS_BATCH_RECODS is set, but there is no such setting; docs/settings.md lists them.\n"
    )


@pytest.mark.parametrize("folder", ["/proc/nowhere/data", "a file/data"])
def test_a_data_folder_that_cannot_be_written_is_said(folder: str, logistics: Run, data_dir: Path) -> None:
    (data_dir.parent / "a file").touch()

    done = logistics("files", data_dir=folder)

    assert done.returncode == 1
    assert f"The data folder {folder} is not writable" in done.stderr
    assert "LOGISTICS_DATA_DIR" in done.stderr


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "must look like postgresql://"),
        ("sqlite:///logistics.db", "must look like postgresql://"),
        ("postgresql://localhost:five/logistics", "must look like postgresql://"),
        ("postgresql://localhost", "names no database"),
        ("postgresql://someone:secret@127.0.0.1:1/logistics", "Cannot connect to PostgreSQL at 127.0.0.1:1/logistics"),
        ("postgresql://localhost/logistics?colour=red", "colour"),
    ],
)
@pytest.mark.parametrize("command", ["files", "migrate"])
def test_a_database_url_that_does_not_work_is_said_without_its_password(
    url: str, says: str, command: str, logistics: Run
) -> None:
    done = logistics(command, database_url=url)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert says in done.stderr
    assert "secret" not in done.stderr


LEAKS = [
    "host=127.0.0.1 port=1 user=someone password=hunter2 dbname=logistics",
    "host=127.0.0.1 port=1 password='hunter2",
    "host=127.0.0.1 port=1 user=someone password=hunt hunter2 dbname=logistics",
    "jdbc:postgresql://127.0.0.1:1/logistics?user=someone&password=hunter2",
    "postgresql://someone:hunter2/127.0.0.1:1/logistics",
    "postgresql://someone:hunter2",
    "postgresql://someone:p%hunter2@127.0.0.1:1/logistics",
    "postgresql://someone:p@hunter2@127.0.0.1:1/logistics",
    "postgresql://someone:%23%40%2Fhunter2@127.0.0.1:1/logistics",
    "postgresql://127.0.0.1:1/logistics?user=someone&password=hun&hunter2=x",
    "postgresql+psycopg2://someone:hunter2/127.0.0.1/logistics",
    "someone:hunter2@127.0.0.1/logistics",
]


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        *(("database_url", url) for url in LEAKS),
        *(("dagster_database_url", url) for url in (LEAKS[0], LEAKS[3], LEAKS[4])),
        *(("api_database_url", url) for url in (LEAKS[3], LEAKS[4])),
    ],
)
def test_no_part_of_a_url_that_may_hold_a_password_is_shown(url: str, variable: str, logistics: Run) -> None:
    done = logistics("migrate", **{variable: url})

    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "hunter2" not in done.stderr + done.stdout


@pytest.mark.parametrize("url", LEAKS)
def test_the_api_does_not_show_it_either(
    url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOGISTICS_DATABASE_URL", url)
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(data_dir))
    said = [repr(Settings(database_url=url))]
    try:
        Database(url)
    except ConfigurationError as error:
        said += [str(error), *traceback.format_exception(error)]

    assert "hunter2" not in "".join([*said, *capfd.readouterr()])


def test_a_connection_string_works_as_a_url_does(logistics: Run, database_url: str) -> None:
    done = logistics("files", "--json", database_url=parse_url(database_url).conninfo())

    assert (done.returncode, done.stdout) == (0, "")


def test_the_address_of_a_running_server_is_said_without_its_password(logistics: Run, database_url: str) -> None:
    url = parse_url(database_url).set(password="hunter2").url()
    assert "hunter2" not in logistics("db", "start", database_url=url).stderr


@pytest.mark.parametrize("command", [["files"], ["refresh"], ["rejects", "--json"], ["load", "vehicles.json"]])
def test_a_database_that_was_never_migrated_is_said(
    command: list[str], logistics: Run, data_dir: Path, database_url: str
) -> None:
    write(data_dir.parent / "vehicles.json", b"[]")

    done = logistics(*command, database_url=with_database(database_url, "postgres"))

    assert done.returncode == 1
    assert "run `logistics migrate` first" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["load"],
        ["load", "x.json", "--dataset", "drivers"],
        ["rejects", "--limit", "-1"],
        ["rejects", "export", "--dataset", "drivers"],
        ["files", "--state", "nonsense"],
        ["generate", "--out", "/proc/nowhere", "--shipments", "1"],
        ["generate", "--out", "sample", "--shipments", "-1"],
        ["no-such-command"],
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: list[str], logistics: Run) -> None:
    done = logistics(*arguments)

    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert done.stderr


@pytest.mark.slow
def test_the_embedded_database_is_started_left_running_and_stopped(logistics: Run, data_dir: Path) -> None:
    embedded = {"database_url": None}
    path = write(data_dir / "raw" / "vehicles.json", as_array([vehicle(1)]))

    loaded = logistics("load", path, "--json", **embedded)
    assert documents(loaded)[0]["state"] == "loaded"
    assert not (data_dir / "postgres" / "postmaster.pid").exists(), "whoever leaves last stops it"

    url = logistics("db", "url", **embedded)
    assert url.stdout.startswith("postgresql://")
    assert url.stdout.count("\n") == 1
    assert (data_dir / "postgres" / "postmaster.pid").exists()
    files = logistics("files", "--json", database_url=url.stdout.strip())
    assert [file["path"] for file in documents(files)] == ["vehicles.json"]

    stopped = logistics("db", "stop", **embedded)
    assert (stopped.returncode, "PostgreSQL stopped" in stopped.stderr) == (0, True)
    assert "was not running" in logistics("db", "stop", **embedded).stderr
    assert not (data_dir / "postgres" / "postmaster.pid").exists()
    refused = logistics("files", **embedded)
    assert (refused.returncode, "`logistics db start`" in refused.stderr) == (1, True)


def test_a_server_of_somebody_elses_is_not_stopped(logistics: Run) -> None:
    done = logistics("db", "stop")

    assert done.returncode == 1
    assert "only an embedded server can be stopped" in done.stderr


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_error(logistics: Run, data_dir: Path) -> None:
    bad = [vehicle(number, total_mileage=-1, name="x" * 200) for number in range(2_000)]
    logistics("load", write(data_dir / "raw" / "vehicles.ndjson", as_lines(bad)), "--no-refresh")

    environment = os.environ | {"LOGISTICS_DATABASE_URL": _url(logistics), "LOGISTICS_DATA_DIR": str(data_dir)}
    with subprocess.Popen(
        [LOGISTICS, "rejects", "--json", "--limit", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.slow
def test_a_shell_takes_the_variables_as_they_are_printed(logistics: Run) -> None:
    printed = logistics("env").stdout
    script = 'eval "$1"; "$2" migrate && printf "%s" "$LOGISTICS_DATABASE_URL"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", printed, LOGISTICS], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (0, _url(logistics)), done.stderr


def _url(logistics: Run) -> str:
    return logistics("db", "url").stdout.strip()


def test_status_sums_up_files_records_and_figures(logistics: Run, data_dir: Path) -> None:
    write(data_dir / "raw" / "vehicle_logs.json", as_array([log(number) for number in range(3)]))
    write(data_dir / "raw" / "shipments.json", as_array([shipment(3), shipment(4), shipment(5, weight=-1)]))
    write(data_dir / "raw" / "vehicles.json", b"nothing of the kind")
    logistics("load", data_dir / "raw")

    done = logistics("status", "--json", api_port=1, dagster_port=2)

    (found,) = documents(done)
    assert done.returncode == 1, "a file failed"
    assert found["files"] == {"failed": 1, "loaded": 2}
    assert found["datasets"]["shipments"] == {"read": 3, "loaded": 2, "superseded": 0, "rejected": 1}
    assert (found["first_day"], found["last_day"]) == ("2024-01-01", "2024-01-03")
    assert (found["unassigned_shipments"], found["batches_to_refresh"]) == (2, 0)
    assert found["services"] == {"http://127.0.0.1:1": False, "http://127.0.0.1:2": False}

    text = logistics("status", api_port=1, dagster_port=2).stdout
    assert "2 loaded, 1 failed" in text
    assert "3 records read = 2 loaded + 0 superseded + 1 rejected (33.3%)" in text
    assert "2 shipments wait for vehicle_logs" in text


def test_status_tells_warnings_and_future_days_and_forgets_what_was_dismissed(logistics: Run, data_dir: Path) -> None:
    days = {1: "2024-06-30", 2: "2080-01-06", 3: "2024-06-01"}
    write(data_dir / "raw" / "vehicle_logs.json", as_array([log(n, trip_date=day) for n, day in days.items()]))
    write(data_dir / "raw" / "shipments.json", as_array([shipment(n) for n in (1, 2)] + [shipment(3, weight=-1)]))
    write(data_dir / "raw" / "vehicles.json", b"nothing of the kind")
    logistics("load", data_dir / "raw")
    assert logistics("status").returncode == 1
    logistics("forget", "vehicles.json", "--yes")

    (found,) = documents(done := logistics("status", "--json", api_port=1, dagster_port=2))

    assert done.returncode == 0, "the failed file was dismissed"
    assert (found["files"], found["files_with_warning"]) == ({"loaded": 2}, 1)
    assert (found["last_day"], found["future_days"]) == ("2024-06-30", {"count": 1, "newest": "2080-01-06"})
    text = logistics("status", api_port=1, dagster_port=2).stdout
    assert "2 loaded (1 with a warning: logistics files --state warning)" in text
    assert "1 day is in the future, up to 2080-01-06" in text
    assert re.search(
        r"2024-06-01 to 2024-06-30, data version 1, refreshed [-0-9]{10} [:0-9]{8} UTC$", text, re.MULTILINE
    )


def test_a_small_share_of_rejects_is_not_rounded_to_nothing(logistics: Run, data_dir: Path) -> None:
    write(data_dir / "raw" / "vehicles.json", as_array([vehicle(n) for n in range(3000)] + [{"vehicle_id": None}]))
    logistics("load", data_dir / "raw")

    assert "1 rejected (less than 0.1%)" in logistics("status").stdout


def test_status_of_an_empty_system_is_no_failure(logistics: Run) -> None:
    done = logistics("status", api_port=1, dagster_port=2)

    assert done.returncode == 0
    assert "none yet" in done.stdout


def test_reset_takes_the_sample_out_and_nothing_else(logistics: Run, data_dir: Path) -> None:
    sample = data_dir / "raw" / "sample"
    logistics("generate", "--out", sample, "--vehicles", 3, "--logs", 20, "--shipments", 20)
    own = write(data_dir / "raw" / "shipments.json", as_array([shipment(1)]))
    logistics("load", data_dir / "raw")

    asked = logistics("reset", "--sample")
    assert (asked.returncode, (sample / "vehicles.json").exists()) == (1, True), "nobody said yes"
    done = logistics("reset", "--sample", "--yes")

    assert done.returncode == 0, done.stderr
    assert not sample.exists()
    assert own.exists()
    states = {file["path"]: file["state"] for file in documents(logistics("files", "--json"))}
    assert states == {
        "sample/vehicles.json": "unloaded",
        "sample/vehicle_logs.json": "unloaded",
        "sample/shipments.json": "unloaded",
        "shipments.json": "loaded",
    }
    (status,) = documents(logistics("status", "--json"))
    assert status["datasets"]["shipments"]["loaded"] == 1
    assert status["first_day"] is None
    again = logistics("reset", "--sample", "--yes")
    assert again.returncode == 0, "an interrupted one is completed by the next"


def test_generate_never_replaces_files_unless_told_to(logistics: Run, data_dir: Path) -> None:
    own = write(data_dir / "raw" / "shipments.json", b"mine")
    arguments = ("generate", "--out", own.parent, "--vehicles", 1, "--logs", 1, "--shipments", 1)

    refused = logistics(*arguments)

    assert refused.returncode == 1
    assert "shipments.json exists already" in refused.stderr
    assert own.read_bytes() == b"mine"
    assert not (own.parent / "vehicles.json").exists()
    assert logistics(*arguments, "--replace").returncode == 0
    assert own.read_bytes() != b"mine"


@pytest.mark.slow
def test_ctrl_c_ends_a_load_with_a_sentence_and_the_next_one_resumes(logistics: Run, data_dir: Path) -> None:
    records = 400_000
    lines = "".join(f'{{"vehicle_id":"v{number}","name":"n"}}\n' for number in range(records))
    path = write(data_dir / "raw" / "vehicles.ndjson", lines.encode())
    environment = os.environ | {
        "LOGISTICS_DATABASE_URL": _url(logistics),
        "LOGISTICS_DATA_DIR": str(data_dir),
        "LOGISTICS_BATCH_RECORDS": "2000",
    }
    with subprocess.Popen(
        [LOGISTICS, "load", path, "--no-refresh"], env=environment, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        assert process.stderr is not None
        while not any(file["records_read"] for file in documents(logistics("files", "--json"))):
            assert process.poll() is None, "it ended before it could be stopped"
        os.killpg(process.pid, signal.SIGINT)
        said = process.stderr.read()

    (stopped,) = documents(logistics("files", "--json"))
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert 0 < stopped["records_read"] < records
    assert f"{stopped['records_read']:,} records" in said
    assert "resumes" in said

    (done,) = documents(logistics("load", path, "--json", "--no-refresh"))
    assert (done["state"], done["loaded"]) == ("loaded", records)


@pytest.mark.slow
@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_names_that_the_locale_cannot_print_are_no_trouble(
    locale: dict[str, str], logistics: Run, data_dir: Path
) -> None:
    path = write(data_dir / "raw" / "vehicles-K\u00f6ln.json", as_array([vehicle(1)]))
    odd = write(Path(os.fsdecode(os.fsencode(data_dir / "raw") + b"/vehicles-\xff.json")), as_array([vehicle(2)]))
    logistics("load", path)
    environment = os.environ | {"LOGISTICS_DATABASE_URL": _url(logistics), "LOGISTICS_DATA_DIR": str(data_dir)} | locale

    for arguments in (("load", path, "--json"), ("load", path, odd), ("files",), ("files", "--json")):
        done = subprocess.run([LOGISTICS, *arguments], env=environment, capture_output=True)
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
        if "--json" in arguments:
            paths = {json.loads(line)["file"] for line in done.stdout.splitlines()}
            assert any(name.endswith("vehicles-K\u00f6ln.json") for name in paths)

    files = {file["path"] for file in documents(logistics("files", "--json"))}
    assert files == {"vehicles-K\u00f6ln.json", "vehicles-%FF.json"}, "one file, whatever the locale"
