"""A site for tests of sources: a database, the contracts of the examples, and folders."""

from pathlib import Path

import pytest

from tests.sources.site import Site


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Site:
    made = Site(database_url, tmp_path)
    made.options.raw_dir.mkdir(parents=True)
    return made
