"""Several addresses in one setting: white space stands between them, or commas, which also stand within tags."""

import pytest
from pydantic import SecretStr

from runs_assets.alerts.addresses import addresses_of
from runs_assets.errors import SettingsError

A, B = "json://host/a", "json://host/b"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"{A} {B}", [(A, ""), (B, "")]),
        (f"{A},{B}", [(A, ""), (B, "")]),
        (f"{A}, {B},", [(A, ""), (B, "")]),
        (f"x,y={A},z={B}", [(A, "x y"), (B, "z")]),
        (f"x={A},y,z={B}", [(A, "x"), (B, "y z")]),
        (f"{A}?to=1,2,{B}", [(f"{A}?to=1,2", ""), (B, "")]),
    ],
)
def test_addresses_are_taken_apart(value: str, expected: list[tuple[str, str]]) -> None:
    found = addresses_of(SecretStr(value))
    assert [(one.url.get_secret_value(), " ".join(sorted(one.tags))) for one in found] == expected


def test_a_list_that_begins_with_no_address_is_refused() -> None:
    with pytest.raises(SettingsError, match="address 1 is not a URL that Apprise supports"):
        addresses_of(SecretStr(f"nobody,{A}"))
