"""Commands on contracts: the datasets there are, and a proposal for a file of unknown shape."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import yaml

from logistics_core.catalogue import Dataset, load_catalogue
from logistics_core.catalogue.contract_files import BUILT_IN, contract_files
from logistics_core.settings import Settings
from logistics_pipeline.cli.contract_watch import watch
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import print_json, print_table, say
from logistics_pipeline.errors import FileError
from logistics_pipeline.inference.contract_text import contract_text
from logistics_pipeline.inference.proposal import Proposal
from logistics_pipeline.inference.propose import propose


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    group = typer.Typer(no_args_is_help=True, help="Lists and shows contracts, and proposes one for a file.")
    group.command("propose")(propose_contract)
    group.command("list")(list_contracts)
    group.command("show")(show_contract)
    group.command("watch")(watch)
    app.add_typer(group, name="contracts")


def propose_contract(
    file: Annotated[Path, typer.Argument(help="A CSV, JSON or NDJSON file, plain or as .gz or .zst")],
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="The name of the dataset; by default that of the file")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole proposal as one JSON document")] = False,
) -> None:
    """Reads a file of unknown shape and prints a contract for it, with evidence and open questions. Stores nothing."""
    settings = Settings()
    proposal = _proposal(file, dataset, settings)
    if as_json:
        print_json(proposal.to_json())
        return
    print(contract_text(proposal), end="")
    questions = len(proposal.questions)
    asked = f"{questions:,} open {'question' if questions == 1 else 'questions'}" if questions else "no open questions"
    say(f"{proposal.file}: {len(proposal.columns):,} columns, {proposal.rows:,} records read, {asked}.")


def _proposal(file: Path, dataset: str | None, settings: Settings) -> Proposal:
    try:
        return propose(
            file,
            dataset,
            taken=load_catalogue(settings.contracts_dir),
            max_record_bytes=settings.max_record_bytes,
            max_expansion=settings.max_expansion,
        )
    except FileError as error:
        raise replace(error, message=f"{file}: {error.message}") from error


def list_contracts(as_json: AsJson = False) -> None:
    """Lists the datasets there are: the built-in ones and those with a contract in the data folder."""
    folder = Settings().contracts_dir
    catalogue, files = load_catalogue(folder), contract_files(folder)
    if as_json:
        for name, each in catalogue.items():
            print_json(_document(each, files[name]))
        return
    print_table(
        ("dataset", "title", "key", "fields", "contract"),
        [
            (name, each.title, ", ".join(each.key) or "none", len(each.fields), _place(name, files[name]))
            for name, each in catalogue.items()
        ],
        numeric=("fields",),
    )


def _document(dataset: Dataset, file: Path) -> dict[str, object]:
    return {
        "dataset": dataset.name,
        "title": dataset.title,
        "key": ",".join(dataset.key),
        "key_fields": list(dataset.key),
        "fields": list(dataset.columns),
        "is_built_in": dataset.name in BUILT_IN,
        "file": str(file),
    }


def _place(name: str, file: Path) -> str:
    return "built in" if name in BUILT_IN else str(file)


def show_contract(
    name: Annotated[str, typer.Argument(help="The name of a dataset")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the contract as one JSON document")] = False,
) -> None:
    """Prints the contract of a dataset as its file has it."""
    files = contract_files(Settings().contracts_dir)
    if name not in files:
        raise typer.BadParameter(f"there is no dataset {name!r}. Choose one of {', '.join(files)}.")
    text = files[name].read_text(encoding="utf-8")
    if as_json:
        print_json(yaml.safe_load(text))
    else:
        print(text, end="" if text.endswith("\n") else "\n")
