"""Where rotated OAuth2 tokens are kept between processes, for the eyes of their owner alone."""

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, FiniteFloat

from runs_assets.errors import ConflictError, CredentialsError, StorageError
from runs_assets.storage.layout import right_to_write
from runs_assets.storage.store import StoredFile
from runs_assets.storage.waits import without_conflict

PATIENCE_SECONDS = 30.0


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
    """The tokens of one grant in a file that the store keeps for the eyes of its owner alone.

    The file remembers, as a hash, which configured refresh token it grew from: a new one in the settings wins over
    whatever is stored.
    """

    def __init__(self, file: StoredFile, grant: RefreshGrant) -> None:
        self._file = file
        self._origin = hashlib.sha256(f"{grant.client_id}\n{grant.refresh_token}".encode()).hexdigest()

    def claimed(self) -> AbstractContextManager[None]:
        """The right to use the stored refresh token, which one process has at a time; raises `BusyError`."""
        writer = self._file.writer
        return right_to_write(self._file.store, writer).held(writer, patience=PATIENCE_SECONDS)

    def load(self) -> dict[str, Any]:
        """The stored tokens; empty if there are none of this grant.

        Raises `CredentialsError` if the file is damaged, `StorageError` if it cannot be read or closed to others.
        """
        try:
            if (content := self._file.content()) is None:
                return {}
            stored = msgspec.json.decode(content)
            return checked_tokens(stored["tokens"]) if stored["origin"] == self._origin else {}
        except StorageError as error:
            raise StorageError(f"Could not read the rotated tokens in {self._file}. {error}") from error
        except (ValueError, TypeError, KeyError):
            raise CredentialsError(
                f"The file of rotated tokens is damaged: {self._file}. Delete it and set a fresh refresh token."
            ) from None

    def put_in_place_of(self, used: str, tokens: dict[str, Any]) -> dict[str, Any]:
        """Store what was issued for a refresh token; returns what is stored then.

        That is somebody else's where this process stood still for so long that another one has used the token.
        """

        def once() -> dict[str, Any]:
            version, stored = self._file.version(), self.load()
            if stored.get("refresh_token", used) != used:
                return stored
            self.save(tokens, version)
            return tokens

        return without_conflict(once)

    def save(self, tokens: dict[str, Any], version: str | None = None) -> None:
        """Store the tokens durably before anything uses them: a rotated refresh token exists only here.

        Raises `ConflictError` if a `version` of the file is given and is no longer the stored one.
        """
        try:
            self._file.replace(msgspec.json.encode({"origin": self._origin, "tokens": tokens}), version=version)
        except ConflictError:
            raise
        except StorageError as error:
            raise StorageError(
                f"Could not write the rotated tokens to {self._file}. {error} If the next refresh is refused, set a "
                "fresh refresh token."
            ) from error
