"""The definitions in docs/sources/examples: each pulls its API, as that API is documented, into the rows it should."""

from pathlib import Path

import pytest

from logistics_core.catalogue import load_catalogue
from logistics_pipeline.sources.definition import RestSource
from logistics_pipeline.sources.reading import read_definition
from tests.sources.servers.documented import APIS

EXAMPLES = Path(__file__).parents[2] / "docs" / "sources" / "examples"


@pytest.mark.parametrize("name", APIS)
def test_an_example_is_a_definition_whose_fields_are_those_of_its_datasets(name: str) -> None:
    source = read_definition(EXAMPLES / f"{name}.yaml")
    catalogue = load_catalogue(EXAMPLES / "contracts")

    assert isinstance(source, RestSource)
    for resource in source.resources:
        assert resource.dataset is not None
        dataset = catalogue[resource.dataset]
        assert resource.fields is not None
        mapped = {field.name for field in resource.fields}
        assert mapped <= set(dataset.columns)
        assert set(dataset.key) <= mapped


def test_every_documented_api_has_an_example_and_every_example_an_api() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == set(APIS)
