"""The project's own settings, and what the settings of every source have in common.

Each group of settings is one validated object, made of variables of the environment and of `.env` in the working
directory. An empty value counts as unset. Nothing here reads a secret at import: sources read theirs when a run asks
for them, and `is_present` looks at names only.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self, get_args
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from runs_assets.errors import SettingsError

ENV_FILE = Path(".env")
PREFIX = "RUNS_ASSETS_"
"""Of all settings that are no source's."""
BELOW_DAGSTER_DEV = "DAGSTER_IS_DEV_CLI"
"""A variable of the processes below `dagster dev`, which has put `.env` over the environment."""
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

_FORMS: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    date: "a day such as 2026-03-01",
    Path: "a path",
}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most"}
SHOWN_CHARACTERS = 20
"""No longer value is shown: it may be a secret that was set under the wrong name."""


def variables() -> dict[str, str]:
    """Every variable that is set to something, without spaces or a pair of quotation marks around its value.

    Docker's `--env-file` keeps both. The environment wins over `.env`. Below `dagster dev` the file wins, since what
    the environment says of its names is the file as it was when `dagster dev` was started.
    Raises `SettingsError` if the file cannot be read.
    """
    try:
        in_file = dotenv_values(ENV_FILE, encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError("The file .env is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(f"The file .env cannot be read: {error.strerror}. Correct its permissions.") from None
    layers = (os.environ, in_file) if BELOW_DAGSTER_DEV in os.environ else (in_file, os.environ)
    return {name: value for layer in layers for name, text in layer.items() if (value := _unquoted(text or ""))}


def _unquoted(text: str) -> str:
    text = text.strip()
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1].strip() if is_quoted else text


def is_present(names: Iterable[str]) -> bool:
    """Whether every one of these variables is set to something; for import time, where no value may decide anything."""
    return variables().keys() >= set(names)


def fingerprint(prefixes: Iterable[str]) -> str:
    """Eight hexadecimal digits that change with the variables of these prefixes; too few to reveal a secret."""
    chosen = sorted((name, value) for name, value in variables().items() if name.startswith(tuple(prefixes)))
    return hashlib.blake2b(repr(chosen).encode(), digest_size=4).hexdigest()


def _usable_secret(secret: SecretStr) -> SecretStr:
    """A secret without the line end that files and secret stores like to add."""
    value = secret.get_secret_value().strip()
    if not value.isascii() or not value.isprintable():
        raise ValueError("contains characters that cannot be sent in a header")
    if value[:1] in set("\"'") or value[-1:] in set("\"'"):
        raise ValueError("has a quotation mark at one of its ends")
    return SecretStr(value)


Secret = Annotated[SecretStr, AfterValidator(_usable_secret)]


class EnvironmentSettings(BaseModel):
    """Settings read from variables that share a prefix; subclasses list them as fields.

    `hide_input_in_errors` matters: without it a rejected value, which may be a secret, is part of the message.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    @classmethod
    def load(cls, prefix: str) -> Self:
        """Read and validate the variables `<prefix><FIELD>`; raises `SettingsError` naming each one that is wrong.

        With its value, unless that may be secret as any long text may, and with the form that it should have.
        """
        given = variables()
        values = {field: given[name] for name, field in cls.names(prefix).items() if name in given}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            faults = "; ".join(cls._fault(prefix, fault, values) for fault in error.errors())
            raise SettingsError(
                f"A setting cannot be used: {faults}. Correct it in the environment or in .env."
            ) from None

    @classmethod
    def names(cls, prefix: str) -> dict[str, str]:
        """The variables' names, each with its field."""
        return {f"{prefix}{field.upper()}": field for field in cls.model_fields}

    @classmethod
    def _fault(cls, prefix: str, fault: Any, values: Mapping[str, str]) -> str:
        why = fault["msg"].removeprefix("Value error, ")
        if not fault["loc"]:
            return f"{prefix}*: {why}"
        name = fault["loc"][0]
        field, value = cls.model_fields[name], values[name]
        if form := _form_of(field):
            shown = repr(value) if len(value) <= SHOWN_CHARACTERS else f"a text of {len(value)} characters"
            return f"{prefix}{name.upper()}: {shown} is not {form}"
        return f"{prefix}{name.upper()}: {why}"


def _kinds_of(field: FieldInfo) -> tuple[Any, ...]:
    return get_args(field.annotation) or (field.annotation,)


def _form_of(field: FieldInfo) -> str | None:
    """How a value must look; None for what may be secret, whose validators say it without the value."""
    form = next((_FORMS[kind] for kind in _kinds_of(field) if kind in _FORMS), None)
    found = ((words, getattr(part, limit, None)) for part in field.metadata for limit, words in _BOUNDS.items())
    limits = " and ".join(f"{words} {limit}" for words, limit in found if limit is not None)
    return f"{form} of {limits}" if form and limits else form


Duration = Annotated[float, Field(ge=0, le=100_000)]
PositiveDuration = Annotated[float, Field(gt=0, le=100_000)]
Day = Annotated[date, BeforeValidator(date.fromisoformat)]
"""Not as pydantic reads it, which takes 20260301 for seconds since 1970."""


BUCKETS = ("s3://", "gs://", "az://")


def _data_root(given: Path | str) -> Path | str:
    text = str(given)
    if text.startswith(BUCKETS):
        return text
    if "://" in text:
        raise ValueError(f"must be a folder, or begin with {', '.join(BUCKETS)}")
    return Path(text).expanduser().absolute()


DataRoot = Annotated[Path | str, BeforeValidator(_data_root)]
"""A folder, absolute, or the URL of a bucket or of a prefix in one."""


class ProjectSettings(EnvironmentSettings):
    """Where the files are, which days there are, and how often a day is read (see `runs_assets.settling.rules`).

    `data` is a folder, or the URL of a bucket. `first_day` is the first daily partition.
    `abandoned_after_hours` is how long beyond its usual limit an open run is waited for, `history_days` how long
    Dagster's history keeps runs that newer ones supersede. `watch_file` holds what people know about the pipelines (see
    `runs_assets.watch_file`), relative to the working directory unless absolute.
    """

    data: DataRoot = Field(default=Path("data"), validate_default=True)
    first_day: Day = date(2025, 1, 1)
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
    return ProjectSettings.load(PREFIX)


def checked_base_url(url: str) -> str:
    """A checked URL without its trailing slash, to which paths are added."""
    return checked_url(url).rstrip("/")


def checked_url(url: str) -> str:
    """A URL to which a credential may be sent; `ValueError` for any other.

    Only https, or http to a loopback host; no credentials, query or fragment inside.
    """
    import httpx  # noqa: PLC0415  (a tenth of a second)

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
