"""The only reader of `sql/`: statements live there under their own names, never in Python strings of any length."""

from functools import cache
from hashlib import sha256
from itertools import takewhile

from logistics_core.resource_files import RESOURCES

SQL_DIR = RESOURCES / "sql"


@cache
def read_sql(name: str) -> str:
    """Returns the text of `sql/<name>.sql`, for example `read_sql("raw/shipments")`.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return (SQL_DIR / f"{name}.sql").read_text(encoding="utf-8")


def checksum(name: str) -> str:
    """A fingerprint of a file's text: tells whether a definition has changed since it was applied."""
    return sha256(read_sql(name).encode()).hexdigest()


def describe_sql(name: str) -> str:
    """The comment at the head of a file: what it makes, one row per what, from what."""
    head = takewhile(lambda line: line.startswith("--"), read_sql(name).splitlines())
    return "\n".join(line.removeprefix("--").strip() for line in head)
