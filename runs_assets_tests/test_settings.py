"""Settings are validated once, named when they are wrong, and never shown."""

from datetime import date
from pathlib import Path

import pytest

from runs_assets.errors import SettingsError
from runs_assets.settings import checked_base_url, checked_url, is_present, project_settings
from runs_assets.sources.cloudcruise.source import CloudCruiseSettings
from runs_assets.sources.productsup.source import ProductsupSettings


@pytest.fixture(autouse=True)
def _empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_are_those_of_the_readme() -> None:
    settings = CloudCruiseSettings.load("NOBODY_")
    assert (settings.base_url, settings.retention_days, settings.page_size) == ("https://api.cloudcruise.com", 31, 1000)
    assert settings.api_key is None
    assert ProductsupSettings.load("NOBODY_").page_size == 100
    assert ProductsupSettings.load("NOBODY_").base_url is None


def test_the_environment_wins_over_the_file_and_empty_counts_as_unset(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("X_PAGE_SIZE=5\nX_RETENTION_DAYS=7\nX_API_KEY=\n")
    monkeypatch.setenv("X_PAGE_SIZE", "6")
    monkeypatch.setenv("X_RETENTION_DAYS", "")
    settings = CloudCruiseSettings.load("X_")
    assert (settings.page_size, settings.retention_days, settings.api_key) == (6, 7, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAGE_SIZE", "0"),
        ("PAGE_SIZE", "10001"),
        ("PAGE_SIZE", "many"),
        ("RETENTION_DAYS", "0"),
        ("BASE_URL", "ftp://x"),
    ],
)
def test_what_cannot_be_used_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"X_{name}", value)
    with pytest.raises(SettingsError, match=f"X_{name}: ") as caught:
        CloudCruiseSettings.load("X_")
    assert "many" not in str(caught.value)


def test_secrets_are_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_API_KEY", "hidden-value")
    assert "hidden-value" not in repr(CloudCruiseSettings.load("X_"))


def test_a_line_end_around_a_secret_is_not_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_API_KEY", " key\n")
    secret = CloudCruiseSettings.load("X_").api_key
    assert secret is not None
    assert secret.get_secret_value() == "key"


@pytest.mark.parametrize("value", ["ke\ny", "k\u00e9y"])
def test_a_secret_that_no_header_can_carry_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("X_API_KEY", value)
    with pytest.raises(SettingsError, match=r"X_API_KEY: .*cannot be sent in a header") as caught:
        CloudCruiseSettings.load("X_")
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:pw@host",
        "http://host",
        "http://169.254.1.1/x",
        "https://",
        "https://host/?a=b",
        "host",
        "https://host/#x",
        "https://a..b",
        "http://127.0.0.1:abc",
        "https://host:99999",
        "https://u:secretpw@ex\u2100mple.com",
    ],
)
def test_a_base_url_must_be_safe_to_send_credentials_to(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|is not a URL") as caught:
        checked_base_url(url)
    assert "secretpw" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://host/path", "http://127.0.0.1:8000", "http://localhost/x", "http://[::1]:1"])
def test_https_or_loopback_is_accepted_without_a_trailing_slash(url: str) -> None:
    assert checked_base_url(url + "/") == url


def test_a_token_url_keeps_its_trailing_slash() -> None:
    assert checked_url("https://host/token/") == "https://host/token/"


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNS_ASSETS_DATA", "~/runs")
    assert project_settings().data == Path.home() / "runs"


def test_an_env_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"X=\xff\xfe")
    with pytest.raises(SettingsError, match=r"\.env is not UTF-8"):
        project_settings()
    with pytest.raises(SettingsError, match=r"\.env is not UTF-8"):
        is_present(["X"])


def test_the_first_day_is_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", "2026-02-03")
    assert project_settings().first_day == date(2026, 2, 3)
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", "soon")
    with pytest.raises(SettingsError, match="RUNS_ASSETS_FIRST_DAY"):
        project_settings()


def test_presence_is_judged_by_name_in_the_environment_or_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("IN_FILE=x\nEMPTY=\n")
    monkeypatch.setenv("IN_ENVIRONMENT", "x")
    assert is_present(["IN_FILE", "IN_ENVIRONMENT"])
    assert not is_present(["IN_FILE", "EMPTY"])
    assert not is_present(["NOWHERE"])
