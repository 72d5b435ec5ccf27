"""The container files are held to the settings, to each other and to the code. None of this needs an engine."""

import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, which
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from logistics_core.settings import Settings
from logistics_pipeline.local import embedded_postgres
from tests.checkout import PROJECT_ROOT

COMPOSE_TEXT = (PROJECT_ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ENV_EXAMPLE = (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8")
DOCKERIGNORE = (PROJECT_ROOT / ".dockerignore").read_text(encoding="utf-8")

OURS = [name for name in SERVICES if name != "postgres"]
LONG_RUNNING = [name for name in SERVICES if name != "migrate"]
PIPELINE = ["migrate", "code", "daemon", "webserver"]

NOT_IN_CONTAINERS = {"LOGISTICS_DAGSTER_HOST", "LOGISTICS_DAGSTER_PORT"}
"""Read by `logistics up` alone, which starts everything without containers."""

# $VAR, ${VAR}, ${VAR:-default}, ${VAR:?message}
INTERPOLATION = re.compile(r"\$\{(?P<name>\w+)(?::(?P<guard>[-?])(?P<rest>[^}]*))?\}")


def interpolations() -> list[tuple[str, str | None, str | None]]:
    return [(match["name"], match["guard"], match["rest"]) for match in INTERPOLATION.finditer(COMPOSE_TEXT)]


def documented() -> dict[str, str]:
    """The variables of .env.example with their values, commented out or not."""
    return dict(re.findall(r"^#?([A-Z][A-Z_]+)=(.*)$", ENV_EXAMPLE, flags=re.MULTILINE))


# Settings


def test_every_setting_can_be_set_in_containers() -> None:
    given = {name for service in OURS for name in SERVICES[service]["environment"]}

    secrets = {"OIDC_CLIENT_SECRET", "PROXY_SECRET"}
    assert given - {"DAGSTER_HOME", "grpc_proxy"} - secrets == set(Settings.variables()) - NOT_IN_CONTAINERS


def test_settings_that_are_passed_on_are_documented_with_their_defaults() -> None:
    passed_on = {name for service in OURS for name, value in SERVICES[service]["environment"].items() if value is None}
    documented_settings = {name: value for name, value in documented().items() if name.startswith("LOGISTICS_")}

    assert documented_settings.keys() == passed_on
    for name, value in documented_settings.items():
        default = Settings.model_fields[name.removeprefix("LOGISTICS_").lower()].default
        assert value == "" if default is None else type(default)(value) == default, name


def test_the_settings_of_every_container_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in OURS:
        with monkeypatch.context() as container:
            for name in Settings.variables():
                container.delenv(name, raising=False)
            for name, value in SERVICES[service]["environment"].items():
                if value is not None:
                    container.setenv(name, INTERPOLATION.sub("secret", value))
            settings = Settings()

        assert settings.api_host == ("0.0.0.0" if service == "api" else "127.0.0.1")
        assert (settings.database_url is None) == (service == "api"), "the API knows no login but its own"
        assert (settings.api_database_url is None) == (service not in ("api", "migrate"))


def test_the_pipeline_stores_where_its_volumes_are() -> None:
    for service in PIPELINE:
        environment = SERVICES[service]["environment"]
        settings = Settings(
            data_dir=environment["LOGISTICS_DATA_DIR"], dagster_dir=environment["LOGISTICS_DAGSTER_DIR"]
        )
        bound = {volume["target"] for volume in volumes(service) if isinstance(volume, dict)}

        assert f"data:{settings.data_dir}" in volumes(service)
        assert settings.data_dir in settings.dagster_dir.parents
        assert bound == ({str(settings.raw_dir), str(settings.failed_dir)} if service == "code" else set())


def test_what_dagster_reads_from_the_environment_is_there() -> None:
    read = {name for file in ("dagster.yaml", "workspace.yaml") for name in referenced(read_yaml(PROJECT_ROOT / file))}

    assert len(read) >= 4
    for service in PIPELINE:
        assert all(SERVICES[service]["environment"].get(name) for name in read)


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def referenced(document: Any) -> set[str]:
    """The environment variables that a Dagster configuration reads."""
    if isinstance(document, list):
        return {name for each in document for name in referenced(each)}
    if not isinstance(document, dict):
        return set()
    own = {document["env"]} if isinstance(document.get("env"), str) else set()
    return own | {name for each in document.values() for name in referenced(each)}


def test_dagster_and_the_pipeline_name_the_same_server_and_database() -> None:
    for service in PIPELINE:
        environment = SERVICES[service]["environment"]
        driver, _, rest = environment["LOGISTICS_DAGSTER_DATABASE_URL"].partition("://")
        server = environment["LOGISTICS_DATABASE_URL"].partition("://")[2].rpartition("/")[0]

        assert driver == "postgresql+psycopg2", "plain postgresql:// is psycopg 3, which dagster-postgres cannot use"
        assert rest == f"{server}/dagster"


def test_the_api_login_is_the_one_that_migrate_creates() -> None:
    url = SERVICES["api"]["environment"]["LOGISTICS_API_DATABASE_URL"]

    assert url == SERVICES["migrate"]["environment"]["LOGISTICS_API_DATABASE_URL"]
    assert url.startswith("postgresql://logistics_api:${API_DATABASE_PASSWORD:?")
    assert "POSTGRES_PASSWORD" not in str(SERVICES["api"])


# Secrets


def test_every_interpolated_variable_is_documented_and_none_is_documented_in_vain() -> None:
    names = {name for name, _, _ in interpolations()}

    assert len(names) >= 8
    assert "$" not in INTERPOLATION.sub("", COMPOSE_TEXT), "every interpolation is understood by this test"
    assert names == {name for name in documented() if not name.startswith("LOGISTICS_")}


def test_secrets_come_from_the_environment_and_are_demanded_with_a_message() -> None:
    secrets = [(guard, rest) for name, guard, rest in interpolations() if name.endswith("PASSWORD")]

    assert len(secrets) >= 4
    assert set(secrets) == {("?", "set it in .env (see .env.example)")}
    for name, service in SERVICES.items():
        for variable, value in service["environment"].items():
            if "PASSWORD" in variable or re.search(r"://[^/]*@", str(value)):
                assert re.search(r"\$\{\w+PASSWORD:\?", value), f"{variable} of {name} holds a password of its own"


def test_the_example_gives_no_password_and_real_ones_reach_neither_git_nor_the_image() -> None:
    assert {name for name, value in documented().items() if name.endswith("PASSWORD") and not value} == {
        "POSTGRES_PASSWORD",
        "API_DATABASE_PASSWORD",
    }
    assert all(is_ignored(path) for path in (".env", ".env.production", "data/raw/vehicles.json"))
    if which("git") and (PROJECT_ROOT / ".git").exists():
        assert subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=PROJECT_ROOT, check=False).returncode == 0


def test_defaults_that_the_example_shows_are_those_that_apply() -> None:
    defaults = {name: rest for name, guard, rest in interpolations() if guard == "-"}

    assert defaults == {name: documented()[name] for name in defaults}


# Services


def test_only_three_ports_are_published_and_only_to_this_machine() -> None:
    published = {name: ports(name) for name in SERVICES if "ports" in SERVICES[name]}

    assert published == {
        "postgres": ["127.0.0.1:5433:5432"],
        "webserver": ["127.0.0.1:3000:3000"],
        "api": ["127.0.0.1:8000:8000"],
    }


def ports(service: str) -> list[str]:
    return [INTERPOLATION.sub(lambda match: match["rest"], port) for port in SERVICES[service]["ports"]]


def volumes(service: str) -> list[Any]:
    found: list[Any] = SERVICES[service].get("volumes", [])
    return found


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_long_running_services_have_health_checks_and_come_back(name: str) -> None:
    service = SERVICES[name]

    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= service["healthcheck"].keys()


def test_health_checks_ask_the_port_that_the_program_listens_on() -> None:
    def check(service: str) -> str:
        return " ".join(SERVICES[service]["healthcheck"]["test"][1:])

    assert "127.0.0.1:3000/server_info" in check("webserver")
    assert SERVICES["webserver"]["command"][3:5] == ["-p", "3000"]
    assert f"127.0.0.1:{SERVICES['api']['environment']['LOGISTICS_API_PORT']}/ready" in check("api")
    port = SERVICES["code"]["environment"]["LOGISTICS_CODE_SERVER_PORT"]
    assert check("code") == f"dagster api grpc-health-check -p {port}"
    assert SERVICES["code"]["command"][5:7] == ["--port", port]
    assert SERVICES["code"]["environment"]["LOGISTICS_CODE_SERVER_HOST"] in SERVICES


def test_services_start_in_order_of_need() -> None:
    needs = {
        name: {other: need["condition"] for other, need in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }

    assert needs == {
        "postgres": {},
        "migrate": {"postgres": "service_healthy"},
        "code": {"migrate": "service_completed_successfully"},
        "contracts": {"code": "service_healthy"},
        "alerts": {"migrate": "service_completed_successfully"},
        "daemon": {"code": "service_healthy"},
        "webserver": {"code": "service_healthy"},
        "api": {"migrate": "service_completed_successfully"},
    }
    assert SERVICES["migrate"]["restart"] == "no"
    assert "healthcheck" not in SERVICES["migrate"]


def test_runs_get_the_time_to_finish_their_batch() -> None:
    grace = int(SERVICES["code"]["stop_grace_period"].removesuffix("s"))
    assert grace > read_yaml(PROJECT_ROOT / "dagster.yaml")["run_monitoring"]["cancel_timeout_seconds"]


@pytest.mark.parametrize("name", OURS)
def test_our_services_share_one_image_and_have_no_privileges(name: str) -> None:
    service = SERVICES[name]

    assert service["image"] == "logistics-analytics-platform"
    assert "user" not in service, "the image says who"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]


def test_named_volumes_are_declared_and_postgres_has_its_own_where_version_18_wants_it() -> None:
    named = {volume.split(":")[0] for service in SERVICES for volume in volumes(service) if isinstance(volume, str)}

    assert named == set(COMPOSE["volumes"])
    assert SERVICES["postgres"]["image"] == f"postgres:{embedded_postgres.VERSION}"
    assert volumes("postgres") == ["postgres:/var/lib/postgresql"]


def test_bound_folders_are_never_made_by_the_engine_which_would_make_them_as_root() -> None:
    bound = [volume for service in SERVICES for volume in volumes(service) if isinstance(volume, dict)]

    assert {volume["source"] for volume in bound} == {"./data/raw", "./data/failed"}
    assert all(volume["bind"] == {"create_host_path": False} for volume in bound)


@pytest.mark.parametrize("folder", ["data/raw", "data/failed"])
def test_bound_folders_come_with_a_fresh_checkout(folder: str) -> None:
    keeper = PROJECT_ROOT / folder / ".gitkeep"

    assert keeper.exists()
    if which("git") and (PROJECT_ROOT / ".git").exists():
        ignored = subprocess.run(["git", "check-ignore", "-q", str(keeper)], cwd=PROJECT_ROOT, check=False)
        assert ignored.returncode == 1, f".gitignore leaves {folder}/.gitkeep out"


def test_the_postgres_service_is_configured_like_the_embedded_server() -> None:
    pairs = re.findall(r"-c (\w+)=(\S+)", SERVICES["postgres"]["command"])
    ours = dict(re.findall(r"^(\w+) = '?([^'\n]+)'?$", embedded_postgres._CONFIGURATION, flags=re.MULTILINE))

    assert len(pairs) == len(ours) >= 6
    assert dict(pairs) == ours


# Commands


def programs() -> list[list[str]]:
    """Every command line that runs in our image."""
    commands = [SERVICES[name]["command"] for name in OURS]
    checks = [SERVICES[name]["healthcheck"]["test"][1:] for name in OURS if name in LONG_RUNNING]
    return commands + checks


def test_every_program_is_installed() -> None:
    names = {line[0] for line in programs()}
    scripts = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]["scripts"]

    assert names == {"dagster", "dagster-daemon", "dagster-webserver", "logistics", "python"}
    assert "logistics" in scripts
    for name in names:
        assert (Path(sys.executable).parent / name).exists(), f"no console script {name}"


def test_every_module_exists() -> None:
    modules = {line[line.index("-m") + 1] for line in programs() if "-m" in line}

    assert modules == {
        "logistics_pipeline.orchestration.runtime.reloading_server",
        "logistics_pipeline.worker",
        "logistics_api",
    }
    for module in modules:
        spec = find_spec(module)
        assert spec is not None, f"no module {module}"
        assert spec.submodule_search_locations is None or find_spec(f"{module}.__main__") is not None


@pytest.mark.parametrize(
    "line", [line for line in programs() if line[0].startswith("dagster")], ids=lambda line: " ".join(line)
)
def test_dagster_knows_every_command_and_option(
    line: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` is answered before anything runs, but only after the options before it have been understood.

    In this process, as each one of its own would take seconds to import Dagster.
    """
    (program,) = entry_points(group="console_scripts", name=line[0])
    monkeypatch.setattr(sys, "argv", [*line, "--help"])
    with pytest.raises(SystemExit) as ended:
        program.load()()

    answer = capsys.readouterr()
    assert ended.value.code == 0, answer.err
    assert answer.out.startswith("Usage: ")
    subcommands = [word for word in line[1:] if re.fullmatch(r"[a-z][a-z-]+", word) and word != "code"]
    assert answer.out.split("[OPTIONS]")[0].split()[2:] == subcommands


# The image


def test_compose_chooses_the_user_of_the_image() -> None:
    for name in OURS:
        assert SERVICES[name]["build"]["args"] == {"UID": "${HOST_UID:-1000}", "GID": "${HOST_GID:-1000}"}
    assert (documented()["HOST_UID"], documented()["HOST_GID"]) == ("1000", "1000")


@pytest.mark.slow
def test_the_programs_can_be_installed_from_what_gets_into_the_image(tmp_path: Path) -> None:
    """A wheel of the files that .dockerignore lets through is that of the checkout."""

    def left_out(folder: str, names: list[str]) -> set[str]:
        below = Path(folder).relative_to(PROJECT_ROOT)
        return {name for name in names if is_ignored(str(below / name))}

    copytree(PROJECT_ROOT, tmp_path / "app", ignore=left_out)

    names = [wheel_of(folder, tmp_path / "wheels" / folder.name) for folder in (tmp_path / "app", PROJECT_ROOT)]

    assert names[0] == names[1]
    assert "logistics_core/resources/sql/roles.sql" in names[0]


def wheel_of(folder: Path, to: Path) -> list[str]:
    """The names of the files in the wheel of a source tree."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(to), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    [wheel] = to.iterdir()
    with ZipFile(wheel) as archive:
        return sorted(archive.namelist())


def is_ignored(path: str) -> bool:
    patterns = [line for line in DOCKERIGNORE.splitlines() if line and not line.startswith("#")]
    assert not any(pattern.startswith("!") for pattern in patterns), "this test does not know exceptions"
    parents = [path, *map(str, Path(path).parents)]
    return any(fnmatch(part, pattern.rstrip("/").removeprefix("**/")) for part in parents for pattern in patterns)


# The real thing


def has_compose() -> bool:
    docker = which("docker")
    return docker is not None and not subprocess.run([docker, "compose", "version"], capture_output=True).returncode


@pytest.mark.skipif(not has_compose(), reason="the plugin `docker compose` is not installed here")
def test_docker_compose_accepts_the_file_and_demands_the_passwords(tmp_path: Path) -> None:
    def config(env: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / ".env").write_text(env)
        command = ["docker", "compose", "-f", str(PROJECT_ROOT / "docker-compose.yml")]
        command += ["--env-file", str(tmp_path / ".env"), "config", "-q"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    accepted = config("POSTGRES_PASSWORD=a\nAPI_DATABASE_PASSWORD=b\n")
    assert (accepted.returncode, accepted.stderr) == (0, "")
    refused = config("POSTGRES_PASSWORD=a\n")
    assert refused.returncode != 0
    assert "API_DATABASE_PASSWORD" in refused.stderr
    assert "see .env.example" in refused.stderr
