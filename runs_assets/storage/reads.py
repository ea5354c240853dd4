"""Which reading of the API a stored day came from, and whether that reading showed the whole day."""

from datetime import date, datetime
from typing import Any, Self

import msgspec
from msgspec import structs

from runs_assets.days import end_of


class Read(msgspec.Struct, frozen=True, gc=False):
    """One reading of a day from the API. Times are aware UTC.

    `complete_as_of` is when the newest reading began that showed the whole day after the day was over; None while
    there is none. It outlives a later reading that could only see a part.
    """

    read_id: str
    read_started_at: datetime
    complete_as_of: datetime | None = None

    @property
    def complete(self) -> bool:
        """Whether the stored day holds every run that the API had of it at `complete_as_of`."""
        return self.complete_as_of is not None

    def is_whole(self, day: date) -> bool:
        """Whether the day was read whole after it was over."""
        return self.complete_as_of is not None and self.complete_as_of >= end_of(day)

    def after(self, earlier: "Read | None") -> "Read":
        """This reading merged with what an earlier one stored: what was once seen whole stays whole.

        But for what was seen at a later time than this: the clock was ahead then.
        """
        as_of = earlier.complete_as_of if earlier else None
        if self.complete or earlier is None or (as_of and as_of > self.read_started_at):
            return self
        return structs.replace(self, complete_as_of=earlier.complete_as_of)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The inverse of `to_json`; fields that are not ours are ignored."""
        return msgspec.convert(document, cls)
