"""No secret survives, wherever it stands."""

from runs_assets.http.redaction import Redactor, without_secrets


def test_known_values_and_credentials_in_urls_are_masked() -> None:
    redact = Redactor(["abc", "abcdef"])
    redact.learn("zzz", "")
    assert redact("abcdef zzz https://me:pw@host/x") == "[redacted] [redacted] https://[redacted]@host/x"


def test_unknown_fields_stay_only_if_scalar_and_not_named_like_a_secret() -> None:
    row = {
        "id": 1,
        "new": "x",
        "nested": {"a": 1},
        "list": [1],
        "apiKey": "s",
        "oauth2": "s",
        "cli-command": "s",
        "n": None,
    }
    assert without_secrets(row, frozenset({"id"})) == {"id": 1, "new": "x", "n": None}


def test_known_fields_stay_even_if_their_name_looks_like_a_secret_but_only_as_scalars() -> None:
    row = {"pass-count": 3, "token-name": {"value": "s"}}
    assert without_secrets(row, frozenset(row)) == {"pass-count": 3}
