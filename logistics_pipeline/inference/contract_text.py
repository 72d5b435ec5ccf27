"""A proposal as the YAML file that a person reads, edits and keeps: the contract, with the evidence in comments."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from logistics_core.catalogue import ContractError
from logistics_core.catalogue.contract_files import contract_from_document
from logistics_core.metrics.defaults import usual_metrics
from logistics_pipeline.inference.proposal import Proposal, ProposedColumn
from logistics_pipeline.loading.excerpts import excerpt

_WIDTH = 120
MAX_NAMED = 12
"""Metrics that the comment names."""


_LINE_BREAKS = re.compile("[\n\r\x85\u2028\u2029]")


class _Dumper(yaml.SafeDumper):
    """Writes no aliases, which the reader of contracts refuses, and texts with line breaks on one line, escaped.

    PyYAML's own way to write U+0085 is read as another text.
    """

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """A text, escaped within quotes if it has line breaks."""
        style = '"' if _LINE_BREAKS.search(text) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)


def contract_text(proposal: Proposal) -> str:
    """Returns the contract as YAML, with evidence and open questions in comments."""
    contract = proposal.contract()
    fields = contract["schema"].pop("fields")
    lines = [*_comments(proposal), _dump(contract).replace("schema:\n", "schema:\n", 1).rstrip("\n")]
    text = "\n".join(lines)
    body = ["  fields:"]
    for column, field in zip(proposal.columns, fields, strict=True):
        body += [f"    # {line}" for line in _evidence(column)]
        body += _indented(_dump([field]))
    return _insert_fields(text, body)


def _insert_fields(text: str, body: list[str]) -> str:
    """Puts the fields at the end of `schema`, which other keys may follow."""
    lines = text.split("\n")
    begin = lines.index("schema:")
    end = next((begin + 1 + index for index, line in enumerate(lines[begin + 1 :]) if line[:1] != " "), len(lines))
    return "\n".join([*lines[:end], *body, *lines[end:]]) + "\n"


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.rstrip("\n").split("\n")]


def contract_yaml(document: object, width: int = 10_000) -> str:
    """A contract as YAML, each key on a line of its own."""
    return _dump(document, default_flow_style=False, width=width)


def _dump(document: object, *, default_flow_style: bool | None = None, width: int = 10_000) -> str:
    """As YAML, short lists and constraints on one line unless `default_flow_style` is False."""
    return yaml.dump(
        document,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=default_flow_style,
        width=width,
    )


def _comments(proposal: Proposal) -> Iterator[str]:
    compression = f", {proposal.compression}" if proposal.compression else ""
    yield f"# Proposed for {excerpt(proposal.file, 200)}: {proposal.rows:,} records, {proposal.format}{compression}."
    yield f"# {proposal.read}"
    if proposal.encoding != "UTF-8":
        yield f"# {_one_line(proposal.encoding)}"
    for note in proposal.notes:  # which quote the file
        yield f"# {_one_line(note)}"
    yield f"# Key: {', '.join(proposal.key) or 'none'}: {proposal.key_evidence}."
    if proposal.key and not proposal.is_key_confirmed:
        yield "#   Nobody has confirmed it: a file that replaces records of other files is held until somebody does."
    if not proposal.key:
        yield "#   Every record becomes a row of its own; records that are in two files are there twice."
    yield from _metrics(proposal)
    obstacles = proposal.obstacles()
    if obstacles:
        yield "# This version cannot load files by this contract:"
        yield from (f"#   {_one_line(each)}" for each in obstacles)
    if proposal.questions:
        yield "# Open questions:"
        for question in proposal.questions:
            yield f"#   {_one_line(question.text)}"
            if question.suggestion:
                yield f"#     Other columns of the file speak for: {question.suggestion}."


def _metrics(proposal: Proposal) -> Iterator[str]:
    """The metrics that the dataset has as long as nobody declares others."""
    try:
        dataset = contract_from_document(proposal.contract(), "The proposed contract")
    except ContractError:
        return  # the obstacles say why
    names = [metric.name for metric in usual_metrics(dataset)]
    listed = ", ".join(names[:MAX_NAMED]) + (f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else "")
    yield f"# Metrics: {listed}. The key `metrics` declares others."


def _one_line(text: str) -> str:
    return excerpt(text, 1_000)


def _evidence(column: ProposedColumn) -> Iterator[str]:
    yield _one_line("; ".join(column.evidence))
