"""A proposal as the file that a person reads, completes and keeps: the definition, with reasons and questions."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import yaml

from logistics_pipeline.sources.proposing.proposal import ResourceProposal

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./%-]*")


class Given(Protocol):
    """What a person has given of the source."""

    @property
    def base_url(self) -> str: ...
    @property
    def authentication(self) -> Mapping[str, Any]: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def private(self) -> bool: ...


def definition_text(proposal: ResourceProposal, name: str, dataset: str, given: Given) -> str:
    """The definition file of a source with this resource."""
    lines = [
        f"# Proposed by `logistics sources add` after {proposal.requests} requests. Try it: logistics sources check.",
        "kind: rest",
        f"baseUrl: {_single(given.base_url)}",
    ]
    if given.private:
        lines.append("private: true # its host is in a private network, or this machine")
    lines += [_flow(key, value) for key in ("authentication", "headers") if (value := dict(getattr(given, key)))]
    lines += ["limits: {perSecond: 2} # see what the documentation of the API allows", "resources:"]
    lines += [f"  - name: {name}", f"    dataset: {dataset}", f"    path: {_single(proposal.request.path or '/')}"]
    lines += [f"    {line}" for line in _resource(proposal)]
    return "\n".join(lines) + "\n"


def _resource(proposal: ResourceProposal) -> Iterator[str]:
    request = proposal.request
    if request.body is not None:
        yield "method: POST"
        yield _flow("body", request.body)
    if request.parameters:
        yield _flow("parameters", request.parameters)
    yield f"records: {_single(proposal.records.text)}"
    yield from (f"{key}: {_single(value)}" for key, value in proposal.total.items())
    if proposal.error:
        yield f"error: {_single(proposal.error)}"
    if proposal.paging.because:
        yield f"# Pages: {proposal.paging.because}."
    if proposal.paging.keys:
        yield _flow("pagination", dict(proposal.paging.keys))
    if proposal.filter.because:
        yield f"# Changes: {proposal.filter.because}."
    if proposal.filter.keys:
        yield _flow("incremental", dict(proposal.filter.keys))
    if proposal.filter.keys and not proposal.filter.is_of_changes:
        yield "# This is the time of creation: a later change is found for as long as the lookback."
    yield from _ending(proposal)
    for question in proposal.questions:
        yield f"# QUESTION ({question.subject}): {' '.join(question.text.split())}"


def _ending(proposal: ResourceProposal) -> Iterator[str]:
    if proposal.key:
        yield _flow("key", list(proposal.key))
    if not proposal.filter.keys and proposal.key:
        yield "mode: snapshot # all records, every time; those that have vanished are told"
    yield "schedule: every 1h"


def _flow(key: str, value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True).strip()
    return f"{key}: {text}"


def _single(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) or re.fullmatch(r"https?://[^\s#]+", text)
    return text if is_plain else json.dumps(text)
