"""The command that proposes a definition of a source: `logistics sources add`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from logistics_core.catalogue import load_catalogue
from logistics_core.settings import Settings
from logistics_pipeline.atomic_files import replacing
from logistics_pipeline.cli import sources
from logistics_pipeline.cli.output import say
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.inference.names import allowed_dataset_name
from logistics_pipeline.sources.proposing.adding import NewSource, SourceProposal, propose_source


def register(app: typer.Typer) -> None:
    """Adds this module's command to those of `sources`."""
    sources.group.command("add")(add_source)


def add_source(
    address: Annotated[
        str, typer.Argument(metavar="URL", help="The address of a list of records, with the parameters that it needs")
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The name of the source; by default that of the host")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(metavar="REFERENCE", help="A token: env:NAME or file:PATH; sent as Authorization: Bearer TOKEN"),
    ] = None,
    token_prefix: Annotated[
        str | None, typer.Option(metavar="WORD", help="The word before the token, in place of Bearer")
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(metavar="NAME[:REFERENCE]", help="Basic authentication: a name or reference, and the password's"),
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A header of all requests; a secret as env:NAME")
    ] = None,
    body: Annotated[
        str | None, typer.Option(metavar="JSON", help="What a POST request sends, or @FILE with it")
    ] = None,
    dataset: Annotated[str | None, typer.Option(metavar="NAME", help="The dataset that records belong to")] = None,
    private: Annotated[
        bool, typer.Option("--private", help="The host is in a private network, or this machine")
    ] = False,
    with_contract: Annotated[
        bool, typer.Option("--contract", help="Write a contract for the dataset as well, if there is none")
    ] = False,
    to_output: Annotated[
        bool, typer.Option("--print", help="Print the definition instead of writing it into the folder of sources")
    ] = False,
) -> None:
    """Proposes the definition of a source by asking an API a few times, and writes it.

    What is proposed has been tried; what the answers leave open stands in the file as a QUESTION. The source is pulled
    as the file says, also while one is open. Secrets are references, in the address and the body too.
    """
    settings = Settings()
    given = NewSource(
        address,
        name or _name_of(address),
        _authentication(token, token_prefix, user),
        dict(_pair(each) for each in header or []),
        _body(body),
        dataset,
        private,
    )
    target = settings.sources_dir / f"{given.name}.yaml"
    if target.exists() and not to_output:
        raise PipelineError(f"{target} exists. Choose another --name, or print the proposal with --print.")
    proposal = propose_source(given, load_catalogue(settings.contracts_dir))
    if to_output:
        print(proposal.text, end="")
    else:
        _write(target, proposal.text)
        say(f"{target} is written: {proposal.records:,} records were seen in {proposal.requests:,} requests.")
    _say_contract(proposal, settings, is_written=with_contract and not to_output)
    for question in proposal.questions:
        answers = f" ({' | '.join(question.suggestions)})" if question.suggestions else ""
        say(f"  QUESTION {question.subject}: {question.text}{answers}")
    if proposal.questions and not to_output:
        say(f"Answer by editing {target}, and remove the lines with QUESTION. Until then it is pulled as it stands.")


def _say_contract(proposal: SourceProposal, settings: Settings, *, is_written: bool) -> None:
    if proposal.contract is None:
        return
    path = settings.contracts_dir / f"{proposal.dataset}.yaml"
    if is_written and not proposal.contract_questions:
        _write(path, proposal.contract)
        say(f"{path} is written: the contract of {proposal.dataset}.")
        return
    say(f"There is no dataset {proposal.dataset} yet: its contract is proposed when the first pull has landed.")
    for text in proposal.contract_questions:
        say(f"  It will ask: {text}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(text.encode())


def _name_of(address: str) -> str:
    """The part of the host that says most: `api.fleet.example.com` is `fleet`."""
    host = address.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]
    parts = [each for each in host.split(".")[:-1] if each not in ("api", "www", "app", "secure", "rest")]
    return allowed_dataset_name((parts or ["source"])[-1].replace("-", "_"))


def _authentication(token: str | None, prefix: str | None, user: str | None) -> Mapping[str, Any]:
    if token is not None and user is not None:
        raise typer.BadParameter("--token and --user exclude each other.")
    if token is not None and prefix is not None:
        return {"type": "apiKey", "name": "Authorization", "prefix": prefix, "token": token}
    if token is not None:
        return {"type": "bearer", "token": token}
    if user is None:
        return {}
    username, password = user, ""
    for kind in (":env:", ":file:"):
        if kind in user:
            username, _, rest = user.rpartition(kind)
            password = f"{kind[1:]}{rest}"
    return {"type": "basic", "username": username} | ({"password": password} if password else {})


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise typer.BadParameter(f"--header {text!r}: expected NAME=VALUE, such as X-API-Key=env:FLEET_KEY.")
    return name.strip(), value.strip()


def _body(text: str | None) -> Any:
    if text is None:
        return None
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("utf-8")
        except OSError as error:
            raise typer.BadParameter(f"--body {text}: the file cannot be read: {error.strerror}.") from None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"--body is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise typer.BadParameter("--body: expected a JSON object.")
    return found
