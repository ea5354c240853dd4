"""Where rotated OAuth2 tokens are kept between processes, for the eyes of their owner alone."""

import hashlib
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, FiniteFloat

from runs_assets.errors import CredentialsError, StorageError
from runs_assets.storage.store import StoredFile


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

    def save(self, tokens: dict[str, Any]) -> None:
        """Store the tokens durably before anything uses them: a rotated refresh token exists only here."""
        try:
            self._file.replace(msgspec.json.encode({"origin": self._origin, "tokens": tokens}))
        except StorageError as error:
            raise StorageError(
                f"Could not write the rotated tokens to {self._file}. {error} If the next refresh is refused, set a "
                "fresh refresh token."
            ) from error
