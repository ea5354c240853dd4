"""The arrows between modules point one way, and importing the project reads no secret and no file of data."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import runs_assets

ROOT = Path(runs_assets.__file__).parent


COME_WITH_DAGSTER_CELERY = {"celery"}
DAGSTER_LIVES_IN = {"assets", "automation", "definitions", "deploy", "instance", "resources"}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def room_of(path: Path) -> str:
    """The package or module at the top level that a file is in."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


def rooms() -> dict[str, set[str]]:
    """Each room, with the other ones that it imports, also within functions."""
    found: dict[str, set[str]] = {}
    for path in ROOT.rglob("*.py"):
        imported = (name.split(".") for name in imports_of(path) if name.startswith("runs_assets."))
        found.setdefault(room_of(path), set()).update(parts[1] for parts in imported)
    return {room: others - {room} for room, others in found.items()}


ROOMS = rooms()


def canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_what_is_imported_is_installed_with_the_project_or_an_extra() -> None:
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["objects"], *extras["deploy"], *extras["charts"]]
    declared = {canonical(re.split(r"[^\w-]", one)[0]) for one in wanted}
    imported = {name.partition(".")[0] for path in ROOT.rglob("*.py") for name in imports_of(path)}
    found = packages_distributions()
    others = imported - sys.stdlib_module_names - {"runs_assets", *COME_WITH_DAGSTER_CELERY}
    assert {name for name in others if not declared & {*map(canonical, found.get(name, [name]))}} == set()


def test_no_room_needs_one_that_needs_it() -> None:
    list(TopologicalSorter(ROOMS).static_order())  # raises CycleError, which names the rooms


@pytest.mark.parametrize("room", sorted(ROOMS.keys() - DAGSTER_LIVES_IN - {"__init__"}))
def test_what_is_not_at_the_edge_loads_no_dagster(room: str) -> None:
    code = (
        "import importlib, pkgutil, sys\n"
        f"room = importlib.import_module('runs_assets.{room}')\n"
        "for found in pkgutil.walk_packages(getattr(room, '__path__', []), room.__name__ + '.'):\n"
        "    if not found.name.endswith('__main__'):\n"
        "        try:\n"
        "            importlib.import_module(found.name)\n"
        "        except ModuleNotFoundError as error:\n"
        "            if error.name != 'obstore':  # an extra\n"
        "                raise\n"
        "print(sorted(name for name in sys.modules if name.partition('.')[0].startswith('dagster')))"
    )
    arguments = [sys.executable, "-W", "ignore", "-c", code]
    shown = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"


@pytest.mark.parametrize("platform", ["cloudcruise", "productsup"])
def test_only_the_wiring_knows_the_platforms(platform: str) -> None:
    for path in ROOT.rglob("*.py"):
        inside = path.relative_to(ROOT)
        if inside.parts[0] == "sandbox" or inside.parts[:2] == ("sources", platform) or inside.name == "accounts.py":
            continue
        assert not any(name.startswith(f"runs_assets.sources.{platform}") for name in imports_of(path)), inside


@pytest.mark.parametrize(
    "path",
    [path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in ("sandbox", "demo", "cli.py")],
)
def test_the_sandbox_is_nowhere_in_the_product(path: Path) -> None:
    assert not any(name.startswith("runs_assets.sandbox") for name in imports_of(path))


def test_secrets_are_in_no_snapshot_and_importing_touches_nothing(tmp_path: Path) -> None:
    names = ("API_KEY", "TOKEN", "CLIENT_SECRET", "REFRESH_TOKEN")
    secrets = {
        f"{prefix}{name}": f"hidden-{prefix}{name}" for prefix in ("CLOUDCRUISE_", "PRODUCTSUP_CDE_") for name in names
    }
    secrets["RUNS_ASSETS_ALERT_URLS"] = "json://me:hidden-alerts@host/"
    code = (
        "from runs_assets.definitions import defs\n"
        "import dagster as dg\n"
        "from dagster._core.remote_representation.external_data import RepositorySnap\n"
        "snap = RepositorySnap.from_def(defs.get_repository_def())\n"
        "print(dg.serialize_value(snap), [repr(r) for r in defs.resources.values()])\n"
    )
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=tmp_path,
        env={**os.environ, **secrets},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "CLOUDCRUISE_" in shown  # the prefix of the names, never a value
    assert "hidden-" not in shown
    assert list(tmp_path.iterdir()) == []


def test_importing_loads_nothing_that_takes_long(tmp_path: Path) -> None:
    """Every process of Dagster imports the definitions, also those that compute nothing."""
    slow = {
        "apprise",
        "dagster._core.execution.backfill",
        "holidays",
        "httpx",
        "jinja2",
        "oauthlib",
        "pandas",
        "prometheus_client",
        "pyarrow.compute",
        "pyarrow.dataset",
        "rich",
        "runs_assets.alerts.memory",
        "runs_assets.insight.fleet",
        "runs_assets.reading.whole_days",
        "runs_assets.verdicts.refresh",
        "scipy",
        "sqlalchemy",
        "tenacity",
    }
    code = f"import sys, runs_assets.definitions; print(sorted({slow} & sys.modules.keys()))"
    arguments = [sys.executable, "-W", "ignore", "-c", code]
    shown = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"


def test_a_public_class_name_stands_in_one_module() -> None:
    places: dict[str, list[Path]] = {}
    for path in ROOT.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(path.relative_to(ROOT))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
