"""Commands on contracts: the datasets there are, their versions, and proposals for files of unknown shape."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
import yaml

from logistics_core.catalogue import Dataset, built_in_catalogue, load_catalogue
from logistics_core.catalogue.contract_files import BUILT_IN, BUILT_IN_FOLDER, SUFFIX
from logistics_core.contract_exports import ExportFormat, export_contract
from logistics_core.database_contract.contracts import ProposalKind
from logistics_core.settings import Settings
from logistics_pipeline.cli.contract_watch import watch
from logistics_pipeline.cli.options import AsJson, dataset_names
from logistics_pipeline.cli.output import confirm, print_json, print_table, say, say_synced
from logistics_pipeline.cli.user import user_name
from logistics_pipeline.contracts.accepting import Accepted, accept_contract
from logistics_pipeline.contracts.comparing import Change, are_compatible, changes_between
from logistics_pipeline.contracts.folder import describe
from logistics_pipeline.contracts.proposals import StoredProposal, open_proposals, proposal_by_id
from logistics_pipeline.contracts.proposing import (
    accept_proposal,
    answer_proposal,
    dismiss_proposal,
    propose_for_file,
)
from logistics_pipeline.contracts.retiring import remove_rows, retire_dataset
from logistics_pipeline.contracts.texts import ContractText, contract_of_file
from logistics_pipeline.contracts.versions import ContractVersion, all_versions, versions_in_force
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import FileError, PipelineError
from logistics_pipeline.files.folder import FoundFile, key_of
from logistics_pipeline.files.places import WatchedPlaces, is_url
from logistics_pipeline.files.stored_file import StoredFile
from logistics_pipeline.inference.contract_text import contract_text, contract_yaml
from logistics_pipeline.inference.proposal import Proposal
from logistics_pipeline.inference.propose import propose
from logistics_pipeline.local.environment import Environment, open_environment

_COMPLETION_SECONDS = 0.5


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Lists, shows, compares and accepts contracts, and proposes one for a file."
    )
    group.command("propose")(propose_contract)
    group.command("list")(list_contracts)
    group.command("show")(show_contract)
    group.command("accept")(accept)
    group.command("answer")(answer)
    group.command("diff")(diff)
    group.command("export")(export)
    group.command("retire")(retire)
    group.command("dismiss")(dismiss)
    group.command("watch")(watch)
    app.add_typer(group, name="contracts")


# -- arguments -------------------------------------------------------------------------------------------------------


def _complete(incomplete: str, *, proposals: bool, datasets: bool) -> list[str]:
    """Names that the database has; nothing if it does not answer at once."""
    settings = Settings().model_copy(update={"retry_seconds": _COMPLETION_SECONDS})
    if settings.database_url is None:
        files = settings.contracts_dir.glob(f"*{SUFFIX}") if datasets else ()
        names = [*BUILT_IN, *(file.name.removesuffix(SUFFIX) for file in files)] if datasets else []
    else:
        with connect(settings.database_url) as connection:
            names = [*BUILT_IN, *versions_in_force(connection)] if datasets else []
            names += [str(each.proposal_id) for each in open_proposals(connection)] if proposals else []
    return [name for name in names if name.startswith(incomplete)]


def _complete_dataset(incomplete: str) -> list[str]:
    return _completed(incomplete, proposals=False, datasets=True)


def _complete_proposal(incomplete: str) -> list[str]:
    return _completed(incomplete, proposals=True, datasets=False)


def _complete_either(incomplete: str) -> list[str]:
    return _completed(incomplete, proposals=True, datasets=True)


def _completed(incomplete: str, *, proposals: bool, datasets: bool) -> list[str]:
    """A completion has nobody to tell of an error."""
    try:
        return _complete(incomplete, proposals=proposals, datasets=datasets)
    except Exception:  # noqa: BLE001
        return []


DatasetName = Annotated[
    str, typer.Argument(metavar="NAME", help="The name of a dataset", autocompletion=_complete_dataset)
]
ProposalId = Annotated[
    str,
    typer.Argument(
        metavar="PROPOSAL",
        help="Its id, as `list` shows it, or the dataset or file that it is for",
        autocompletion=_complete_proposal,
    ),
]


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[Environment, Connection]]:
    """The environment, and a connection to its database."""
    with (
        open_environment(settings) as environment,
        connect(environment.database_url, application_name="logistics contracts") as connection,
    ):
        yield environment, connection


# -- propose ---------------------------------------------------------------------------------------------------------


def propose_contract(
    file: Annotated[
        str,
        typer.Argument(
            help="A CSV, JSON or NDJSON file, plain or as .gz or .zst; or the URL of one at a declared place"
        ),
    ],
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="The name of the dataset; by default that of the file")
    ] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Keep the proposal in the database, to be answered and accepted")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole proposal as one JSON document")] = False,
) -> None:
    """Reads a file of unknown shape and prints a contract for it, with evidence and open questions.

    Nothing is stored without --store. With it, a proposal that leaves no question open is accepted at once, unless
    LOGISTICS_CONTRACTS is `review`.
    """
    settings = Settings()
    if store:
        _store_proposal(file, dataset, settings, as_json)
        return
    proposal = _proposal(file, dataset, settings)
    if as_json:
        print_json(proposal.to_json())
        return
    print(contract_text(proposal), end="")
    asked = _questions(len(proposal.questions))
    say(f"{proposal.file}: {len(proposal.columns):,} columns, {proposal.rows:,} records read, {asked}.")


def _questions(count: int) -> str:
    return f"{count:,} open {'question' if count == 1 else 'questions'}" if count else "no open questions"


def _proposal(file: str, dataset: str | None, settings: Settings) -> Proposal:
    with _named(file):
        return propose(
            _at_place(file, settings) if is_url(file) else Path(file),
            dataset,
            taken=_known_names(settings),
            max_record_bytes=settings.max_record_bytes,
            max_expansion=settings.max_expansion,
        )


def _at_place(url: str, settings: Settings) -> StoredFile:
    """The file of a URL; its place needs no dataset for it."""
    return _found(WatchedPlaces.of_settings(settings, built_in_catalogue()), url).path


def _found(folder: WatchedPlaces, file: str) -> FoundFile:
    """A file on disk, or at a declared place.

    Raises:
        PipelineError: there is none, or its place cannot be read.
    """
    found = folder.look_at_key(file) if is_url(file) else folder.look_at(Path(file))
    if found is None:
        raise PipelineError(f"{file}: there is no such file.")
    return found


def _known_names(settings: Settings) -> list[str]:
    """The datasets there are; those of the folder if the database does not run: a printed proposal needs none."""
    try:
        return dataset_names(settings.model_copy(update={"retry_seconds": _COMPLETION_SECONDS}))
    except PipelineError:
        return list(load_catalogue(settings.contracts_dir))


@contextmanager
def _named(file: str) -> Iterator[None]:
    """Errors of a file name it."""
    try:
        yield
    except FileError as error:
        raise replace(error, message=f"{file}: {error.message}") from error


def _store_proposal(file: str, dataset: str | None, settings: Settings, as_json: bool) -> None:
    with _database(settings) as (environment, connection), _named(file):
        found = _found(WatchedPlaces.of_settings(settings, environment.catalogue()), file)
        proposed = propose_for_file(connection, found, settings, created_by=user_name(), dataset=dataset)
        if proposed.accepted is not None:
            say_synced(environment.sync_contracts())
    if as_json:
        print_json(proposal_document(proposed.proposal))
        return
    if proposed.accepted is not None:
        say(f"{file}: {describe(proposed.accepted)}")
    else:
        _say_open(proposed.proposal)


def _say_open(proposal: StoredProposal) -> None:
    """What a proposal waits for, and how to go on."""
    say(f"{proposal.path}: the proposal {proposal.proposal_id} of a contract of {proposal.dataset} waits.")
    for question in proposal.open_questions:
        say(f"  {question['id']}: {question['text']} ({' | '.join(question['answers'])})")
    for obstacle in proposal.obstacles:
        end = "" if obstacle.endswith((".", "?", "!")) else "."
        say(f"  It cannot be accepted: {obstacle}{end}")
    if proposal.open_questions:
        say(f"Answer: logistics contracts answer {proposal.proposal_id} QUESTION=ANSWER")
        kinds = Counter(question["kind"] for question in proposal.open_questions)
        for kind, count in kinds.items():
            if count > 1:
                say(f"  or all {count:,} alike: logistics contracts answer {proposal.proposal_id} --all {kind}=ANSWER")
    elif not proposal.obstacles:
        if proposal.waits_because is not None:
            say(f"  It waits because {proposal.waits_because.removesuffix('.')}.")
        say(f"Accept it: logistics contracts accept {proposal.proposal_id}")


def proposal_document(proposal: StoredProposal) -> dict[str, Any]:
    """A stored proposal for programs, without what was read of the file at first."""
    return {
        "proposal": str(proposal.proposal_id),
        "file": proposal.path,
        "dataset": proposal.dataset,
        "kind": proposal.kind,
        "state": proposal.state,
        "version": proposal.version,
        "questions": proposal.open_questions,
        "answers": proposal.answers,
        "obstacles": proposal.obstacles,
        "created_at": proposal.created_at.isoformat(),
        "created_by": proposal.created_by,
    }


# -- list and show ---------------------------------------------------------------------------------------------------


def list_contracts(as_json: AsJson = False) -> None:
    """Lists the datasets there are, built in or with a contract of yours, and the proposals that wait."""
    settings = Settings()
    with _database(settings) as (environment, connection):
        catalogue, versions = environment.catalogue(), versions_in_force(connection)
        proposals = open_proposals(connection)
    datasets = {**catalogue, **{name: each.fields for name, each in versions.items() if name not in catalogue}}
    if as_json:
        for name, each in datasets.items():
            print_json(_document(each, versions.get(name), settings))
        for proposal in proposals:
            print_json(proposal_document(proposal))
        return
    print_table(
        ("dataset", "title", "key", "fields", "version", "state"),
        [_row(each, versions.get(name)) for name, each in datasets.items()],
        numeric=("fields", "version"),
    )
    for proposal in proposals:
        _say_open(proposal)


def _row(dataset: Dataset, version: ContractVersion | None) -> tuple[object, ...]:
    key = ", ".join(dataset.key) or "none"
    number = None if version is None else version.version
    return dataset.name, dataset.title, key, len(dataset.fields), number, _state(version)


def _state(version: ContractVersion | None) -> str:
    if version is None:
        return "built in"
    return "in force" if version.retired_at is None else "retired"


def _document(dataset: Dataset, version: ContractVersion | None, settings: Settings) -> dict[str, object]:
    name = dataset.name
    file = BUILT_IN_FOLDER / f"{name}{SUFFIX}" if version is None else settings.contracts_dir / f"{name}{SUFFIX}"
    return {
        "dataset": name,
        "title": dataset.title,
        "key": dataset.key_field if len(dataset.key) == 1 else list(dataset.key),
        "fields": list(dataset.columns),
        "is_built_in": version is None,
        "file": str(file),
        "version": None if version is None else version.version,
        "state": _state(version),
        "accepted_at": None if version is None else version.accepted_at.isoformat(),
        "accepted_by": None if version is None else version.accepted_by,
    }


def show_contract(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A dataset, or a proposal by its id, dataset or file", autocompletion=_complete_either
        ),
    ],
    version: Annotated[
        int | None, typer.Option(help="An older version; without it, the one in force", min=1, show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the contract as one JSON document")] = False,
) -> None:
    """Prints the contract of a dataset, or the one that is proposed, as its file has it."""
    with _database(Settings()) as (environment, connection):
        proposal = _shown_proposal(connection, environment.settings, name)
        text = proposal.contract if proposal is not None else _contract(connection, name, version).text
    if as_json:
        print_json(yaml.safe_load(text))
    else:
        print(text, end="" if text.endswith("\n") else "\n")
    if proposal is not None and proposal.state == "open":
        _say_open(proposal)


def _find_proposal(connection: Connection, name: str) -> StoredProposal | None:
    try:
        return proposal_by_id(connection, UUID(name))
    except ValueError:
        return None


def _shown_proposal(connection: Connection, settings: Settings, name: str) -> StoredProposal | None:
    """The proposal of that id or, where there is no such dataset, the one that waits for that dataset or file."""
    found = _find_proposal(connection, name)
    if found is not None or name in BUILT_IN or all_versions(connection, name):
        return found
    return _named_proposal(connection, settings, name)


def _named_proposal(connection: Connection, settings: Settings, name: str) -> StoredProposal | None:
    """The proposal that a person means: by its id, its file, or its dataset if no other proposal waits for that.

    Raises:
        PipelineError: several wait for the dataset.
    """
    found = _find_proposal(connection, name)
    if found is not None:
        return found
    waiting = open_proposals(connection)
    paths = {name, key_of(Path(name), settings.raw_dir)}
    for each in waiting:
        if each.path in paths:
            return each
    of_dataset = [each for each in waiting if each.dataset == name]
    if len(of_dataset) > 1:
        listed = ", ".join(f"{each.proposal_id} for {each.path}" for each in of_dataset[:5])
        raise PipelineError(f"{len(of_dataset)} proposals wait for {name}. Name one by its id: {listed}.")
    return of_dataset[0] if of_dataset else None


def _the_proposal(connection: Connection, settings: Settings, name: str) -> UUID:
    """The id of the proposal that a person means.

    Raises:
        PipelineError: there is none.
    """
    found = _named_proposal(connection, settings, name)
    if found is None:
        raise PipelineError(
            f"{name} is neither the id of a proposal nor a dataset or file for which one waits. logistics contracts "
            "list shows those that wait."
        )
    return found.proposal_id


def _contract(connection: Connection, name: str, version: int | None = None) -> ContractText:
    """A version of the contract of a dataset, by default the one in force; built-in ones have one version."""
    if name in BUILT_IN and version in (None, 1):
        return contract_of_file(BUILT_IN_FOLDER / f"{name}{SUFFIX}")
    found = all_versions(connection, name)
    if not found:
        known = ", ".join([*BUILT_IN, *versions_in_force(connection)])
        raise typer.BadParameter(f"there is no dataset {name!r}. Choose one of {known}.")
    for each in found:
        if each.version == version or (version is None and each.is_in_force):
            return ContractText(each.contract, each.document, each.fields)
    raise typer.BadParameter(
        f"the contract of {name} has the versions 1 to {len(found)}, and none of number {version}."
    )


# -- accept, answer, dismiss -----------------------------------------------------------------------------------------


def accept(
    what: Annotated[
        str,
        typer.Argument(
            metavar="PROPOSAL|FILE",
            help="A proposal, as `list` shows it, a contract file that ends in .yaml, or a file with data",
            autocompletion=_complete_proposal,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Accepts a proposal or a contract file, even if it is a breaking change, and makes its table fit.

    For a file with data, on disk or at a declared place, a contract is proposed, and accepted if it leaves no question
    open.

    A change that the rows of the table do not fit is refused as long as there are any: the command says what to do.
    """
    settings = Settings()
    with _database(settings) as (environment, connection):
        accepted = _accept(connection, environment, what)
        report = environment.sync_contracts()
    if as_json:
        print_json(_accepted_document(accepted))
    else:
        say(describe(accepted))
        for sentence in accepted.followed:
            say(f"  {sentence}")
    say_synced(report)


def _accept(connection: Connection, environment: Environment, what: str) -> Accepted:
    proposal = _named_proposal(connection, environment.settings, what)
    is_data = is_url(what) or Path(what).is_file()
    may_have_changed = proposal is not None and proposal.kind == ProposalKind.NEW and is_data
    if proposal is not None and not may_have_changed:
        return accept_proposal(connection, proposal.proposal_id, accepted_by=user_name(), settings=environment.settings)
    if what.endswith(SUFFIX) and not is_url(what):
        return accept_contract(connection, contract_of_file(Path(what)), accepted_by=user_name(), may_break=True)
    if not is_data:
        raise PipelineError(
            f"{what} is neither the id of a proposal, nor a dataset for which one waits, nor a file. logistics "
            "contracts list shows those that wait."
        )
    return _accept_data(connection, environment, what)


def _accept_data(connection: Connection, environment: Environment, file: str) -> Accepted:
    """Accepts what is proposed for a file with data."""
    found = _found(WatchedPlaces.of_settings(environment.settings, environment.catalogue()), file)
    with _named(file):
        proposed = propose_for_file(connection, found, environment.settings, created_by=user_name())
    if proposed.accepted is not None:
        return proposed.accepted
    return accept_proposal(
        connection, proposed.proposal.proposal_id, accepted_by=user_name(), settings=environment.settings
    )


def _accepted_document(accepted: Accepted) -> dict[str, Any]:
    return {
        "dataset": accepted.dataset,
        "version": accepted.version,
        "is_new": accepted.is_new,
        "is_unchanged": accepted.is_unchanged,
        "followed": list(accepted.followed),
        **_changes_document(accepted.changes),
    }


def _changes_document(changes: list[Change]) -> dict[str, Any]:
    return {
        "is_compatible": are_compatible(changes),
        "changes": [{"text": each.text, "effect": each.effect} for each in changes],
    }


def answer(
    proposal: ProposalId,
    answers: Annotated[
        list[str] | None, typer.Argument(metavar="QUESTION=ANSWER", help="As `show` lists them", show_default=False)
    ] = None,
    of_all: Annotated[
        list[str] | None,
        typer.Option(
            "--all",
            metavar="KIND=ANSWER",
            help="Answers every question of a kind, which is the part of its id before the colon",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Answers questions of a proposal, which changes the contract that it proposes.

    Once every question is answered, it can be accepted. An answer to one question counts more than one of `--all`;
    questions of the kind that do not take the answer stay open.
    """
    given = dict(_split_answer(each) for each in answers or ())
    by_kind = dict(_split_answer(each) for each in of_all or ())
    if not given and not by_kind:
        raise typer.BadParameter("no answer is given. Write QUESTION=ANSWER, or --all KIND=ANSWER.")
    settings = Settings()
    with _database(settings) as (_, connection):
        stored = answer_proposal(connection, _the_proposal(connection, settings, proposal), given, by_kind)
    if as_json:
        print_json(proposal_document(stored))
    else:
        _say_open(stored)


def _split_answer(text: str) -> tuple[str, str]:
    question, separator, answer = text.partition("=")
    if not separator or not question or not answer:
        raise typer.BadParameter(f"{text!r} is no answer. Write QUESTION=ANSWER, such as date_order:day=dmy.")
    return question.strip(), answer.strip()


def dismiss(proposal: ProposalId, as_json: AsJson = False) -> None:
    """Dismisses a proposal. Its file stays where it is, and belongs to no dataset."""
    settings = Settings()
    with _database(settings) as (_, connection):
        proposal_id = _the_proposal(connection, settings, proposal)
        stored = dismiss_proposal(connection, proposal_id, dismissed_by=user_name())
    if as_json:
        print_json(proposal_document(stored))
    else:
        say(f"The proposal for {stored.path} is dismissed.")


# -- diff and export -------------------------------------------------------------------------------------------------


def diff(
    what: Annotated[
        str,
        typer.Argument(metavar="NAME|FILE", help="A dataset, or a contract file", autocompletion=_complete_dataset),
    ],
    to: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION|FILE",
            help="What to compare with: a version or a file. By default the version in force, or the one before it",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Says what differs between two contracts of a dataset, change by change, and whether files and rows still fit.

    Exit code 1 if a change is breaking.
    """
    with _database(Settings()) as (_, connection):
        old, new = _compared(connection, what, to)
    changes = changes_between(old.dataset, new.dataset)
    if as_json:
        print_json({"dataset": new.name, **_changes_document(changes)})
    else:
        _print_changes(new.name, changes)
    if not are_compatible(changes):
        raise typer.Exit(1)


def _print_changes(name: str, changes: list[Change]) -> None:
    for change in changes:
        print(f"{_EFFECTS[change.effect]:<12}{change.text}")
    if not changes:
        say(f"The contracts of {name} mean the same.")


_EFFECTS = {"compatible": "compatible", "reading": "breaking", "table": "BREAKING"}


def _compared(connection: Connection, what: str, to: str | None) -> tuple[ContractText, ContractText]:
    """The older and the newer contract."""
    if what.endswith(SUFFIX):
        new = contract_of_file(Path(what))
        return _side(connection, new.name, to), new
    found = all_versions(connection, what)
    if to is None and len(found) > 1:
        number = next(each.version for each in found if each.is_in_force)
        return _contract(connection, what, max(number - 1, 1)), _contract(connection, what)
    other = _side(connection, what, to)
    in_force = _contract(connection, what)
    return (in_force, other) if to is not None and to.endswith(SUFFIX) else (other, in_force)


def _side(connection: Connection, name: str, to: str | None) -> ContractText:
    if to is not None and to.endswith(SUFFIX):
        return contract_of_file(Path(to))
    if to is not None and not to.isdecimal():
        raise typer.BadParameter(
            f"--to is {to!r}; it must be the number of a version, or a file that ends in {SUFFIX}."
        )
    return _contract(connection, name, None if to is None else int(to))


def export(
    name: DatasetName,
    as_: Annotated[ExportFormat, typer.Option("--as", help="The format")],
) -> None:
    """Prints the contract of a dataset in another format: Data Package, ODCS 3.1 or JSON Schema."""
    with _database(Settings()) as (_, connection):
        contract = _contract(connection, name)
        version = next((each.version for each in all_versions(connection, name) if each.is_in_force), 1)
    document = export_contract(contract.dataset, contract.document, version, as_)
    if as_ is ExportFormat.ODCS:
        print(contract_yaml(document, width=120), end="")
    else:
        print_json(document)


# -- retire ----------------------------------------------------------------------------------------------------------


def retire(
    name: DatasetName,
    remove: Annotated[
        bool, typer.Option("--remove", help="Also unload its files: its rows, rejects and table are deleted")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    as_json: AsJson = False,
) -> None:
    """Retires a dataset: its files are not loaded any more. Its table and its history stay.

    With --remove, its rows are deleted as well, after a question. The files themselves are never touched, and the
    versions of its contract stay readable.
    """
    if remove and not yes:
        confirm(f"Delete every row and reject of {name} from the database?")
    settings = Settings()
    with _database(settings) as (environment, connection):
        options = environment.load_options()
        retired = retire_dataset(connection, name, retired_by=user_name())
        report = environment.sync_contracts()
        if remove:
            removed = remove_rows(environment.database_url, name, options, on_wait=_say_wait)
            retired = replace(removed, was_retired_before=retired.was_retired_before)
    if as_json:
        print_json(retired.__dict__)
    else:
        before = "had been retired before" if retired.was_retired_before else "is retired"
        rows = f" {retired.rows_removed:,} rows of {retired.files_unloaded:,} files are deleted." if remove else ""
        say(f"{name} {before}.{rows}")
    say_synced(report)


def _say_wait(path: str) -> None:
    say(f"{path} is being loaded: it is unloaded when its load has ended.")
