"""Faults of single rows: values and fields that the API pages do not tell of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha256

from runs_assets.sandbox.faults.fault import Fault
from runs_assets.sandbox.faults.rows import Each, changed, created_field, is_chosen, is_cloudcruise, number_of
from runs_assets.sandbox.history import Row

OFFSETS = tuple(timedelta(minutes=minutes) for minutes in (345, -570, 765, -210, 840, -720, 0))
PRECISIONS = ("seconds", "milliseconds", "microseconds")
TIMES = ("created_at", "execution_start", "execution_end", "created-at", "started-at", "finished-at")
SECRET = "sandbox-fake-secret-in-an-unknown-field"  # noqa: S105  (opens nothing)
ODD_STRINGS = (
    "\u05e9\u05dc\u05d5\u05dd \u202eright to left\u202c",
    "\U0001f469\u200d\U0001f680\U0001f9ea and Zalgo o\u0336\u0335\u031b",
    "null\x00 bell\x07 escape\x1b[31m next\u2028line\u0085",
    "half of a pair \ud83d",
    "<script>alert('x')</script> \"quoted\" \\back\\ {{ 7*7 }} ${x} '; DROP TABLE runs;--",
    "=SUM(A1:A9),\t\r\n/../%2e%2e",
)


@dataclass(eq=False)
class OddRows(Fault):
    """Every `every`-th row, by the run's id, is odd; always the same ones."""

    every: int = 5

    def rows(self, rows: Sequence[Row], now: datetime) -> Sequence[Row]:  # noqa: ARG002
        """Make some rows odd."""
        return Each(rows, lambda row: self.odd(row) if is_chosen(row, self.every) else row)

    def odd(self, row: Row) -> Row:
        """Return the odd row."""
        return changed(row, self.fields(row))

    def fields(self, row: Row) -> Mapping[str, object]:  # noqa: ARG002
        """Return the fields that are printed otherwise."""
        return {}


class CreationTimesNull(OddRows):
    """The server knows the time all the same, sorts by it and filters on it."""

    name = "creation_times_null"
    about = "Some rows print null as their creation time."

    def fields(self, row: Row) -> Mapping[str, object]:
        """Return the null."""
        return {created_field(row): None}


class IdsNull(OddRows):
    """The rest of the row is in order."""

    name = "ids_null"
    about = "Some rows print null as their id."

    def fields(self, row: Row) -> Mapping[str, object]:
        """Return the null."""
        return {_id_field(row): None}


class UnknownWords(OddRows):
    """A word like a new version might bring."""

    name = "unknown_words"
    about = "Some rows have a status that is not documented."

    def fields(self, row: Row) -> Mapping[str, object]:
        """Return the word."""
        return {"status": "execution.hibernating"} if is_cloudcruise(row) else {"state": "hibernating"}


class UnknownFields(OddRows):
    """The one that is named like a secret holds `SECRET`, the nested one too."""

    name = "unknown_fields"
    about = "Some rows have fields that are not documented: plain ones, nested ones and one named like a secret."

    def fields(self, row: Row) -> Mapping[str, object]:  # noqa: ARG002
        """Return the fields."""
        return {"retry_count": 3, "region": "eu", "details": {"note": SECRET, "steps": [1, 2]}, "api_token": SECRET}


class MissingFields(OddRows):
    """Each lacks another field; none lacks its id or its creation time."""

    name = "missing_fields"
    about = "Some rows lack a field."

    def odd(self, row: Row) -> Row:
        """Return the row without a field that the run's id decides."""
        needed = {_id_field(row), created_field(row)}
        names = [name for name in row.body if name not in needed]
        changed_body = dict(row.body)
        changed_body.pop(names[number_of(row) // self.every % len(names)])
        return Row(row.created_at, changed_body, row.hidden)


class NumbersAsStrings(OddRows):
    """A number that stands for an id follows from the id, and is below 2**52."""

    name = "numbers_as_strings"
    about = "Some rows print numbers as strings, and ids, which are strings, as numbers."

    def fields(self, row: Row) -> Mapping[str, object]:
        """Return the fields that are of the other type."""
        ids = {_id_field(row), "workflow_id", "workspace_id", "connector-id", "process-id"}
        numbers = {name: str(value) for name, value in row.body.items() if type(value) is int}
        return numbers | {name: _number(row.body[name]) for name in ids & row.body.keys()}


@dataclass(eq=False)
class OddOffsets(OddRows):
    """The instants stay the same."""

    name = "odd_offsets"
    about = "Times are printed with many UTC offsets, such as +05:45 and -09:30, and with mixed precision."
    every: int = 1

    def fields(self, row: Row) -> Mapping[str, object]:
        """Return the times."""
        times = ((place, name, row.body.get(name)) for place, name in enumerate(TIMES))
        return {name: _reprinted(text, number_of(row) + place) for place, name, text in times if isinstance(text, str)}


class TimesWithoutOffset(OddRows):
    """All of them in UTC, as CloudCruise documents its times; Productsup's may be of any zone."""

    name = "times_without_offset"
    about = "Some rows print their times without an offset from UTC."

    def fields(self, row: Row) -> Mapping[str, object]:
        """Return the times."""
        times = ((name, row.body.get(name)) for name in TIMES)
        return {name: text.removesuffix("Z").removesuffix("+00:00") for name, text in times if isinstance(text, str)}


@dataclass(eq=False)
class HugeStrings(OddRows):
    """`characters` is the length."""

    name = "huge_strings"
    about = "A few rows have a name that is 200,000 characters long."
    every: int = 20
    characters: int = 200_000

    def fields(self, row: Row) -> Mapping[str, object]:
        """Return the name."""
        return {_name_field(row): "x" * self.characters}


@dataclass(eq=False)
class NonAsciiStrings(OddRows):
    """Each row shows another of `ODD_STRINGS`."""

    name = "non_ascii_strings"
    about = "Names hold right-to-left text, emoji, control characters, half a surrogate pair, quotes and markup."
    every: int = 1

    def fields(self, row: Row) -> Mapping[str, object]:
        """Return the name."""
        return {_name_field(row): ODD_STRINGS[number_of(row) % len(ODD_STRINGS)]}


def _id_field(row: Row) -> str:
    return "session_id" if is_cloudcruise(row) else "id"


def _name_field(row: Row) -> str:
    return "workspace_id" if is_cloudcruise(row) else "site-name"


def _number(identifier: object) -> int:
    return int(sha256(str(identifier).encode()).hexdigest()[:13], 16)


def _reprinted(text: str, number: int) -> str:
    zone = timezone(OFFSETS[number % len(OFFSETS)])
    return datetime.fromisoformat(text).astimezone(zone).isoformat(timespec=PRECISIONS[number % len(PRECISIONS)])
