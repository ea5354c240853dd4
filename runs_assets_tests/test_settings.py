"""Settings are validated once, named when they are wrong, and never shown."""

import re
from datetime import date
from pathlib import Path

import pytest

from runs_assets.errors import SettingsError
from runs_assets.settings import checked_base_url, checked_url, fingerprint, is_present, project_settings
from runs_assets.sources.cloudcruise.source import CloudCruiseSettings
from runs_assets.sources.productsup.source import ProductsupSettings


@pytest.fixture(autouse=True)
def _empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_are_those_of_the_readme() -> None:
    settings = CloudCruiseSettings.load("NOBODY_")
    assert (settings.base_url, settings.retention_days, settings.page_size) == ("https://api.cloudcruise.com", 31, 1000)
    assert settings.api_key is None
    assert settings.parallel == 1
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
    ("name", "value", "said"),
    [
        ("PAGE_SIZE", "0", "'0' is not a whole number of at least 1 and at most 10000"),
        ("PAGE_SIZE", "10001", "'10001' is not a whole number of at least 1 and at most 10000"),
        ("PAGE_SIZE", "many", "'many' is not a whole number of at least 1 and at most 10000"),
        ("BASE_URL", "ftp://x", "must begin with https:// (http:// only for a loopback host)"),
        ("BASE_URL", "pasted-secret", "must look like https://host/path"),
        ("BASE_URL", "https://me:secret@host", "must not contain a user name or a password"),
        ("BASE_URL", "https://host?key=secret", "must look like https://host/path"),
        ("API_KEY", "s\u00e9cret", "contains characters that cannot be sent in a header"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_form_and_its_value_unless_that_may_be_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"X_{name}", value)
    with pytest.raises(SettingsError) as caught:
        CloudCruiseSettings.load("X_")
    assert str(caught.value) == (
        f"A setting cannot be used: X_{name}: {said}. Correct it in the environment or in .env."
    )


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("FIRST_DAY", "01.03.2026", "a day such as 2026-03-01"),
        ("DETAILS", "perhaps", "true or false"),
        ("GRACE_HOURS", "-1", "a number of at least 0 and at most 100000"),
        ("GIVE_UP_DAYS", "nan", "a number of more than 0 and at most 100000"),
        ("HISTORY_DAYS", "1", "a whole number of at least 2 and at most 3660"),
    ],
)
def test_so_is_each_kind_of_setting_of_the_project(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, form: str
) -> None:
    monkeypatch.setenv(f"RUNS_ASSETS_{name}", value)
    with pytest.raises(SettingsError, match=re.escape(f"RUNS_ASSETS_{name}: {value!r} is not {form}.")):
        project_settings()


@pytest.mark.parametrize("value", ["20260301", "2026-03-01", '"2026-03-01"', " 2026-03-01\r"])
def test_a_day_is_a_day_and_no_number_of_seconds(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", value)
    assert project_settings().first_day == date(2026, 3, 1)


@pytest.mark.parametrize("value", ['"abc"', "'abc'", ' "abc" ', "abc "])
def test_the_quotation_marks_that_docker_keeps_are_no_part_of_a_value(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("X_API_KEY", value)
    monkeypatch.setenv("X_PAGE_SIZE", '"7"')
    settings = CloudCruiseSettings.load("X_")
    assert settings.api_key is not None
    assert (settings.api_key.get_secret_value(), settings.page_size) == ("abc", 7)


@pytest.mark.parametrize("value", ['""', "''", '" "', " "])
def test_nothing_between_quotation_marks_is_nothing(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X_PAGE_SIZE", value)
    assert not is_present(["X_PAGE_SIZE"])


@pytest.mark.parametrize("value", ['"abc', "abc'", '"'])
def test_half_of_a_pair_around_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X_API_KEY", value)
    with pytest.raises(SettingsError, match="X_API_KEY: has a quotation mark at one of its ends"):
        CloudCruiseSettings.load("X_")


def test_a_byte_order_mark_before_the_file_is_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("X_PAGE_SIZE=5\n", encoding="utf-8-sig")
    assert CloudCruiseSettings.load("X_").page_size == 5


def test_below_dagster_dev_a_corrected_file_is_used_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DAGSTER_IS_DEV_CLI", "1")
    monkeypatch.setenv("X_API_KEY", "mistyped")  # what `dagster dev` has read from the file when it was started
    monkeypatch.setenv("X_PAGE_SIZE", "7")
    (tmp_path / ".env").write_text("X_API_KEY=mistyped\n")
    before = fingerprint(["X_"])
    (tmp_path / ".env").write_text("X_API_KEY=corrected\nX_PAGE_SIZE=\n")
    settings = CloudCruiseSettings.load("X_")
    assert settings.api_key is not None
    assert (settings.api_key.get_secret_value(), settings.page_size) == ("corrected", 7)
    assert fingerprint(["X_"]) != before


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


def test_presence_is_judged_by_name_in_the_environment_or_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("IN_FILE=x\nEMPTY=\n")
    monkeypatch.setenv("IN_ENVIRONMENT", "x")
    assert is_present(["IN_FILE", "IN_ENVIRONMENT"])
    assert not is_present(["IN_FILE", "EMPTY"])
    assert not is_present(["NOWHERE"])


def test_a_long_value_is_not_shown_since_it_may_be_a_secret_under_the_wrong_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RUNS_ASSETS_GRACE_HOURS", "a-secret-of-25-characters")
    with pytest.raises(SettingsError, match="RUNS_ASSETS_GRACE_HOURS: a text of 25 characters is not ") as caught:
        project_settings()
    assert "secret-of" not in str(caught.value)
