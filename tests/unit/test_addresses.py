"""Addresses of databases: what libpq reads, written again for libpq and for SQLAlchemy, and never shown when wrong."""

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from logistics_core.postgres.urls import Address, AddressError

ADDRESSES = [
    ("postgresql://user@%2Fvar%2Frun%2Fpostgresql:5432/fleet", "/var/run/postgresql:5432/fleet"),
    ("postgresql://user@one:5432,two:5433/fleet?target_session_attrs=read-write", "one:5432,two:5433/fleet"),
    ("postgresql://user@one,two/fleet", "one:5432,two:5432/fleet"),
    ("postgresql://user@%2Frun,two:5433/fleet", "/run:5432,two:5433/fleet"),
    ("postgresql://user@[::1]:5433/fleet", "::1:5433/fleet"),
    ("postgres://user:a%40b%2Fc%3A@h/fleet%20one?sslmode=require&options=-c%20jit%3Doff", "h:5432/fleet one"),
    ("postgresql://user:with/slash@h/fleet", "h:5432/fleet"),
    ("postgresql+psycopg2://user@/fleet?host=one:5432&host=two:5433", "one:5432,two:5433/fleet"),
    ("host=one,two port=5433 dbname=fleet password='it''s'".replace("''s", "\\'s"), "one:5433,two:5433/fleet"),
    ("postgresql:///fleet?host=/run/one&port=6000", "/run/one:6000/fleet"),
    ("dbname=fleet", "localhost:5432/fleet"),
]


@pytest.mark.parametrize(("text", "shown"), ADDRESSES)
def test_what_libpq_reads_is_read_and_written_again(text: str, shown: str) -> None:
    address = Address.parse(text)

    assert str(address) == shown
    assert conninfo_to_dict(address.conninfo()) == address.parameters
    written = Address.parse(address.url())
    assert (written.hosts, written.url()) == (address.hosts, address.url())
    assert {**written.parameters, "port": ""} == {**address.parameters, "port": ""}


@pytest.mark.parametrize(("text", "shown"), ADDRESSES)
def test_sqlalchemy_connects_to_the_same_hosts_with_the_same_login(text: str, shown: str) -> None:
    address = Address.parse(text)

    found = given_to_psycopg2(address)

    hosts, ports = address.hosts
    assert str(found.get("host", "")).split(",") == hosts
    assert [port or "5432" for port in str(found.get("port", "5432")).split(",")] in (
        [port or "5432" for port in ports],
        ["5432"],
    )
    assert (found["dbname"], found.get("user"), found.get("password")) == (
        address.database,
        address.username,
        address.password,
    )
    assert found["client_encoding"] == "utf8"


def given_to_psycopg2(address: Address) -> dict[str, object]:
    url = sqlalchemy.make_url(address.sqlalchemy_url("psycopg2"))
    _, found = PGDialect_psycopg2().create_connect_args(url)
    return dict(found)


# libpq takes no NUL; a surrogate is no text.
@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_any_login_and_database_survive(text: str) -> None:
    address = Address.parse("postgresql://h/x").set(username=text, password=text, database=text)

    assert conninfo_to_dict(address.url()) == address.parameters
    found = given_to_psycopg2(address)
    assert (found["user"], found["password"], found["dbname"]) == (text, text, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("jdbc:postgresql://h:5432/fleet?user=someone&password=hunter2", "JDBC"),
        ("mysql://someone:hunter2@h/fleet", "begins with neither"),
        ("someone:hunter2@h/fleet", "begins with neither"),
        ("postgresql://someone:hunter2/h:5432/fleet", "told apart"),
        ("postgresql://someone:1234/h/fleet?note=hunter2", "read it"),
        ("postgresql://someone:hunter2/fleet", "not a number"),
        ("postgresql://someone:a@hunter2@h/fleet", "told apart"),
        ("postgresql://someone:%hunter2@h/fleet", "read it"),
        ("postgresql://h/fleet?password=a&hunter2=b", "read it"),
        ("postgresql://h:1,i:2,j:3/fleet?port=1,2", "3 hosts but 2 ports"),
        ("postgresql://h/fleet?colour=red", "no parameter 'colour'"),
        ("host=h password='hunter2 dbname=fleet", "read it"),
        ("host=h password=a hunter2 dbname=fleet", "read it"),
        ("host=h port=hunter2 dbname=fleet", "not a number"),
        ("host=h", "names no database"),
    ],
)
def test_what_cannot_be_used_is_refused_without_showing_it(text: str, says: str) -> None:
    with pytest.raises(AddressError, match=says) as refusal:
        Address.parse(text)
    assert "hunter2" not in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None
