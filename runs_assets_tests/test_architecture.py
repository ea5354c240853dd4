"""The arrows between modules point one way, and importing the project reads no secret and no file of data."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import runs_assets

ROOT = Path(runs_assets.__file__).parent


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def modules(*places: str) -> list[Path]:
    found = [
        path for place in places for path in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    ]
    assert found
    return found


@pytest.mark.parametrize("path", modules("http", "paging", "storage", "status.py", "days.py", "errors.py", "schema.py"))
def test_the_inner_parts_know_no_source_and_no_dagster(path: Path) -> None:
    for name in imports_of(path):
        assert not name.startswith(("dagster", "runs_assets.sources", "runs_assets.sandbox", "runs_assets.automation"))


COMPUTED = [
    *modules("alerts", "watch_file.py"),
    *modules("metrics/failure_rates.py", "metrics/status_counts.py", "settling"),
    *modules("sources/reading.py", "sources/open_runs.py", "sources/reach.py"),
    *modules("sources/reasons.py", "sources/details.py", "sources/details_files.py"),
    *(path for path in modules("checks") if path.name != "source_checks.py"),
    *(path for path in modules("verdicts") if path.name != "assets.py"),
]


@pytest.mark.parametrize("path", COMPUTED)
def test_what_is_computed_does_not_need_dagster(path: Path) -> None:
    assert not any(name.startswith("dagster") for name in imports_of(path))


@pytest.mark.parametrize("platform", ["cloudcruise", "productsup"])
def test_only_the_wiring_knows_the_platforms(platform: str) -> None:
    for path in ROOT.rglob("*.py"):
        inside = path.relative_to(ROOT)
        if inside.parts[0] == "sandbox" or inside.parts[:2] == ("sources", platform) or inside.name == "definitions.py":
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
    code = "import sys, runs_assets.definitions; print(sorted({'pandas', 'sqlalchemy', 'scipy', 'apprise'} & sys.modules.keys()))"
    arguments = [sys.executable, "-W", "ignore", "-c", code]
    shown = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert shown == "[]\n"
