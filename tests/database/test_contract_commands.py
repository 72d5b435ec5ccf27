"""The commands `logistics contracts`, on a database: list, show, accept, answer, diff, export, retire, dismiss."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from logistics_core.catalogue.contract_files import BUILT_IN
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.cli import app
from logistics_pipeline.cli.options import dataset_names
from logistics_pipeline.contracts.accepting import RefusedContractError
from logistics_pipeline.contracts.versions import all_versions
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from tests.contract_texts import FUEL, payment, with_station
from tests.database.test_proposals import CERTAIN, DOUBTFUL

Run = Callable[..., Result]
BREAKING = FUEL.replace("type: number", "type: string").replace("{minimum: 0, maximum: 1000}", "{}")


@pytest.fixture
def data_dir(raw_dir: Path) -> Path:
    return raw_dir.parent


@pytest.fixture
def logistics(monkeypatch: pytest.MonkeyPatch, database_url: str, data_dir: Path) -> Run:
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(data_dir))
    monkeypatch.setenv("LOGISTICS_DATABASE_URL", database_url)

    def run(*words: object) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words])

    return run


@pytest.fixture
def contracts(logistics: Run) -> Run:
    return lambda *words: logistics("contracts", *words)


def contract(data_dir: Path, text: str = FUEL, name: str = "edited.yaml") -> Path:
    path = data_dir / name
    path.write_text(text)
    return path


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_file_is_accepted_written_into_the_folder_listed_and_shown(contracts: Run, data_dir: Path) -> None:
    accepted = contracts("accept", contract(data_dir))

    assert "Version 1 of the contract of fuel is in force" in accepted.stderr
    assert (data_dir / "contracts/fuel.yaml").read_text() == FUEL
    listed = lines(contracts("list", "--json"))
    assert [each["dataset"] for each in listed] == ["vehicles", "vehicle_logs", "shipments", "fuel"]
    assert [each["is_built_in"] for each in listed] == [True, True, True, False]
    assert (listed[3]["version"], listed[3]["state"], listed[3]["key"]) == (1, "in force", "payment")
    assert "Fuel cards" in contracts("list").stdout
    assert contracts("show", "fuel").stdout == FUEL
    assert lines(contracts("show", "shipments", "--json"))[0]["title"] == "Shipments"
    assert yaml.safe_load(contracts("show", "vehicles").stdout)["name"] == "vehicles"


def test_an_unknown_name_lists_the_known_ones(contracts: Run) -> None:
    for command in (("show", "nothing"), ("diff", "nothing"), ("export", "nothing", "--as", "odcs")):
        shown = contracts(*command)
        assert shown.exit_code == 2 and "vehicle_logs" in shown.stderr


def test_a_proposal_is_named_by_its_dataset_or_its_file(contracts: Run, data_dir: Path, connection: Connection) -> None:
    file = data_dir / "raw/may.csv"
    file.write_text(DOUBTFUL)
    contracts("propose", file, "--store", "--dataset", "cards")

    assert contracts("answer", file, "date_order:day=mdy").exit_code == 0
    assert contracts("answer", "cards", "date_order:day=dmy").exit_code == 0
    for command in (("answer", "nonsense", "a=b"), ("accept", "nonsense"), ("dismiss", "nonsense")):
        refused = contracts(*command)
        assert refused.exit_code != 0
        assert "nonsense is neither the id of a proposal" in f"{refused.stderr}{refused.exception}".replace("\n", " ")
    assert contracts("accept", "cards").exit_code == 0
    assert catalogue_in_force(connection)["cards"].field("day").format == "%d/%m/%Y"


def test_a_mistake_in_a_contract_file_holds_up_no_other_dataset(data_dir: Path) -> None:
    folder = data_dir / "contracts"
    folder.mkdir()
    (folder / "broken.yaml").write_text("name: [")
    assert dataset_names(Settings(data_dir=data_dir, database_url=None)) == [*BUILT_IN, "broken"]


def test_older_versions_are_shown_and_compared(contracts: Run, data_dir: Path) -> None:
    contracts("accept", contract(data_dir))
    contracts("accept", contract(data_dir, with_station()))

    assert contracts("show", "fuel", "--version", 1).stdout == FUEL
    assert "versions 1 to 2" in contracts("show", "fuel", "--version", 7).stderr
    compared = contracts("diff", "fuel")
    assert compared.exit_code == 0
    assert compared.stdout == "compatible  The field station (string) is new and optional.\n"
    back = contracts("diff", contract(data_dir, FUEL), "--json")
    assert back.exit_code == 1
    (document,) = lines(back)
    assert document == {
        "dataset": "fuel",
        "is_compatible": False,
        "changes": [{"text": "The field station is removed.", "effect": "table"}],
    }
    assert contracts("diff", "fuel", "--to", 1).exit_code == 0
    assert contracts("diff", "fuel", "--to", "x").exit_code == 2
    assert "mean the same" in contracts("diff", "fuel", "--to", 2).stderr


@pytest.mark.slow
def test_a_breaking_edit_in_the_folder_is_refused_and_can_be_accepted(
    logistics: Run, contracts: Run, data_dir: Path, connection: Connection
) -> None:
    contracts("accept", contract(data_dir))
    path = data_dir / "contracts/fuel.yaml"
    path.write_text(BREAKING)

    migrated = logistics("migrate")
    assert migrated.exit_code == 1 and f"logistics contracts accept {path}" in migrated.stderr.replace("\n", "")
    assert contracts("accept", path).exit_code == 0
    assert [each.is_compatible for each in all_versions(connection, "fuel")] == [True, False]
    assert path.read_text() == BREAKING


def test_a_question_is_answered_and_the_proposal_accepted(
    logistics: Run, contracts: Run, data_dir: Path, connection: Connection
) -> None:
    file = data_dir / "raw/fuel/may.csv"
    file.parent.mkdir()
    file.write_text(DOUBTFUL)

    loaded = logistics("load", file)
    assert loaded.exit_code == 1 and "1 question is open" in loaded.stderr.replace("\n", " ")
    *_, proposal = lines(contracts("list", "--json"))
    status = logistics("status")
    said = f"fuel/may.csv: new dataset fuel, 1 question is open: logistics contracts show {proposal['proposal']}"
    assert said in " ".join(status.stdout.split())
    (waiting,) = lines(logistics("status", "--json"))[0]["contracts"]["proposals"]
    assert (waiting["file"], waiting["open_questions"]) == ("fuel/may.csv", 1)
    listed = logistics("files", "--state", "unrecognised").stdout
    assert "logistics contracts show" in " ".join(listed.split()) and "Put it into a folder" not in listed
    assert (proposal["dataset"], proposal["state"]) == ("fuel", "open")
    assert "date_order:day" in contracts("list").stderr
    shown = contracts("show", proposal["proposal"]).stdout
    assert "format" not in shown
    assert contracts("show", "fuel/may.csv").stdout == contracts("show", "fuel").stdout == shown

    assert contracts("answer", proposal["proposal"], "nonsense").exit_code == 2
    nothing = contracts("answer", proposal["proposal"])
    assert nothing.exit_code == 2 and "no answer is given" in nothing.stderr
    of_kind = contracts("answer", proposal["proposal"], "--all", "date_order=mdy", "--json")
    assert lines(of_kind)[0]["answers"] == {"date_order:day": "mdy"}
    answered = contracts("answer", proposal["proposal"], "date_order:day=dmy")
    assert f"logistics contracts accept {proposal['proposal']}" in answered.stderr.replace("\n", "")
    assert f"accept it: logistics contracts accept {proposal['proposal']}" in " ".join(
        logistics("status").stdout.split()
    )
    (accepted,) = lines(contracts("accept", proposal["proposal"], "--json"))

    assert (accepted["dataset"], accepted["version"], accepted["is_new"]) == ("fuel", 1, True)
    entry = ledger.latest_file(connection, "fuel/may.csv")
    assert entry is not None and (entry.state, entry.dataset) == ("registered", "fuel")


def test_a_load_of_an_unknown_file_makes_its_dataset_and_loads_it(
    logistics: Run, data_dir: Path, connection: Connection
) -> None:
    file = data_dir / "raw/texts/names.csv"
    file.parent.mkdir()
    file.write_text("card_id,owner\n" + "".join(f"C-{number:04},Owner {number % 7}\n" for number in range(1, 200)))

    loaded = logistics("load", file, "--no-refresh")

    assert loaded.exit_code == 0, loaded.stderr
    assert "was proposed and accepted by itself" in loaded.stderr.replace("\n", " ")
    assert connection.execute("SELECT count(*) FROM raw.texts").fetchone() == (199,)
    assert (data_dir / "contracts/texts.yaml").exists()


def test_a_proposal_is_stored_by_hand_and_dismissed(
    contracts: Run, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGISTICS_CONTRACTS", "review")
    file = data_dir / "raw/fuel.csv"
    file.write_text(CERTAIN)

    (proposal,) = lines(contracts("propose", file, "--store", "--json"))
    assert (proposal["state"], proposal["questions"], proposal["file"]) == ("open", [], "fuel.csv")
    (dismissed,) = lines(contracts("dismiss", proposal["proposal"], "--json"))
    assert dismissed["state"] == "dismissed"
    again = contracts("dismiss", proposal["proposal"])
    assert "is not open any more" in str(again.exception)


def test_a_file_with_data_is_accepted_in_one_go(contracts: Run, data_dir: Path, connection: Connection) -> None:
    file = data_dir / "raw/fuel.csv"
    file.write_text(CERTAIN)
    assert contracts("accept", file).exit_code == 0
    assert "fuel" in catalogue_in_force(connection)


@pytest.mark.parametrize("format", ["datapackage", "odcs", "jsonschema"])
def test_every_contract_can_be_exported(contracts: Run, data_dir: Path, format: str) -> None:
    contracts("accept", contract(data_dir))
    for name in ("vehicles", "vehicle_logs", "shipments", "fuel"):
        document = yaml.safe_load(contracts("export", name, "--as", format).stdout)
        assert document


# -- retire ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def loaded(logistics: Run, contracts: Run, data_dir: Path) -> None:
    contracts("accept", contract(data_dir))
    for number in (1, 2):
        file = data_dir / f"raw/fuel-{number}.json"
        file.write_text(json.dumps([payment(number), payment(number + 10, litres=-1), payment(7)]))
        assert logistics("load", file, "--no-refresh").exit_code == 0


def test_a_retired_dataset_keeps_its_rows_and_loads_no_files(
    logistics: Run, contracts: Run, data_dir: Path, connection: Connection, loaded: None
) -> None:
    assert contracts("retire", "fuel").exit_code == 0

    assert connection.execute("SELECT count(*) FROM raw.fuel").fetchone() == (3,)
    assert not (data_dir / "contracts/fuel.yaml").exists()
    listed = {each["dataset"]: each["state"] for each in lines(contracts("list", "--json"))}
    assert listed["fuel"] == "retired"
    file = data_dir / "raw/fuel-3.json"
    file.write_text(json.dumps([payment(3)]))
    refused = logistics("load", file, "--no-refresh")
    assert refused.exit_code == 1 and "is retired" in refused.stderr.replace("\n", " ")
    assert (lines(contracts("retire", "fuel", "--json"))[0])["was_retired_before"] is True

    contracts("show", "fuel")
    assert contracts("accept", contract(data_dir)).exit_code == 0
    assert logistics("load", file, "--no-refresh").exit_code == 0
    assert connection.execute("SELECT count(*) FROM raw.fuel").fetchone() == (4,)


def test_its_rows_are_removed_after_a_question_and_the_ledger_balances(
    contracts: Run, data_dir: Path, connection: Connection, loaded: None
) -> None:
    refused = contracts("retire", "fuel", "--remove")
    assert "add --yes to confirm" in str(refused.exception)
    assert connection.execute("SELECT count(*) FROM raw.fuel").fetchone() == (3,)

    (removed,) = lines(contracts("retire", "fuel", "--remove", "--yes", "--json"))

    assert (removed["files_unloaded"], removed["rows_removed"]) == (2, 3)
    assert connection.execute("SELECT to_regclass('raw.fuel')").fetchone() == (None,)
    states = connection.execute("SELECT state, records_loaded FROM ingest.files ORDER BY file_id").fetchall()
    assert states == [("unloaded", 0), ("unloaded", 0)]
    assert connection.execute("SELECT count(*) FROM ingest.rejects").fetchone() == (0,)
    assert contracts("show", "fuel").stdout == FUEL
    assert contracts("retire", "fuel", "--remove", "--yes").exit_code == 0, "it can be repeated"


def test_what_cannot_be_retired(contracts: Run, data_dir: Path) -> None:
    for name, message in (("vehicles", "built-in dataset"), ("nothing", "There is no dataset 'nothing'")):
        error = contracts("retire", name).exception
        assert isinstance(error, RefusedContractError) and message in str(error)
    contracts("accept", contract(data_dir))
    key = "  foreignKeys: [{fields: [payment], reference: {resource: fuel, fields: [payment]}}]\n  fields:"
    contracts("accept", contract(data_dir, FUEL.replace("name: fuel", "name: taxes").replace("  fields:", key)))
    assert "another dataset needs it" in str(contracts("retire", "fuel").exception)


@pytest.mark.parametrize(
    ("words", "expected"),
    [("show fu", ["fuel"]), ("show ve", ["vehicles", "vehicle_logs"]), ("retire fu", ["fuel"])],
)
def test_the_shell_completes_names(
    contracts: Run, data_dir: Path, database_url: str, words: str, expected: list[str]
) -> None:
    contracts("accept", contract(data_dir))
    line = f"logistics contracts {words}"
    done = CliRunner().invoke(
        app,
        [],
        prog_name="logistics",
        env={"_LOGISTICS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)},
    )
    assert done.stdout.split() == expected
