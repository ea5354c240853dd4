"""Types of the command line's arguments: each reads a text, or says with an `ArgumentTypeError` how it is written."""

import argparse
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from runs_assets.days import DayRange, end_of, start_of, utc_now

MAX_PORT = 65535


def since(text: str) -> datetime:
    """An instant: so many hours or days before now, the beginning of a UTC day, or a time."""
    return _ago(text) or _instant(text, start_of, "24h, 7d, ")


def until(text: str) -> datetime:
    """The same, but of a day its end."""
    return _ago(text) or _instant(text, end_of, "24h, 7d, ")


def future(text: str) -> datetime:
    """The end of a UTC day, or a time; neither may be over."""
    end = _instant(text, end_of)
    if end <= utc_now():
        raise argparse.ArgumentTypeError(f"{text} is over")
    return end


def _ago(text: str) -> datetime | None:
    """So many hours or days before now; None if it is no such span."""
    found = re.fullmatch(r"(\d{1,5})([hd])", text)
    return utc_now() - timedelta(**{{"h": "hours", "d": "days"}[found[2]]: int(found[1])}) if found else None


def _instant(text: str, of_day: Callable[[date], datetime], other_forms: str = "") -> datetime:
    """What `of_day` says of a UTC day, or a time, which is in UTC if it has no zone."""
    try:
        if len(text) <= len("2026-03-20"):
            return of_day(date.fromisoformat(text))
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        forms = f"{other_forms}2026-03-20 or 2026-03-20T08:00"
        raise argparse.ArgumentTypeError(f"a time is written as {forms}, not {text!r}") from None


def pattern(text: str) -> str:
    """A name, an id or a shell pattern of them."""
    from runs_assets.watch_entries import About

    try:
        return About(pipeline=text).pipeline
    except ValueError:
        raise argparse.ArgumentTypeError(f"a name, id or pattern is needed, not {text!r}") from None


def row_count(text: str) -> int:
    """A number of rows, at least 1."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"it is a number from 1 on, not {text!r}")
    return int(text)


def week(text: str) -> DayRange:
    """The days of an ISO week, such as `2026-W11`."""
    from runs_assets.alerts.digest import week_of

    try:
        return week_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def port(text: str) -> int:
    """The number of a port."""
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {MAX_PORT}, not {text!r}")
    return int(text)
