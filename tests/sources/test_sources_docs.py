"""docs/sources.md against the program: every key with its meaning, every kind of error, every unit."""

import re

import msgspec
import pytest

from logistics_pipeline.sources.definitions import shapes
from logistics_pipeline.sources.definitions.reading import parse_definition
from logistics_pipeline.sources.definitions.units import UNITS
from logistics_pipeline.sources.faults import FaultKind
from tests.checkout import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "sources.md").read_text()
STRUCTS = [each for name, each in vars(shapes).items() if name.endswith("Keys") and name != "Keys"]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda each: each.__name__)
def test_every_key_is_explained(struct: type[msgspec.Struct]) -> None:
    for field in msgspec.inspect.type_info(struct).fields:  # type: ignore[attr-defined]
        meaning = field.type.extra_json_schema["description"]
        assert re.search(rf"\| `{field.encode_name}` \| [^|]*\| {re.escape(meaning)} \|", PAGE), field.encode_name


def test_every_error_and_unit_is_named() -> None:
    errors = PAGE.partition("## When a pull fails")[2].partition("## Reference")[0]
    assert set(
        re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in errors.splitlines() if line.startswith("| `")))
    ) == set(FaultKind)
    units = PAGE.partition("Units of `unit`:")[2].partition(".")[0]
    assert set(re.split(r"[,;\s]+", units.strip())) == set(UNITS)


def test_the_example_is_a_definition() -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    text = re.sub(r"^   ", "", example[1], flags=re.MULTILINE)
    assert parse_definition(text, "fleet", "docs/sources.md.yaml").name == "fleet"
