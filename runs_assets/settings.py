"""The project's own settings, and what the settings of every source have in common.

Each group of settings is one validated object, read from the environment or from `.env` in the working directory
(the environment wins). An empty value counts as unset. Nothing here reads a secret at import: sources read theirs
when a run asks for them, and `is_present` looks at names only.
"""

import hashlib
import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import httpx
from dotenv import dotenv_values
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from runs_assets.errors import SettingsError

ENV_FILE = Path(".env")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


def _usable_secret(secret: SecretStr) -> SecretStr:
    """A secret without the line end that files and secret stores like to add."""
    value = secret.get_secret_value().strip()
    if not value.isascii() or not value.isprintable():
        raise ValueError("contains characters that cannot be sent in a header")
    return SecretStr(value)


Secret = Annotated[SecretStr, AfterValidator(_usable_secret)]


class EnvironmentSettings(BaseSettings):
    """Settings read from variables that share a prefix; subclasses list them as fields.

    `hide_input_in_errors` matters: without it a rejected value, which may be a secret, is part of the message.
    """

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    @classmethod
    def load(cls, prefix: str) -> Self:
        """Read and validate the variables `<prefix><FIELD>`; raises `SettingsError` naming each one that is wrong."""
        build: Any = cls
        try:
            settings: Self = build(_env_prefix=prefix)
        except UnicodeDecodeError:
            raise _unreadable_env_file() from None
        except ValidationError as error:
            faults = "; ".join(f"{_variable(prefix, fault)}: {fault['msg']}" for fault in error.errors())
            raise SettingsError(
                f"A setting cannot be used: {faults}. Correct it in the environment or in .env."
            ) from None
        return settings


def _variable(prefix: str, fault: Any) -> str:
    return prefix + "_".join(str(part) for part in fault["loc"]).upper() if fault["loc"] else f"{prefix}*"


Duration = Annotated[float, Field(ge=0, le=100_000)]
PositiveDuration = Annotated[float, Field(gt=0, le=100_000)]


class ProjectSettings(EnvironmentSettings):
    """Where the files are, which days there are, and how often a day is read (see `runs_assets.settling.rules`).

    `data` is a folder, relative to the working directory unless absolute. `first_day` is the first daily partition.
    `abandoned_after_hours` is how long beyond its usual limit an open run is waited for, `history_days` how long
    Dagster's history keeps runs that newer ones supersede. `watch_file` holds what people know about the pipelines (see
    `runs_assets.watch_file`), relative to the working directory unless absolute.
    """

    data: Annotated[Path, AfterValidator(Path.expanduser)] = Path("data")
    first_day: date = date(2025, 1, 1)
    grace_hours: Duration = 24
    today_every_minutes: PositiveDuration = 60
    recheck_every_hours: PositiveDuration = 24
    give_up_days: PositiveDuration = 7
    abandoned_every_days: PositiveDuration = 7
    last_look_days: PositiveDuration = 2
    reread_requests: Annotated[int, Field(ge=0, le=100_000)] = 1000
    window_days: Annotated[int, Field(ge=28, le=3660)] = 90
    abandoned_after_hours: Duration = 24
    details: bool = True
    history_days: Annotated[int, Field(ge=2, le=3660)] = 7
    watch_file: Annotated[Path, AfterValidator(Path.expanduser)] | None = None


def project_settings() -> ProjectSettings:
    """The `RUNS_ASSETS_*` settings; none of them is secret."""
    return ProjectSettings.load("RUNS_ASSETS_")


def is_present(names: Iterable[str]) -> bool:
    """Whether every one of these variables is set to something, in the environment or in `.env`.

    For import time, where only the presence of a name may decide anything.
    """
    try:
        file_values = dotenv_values(ENV_FILE)
    except UnicodeDecodeError:
        raise _unreadable_env_file() from None
    return all(os.environ.get(name) or file_values.get(name) for name in names)


def fingerprint(prefixes: Iterable[str]) -> str:
    """Eight hexadecimal digits that change with the variables of these prefixes; too few to reveal a secret."""
    values = {**dotenv_values(ENV_FILE), **os.environ}
    chosen = sorted((name, value or "") for name, value in values.items() if name.startswith(tuple(prefixes)))
    return hashlib.blake2b(repr(chosen).encode(), digest_size=4).hexdigest()


def _unreadable_env_file() -> SettingsError:
    return SettingsError("The file .env is not UTF-8 text. Save it as UTF-8.")


def checked_base_url(url: str) -> str:
    """A checked URL without its trailing slash, to which paths are added."""
    return checked_url(url).rstrip("/")


def checked_url(url: str) -> str:
    """A URL to which a credential may be sent; `ValueError` for any other.

    Only https, or http to a loopback host; no credentials, query or fragment inside.
    """
    try:
        url = str(httpx.URL(url.strip()))
        parts = urlsplit(url)
        is_port_usable = parts.port is None or parts.port > 0
        (parts.hostname or "").encode("idna")
    except (httpx.InvalidURL, ValueError):
        raise ValueError("is not a URL") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user name or a password")
    if not parts.hostname or not is_port_usable or parts.query or parts.fragment:
        raise ValueError("must look like https://host/path")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS):
        raise ValueError("must begin with https:// (http:// only for a loopback host)")
    return url
