"""The dataset that records belong to, and what tells them apart: one that there is, or a contract proposed for them."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from logistics_core.catalogue import Catalogue, Dataset
from logistics_pipeline.inference.proposal import Proposal
from logistics_pipeline.inference.propose import propose


def fitting_datasets(catalogue: Catalogue, samples: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The datasets whose key and required fields every record has, as they are: the one with most of its fields first.

    One whose fields are among those of another one that fits is left out: trips name their vehicles, and are none.
    """
    named = {name for record in samples for name, value in record.items() if value not in (None, "")}
    fields = {
        name: named & set(dataset.columns)
        for name, dataset in catalogue.items()
        if dataset.key and all(_has(record, dataset) for record in samples)
    }
    fitting = [name for name, found in fields.items() if not any(found < other for other in fields.values())]
    return tuple(sorted(fitting, key=lambda name: -len(fields[name])))


def _has(record: Mapping[str, Any], dataset: Dataset) -> bool:
    needed = [each.name for each in dataset.fields if each.name in dataset.key or each.required]
    return all(record.get(name) not in (None, "") for name in needed)


def contract_for(samples: Sequence[Mapping[str, Any]], dataset: str, taken: Sequence[str] = ()) -> Proposal:
    """A contract for records as they are, as for a file that holds them.

    Raises:
        FileError: the records are such that no dataset can have them.
    """
    with tempfile.TemporaryDirectory(prefix="logistics-sample-") as folder:
        path = Path(folder) / f"{dataset}.ndjson"
        path.write_text("".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in samples), "utf-8")
        return propose(path, dataset, taken=taken)


def key_paths(proposal: Proposal) -> tuple[str, ...]:
    """The key of a proposed contract, as paths in the records; none while it is open."""
    if any(question.kind == "key" for question in proposal.questions):
        return ()
    found = {each.name: each.found_as for each in proposal.columns}
    return tuple(found[name] for name in proposal.key)
