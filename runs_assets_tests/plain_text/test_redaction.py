"""No secret survives, wherever it stands and however it is written."""

from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest

from runs_assets.plain_text.redaction import Redactor, without_secrets, without_url_credentials

SECRET = "s3cr3t/+=\"\\ '&?%~of-someone"


def test_known_values_and_credentials_in_urls_are_masked() -> None:
    redact = Redactor(["abc", "abcdef"])
    redact.learn("zzz", "")
    assert redact("abcdef zzz https://me:pw@host/x") == "[redacted] [redacted] https://[redacted]@host/x"


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d").lower(),
        "s3cr3t/+=\\\"\\\\ '&?%~of-someone",  # JSON
        "s3cr3t\\/+=\\\"\\\\ '&?%~of-someone",  # PHP's JSON
        SECRET[:20],
        SECRET[6:],
        SECRET[4:18],
    ],
)
def test_a_secret_is_known_in_other_spellings_and_in_part(written: str) -> None:
    assert Redactor([SECRET])(f"refused: <{written}>") == "refused: <[redacted]>"


@pytest.mark.parametrize("before", ["", "x", "me", "me:", "client:"])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_a_secret_inside_base64_leaves_at_most_two_characters_at_its_ends(before: str, encode: object) -> None:
    assert callable(encode)
    token = "Zq8-a-token-of-some-length"
    written = encode(f"{before}{token}".encode()).decode()
    shown = Redactor([token])(written)
    head, _, tail = shown.partition("[redacted]")
    assert "[redacted]" in shown
    assert len(head) <= len(encode(before.encode()).decode())
    assert len(tail.rstrip("=")) <= 2


def test_a_short_secret_is_masked_as_a_word_and_leaves_the_rest_readable() -> None:
    redact = Redactor(["key"])
    assert redact('the monkey\'s keys: "key" (key=key)') == 'the monkey\'s keys: "[redacted]" ([redacted]=[redacted])'


def test_ordinary_words_stay_and_a_mask_is_not_repeated() -> None:
    redact = Redactor([SECRET, "another-long-secret-value"])
    said = "The value of site-name is someone's and should be positive."
    assert redact(said) == said
    assert redact(f"{SECRET}{SECRET} x another-long-secret-value.") == "[redacted] x [redacted]."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://me:p@ss@host/x", "https://[redacted]@host/x"),
        ("https://me:pa/ss@host/x", "https://[redacted]@host/x"),
        ("postgresql://me@host and ftp://:pw@h", "postgresql://[redacted]@host and ftp://[redacted]@h"),
        ("https://host/?a=1&access_token=x%20y&b=2", "https://host/?a=1&access_token=[redacted]&b=2"),
        ("https://host/?X-Amz-Signature=abc#api_key=d", "https://host/?X-Amz-Signature=[redacted]#api_key=[redacted]"),
        ("https://host/@user/x?page=2", "https://host/@user/x?page=2"),
        ("https://host:8080/@user", "https://host:8080/@user"),
        ("me@host, a?token=b", "me@host, a?token=b"),  # no URL
        (r'{"at":"https:\/\/me:p\/w@host\/x"}', r'{"at":"https:\/\/[redacted]@host\/x"}'),  # PHP's JSON
        (r"https:\/\/host:8080\/@user", r"https:\/\/host:8080\/@user"),
    ],
)
def test_of_a_url_only_the_credentials_are_masked(text: str, expected: str) -> None:
    assert without_url_credentials(text) == expected


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


@pytest.mark.parametrize("name", ["pwd", "Set-Cookie", "jwt", "bearer", "x-signature", "private", "cmd"])
def test_further_names_of_secrets_are_known(name: str) -> None:
    assert without_secrets({name: "s"}, frozenset()) == {}


@pytest.mark.parametrize("name", ["https://me:pw@host/x", r"https:\/\/me:pw@host"])
def test_a_field_named_by_a_url_is_not_kept(name: str) -> None:
    assert without_secrets({name: 1, "a/b": 2}, frozenset()) == {"a/b": 2}


def test_known_fields_stay_even_if_their_name_looks_like_a_secret_but_only_as_scalars() -> None:
    row = {"pass-count": 3, "token-name": {"value": "s"}}
    assert without_secrets(row, frozenset(row)) == {"pass-count": 3}


def test_a_url_in_any_field_is_kept_without_its_credentials() -> None:
    row = {"name": "see https://me:pw@host/x", "other": "https://host"}
    kept = without_secrets(row, frozenset({"name"}))
    assert kept == {"name": "see https://[redacted]@host/x", "other": "https://host"}
