"""The variants of deploy/ are held to the settings, to the code and to what they are variants of. Needs no engine."""

import re
import shutil
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from logistics_core.settings import Settings
from tests.checkout import PROJECT_ROOT

DEPLOY = PROJECT_ROOT / "deploy"
CELERY, KUBERNETES = DEPLOY / "celery", DEPLOY / "kubernetes"
BASE_INSTANCE: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text())
BASE_COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((CELERY / "docker-compose.yml").read_text())
PINS = dict(line.split("==") for line in (PROJECT_ROOT / "constraints.txt").read_text().splitlines() if "==" in line)

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


def dockerfile(folder: Path) -> str:
    return (folder / "Dockerfile").read_text()


@pytest.mark.parametrize(
    "path", sorted(DEPLOY.rglob("*.yaml")) + sorted(DEPLOY.rglob("*.yml")), ids=lambda path: path.name
)
def test_every_file_is_yaml(path: Path) -> None:
    assert list(yaml.safe_load_all(path.read_text()))


@pytest.mark.parametrize("folder", [CELERY, KUBERNETES], ids=lambda folder: folder.name)
def test_an_instance_differs_from_the_one_of_a_single_machine_in_its_launcher_and_in_what_follows(folder: Path) -> None:
    ours, base = instance(folder), dict(BASE_INSTANCE)
    for each in (ours, base):
        each.pop("run_launcher", None)
        each["concurrency"] = {**each["concurrency"], "runs": "differs"}
        each["run_monitoring"] = {**each["run_monitoring"], "start_timeout_seconds": "differs"}
    assert ours == base


def test_the_celery_launcher_is_the_one_there_is() -> None:
    launcher = instance(CELERY)["run_launcher"]
    assert launcher["module"] == "logistics_pipeline.orchestration.runtime.celery_launcher"
    assert f"class {launcher['class']}(" in Path(str(find_module(launcher["module"]))).read_text()


def find_module(name: str) -> str | None:
    spec = find_spec(name)
    return spec.origin if spec else None


def test_every_variable_an_instance_reads_is_set_where_it_runs() -> None:
    read = set(re.findall(r"env: (\w+)", (CELERY / "dagster.yaml").read_text()))
    for service in ("migrate", "code", "daemon", "webserver", "worker"):
        base = BASE_COMPOSE["services"].get(service, {}).get("environment", {})
        given = base | COMPOSE["services"][service]["environment"]
        assert read <= {name for name, value in given.items() if value}, service
    read = set(re.findall(r"env: (\w+)", (KUBERNETES / "dagster.yaml").read_text()))
    assert read <= variables_of("settings.env").keys() | variables_of("secrets.env.example").keys()


def test_every_variable_named_anywhere_is_a_setting() -> None:
    texts = [path.read_text() for path in DEPLOY.rglob("*") if path.is_file()]
    named = set(re.findall(r"\bLOGISTICS_[A-Z_]+\b", "".join(texts)))
    assert len(named) > 15
    assert named <= set(Settings.variables())
    assert set(re.findall(r"\bCELERY_[A-Z_]+\b", "".join(texts))) == OF_CELERY
    read = (PROJECT_ROOT / "logistics_pipeline/orchestration/runtime/celery_app.py").read_text()
    assert set(re.findall(r'"(CELERY_\w+)"', read)) == OF_CELERY


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


def test_passwords_come_from_the_environment_and_are_demanded() -> None:
    text = (CELERY / "docker-compose.yml").read_text()
    passwords = re.findall(r"\$\{(\w+PASSWORD)(:\?)?", text)
    assert passwords and all(demanded for _, demanded in passwords)
    for name in ("secrets.env", "api-secrets.env"):
        assert name in (KUBERNETES / ".gitignore").read_text().splitlines()


@pytest.mark.skipif(find_spec("celery") is None, reason="the extra `celery` is not installed")
def test_celery_knows_the_worker_s_command_and_its_health_check() -> None:
    from celery.bin.celery import celery

    command = COMPOSE["services"]["worker"]["command"]
    assert command[:4] == ["celery", "--app", "logistics_pipeline.orchestration.runtime.celery_app", "worker"]
    assert find_spec(command[2]) is not None
    options = {option for parameter in celery.commands["worker"].params for option in parameter.opts}
    assert {word for word in command[4:] if word.startswith("--")} <= options
    assert (
        "--app logistics_pipeline.orchestration.runtime.celery_app inspect ping"
        in COMPOSE["services"]["worker"]["healthcheck"]["test"][1]
    )


def test_as_many_runs_are_let_go_as_workers_take() -> None:
    """More would wait in the broker, where Dagster takes them for runs that do not start."""
    command = COMPOSE["services"]["worker"]["command"]
    concurrency = int(command[command.index("--concurrency") + 1])
    assert instance(CELERY)["concurrency"]["runs"]["max_concurrent_runs"] == concurrency


@pytest.mark.parametrize("folder", [CELERY, KUBERNETES], ids=lambda folder: folder.name)
def test_images_are_built_on_the_project_s_own_and_leave_its_user_in_place(folder: Path) -> None:
    text = dockerfile(folder)
    assert re.findall(r"^FROM (.*)", text, re.MULTILINE) == [BASE_COMPOSE["services"]["code"]["image"]]
    assert re.findall(r"^USER (.*)", text, re.MULTILINE)[-1] == "$UID:$GID"
    assert "-c /app/constraints.txt" in text


def test_what_the_images_add_fits_the_dagster_that_is_pinned() -> None:
    assert PINS["dagster-celery"] == PINS["dagster-postgres"]
    assert f"dagster-k8s=={PINS['dagster-postgres']}" in dockerfile(KUBERNETES)
    extras = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["celery"][0] in extras["dev"]


def containers() -> list[dict[str, Any]]:
    templates = [each["spec"]["template"] for each in manifests() if each["kind"] in ("Deployment", "Job")]
    return [container for template in templates for container in template["spec"]["containers"]]


def test_kubernetes_runs_the_same_commands_as_compose() -> None:
    services = BASE_COMPOSE["services"]
    assert {container["name"] for container in containers()} == {"migrate", "code", "daemon", "webserver", "api"}
    for container in containers():
        assert container["command"] == services[container["name"]]["command"]
        assert container["image"] == "logistics-analytics-platform-kubernetes"
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


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


@pytest.mark.parametrize("page", sorted(DEPLOY.glob("*/README.md")), ids=lambda page: page.parent.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
