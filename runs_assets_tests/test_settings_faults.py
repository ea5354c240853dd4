"""A typing mistake in a setting's name is told: in the log at load, in the page, and with the name that was meant."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runs_assets.accounts import SOURCES
from runs_assets.settings_faults import settings_faults

PREFIXES = ("CLOUDCRUISE_", "PRODUCTSUP_", "RUNS_ASSETS_")
Faults = Callable[..., list[str]]


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Faults:
    """What is said if these variables are the only ones of ours."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)

    def said(**variables: str) -> list[str]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            return settings_faults(SOURCES)

    return said


def test_nothing_is_said_of_settings_that_are_right(faults: Faults) -> None:
    assert faults() == []
    assert faults(CLOUDCRUISE_API_KEY="k", RUNS_ASSETS_DATA="/d", RUNS_ASSETS_ALERT_URLS="json://host") == []
    assert faults(PRODUCTSUP_CDE_BASE_URL="https://host", PRODUCTSUP_CDE_TOKEN="t", CLOUDCRUISE_APIKEY="") == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CLOUDCRUISE_APIKEY", "CLOUDCRUISE_API_KEY"),
        ("cloudcruise_api_key", "CLOUDCRUISE_API_KEY"),
        ("CLOUDCRUSE_API_KEY", "CLOUDCRUISE_API_KEY"),
        ("RUNS_ASSETS_DATE", "RUNS_ASSETS_DATA"),
        ("RUN_ASSETS_DATA", "RUNS_ASSETS_DATA"),
        ("RUNS_ASSETS_ALERT_URL", "RUNS_ASSETS_ALERT_URLS"),
        ("PRODUCTSUP_TOKEN", "PRODUCTSUP_CDE_TOKEN"),
        ("PRODUCTSUP_CDE_TOKN", "PRODUCTSUP_CDE_TOKEN"),
    ],
)
def test_a_name_of_no_setting_is_told_with_the_one_that_was_meant(faults: Faults, name: str, meant: str) -> None:
    assert faults(**{name: "hidden"}) == [f"{name} is the name of no setting; the closest one is {meant}."]


def test_names_of_other_programs_are_none_of_ours(faults: Faults) -> None:
    assert faults(DATA="x", API_KEY="x", TOKEN="x", BASE_URL="x", ASSETS_DATA="x", PAGE_SIZE="x") == []


def test_a_source_with_half_of_its_settings_is_told(faults: Faults) -> None:
    assert faults(PRODUCTSUP_CDE_BASE_URL="https://host", PRODUCTSUP_CDE_CDE_TOKEN="hidden") == [
        "productsup is off, although PRODUCTSUP_CDE_BASE_URL is set: it needs PRODUCTSUP_CDE_TOKEN, too.",
        "PRODUCTSUP_CDE_CDE_TOKEN is the name of no setting; the closest one is PRODUCTSUP_CDE_TOKEN.",
    ]
    oauth = {
        f"PRODUCTSUP_CDE_{name}": "https://h/t" for name in ("BASE_URL", "TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET")
    }
    [said] = faults(**oauth)
    assert said.endswith(" are set: it needs PRODUCTSUP_CDE_REFRESH_TOKEN, too.")
    assert faults(CLOUDCRUISE_PAGE_SIZE="5") == [
        "cloudcruise is off, although CLOUDCRUISE_PAGE_SIZE is set: it needs CLOUDCRUISE_API_KEY, too."
    ]


def test_a_value_that_cannot_be_used_is_told_of_every_group(faults: Faults) -> None:
    found = faults(
        CLOUDCRUISE_API_KEY="k", CLOUDCRUISE_PAGE_SIZE="x", RUNS_ASSETS_DETAILS="x", RUNS_ASSETS_UNREAD_AFTER_HOURS="x"
    )
    assert [said.split(": ")[1] for said in found] == [
        "RUNS_ASSETS_DETAILS",
        "RUNS_ASSETS_UNREAD_AFTER_HOURS",
        "CLOUDCRUISE_PAGE_SIZE",
    ]


WATCHED = """
[[routes]]
source = "cloudcruise"
tag = "phone"

[[rules]]
source = "cloud*"
tell = "never"

[[rules]]
source = "cloudcruse"
tell = "never"

[[mutes]]
source = "productsup*"
until = 2026-03-18
reason = "known"

[[mutes]]
source = "product-*"
until = 2026-03-18
reason = "known"

[[expectations]]
source = "Cloudcruise"
every = "1d"

[[holidays]]
source = "productsupp"
country = "DE"

[[owners]]
owner = "Feeds team"

[links]
cloudcruse = "https://app.example.com/{run_id}"
productsup = "https://app.example.com/{run_id}"
"""


def test_a_source_that_the_watch_file_misspells_is_told_wherever_it_is_named(faults: Faults, tmp_path: Path) -> None:
    (tmp_path / "watch.toml").write_text(WATCHED)
    assert faults(RUNS_ASSETS_WATCH_FILE="watch.toml") == [
        "In the watch file, rules 2: there is no source cloudcruse; the closest one is cloudcruise.",
        "In the watch file, mutes 2: there is no source product-*; the closest one is productsup.",
        "In the watch file, expectations 1: there is no source Cloudcruise; the closest one is cloudcruise.",
        "In the watch file, holidays 1: there is no source productsupp; the closest one is productsup.",
        "In the watch file, links: there is no source cloudcruse; the closest one is cloudcruise.",
    ]


def test_a_watch_file_that_cannot_be_used_is_told_once(faults: Faults, tmp_path: Path) -> None:
    (tmp_path / "watch.toml").write_text('[[mute]]\nreason = "x"\n')
    [said] = faults(RUNS_ASSETS_WATCH_FILE="watch.toml")
    assert "mute: there is no such section; the closest one is mutes" in said
    [said] = faults(RUNS_ASSETS_WATCH_FILE="watch.toml", RUNS_ASSETS_DETAILS="x")
    assert "RUNS_ASSETS_DETAILS" in said


def test_it_stands_in_the_log_at_load_and_in_the_page(tmp_path: Path) -> None:
    code = (
        "import dagster as dg\n"
        "from runs_assets.definitions import SOURCES, definitions_of\n"
        "from runs_assets.resources import Clock\n"
        "definitions = definitions_of(SOURCES)\n"
        "print(definitions.resolve_sensor_def('productsup_unsettled_days').description)\n"
        "with dg.DagsterInstance.ephemeral() as instance:\n"
        "    repository = definitions.get_repository_def()\n"
        "    clock = {'clock': Clock()}\n"
        "    context = dg.build_sensor_context(instance=instance, repository_def=repository, resources=clock)\n"
        "    print(definitions.resolve_sensor_def('outdated_verdicts').evaluate_tick(context).skip_message)\n"
    )
    (tmp_path / "watch.toml").write_text('[links]\ncloudcruse = "https://app.example.com/{run_id}"\n')
    mistyped = {
        "RUNS_ASSETS_WATCH_FILE": "watch.toml",
        "PRODUCTSUP_CDE_BASE_URL": "https://host",
        "PRODUCTSUP_CDE_TOKN": "hidden",
        "DAGSTER_HOME": str(tmp_path),
    }
    ours = {name: value for name, value in os.environ.items() if not name.startswith(PREFIXES)} | mistyped
    arguments = [sys.executable, "-W", "ignore", "-c", code]
    shown = subprocess.run(arguments, cwd=tmp_path, env=ours, capture_output=True, text=True, check=True)
    half = "productsup is off, although PRODUCTSUP_CDE_BASE_URL is set: it needs PRODUCTSUP_CDE_TOKEN, too."
    unknown = "PRODUCTSUP_CDE_TOKN is the name of no setting; the closest one is PRODUCTSUP_CDE_TOKEN."
    watched = "In the watch file, links: there is no source cloudcruse; the closest one is cloudcruise."
    assert {half, unknown, watched} <= set(shown.stderr.splitlines())
    of_sensor, of_tick = shown.stdout.splitlines()
    assert of_sensor.endswith(half)
    assert of_tick.endswith(f"{half} {unknown} {watched}")
    assert "hidden" not in shown.stdout + shown.stderr
