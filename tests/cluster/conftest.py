"""Fixtures for tests on a Citus cluster: the same as those of one server, with their databases on all nodes.

A worker of pytest-xdist has templates and databases of its own. Nothing here starts or stops a node.
"""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from tests.cluster.nodes import OURS, Cluster, database, make_template
from tests.conftest import options_of
from tests.database.conftest import (
    Fill,
    FolderUnderTest,
    contents,
    copied,
    empty,
    filled_template,
    impatient,
    limit_lock_waits,
    raw_folder,
)

__all__ = ["contents", "copied", "empty", "filled_template", "impatient", "limit_lock_waits", "raw_folder"]

_numbers = count(1)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return Cluster.of_environment()


@pytest.fixture(scope="session")
def server_url(cluster: Cluster) -> str:
    """URL of the `postgres` database of the coordinator."""
    return cluster.url("postgres")


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> Iterator[str]:
    """Name of a migrated database with distributed tables that others are copied from."""
    name = f"template_{OURS}"
    make_template(cluster, name)
    yield name
    cluster.drop(name)


@pytest.fixture(scope="session")
def new_template(
    cluster: Cluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, Fill], str]]:
    """new_template(name, fill): a database with rows, made once, that those of several tests are copied from."""
    made = []

    def make(name: str, fill: Fill) -> str:
        copy = f"template_{name}_{OURS}"
        cluster.copy(template, copy)
        made.append(copy)
        raw_dir = tmp_path_factory.mktemp(name) / "data" / "raw"
        raw_dir.mkdir(parents=True)
        fill(FolderUnderTest(cluster.url(copy), options_of(raw_dir)))
        return copy

    yield make
    for copy in made:
        cluster.drop(copy)


@pytest.fixture
def database_url(cluster: Cluster, copied: str) -> Iterator[str]:
    """URL of a database with distributed tables for one test."""
    with database(cluster, copied, f"test_{OURS}_{next(_numbers)}") as url:
        yield url
