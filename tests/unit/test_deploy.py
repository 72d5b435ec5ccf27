"""The variants of deploy/ are held to the settings, to the code and to what they are variants of. Needs no engine."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.launcher import RunLauncher

from logistics_core.settings import Settings
from tests.checkout import PROJECT_ROOT

DEPLOY = PROJECT_ROOT / "deploy"
CELERY, CITUS, KUBERNETES, REPLICA = DEPLOY / "celery", DEPLOY / "citus", DEPLOY / "kubernetes", DEPLOY / "replica"
BASE_INSTANCE: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text())
BASE_COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((CELERY / "docker-compose.yml").read_text())
CITUS_COMPOSE: dict[str, Any] = yaml.safe_load((CITUS / "docker-compose.yml").read_text())
REPLICA_COMPOSE: dict[str, Any] = yaml.safe_load((REPLICA / "docker-compose.yml").read_text())
PINS = dict(line.split("==") for line in (PROJECT_ROOT / "constraints.txt").read_text().splitlines() if "==" in line)

CELERY_APP = "logistics_pipeline.orchestration.runtime.celery_app"
OF_CELERY = {"CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"}
"""Celery's own names, read by `celery_app` and by the instance."""


def instance(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "dagster.yaml").read_text())
    return found


def manifests() -> list[dict[str, Any]]:
    files = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    return [each for name in files for each in yaml.safe_load_all((KUBERNETES / name).read_text())]


def variables_of(name: str) -> dict[str, str]:
    lines = (KUBERNETES / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("folder", [CELERY, KUBERNETES], ids=lambda folder: folder.name)
def test_an_instance_differs_from_the_one_of_a_single_machine_in_its_launcher_and_in_what_follows(folder: Path) -> None:
    ours, base = instance(folder), dict(BASE_INSTANCE)
    for each in (ours, base):
        each.pop("run_launcher", None)
        each["concurrency"] = {**each["concurrency"], "runs": "differs"}
        each["run_monitoring"] = {**each["run_monitoring"], "start_timeout_seconds": "differs"}
    assert ours == base


@pytest.mark.skipif(find_spec("celery") is None, reason="the extra `celery` is not installed")
def test_the_celery_launcher_is_a_launcher_with_the_configuration_given() -> None:
    launcher = instance(CELERY)["run_launcher"]
    found = getattr(import_module(launcher["module"]), launcher["class"])
    assert issubclass(found, RunLauncher)
    assert launcher.get("config", {}).keys() <= found.config_type().keys()


@pytest.mark.parametrize(("name", "variable"), [("broker_url", "CELERY_BROKER_URL"),
                                                ("result_backend", "CELERY_RESULT_BACKEND")])  # fmt: skip
@pytest.mark.skipif(find_spec("celery") is None, reason="the extra `celery` is not installed")
def test_a_worker_takes_the_broker_it_is_given(name: str, variable: str) -> None:
    program = f"from {CELERY_APP} import app; print(app.conf.{name})"
    given = os.environ | {"CELERY_BROKER_URL": "redis://b/1", variable: "redis://given/7"}
    done = subprocess.run([sys.executable, "-c", program], env=given, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "redis://given/7"


def referenced(document: Any) -> set[str]:
    """The environment variables that a Dagster configuration reads."""
    if isinstance(document, list):
        return {name for each in document for name in referenced(each)}
    if not isinstance(document, dict):
        return set()
    own = {document["env"]} if isinstance(document.get("env"), str) else set()
    return own | {name for each in document.values() for name in referenced(each)}


def test_every_variable_an_instance_reads_is_set_where_it_runs() -> None:
    read = referenced(instance(CELERY))
    for service in ("migrate", "code", "daemon", "webserver", "worker"):
        base = BASE_COMPOSE["services"].get(service, {}).get("environment", {})
        given = base | COMPOSE["services"][service]["environment"]
        assert read and read <= {name for name, value in given.items() if value}, service
    read = referenced(instance(KUBERNETES))
    assert read and read <= variables_of("settings.env").keys() | variables_of("secrets.env.example").keys()


def test_every_variable_that_is_set_is_a_setting() -> None:
    composed = {name for service in COMPOSE["services"].values() for name in service.get("environment", {})}
    files = ("settings.env", "secrets.env.example", "api-secrets.env.example")
    of_kubernetes = {name for file in files for name in variables_of(file)}
    assert composed <= {*Settings.variables(), *OF_CELERY, "DAGSTER_HOME", "grpc_proxy"}
    assert of_kubernetes <= {*Settings.variables(), "DAGSTER_HOME"}


def test_a_worker_has_the_environment_the_folders_and_the_rights_of_the_code_server() -> None:
    worker, code = COMPOSE["services"]["worker"], BASE_COMPOSE["services"]["code"]
    assert worker["environment"] == code["environment"] | COMPOSE["x-celery-environment"]
    for key in ("volumes", "init", "restart", "read_only", "tmpfs", "cap_drop", "security_opt", "stop_grace_period"):
        assert worker[key] == code[key], key


def test_the_overriding_file_names_services_of_the_one_it_overrides_and_adds_two() -> None:
    assert COMPOSE["services"].keys() - BASE_COMPOSE["services"].keys() == {"broker", "worker"}
    for name in ("migrate", "code", "daemon", "webserver", "worker"):
        assert COMPOSE["services"][name]["image"] == "logistics-analytics-platform-celery"
        assert (PROJECT_ROOT / COMPOSE["services"][name]["build"]["context"] / "Dockerfile").is_file()


def texts(document: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(document, dict):
        document = list(document.values())
    for each in document if isinstance(document, list) else []:
        yield from texts(each)
    if isinstance(document, str):
        yield document


@pytest.mark.parametrize("document", [COMPOSE, CITUS_COMPOSE, REPLICA_COMPOSE], ids=["celery", "citus", "replica"])
def test_passwords_come_from_the_environment_and_are_demanded(document: dict[str, Any]) -> None:
    passwords = [found for text in texts(document) for found in re.findall(r"\$\{\w+PASSWORD(:\?)?", text)]
    assert passwords and all(passwords)


def test_the_primary_of_a_replica_is_configured_as_without_one_and_lets_it_in() -> None:
    base, ours = (each["services"]["postgres"]["command"] for each in (BASE_COMPOSE, REPLICA_COMPOSE))
    added = ours.removeprefix(base).split()
    assert ours.startswith(base)
    assert added == ["-c", "hba_file=/etc/postgresql/pg_hba.conf", "-c", "wal_keep_size=4GB"]


def test_the_nodes_of_a_cluster_are_configured_as_one_server_with_what_citus_needs() -> None:
    base, services = BASE_COMPOSE["services"]["postgres"], CITUS_COMPOSE["services"]
    needed = "shared_preload_libraries=citus", "wal_level=logical", "max_prepared_transactions=200"
    for name in ("postgres", "worker1", "worker2"):
        node = services[name]
        assert node["command"].startswith(base["command"]), name
        assert node["command"].removeprefix(base["command"]).split() == [each for one in needed for each in ("-c", one)]
        assert base["environment"].items() <= node["environment"].items(), name
        assert node["image"] == services["nodes"]["image"], name
    assert services["nodes"]["environment"]["WORKERS"].split() == ["worker1", "worker2"]
    assert services["nodes"]["depends_on"].keys() == {"postgres", "worker1", "worker2"}


def test_what_the_nodes_of_a_cluster_are_started_with_is_in_its_folder() -> None:
    mounted = {
        each["source"]
        for service in CITUS_COMPOSE["services"].values()
        for each in service.get("volumes", [])
        if isinstance(each, dict)
    }
    assert {PROJECT_ROOT / source for source in mounted} == {CITUS / "start.sh", CITUS / "nodes.sh"}


def test_a_replica_has_the_image_and_the_settings_of_its_primary() -> None:
    primary, services = BASE_COMPOSE["services"]["postgres"], REPLICA_COMPOSE["services"]
    assert {services[name]["image"] for name in ("replica", "replicator")} == {primary["image"]}
    assert services["replica"]["shm_size"] == primary["shm_size"]
    given = dict(re.findall(r"-c (\w+)=(\S+)", primary["command"]))
    started = dict(re.findall(r"-c (\w+)=(\S+)", (REPLICA / "start.sh").read_text()))
    assert given.items() <= started.items()
    assert started["hot_standby_feedback"] == "on"


def test_what_a_replica_is_started_with_is_in_its_folder() -> None:
    services = REPLICA_COMPOSE["services"]
    mounted = [each for service in services.values() for each in service.get("volumes", []) if isinstance(each, dict)]
    assert {Path(each["source"]).name for each in mounted} == {"pg_hba.conf", "replicator.sql", "start.sh"}
    assert all((PROJECT_ROOT / each["source"]).is_file() and each["read_only"] for each in mounted)


def test_the_api_reads_the_replica_and_changes_the_primary_with_the_login_that_it_has() -> None:
    base = BASE_COMPOSE["services"]["api"]["environment"]
    ours = REPLICA_COMPOSE["services"]["api"]["environment"]
    reading, changing = ours["LOGISTICS_API_DATABASE_URL"], ours["LOGISTICS_API_OPERATOR_DATABASE_URL"]
    primary = base["LOGISTICS_API_DATABASE_URL"]
    assert ours.keys() <= base.keys()
    assert reading == primary.replace("@postgres:", "@replica:")
    assert changing == "${LOGISTICS_API_OPERATOR_DATABASE_URL:-" + primary + "}"


@pytest.mark.parametrize("name", ["secrets.env", "api-secrets.env"])
def test_git_leaves_the_files_with_passwords_out(name: str) -> None:
    if shutil.which("git") and (PROJECT_ROOT / ".git").exists():
        ignored = subprocess.run(["git", "check-ignore", "-q", str(KUBERNETES / name)], cwd=PROJECT_ROOT, check=False)
        assert ignored.returncode == 0


@pytest.mark.skipif(find_spec("celery") is None, reason="the extra `celery` is not installed")
def test_celery_knows_the_worker_s_command_and_its_health_check() -> None:
    from celery.bin.celery import celery

    command = COMPOSE["services"]["worker"]["command"]
    assert command[:4] == ["celery", "--app", CELERY_APP, "worker"]
    options = {option for parameter in celery.commands["worker"].params for option in parameter.opts}
    assert {word for word in command[4:] if word.startswith("--")} <= options
    check = COMPOSE["services"]["worker"]["healthcheck"]["test"][1].split()
    assert check[check.index("celery") :][:5] == ["celery", "--app", CELERY_APP, "inspect", "ping"]


def test_as_many_runs_are_let_go_as_workers_take() -> None:
    """More would wait in the broker, where Dagster takes them for runs that do not start."""
    command = COMPOSE["services"]["worker"]["command"]
    concurrency = int(command[command.index("--concurrency") + 1])
    assert instance(CELERY)["concurrency"]["runs"]["max_concurrent_runs"] == concurrency


def test_the_extra_for_celery_is_tested_in_the_version_that_fits_dagster() -> None:
    assert PINS["dagster-celery"] == PINS["dagster-postgres"]
    extras = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras["celery"]) <= set(extras["dev"])


def containers() -> list[dict[str, Any]]:
    templates = [each["spec"]["template"] for each in manifests() if each["kind"] in ("Deployment", "Job")]
    return [container for template in templates for container in template["spec"]["containers"]]


def test_kubernetes_runs_the_same_commands_as_compose() -> None:
    services = BASE_COMPOSE["services"]
    assert {container["name"] for container in containers()} == {
        "migrate", "code", "contracts", "alerts", "daemon", "webserver", "api"
    }  # fmt: skip
    for container in containers():
        assert container["command"] == services[container["name"]]["command"]
        assert container["image"] == "logistics-analytics-platform-kubernetes"
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_one_pod_watches_contracts_with_the_settings_and_folders_of_the_code_server() -> None:
    deployments = {each["metadata"]["name"]: each["spec"] for each in manifests() if each["kind"] == "Deployment"}
    contracts, code = deployments["contracts"], deployments["code"]
    assert (contracts["replicas"], contracts["strategy"]) == (1, {"type": "Recreate"})
    pods = [each["template"]["spec"] for each in (contracts, code)]
    (watch,), (server,) = (pod["containers"] for pod in pods)
    assert watch["envFrom"] == server["envFrom"] and watch["volumeMounts"] == server["volumeMounts"]
    assert pods[0]["volumes"] == pods[1]["volumes"] and pods[0]["securityContext"] == pods[1]["securityContext"]
    assert ["CMD", *watch["livenessProbe"]["exec"]["command"]] == BASE_COMPOSE["services"]["contracts"]["healthcheck"][
        "test"
    ]
    settings = variables_of("settings.env")
    services = {each["metadata"]["name"]: each["spec"] for each in manifests() if each["kind"] == "Service"}
    server_ports = [each["port"] for each in services[settings["LOGISTICS_CODE_SERVER_HOST"]]["ports"]]
    assert server_ports == [int(settings["LOGISTICS_CODE_SERVER_PORT"])], "the watch tells it of every change"


def test_every_name_that_the_kubernetes_instance_uses_is_made() -> None:
    launcher = instance(KUBERNETES)["run_launcher"]["config"]
    names = {(each["kind"], each["metadata"]["name"]) for each in manifests()}
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    maps = {each["name"] for each in kustomization["configMapGenerator"]}
    assert ("ServiceAccount", launcher["service_account_name"]) in names
    assert ("Namespace", launcher["job_namespace"]) in names
    assert kustomization["namespace"] == launcher["job_namespace"]
    assert ("PersistentVolumeClaim", launcher["volumes"][0]["persistentVolumeClaim"]["claimName"]) in names
    assert {launcher["instance_config_map"], *launcher["env_config_maps"]} == maps
    assert set(launcher["env_secrets"]) <= {each["name"] for each in kustomization["secretGenerator"]}
    assert kustomization["generatorOptions"]["disableNameSuffixHash"] is True


def test_the_kubernetes_settings_are_valid_and_the_api_knows_no_login_but_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = variables_of("settings.env") | variables_of("secrets.env.example")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert str(Settings().dagster_dir) == "/data/dagster"
    (api,) = [container for container in containers() if container["name"] == "api"]
    assert api["envFrom"] == [{"secretRef": {"name": "logistics-api-secrets"}}]
    assert variables_of("api-secrets.env.example").keys() == {"LOGISTICS_API_DATABASE_URL"}


@pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is not here, which renders Kustomize without a cluster"
)
def test_kustomize_renders_the_whole_and_gives_runs_the_image_of_the_code_server(tmp_path: Path) -> None:
    shutil.copytree(KUBERNETES, tmp_path / "k")
    for name in ("secrets.env", "api-secrets.env"):
        shutil.copy(KUBERNETES / f"{name}.example", tmp_path / "k" / name)
    done = subprocess.run(["kubectl", "kustomize", tmp_path / "k"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rendered = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(done.stdout)}
    (code,) = rendered["Deployment", "code"]["spec"]["template"]["spec"]["containers"]
    assert code["env"] == [{"name": "DAGSTER_CURRENT_IMAGE", "value": code["image"]}]
    assert code["image"] != "logistics-analytics-platform-kubernetes", "the registry and the tag are put in"
    assert yaml.safe_load(rendered["ConfigMap", "logistics-instance"]["data"]["dagster.yaml"]) == instance(KUBERNETES)
