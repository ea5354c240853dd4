"""The files of the deployment fit each other and the project; the tests with the marker `cluster` start what they say."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import yaml

import runs_assets
from runs_assets_tests.cluster.deployment import DEPLOY, compose
from runs_assets_tests.readme import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SETTINGS = set(re.findall(r"^(?:# )?([A-Z_]+)=", (DEPLOY / ".env.example").read_text(), re.MULTILINE))
OTHERS = {"postgres", "valkey"}
"""Services whose image is not ours."""


def services() -> dict[str, Any]:
    return compose(dict.fromkeys(SETTINGS, "x"))


def loaded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def test_the_template_names_every_variable_of_the_compose_file() -> None:
    named = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "compose.yaml").read_text()))
    assert named == {"POSTGRES_PASSWORD"}
    assert named < SETTINGS


def test_the_readme_describes_every_service() -> None:
    described = re.findall(r"^\| `(\w+)` \|", (DEPLOY / "README.md").read_text(), re.MULTILINE)
    assert described == list(services())


def test_only_what_reads_and_judges_gets_the_settings() -> None:
    assert {name for name, service in services().items() if "env_file" in service} == {"code", "worker"}


def test_a_service_waits_only_for_services_that_there_are() -> None:
    for service in services().values():
        assert set(service.get("depends_on", {})) <= services().keys()


def test_every_command_of_ours_is_one_that_the_image_has() -> None:
    commands = {shlex.split(service["command"])[0] for name, service in services().items() if name not in OTHERS}
    assert commands == {"celery", "dagster", "dagster-daemon", "dagster-webserver"}


def test_the_image_is_built_of_files_and_extras_that_there_are() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = [part for line in re.findall(r"^COPY (?:--\S+ )?(.+) \S+$", text, re.MULTILINE) for part in line.split()]
    assert len(copied) == 8
    assert [part for part in copied if not (ROOT / part).exists()] == []
    [extras] = re.findall(r"/tmp/source\[([\w,]+)\]", text)
    assert set(extras.split(",")) == {"objects", "deploy", "charts"} <= PROJECT["optional-dependencies"].keys()
    build = services()["worker"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert ROOT / build["dockerfile"] == DEPLOY / "Dockerfile"


def test_what_one_machine_keeps_and_says_several_do_too() -> None:
    one, several = loaded(ROOT / "dagster.yaml"), loaded(DEPLOY / "dagster.yaml")
    same = ("telemetry", "nux", "retention", "python_logs")
    assert {name: several[name] for name in same} == {name: one[name] for name in same}
    assert several["run_monitoring"]["max_runtime_seconds"] == one["run_monitoring"]["max_runtime_seconds"]


def test_the_instance_starts_runs_with_a_launcher_of_this_package() -> None:
    launcher = loaded(DEPLOY / "dagster.yaml")["run_launcher"]
    assert Path(runs_assets.__file__).parent / f"{launcher['module'].partition('.')[2].replace('.', '/')}.py" == (
        DEPLOY / "launcher.py"
    )
    assert f"class {launcher['class']}(" in (DEPLOY / "launcher.py").read_text()


def test_without_the_extras_nothing_of_it_is_installed() -> None:
    needed = " ".join(PROJECT["dependencies"])
    assert not re.search(r"celery|postgres|redis|obstore", needed)
