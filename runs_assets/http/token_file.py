"""Where rotated OAuth2 tokens are kept between processes, for the eyes of their owner alone."""

import hashlib
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, FiniteFloat

from runs_assets.errors import CredentialsError, StorageError

log = logging.getLogger(__name__)
OWNER_ONLY = 0o600
FOLDER_OWNER_ONLY = 0o700


@dataclass(frozen=True)
class RefreshGrant:
    """What an OAuth2 refresh-token grant needs. `refresh_token` is the first one, before any rotation."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


def _usable_token(value: str) -> str:
    if not value.isascii() or not value.isprintable() or not value.strip() == value != "":
        raise ValueError("not a token that a header can carry")
    return value


class _Tokens(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: Annotated[str, AfterValidator(_usable_token)]
    refresh_token: Annotated[str, AfterValidator(_usable_token)]
    expires_at: FiniteFloat | None = None
    secret_in_form: bool | None = None


def checked_tokens(found: Any) -> dict[str, Any]:
    """Both tokens, as a header can carry them, and perhaps `expires_at` (Unix seconds); `ValueError` if unusable.

    And perhaps whether the token endpoint takes the client's secret only in the form (`secret_in_form`).
    """
    return _Tokens.model_validate(found).model_dump(exclude_none=True)


class TokenFile:
    """The tokens of one grant in a file that only its owner can read (mode 0600, in a folder of mode 0700).

    The file remembers, as a hash, which configured refresh token it grew from: a new one in the settings wins over
    whatever is stored. A file or folder that others could read is closed to them, with a warning, before it is used.
    """

    def __init__(self, path: Path, grant: RefreshGrant) -> None:
        self._path = path
        self._origin = hashlib.sha256(f"{grant.client_id}\n{grant.refresh_token}".encode()).hexdigest()

    def load(self) -> dict[str, Any]:
        """The stored tokens; empty if there are none of this grant.

        Raises `CredentialsError` if the file is damaged, `StorageError` if it cannot be read or closed to others.
        """
        try:
            self._close_to_others()
            stored = msgspec.json.decode(self._path.read_bytes())
            return checked_tokens(stored["tokens"]) if stored["origin"] == self._origin else {}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StorageError(
                f"Could not read the rotated tokens in {self._path}: {error.strerror}. Correct the owner and the "
                "permissions of the file and its folder."
            ) from error
        except (ValueError, TypeError, KeyError):
            raise CredentialsError(
                f"The file of rotated tokens is damaged: {self._path}. Delete it and set a fresh refresh token."
            ) from None

    def save(self, tokens: dict[str, Any]) -> None:
        """Store the tokens durably before anything uses them: a rotated refresh token exists only here."""
        try:
            self._write(msgspec.json.encode({"origin": self._origin, "tokens": tokens}))
        except OSError as error:
            raise StorageError(
                f"Could not write the rotated tokens to {self._path}: {error.strerror}. Free space or correct the "
                "folder's permissions; if the next refresh is refused, set a fresh refresh token."
            ) from error

    def _write(self, content: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_OWNER_ONLY)
        self._path.parent.chmod(FOLDER_OWNER_ONLY)
        temporary = self._path.with_suffix(".new")
        # What a killed process left there keeps its own mode if it is opened again, and may even be a link.
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)

    def _close_to_others(self) -> None:
        for path, mode in ((self._path, OWNER_ONLY), (self._path.parent, FOLDER_OWNER_ONLY)):
            found = path.stat().st_mode & 0o777
            if found & 0o077:
                path.chmod(mode)
                log.warning(
                    "%s could be used by others on this machine (mode %o) and is now closed to them. "
                    "If anyone may have read the tokens, revoke them and set a fresh refresh token.",
                    path,
                    found,
                )
