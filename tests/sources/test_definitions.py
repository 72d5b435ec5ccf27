"""Definition files: what they become, and what is said about one that cannot be used."""

import json
import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from logistics_core.places.secrets import Secret
from logistics_pipeline.files.definition_files import DefinitionError
from logistics_pipeline.sources.definitions.definition import FilesSource, Mode, PaginationType, RestSource
from logistics_pipeline.sources.definitions.reading import json_schema, parse_definition, read_definitions

FLEET = """\
kind: rest
baseUrl: https://api.example.com/v1/
hosts: [files.example.com:8443]
authentication: {type: bearer, token: env:FLEET_TOKEN}
headers: {Accept: application/json, X-Api-Key: file:/run/secrets/fleet}
limits: {perSecond: 5, burst: 10}
resources:
  - name: trips
    dataset: trips
    path: /vehicles/{vehicle}/trips
    parameters: {limit: 100, status: [done, open]}
    records: data.items
    total: meta.total
    parent: {resource: vehicles, field: id}
    pagination: {type: cursor, parameter: cursor, next: meta.nextCursor}
    incremental:
      {field: updatedAt, parameter: updatedSince, until: updatedBefore, start: 2024-01-31, lookback: 1h30m, step: 1d}
    fields:
      trip_id: id
      distance_km: {path: distance, unit: m to km}
      depot: {constant: 7}
      vehicle: {parent: true}
      state: {path: s, values: {1: done, 2: open}, otherwise: other}
    schedule: every 15m
  - name: vehicles
    path: /vehicles
    mode: snapshot
    key: [id]
    schedule: 0 6 * * mon-fri
"""


def read(text: str, name: str = "fleet") -> RestSource:
    source = parse_definition(text, name, f"{name}.yaml")
    assert isinstance(source, RestSource)
    return source


def test_a_definition_becomes_a_model() -> None:
    source = read(FLEET)
    trips = source.resource("trips")
    assert source.names == ("vehicles", "trips"), "parents are pulled first"
    assert source.base_url == "https://api.example.com/v1"
    assert source.hosts == ("api.example.com", "files.example.com:8443")
    assert source.headers["X-Api-Key"] == Secret("file:/run/secrets/fleet")
    assert trips.records == ("data", "items")
    assert trips.parameters == {"limit": 100, "status": ("done", "open")}
    assert trips.parent is not None and trips.parent.placeholder == "vehicle"
    assert trips.pagination.type is PaginationType.CURSOR and trips.pagination.is_stable
    assert trips.incremental is not None
    assert trips.incremental.start == datetime(2024, 1, 31, tzinfo=UTC)
    assert trips.incremental.lookback == timedelta(minutes=90)
    assert trips.fields is not None and trips.fields[1].factor == Fraction(1, 1000)
    assert trips.fields[4].values == {"1": "done", "2": "open"}
    assert trips.schedule is not None and trips.schedule.every == timedelta(minutes=15)
    assert source.resource("vehicles").mode is Mode.SNAPSHOT


def test_a_place_of_files_is_read() -> None:
    text = "kind: files\nurl: s3://bucket/in\noptions: {region: eu-1}\npoll: {from: 2s}\n"
    text += "credentials: {secretAccessKey: env:KEY}\n"
    source = parse_definition(text, "bucket", "bucket.yaml")
    assert isinstance(source, FilesSource)
    assert source.place.credentials == {"secretAccessKey": Secret("env:KEY")}
    assert (source.place.shortest_poll_seconds, source.place.longest_poll_seconds) == (2, 300)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("url: s3://b\noptions: {regoin: eu-1}", "options.regoin is none of s3://.*Did you mean region?"),
        ("url: sftp://h/x\ncredentials: {accessKeyId: env:K}", "credentials.accessKeyId is none of sftp://"),
        ("url: s3://b\ncredentials: {secretAccessKey: abc}", "holds a value where a secret belongs"),
        ("url: ftp://h/x", "begins with ftp. Expected: one of"),
        ("url: s3://b\npoll: {from: 10m, to: 5m}", "is longer than `to`"),
    ],
)
def test_a_place_that_cannot_be_used_is_explained(text: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message.replace("?", r"\?")):
        parse_definition(f"kind: files\n{text}\n", "bucket", "bucket.yaml")


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("env:FLEET_TOKEN", "s3cr3t-value", "line 4, column 32", "authentication.token holds a value where a secret"),
        ("file:/run/secrets/fleet", "s3cr3t-value", "line 5, column 37", "headers.X-Api-Key holds a value where"),
        ("limit: 100", "api_key: s3cr3t-value", "line 11", "parameters.api_key holds a value where a secret belongs"),
        ("https://api", "https://me:s3cr3t-value@api", "line 2", "baseUrl holds a password"),
        ("v1/", "v1?token=s3cr3t-value", "line 2", "baseUrl holds a secret"),
        ("perSecond", "persecond", "line 6", "limits.persecond is an unknown key. Did you mean perSecond?"),
        ("perSecond: 5", "perSecond: fast", "line 6", "limits.perSecond is 'fast'. Expected: a number"),
        ("m to km", "m to kg", "line 20, column 37", "m is a unit of length and kg one of mass"),
        ("m to km", "m to kms", "line 20", "names 'kms', which is no unit"),
        ("1h30m", "1 hour", "line 17", "lookback is '1 hour'. Expected: a length of time such as"),
        ("resource: vehicles", "resource: vehicle", "line 14", "There are: trips, vehicles. Did you mean vehicles?"),
        ("resource: vehicles", "resource: trips", "line 14", "A resource is not its own parent"),
        ("type: cursor", "type: curser", "line 15", "Did you mean cursor?"),
        (", next: meta.nextCursor", "", "line 15", "pagination lacks the key `next`, or `nextHeader`"),
        ("type: cursor", "type: keyset", "line 15", "lacks the key `key`, which the type keyset needs"),
        ("kind: rest", "kind: rst", "line 1", "Did you mean rest?"),
        ("mode: snapshot\n    key: [id]", "mode: snapshot", "line 25", "A snapshot needs it"),
        ("every 15m", "every minute", "line 24", "schedule is 'minute'. Expected: a length of time"),
        ("0 6 * * mon-fri", "0 26 * * *", "line 29", "schedule is '0 26 * * *'. Expected: `every`"),
        ("{vehicle}/trips", "{vehicle}/{day}", "line 14", "needs one name in braces"),
        ("parent: {resource: vehicles, field: id}", "nothing: [404]", "line 10", "has no `parent`"),
        ("records: data.items", "records: data[", "line 12", "is no path"),
        ("{constant: 7}", "{constant: 7, path: a}", "line 21", "needs one of `path`, `constant` and `parent: true`"),
        ("path: /vehicles\n", "path: https://evil.example/x\n", "line 26", "Expected: a path below `baseUrl`"),
        ("path: /vehicles\n", "path: /../admin\n", "line 26", "without blanks, backslashes and `..`"),
        ("type: bearer", "type: basic", "line 4", "authentication lacks the key `username`"),
        ("type: bearer", "type: bearer, scope: x", "line 4", "means nothing with the type bearer"),
        ("start: 2024-01-31", "start: soon", "line 17", "Expected: a date or a time in UTC"),
        ("resources:", "tls: {unverified: yes}\nresources:", "line 7", "Expected: a text"),
        ("resources:", "tls: {unverified: 'no'}\nresources:", "line 7", "says why the certificate is not checked"),
        ("resources:", "timeout: {page: 0s}\nresources:", "line 7", "without a limit"),
        ("burst: 10", "burst: &x 10, concurrent: *x", "line 6", "aliases are not allowed in a definition"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, place: str, message: str) -> None:
    assert old in FLEET
    with pytest.raises(DefinitionError) as raised:
        read(FLEET.replace(old, new, 1))
    text = str(raised.value)
    assert text.startswith("fleet.yaml") and place in text and message in text
    assert "s3cr3t-value" not in text, "no message shows what may be a secret"


@pytest.mark.parametrize(
    "text", ["", "- a\n", "kind: [rest]\n", "a: 1\n", "kind: rest\nbaseUrl: x\n", "{" * 100, "\x00"]
)
def test_what_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError, match=r"x\.yaml"):
        parse_definition(text, "x", "x.yaml")


def test_one_wrong_file_does_not_keep_the_others_from_their_work(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text(FLEET)
    (tmp_path / "broken.yaml").write_text("kind: rest\n")
    (tmp_path / "Bad Name.yaml").write_text(FLEET)
    (tmp_path / "other.yml").write_text(FLEET)
    (tmp_path / ".hidden.yaml").write_text("kind: x")
    found = read_definitions(tmp_path)
    assert set(found.rest) == {"fleet"} and set(found.problems) == {"broken", "Bad Name", "other"}
    assert read_definitions(tmp_path / "absent").sources == {}


def test_editors_get_a_json_schema_that_takes_what_we_take() -> None:
    validator = jsonschema_rs.validator_for(json.loads(json.dumps(json_schema())))
    document = json.loads(json.dumps(yaml.safe_load(FLEET), default=str))
    assert validator.is_valid(document)
    assert not validator.is_valid(document | {"baseURL": "x"})


WINDOW_IN_BODY = """\
kind: rest
baseUrl: https://erp.example.com
authentication: {type: apiKey, name: Authorization, prefix: Token, token: env:ERP_KEY}
resources:
  - name: transfers
    path: /search
    method: POST
    body: {domain: [[write_date, ">=", "{since}"], [write_date, "<", "{until}"]]}
    incremental: {field: write_date, start: 2024-01-31, step: 1d}
"""


def test_a_window_may_stand_within_a_body() -> None:
    source = read(WINDOW_IN_BODY)

    incremental = source.resource("transfers").incremental
    assert incremental is not None
    assert (incremental.parameter, incremental.until) == ("", "")
    assert source.authentication.prefix == "Token"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"{since}"', "2024-01-31", "lacks the key `parameter`"),
        ('"{until}"', "2024-01-31", "windows need an end"),
        ("    incremental: {field: write_date, start: 2024-01-31, step: 1d}\n", "", "holds {since}, but has no"),
        ("prefix: Token", "prefix: two words", "Expected: one word"),
        ("type: apiKey, name: Authorization, prefix: Token", "type: bearer, prefix: Token", "means nothing"),
    ],
)
def test_a_window_that_stands_nowhere_is_told(old: str, new: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(message)):
        read(WINDOW_IN_BODY.replace(old, new))


PLAIN = """\
kind: rest
baseUrl: https://erp.example.com
resources:
  - name: transfers
    path: /transfers
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('title: "a\\0b"', "title holds the character NUL"),
        ("parameters: {limit: .nan}", "parameters.limit is nan. Expected: a number"),
        ("body: {limit: [.inf]}", "body.limit[0] is inf"),
        ("fields: {cost: {path: cost, scale: .inf}}", "scale is inf"),
        ("fields: {cost: {path: cost, scale: 0}}", "scale is 0"),
        ("incremental: {parameter: since, field: at, lookback: 9999999d}", "Expected: at most 3,660d"),
        ("nothing: [404, 200]", "nothing[1] is 200"),
        ("parameters: {token: [abcdefgh]}", "carries secrets by its name"),
        ("records: items[999999999]", "is no path"),
    ],
)
def test_values_that_no_database_holds_or_no_pull_can_use_are_refused_with_their_place(line: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(message)) as found:
        read(f"{PLAIN}    {line}\n")
    assert "line 6" in str(found.value) and "abcdefgh" not in str(found.value)


def test_a_host_is_written_as_networks_know_it() -> None:
    with pytest.raises(DefinitionError, match=r"line 2.*not ASCII"):
        read(PLAIN.replace("erp.example.com", "bücher.example.com"))
