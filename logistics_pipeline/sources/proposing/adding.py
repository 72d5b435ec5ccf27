"""Proposes the definition of a new source from one address: asks the API as pulls do, and writes what it has found.

Secrets are references, in the address and the body too: what is written holds no other.
"""

import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from logistics_core.catalogue import Catalogue
from logistics_core.places.secrets import is_reference, parse_reference
from logistics_pipeline.errors import FileError, PipelineError
from logistics_pipeline.inference.contract_text import contract_text, contract_yaml
from logistics_pipeline.inference.names import allowed_dataset_name
from logistics_pipeline.sources.archive import Archive
from logistics_pipeline.sources.authentication import Authenticator
from logistics_pipeline.sources.client import Client
from logistics_pipeline.sources.definition import RestSource
from logistics_pipeline.sources.faults import PassingFault, SourceFault, UnauthorisedFault
from logistics_pipeline.sources.http_requests import first_request
from logistics_pipeline.sources.proposing.asking import Answer, Question, Request
from logistics_pipeline.sources.proposing.contract import contract_for, fitting_datasets, key_paths
from logistics_pipeline.sources.proposing.proposal import NoRecordsError, ResourceProposal, propose_resource
from logistics_pipeline.sources.proposing.text import definition_text
from logistics_pipeline.sources.reading import parse_definition
from logistics_pipeline.sources.secrets import Redactor

_PAUSE_SECONDS = 0.2
"""Between requests: nobody has said yet how often the API may be asked."""
_LONGEST_WAIT_SECONDS = 20.0
_ATTEMPTS = 4
_OF_BASE = re.compile(r"(api)?_?v?[0-9]+(\.[0-9]+)*|api|rest|json|public|latest", re.I)
"""Parts of a path that belong to the address of the whole API."""


@dataclass(frozen=True)
class NewSource:
    """What a person gives."""

    address: str
    name: str
    authentication: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    dataset: str | None = None
    private: bool = False

    @property
    def base_url(self) -> str:
        """Scheme, host, and the parts of the path that all requests to the API have in common."""
        parts = urlsplit(self.address)
        names = parts.path.strip("/").split("/")
        count = next((number for number, each in enumerate(names) if not _OF_BASE.fullmatch(each)), 0)
        return "/".join([f"{parts.scheme}://{parts.netloc}", *names[: min(count, len(names) - 1)]])

    @property
    def path(self) -> str:
        """The rest of the path."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}{parts.path}".removeprefix(self.base_url) or "/"

    @property
    def parameters(self) -> dict[str, str]:
        """Those of the query."""
        return dict(parse_qsl(urlsplit(self.address).query, keep_blank_values=True))


@dataclass(frozen=True)
class SourceProposal:
    """A definition, ready to be written, and what is open about it."""

    text: str
    dataset: str
    records: int
    """Those that were seen."""
    questions: Sequence[Question]
    requests: int
    contract: str | None
    """The contract for the dataset, if there is none of that name."""
    contract_questions: tuple[str, ...] = ()


def propose_source(given: NewSource, catalogue: Catalogue) -> SourceProposal:
    """Asks the API and proposes.

    Raises:
        DefinitionError: the address or the authentication is none that a definition can have.
        PipelineError: the API gives no records.
    """
    source = _source(given)
    with tempfile.TemporaryDirectory(prefix="logistics-source-") as folder:
        redactor = Redactor()
        with Client(source, Archive(Path(folder)), redactor) as client:
            sender = _Sender(source, client, redactor)
            try:
                found = propose_resource(sender.send, Request(given.path, given.parameters, given.body), _key_of)
            except NoRecordsError as error:
                raise PipelineError(f"{given.address.partition('?')[0]}: nothing can be proposed. {error}") from None
    return _proposal(given, found, catalogue)


def _source(given: NewSource) -> RestSource:
    resource: dict[str, Any] = {"name": "records", "path": given.path, "parameters": given.parameters}
    if given.body is not None:
        resource |= {"method": "POST", "body": given.body}
    document: dict[str, Any] = {"kind": "rest", "baseUrl": given.base_url, "private": given.private}
    document |= {"headers": dict(given.headers), "resources": [resource]}
    if given.authentication:
        document["authentication"] = dict(given.authentication)
    source = parse_definition(contract_yaml(document), given.name, "The proposed definition")
    assert isinstance(source, RestSource)
    return source


def _key_of(samples: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    try:
        return key_paths(contract_for(samples, "sample"))
    except FileError:
        return ()


@dataclass
class _Sender:
    """Sends requests with the client of pulls, not too fast, and waits where it is told to."""

    source: RestSource
    client: Client
    redactor: Redactor

    def __post_init__(self) -> None:
        self._authenticator = Authenticator(self.source.authentication, self.client)
        self._first = first_request(self.source, self.source.resource("records"), None)

    def send(self, request: Request) -> Answer:
        """The answer, whatever it is."""
        answer = Answer(0, {}, problem="It gave no answer.")
        for _ in range(_ATTEMPTS):
            time.sleep(_PAUSE_SECONDS)
            try:
                return self._send(request)
            except UnauthorisedFault as fault:
                return Answer(fault.status or 401, {}, problem=str(fault))
            except PassingFault as fault:
                answer = Answer(fault.status or 0, {}, problem=str(fault))
                if (fault.retry_after or 0) > _LONGEST_WAIT_SECONDS:
                    break
                time.sleep(fault.retry_after or 1)
            except SourceFault as fault:
                return Answer(fault.status or 400, {}, problem=str(fault))
        return answer

    def _send(self, request: Request) -> Answer:
        parameters = {name: _revealed(value) for name, value in request.parameters.items()}
        body = None if request.body is None else _revealed(request.body)
        credentials = self._authenticator.credentials()
        wanted = replace(self._first, parameters=parameters, body=body)
        response = self.client.send(wanted, credentials.headers, credentials.parameters, keep=False)
        try:
            document = msgspec.json.decode(response.body.content or b"")
        except msgspec.DecodeError:
            kind = response.headers.get("content-type", "no type")
            return Answer(response.status, response.headers, problem=f"Its answer is not JSON, but {kind}.")
        return Answer(response.status, response.headers, document)


def _revealed(value: Any) -> Any:
    """References as the client reveals them."""
    if isinstance(value, dict):
        return {key: _revealed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_revealed(each) for each in value]
    return parse_reference(value) if is_reference(value) else value


# -- the dataset -------------------------------------------------------------------------------------------------------


def _proposal(given: NewSource, found: ResourceProposal, catalogue: Catalogue) -> SourceProposal:
    resource = _resource_name(given)
    fitting = fitting_datasets(catalogue, found.samples)
    dataset = given.dataset or (fitting[0] if fitting else _new_dataset(given.name, resource, catalogue))
    contract = None if dataset in catalogue else contract_for(found.samples, dataset)
    questions = list(found.questions)
    if given.dataset is None and len(fitting) > 1:
        text = f"The records fit the datasets {' and '.join(fitting)}: which one do they belong to?"
        questions.append(Question("dataset", text, fitting))
    elif dataset in catalogue and not fitting:
        text = f"The records do not fit {dataset} as they are: map them by `fields`, a path for each field of it."
        questions.append(Question("fields", text))
    if contract is not None and contract.obstacles():
        questions.append(Question("dataset", contract.obstacles()[0]))
    found = replace(found, questions=tuple(questions))
    text = definition_text(found, resource, dataset, given)
    parse_definition(text, given.name, "The proposed definition")
    return SourceProposal(
        text,
        dataset,
        len(found.samples),
        found.questions,
        found.requests,
        None if contract is None else contract_text(contract),
        () if contract is None else tuple(each.text for each in contract.questions),
    )


def _new_dataset(source: str, resource: str, catalogue: Catalogue) -> str:
    """The name of the resource, with that of the source where there is such a dataset, which the records do not fit."""
    name = allowed_dataset_name(resource)
    return name if name not in catalogue else allowed_dataset_name(f"{source}_{resource}"[:40])


def _resource_name(given: NewSource) -> str:
    """The last name in the path that is one."""
    names = [re.sub(r"[^a-z0-9]+", "_", each.lower()).strip("_") for each in urlsplit(given.address).path.split("/")]
    words = [each for each in names if re.match(r"[a-z]", each) and not _OF_BASE.fullmatch(each)]
    useful = [each for each in words if each not in ("list", "search", "search_read", "extern", "stream", "feed")]
    return (useful or words or [given.name])[-1]
