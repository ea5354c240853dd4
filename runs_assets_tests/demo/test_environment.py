"""The demo's environment and folder, without starting anything."""

import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest

from runs_assets.demo.environment import LOCATION, DemoFolder, demo_environment, own_folder, without_settings
from runs_assets.demo.page import page_url, reserve
from runs_assets_tests.readme import ROOT

DAY = date(2026, 3, 18)
USERS = {
    "PATH": "/bin",
    "CLOUDCRUISE_API_KEY": "real",
    "CLOUDCRUISE_EU_API_KEY": "real",
    "PRODUCTSUP_CDE_TOKEN": "real",
    "RUNS_ASSETS_DATA": "/real",
    "DAGSTER_HOME": "/real",
    "DAGSTER_CLOUD_API_TOKEN": "real",
    "no_proxy": "intranet",
}


def test_no_setting_of_the_user_is_handed_on() -> None:
    cleaned = without_settings(USERS)
    assert cleaned.keys() == {"PATH", "NO_PROXY", "no_proxy"}
    assert "real" not in " ".join(cleaned.values())


def test_a_proxy_of_the_user_does_not_stand_before_the_sandbox() -> None:
    cleaned = without_settings(USERS)
    assert cleaned["no_proxy"] == "127.0.0.1,localhost,intranet"
    assert cleaned["NO_PROXY"] == "127.0.0.1,localhost"


def test_data_and_history_lie_in_the_demos_folder(tmp_path: Path) -> None:
    env = demo_environment(USERS, DemoFolder(tmp_path), date(2026, 3, 1))
    assert Path(env["RUNS_ASSETS_DATA"]).is_relative_to(tmp_path)
    assert Path(env["DAGSTER_HOME"]).is_relative_to(tmp_path)
    assert env["RUNS_ASSETS_FIRST_DAY"] == "2026-03-01"


def test_preparing_again_keeps_what_is_there_on_the_same_day_alone(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path)
    folder.prepare(DAY)
    (folder.data / "kept").touch()
    folder.prepare(DAY)
    assert (folder.data / "kept").exists()
    folder.prepare(DAY + timedelta(days=1))
    assert not (folder.data / "kept").exists()


def test_the_page_calls_its_data_a_sandbox_and_sends_nothing_home(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path)
    folder.prepare(DAY)
    assert f'location_name: "{LOCATION}"' in folder.workspace.read_text()
    assert "SANDBOX" in LOCATION
    assert "telemetry: {enabled: false}" in (folder.dagster_home / "dagster.yaml").read_text()


def test_a_demo_beside_a_running_one_has_a_folder_of_its_own(tmp_path: Path) -> None:
    with own_folder(tmp_path, DAY) as first, own_folder(tmp_path, DAY) as second:
        assert [first.root.name, second.root.name] == [".demo", ".demo-2"]
        with own_folder(tmp_path, DAY) as third:
            assert third.root.name == ".demo-3"
    with own_folder(tmp_path, DAY) as again:
        assert again == first
    assert again.workspace.exists()


@pytest.mark.parametrize("name", ["watch.toml", ".env", ".env.production", ".demo/x", ".demo-2/x", "data/x"])
def test_what_belongs_to_one_installation_is_ignored_by_git(name: str) -> None:
    assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0


def test_the_page_of_all_addresses_is_asked_for_on_loopback() -> None:
    assert page_url("0.0.0.0", 3000) == "http://127.0.0.1:3000"
    assert page_url("127.0.0.2", 3000) == "http://127.0.0.2:3000"
    with reserve("0.0.0.0", 0) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"
