"""Fields of a dataset and of those that it refers to, by paths: `origin`, `log.vehicle.vehicle_type`."""

from collections.abc import Mapping
from dataclasses import dataclass

from logistics_core.catalogue import Dataset, Field
from logistics_core.catalogue.contract_shapes import listed, suggestion
from logistics_core.catalogue.model import NESTED_TYPES, Reference

MAX_STEPS = 4
"""References that a path may follow."""


@dataclass(frozen=True)
class FieldPath:
    """A field, and the references that lead to its record."""

    relations: tuple[str, ...]
    field: Field

    @property
    def name(self) -> str:
        """For example `log.vehicle.vehicle_type`."""
        return ".".join((*self.relations, self.field.name))

    @property
    def is_own(self) -> bool:
        """Whether the field is one of the dataset's own."""
        return not self.relations


def relations_of(dataset: Dataset) -> dict[str, Reference]:
    """The references of a dataset by name: `log` for one from `log_id`, otherwise that of one record there.

    The master records of external ids are among them, by the names of these.
    """
    found: dict[str, Reference] = {}
    for reference in dataset.references:
        name = _relation_name(reference)
        if name in dataset.columns or name in found:
            name = f"{'_'.join(reference.fields)[:33]}_record"
        if name not in dataset.columns and name not in found:
            found[name] = reference
    for each in dataset.external_ids:
        if each.name:  # the catalogue gives names to those without
            found[each.name] = Reference((each.field,), each.entity, (each.key,), each.system)
    return found


def _relation_name(reference: Reference) -> str:
    if len(reference.fields) == 1:
        short = reference.fields[0].removesuffix("_id").removesuffix("_key")
        if short and short != reference.fields[0]:
            return short
    return f"{reference.dataset}_record"


def read_path(path: str, dataset: Dataset, catalogue: Mapping[str, Dataset]) -> FieldPath:
    """The field that a path leads to.

    Raises:
        ValueError: it leads nowhere; the message says what there is.
    """
    *steps, name = path.split(".")
    if len(steps) > MAX_STEPS:
        raise ValueError(f"{path!r} follows {len(steps)} references; at most {MAX_STEPS} are followed.")
    for step in steps:
        relations = relations_of(dataset)
        if step not in relations:
            raise ValueError(f"{path!r}: {dataset.name} has no reference {step!r}. {_known(step, relations)}")
        dataset = catalogue[relations[step].dataset]
    if name not in dataset.columns and dataset.external_id_called(name) is None:
        names = {field.name: None for field in dataset.fields if field.type not in NESTED_TYPES}
        names |= {each.name: None for each in dataset.external_ids}
        raise ValueError(f"{path!r}: {dataset.name} has no field {name!r}. {_known(name, names)}")
    return FieldPath(tuple(steps), dataset.dimension(name))


def _known(name: str, names: Mapping[str, object]) -> str:
    if not names:
        return "It has none."
    return f"There are: {listed(names)}.{suggestion(name, names)}"
