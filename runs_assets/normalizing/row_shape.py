"""A platform's row as a class: its fields, their types, and which of them are never stored.

A page is decoded into such rows, and the columns that a raw file is read into follow from them. A row that is not as
the platform documents it, with an unknown field or a value of another type, is taken as the JSON values that it has;
the rows beside it are not.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa
from msgspec import UNSET, Raw, UnsetType

Text: TypeAlias = str | UnsetType | None
"""A text that may be null, or missing in the row."""
Number: TypeAlias = int | UnsetType | None
Truth: TypeAlias = bool | UnsetType | None
NeverStored: TypeAlias = Raw | UnsetType
"""A value of any type that can carry credentials. It is not looked at, and dropped before anything sees the row."""

_COLUMNS: dict[Any, pa.DataType] = {str: pa.string(), Text: pa.string(), Number: pa.int64(), Truth: pa.bool_()}


@dataclass(frozen=True)
class RowShape:
    """Which fields a platform's rows have.

    `row` is the documented row: it forbids unknown fields, and those that a row may lack are UNSET by default. Fields
    are named as the platform prints them. Where times are documented as UTC (`times_are_utc`), one without an offset
    is read.
    """

    row: type[msgspec.Struct]
    id_field: str
    created_field: str
    times_are_utc: bool = False

    @cached_property
    def columns(self) -> pa.Schema:
        """The fields that may be stored, with their documented JSON types."""
        fields = msgspec.structs.fields(self.row)
        return pa.schema([(field.encode_name, _COLUMNS[field.type]) for field in fields if field.type != NeverStored])

    @cached_property
    def known(self) -> frozenset[str]:
        """The names of the fields that may be stored."""
        return frozenset(self.columns.names)

    @cached_property
    def never_stored(self) -> frozenset[str]:
        """The names of the fields that are never stored."""
        return frozenset(self._attributes.keys() - self.known)

    def decode(self, body: bytes, page: Any) -> Any:
        """A page of the generic type `page`, or null, with rows for `rows`.

        Raises `msgspec.ValidationError` for another JSON value, other errors of msgspec for what is not JSON.
        """
        try:
            return msgspec.json.decode(body, type=page[self.row] | None)
        except msgspec.ValidationError:
            return msgspec.json.decode(body, type=page[Raw] | None)

    def rows(self, decoded: Sequence[Any]) -> tuple[Sequence[Any], list[int]]:
        """The rows of a decoded page: each is a `row`, without what is never stored, but for some.

        Those, whose positions come with them, are plain JSON values.
        """
        rows, odd = decoded, list[int]()
        if decoded and type(decoded[0]) is Raw:
            rows = [self._row_of(row) for row in decoded]
            odd = [index for index, row in enumerate(rows) if type(row) is not self.row]
        documented = [row for row in rows if type(row) is self.row] if odd else rows
        for field in self.never_stored:
            deque(map(setattr, documented, repeat(self._attributes[field]), repeat(UNSET)), maxlen=0)
        return rows, odd

    def values(self, rows: Sequence[Any], field: str) -> list[Any]:
        """A required field's value in each of such rows, None where an undocumented one has none."""
        attribute = self._attributes[field]
        with suppress(AttributeError):  # of a row that is no `row`
            return [*map(attrgetter(attribute), rows)]
        return [row.get(field) if type(row) is dict else getattr(row, attribute) for row in rows]

    def _row_of(self, raw: Raw) -> Any:
        try:
            return msgspec.json.decode(raw, type=self.row)
        except msgspec.ValidationError:
            return msgspec.json.decode(raw)

    @cached_property
    def _attributes(self) -> dict[str, str]:
        return {field.encode_name: field.name for field in msgspec.structs.fields(self.row)}
