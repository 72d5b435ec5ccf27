"""Migrations only add: processes of the version before go on with the new schema while they are replaced one by one.

docs/operations.md, *Upgrades*, promises it since schema version 0026. A migration that has to take something away does
so one version after the last program that used it, and is named in `TAKES_AWAY`.
"""

import re
from pathlib import Path

import pytest

from tests.checkout import PROJECT_ROOT

MIGRATIONS = sorted(path for path in (PROJECT_ROOT / "sql/migrations").glob("*.sql") if path.name > "0027")
TAKES_AWAY: dict[str, str] = {}
"""Name of the file → since which version no program needs what it takes away."""

COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
FORBIDDEN = {
    "takes a table or column away": r"\bDROP\s+(TABLE|COLUMN|SCHEMA)\b",
    "renames": r"\bRENAME\b",
    "changes the type of a column": r"\bALTER\s+(COLUMN\s+)?\S+\s+(SET\s+DATA\s+)?TYPE\b",
    "requires a value that older programs do not give": r"\bSET\s+NOT\s+NULL\b"
    r"|\bADD\s+COLUMN\s+(?:(?!\bDEFAULT\b|\bGENERATED\b|,\s*\n|;).)*\bNOT\s+NULL\b(?!(?:(?!,\s*\n|;).)*\b(?:DEFAULT|GENERATED)\b)",
}


def faults(text: str) -> list[str]:
    """What in a script older programs could not go on with."""
    statements = COMMENTS.sub("", text)
    return [what for what, pattern in FORBIDDEN.items() if re.search(pattern, statements, re.IGNORECASE | re.DOTALL)]


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.name)
def test_a_migration_leaves_what_older_programs_use(path: Path) -> None:
    assert path.name in TAKES_AWAY or faults(path.read_text()) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE ingest.files;",
        "ALTER TABLE ingest.files\n    DROP COLUMN warning;",
        "ALTER TABLE ingest.files RENAME COLUMN warning TO note;",
        "ALTER TABLE ingest.files ALTER COLUMN size_bytes TYPE numeric;",
        "ALTER TABLE ingest.files ALTER COLUMN warning SET NOT NULL;",
        "ALTER TABLE ingest.files ADD COLUMN origin text NOT NULL;",
    ],
)
def test_what_older_programs_could_not_go_on_with_is_found(statement: str) -> None:
    assert faults(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE ingest.files ADD COLUMN origin text, ADD COLUMN number integer NOT NULL DEFAULT 0;",
        "ALTER TABLE ingest.files ADD COLUMN number integer DEFAULT 0 NOT NULL;",
        "CREATE TABLE ingest.more (file_id bigint NOT NULL); -- DROP TABLE",
        "ALTER TABLE notify.endpoints DROP CONSTRAINT IF EXISTS endpoints_channel_check;",
    ],
)
def test_what_only_adds_is_allowed(statement: str) -> None:
    assert faults(statement) == []
