"""The watch of contracts: what it sees, what it says, and that it outlives its database connection."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.contracts import watching
from logistics_pipeline.contracts.watching import Watch, watch_contracts
from logistics_pipeline.database import listening
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.local.supervisor import are_contracts_watched
from logistics_pipeline.sources.definitions.in_force import SourcesFolder
from tests.contract_texts import FUEL, with_station
from tests.source_pulls import DEPOT, FLEET

LOG = logging.getLogger("tests.watch")


class StoppedError(Exception):
    """Ends a watch, as Ctrl-C does."""


@dataclass
class Site:
    """An installation whose contracts are watched in a thread."""

    settings: Settings
    url: str
    reloads: int = 0
    is_stopped: bool = False
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.settings.contracts_dir

    def write(self, text: str, name: str = "fuel.yaml") -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def watch(self) -> None:
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        self.threads.append(thread)

    def _watch(self) -> None:
        def count_reload() -> None:
            self.reloads += 1

        with suppress(StoppedError):
            watch_contracts(self.settings, self.url, count_reload, LOG, [SourcesFolder(self.settings.sources_dir)])

    def version(self, dataset: str = "fuel") -> int | None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute("SELECT version FROM catalogue.datasets WHERE dataset = %s", (dataset,)).fetchone()
        return None if row is None else row[0]

    def end_sessions(self) -> None:
        """What a restart of the server does to the watch."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'logistics contracts watch' AND datname = current_database()"
            )


@pytest.fixture
def site(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site(Settings(database_url=database_url, data_dir=tmp_path / "data"), database_url)
    for name in ("LOOK_SECONDS", "STEADY_SECONDS"):
        monkeypatch.setattr(watching, name, 0.05)
    for name in ("LOCK_SECONDS", "FIRST_PAUSE_SECONDS"):
        monkeypatch.setattr(listening, name, 0.05)
    turn = Watch.turn

    def turn_unless_stopped(self: Watch, connection: Connection) -> None:
        if made.is_stopped:
            raise StoppedError
        turn(self, connection)

    monkeypatch.setattr(Watch, "turn", turn_unless_stopped)
    yield made
    made.is_stopped = True
    for thread in made.threads:
        thread.join(20)
        assert not thread.is_alive()


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_file_put_into_the_folder_is_accepted_and_dagster_told_once(site: Site) -> None:
    site.watch()
    until(lambda: are_contracts_watched(site.url))
    assert site.reloads == 0, "there is nothing that Dagster could lack"
    site.write(FUEL)
    until(lambda: site.version() == 1)
    until(lambda: site.reloads == 1)
    site.write(with_station())
    until(lambda: site.version() == 2)
    until(lambda: site.reloads == 2)
    (site.folder / "notes.txt").write_text("not a contract")
    time.sleep(0.5)
    assert site.reloads == 2


def drop(site: Site, path: str, text: str) -> int:
    """A file that the sensor has registered; its number."""
    file = site.settings.raw_dir / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    folder = RawFolder(site.settings.raw_dir)
    found = folder.look_at(file)
    assert found is not None
    with connect(site.url) as connection:
        return ledger.register(connection, found).file_id


def state(site: Site, file_id: int) -> tuple[str, str | None, str | None]:
    with connect(site.url) as connection:
        file = ledger.file_by_id(connection, file_id)
    return file.state, file.dataset, file.error


PAYMENTS = "payment,paid_on,litres,station\n" + "".join(
    f"P-{n},2024-05-{n % 28 + 1:02},{n % 90}.5,Ulm\n" for n in range(300)
)
AMBIGUOUS = "payment,paid_on,litres,station\n" + "".join(
    f"P-{n},0{n % 9 + 1}/0{n % 7 + 1}/2024,{n % 90}.5,Ulm\n" for n in range(300)
)


def test_an_unrecognised_file_without_questions_becomes_a_dataset_by_itself(site: Site) -> None:
    site.watch()
    until(lambda: are_contracts_watched(site.url))
    file_id = drop(site, "tank/june.csv", PAYMENTS)
    until(lambda: state(site, file_id)[:2] == ("registered", "tank"))
    until(lambda: site.reloads == 1)
    until(lambda: (site.folder / "tank.yaml").exists())


def test_a_file_with_questions_is_proposed_once_and_stays_unrecognised(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    site.watch()
    first, second = drop(site, "tank/june.csv", AMBIGUOUS), drop(site, "tank/july.csv", AMBIGUOUS)
    broken = drop(site, "sensor/empty.csv", "")
    until(lambda: "sensor/empty.csv: Its path names no dataset, and no contract can be proposed" in caplog.text)
    until(lambda: "tank/july.csv: " in caplog.text)
    time.sleep(0.5)
    for path in ("tank/june.csv", "tank/july.csv", "sensor/empty.csv"):
        assert caplog.text.count(f"{path}: ") == 1
    with psycopg.connect(site.url) as connection:
        ((proposed,),) = connection.execute("SELECT path FROM catalogue.proposals WHERE state = 'open'").fetchall()
    assert proposed == "tank/june.csv"
    for file_id in (first, second):
        assert state(site, file_id)[0] == "unrecognised" and " open. logistics contracts show" in str(
            state(site, file_id)[2]
        )
    assert "no contract can be proposed" in str(state(site, broken)[2])
    assert site.reloads == 0

    with psycopg.connect(site.url, autocommit=True) as connection:
        connection.execute("UPDATE catalogue.proposals SET state = 'dismissed', ended_at = now() WHERE state = 'open'")
    until(lambda: caplog.text.count("tank/july.csv: ") == 2)
    time.sleep(0.3)
    assert caplog.text.count("tank/june.csv: ") == 1, "nobody wants a contract for this content"


def test_a_watch_that_begins_has_dagster_follow_what_changed_without_it(site: Site) -> None:
    site.write(FUEL)
    site.watch()
    until(lambda: site.reloads == 1)


def test_a_change_made_in_the_database_is_followed_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write(FUEL)
    site.watch()
    until(lambda: site.reloads == 1)
    monkeypatch.setattr(watching, "POLL_SECONDS", 1e9)
    with psycopg.connect(site.url, autocommit=True) as connection:
        connection.execute("UPDATE catalogue.datasets SET retired_at = now() WHERE dataset = 'fuel'")
    until(lambda: site.reloads == 2)
    until(lambda: not (site.folder / "fuel.yaml").exists())


def test_a_notification_that_was_lost_is_made_up_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.2)
    site.write(FUEL)
    site.watch()
    until(lambda: site.reloads == 1)
    with psycopg.connect(site.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE catalogue.datasets DISABLE TRIGGER tell_of_change")
        connection.execute("UPDATE catalogue.datasets SET retired_at = now() WHERE dataset = 'fuel'")
    until(lambda: site.reloads == 2)


def test_a_problem_is_said_once_and_again_when_it_returns(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    def errors() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]

    site.write("name: fuel\n")
    site.watch()
    until(lambda: len(errors()) == 1)
    assert "fuel.yaml" in errors()[0]
    site.write(FUEL, "other.yaml")
    until(lambda: site.version() == 1)
    time.sleep(0.3)
    assert len(errors()) == 1
    (site.folder / "fuel.yaml").unlink()
    time.sleep(0.5)
    site.write("name: fuel\n")
    until(lambda: len(errors()) == 2)


def test_the_watch_outlives_its_connection_and_makes_up_for_what_it_missed(site: Site) -> None:
    site.watch()
    until(lambda: are_contracts_watched(site.url))
    site.end_sessions()
    site.write(FUEL)
    until(lambda: site.reloads == 1)
    until(lambda: are_contracts_watched(site.url))


def test_a_second_watch_waits_and_takes_over(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    site.watch()
    until(lambda: are_contracts_watched(site.url))
    site.watch()
    until(lambda: "are watched by another process" in caplog.text)
    assert caplog.text.count("Watching contracts.") == 1
    site.end_sessions()
    until(lambda: caplog.text.count("Watching contracts.") == 2)
    site.write(FUEL)
    until(lambda: site.version() == 1 and site.reloads > 0)
    assert site.reloads == 1, "one of them at a time"


def sources(site: Site) -> dict[str, tuple[bool, bool, bool]]:
    """Of each source: whether there is a definition, whether its file has a problem, and whether it is gone."""
    with psycopg.connect(site.url) as connection:
        rows = connection.execute(
            "SELECT name, definition IS NOT NULL, problem IS NOT NULL, removed_at IS NOT NULL FROM source.sources"
        ).fetchall()
    return {name: (is_defined, has_problem, is_gone) for name, is_defined, has_problem, is_gone in rows}


def test_definitions_of_sources_take_effect_and_a_bad_one_harms_no_other(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG.name)
    site.watch()
    until(lambda: are_contracts_watched(site.url))
    site.settings.sources_dir.mkdir(parents=True)
    (site.settings.sources_dir / "broken.yaml").write_text("kind: rest\nbaseUrl: nowhere\n")
    (site.settings.sources_dir / "fleet.yaml").write_text(FLEET)
    until(lambda: sources(site) == {"fleet": (True, False, False), "broken": (False, True, False)})
    until(lambda: site.reloads == 1)
    until(lambda: "The definition of the source fleet is in force." in caplog.text)
    until(lambda: "broken.yaml" in caplog.text)

    (site.settings.sources_dir / "fleet.yaml").write_text(FLEET.replace("every 15m", "every 5m"))
    until(lambda: site.reloads == 2)
    (site.settings.sources_dir / "fleet.yaml").write_text(FLEET.replace("kind: rest", "kind: rust"))
    until(lambda: sources(site)["fleet"] == (True, True, False))
    until(lambda: "rust" in caplog.text)  # it is logged after it is stored
    (site.settings.sources_dir / "depot.yaml").write_text(DEPOT)
    until(lambda: site.reloads == 3)
    (site.settings.sources_dir / "fleet.yaml").unlink()
    until(lambda: sources(site)["fleet"][2] and site.reloads == 4)
    until(lambda: "not pulled any more" in caplog.text)
