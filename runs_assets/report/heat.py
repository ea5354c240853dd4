"""A pipeline's days as a strip: how far the failure rate of each is above what was usual for the pipeline.

A shade has a height of its own too, so that it can be told without its colour.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from markupsafe import Markup

from runs_assets.insight.day_counts import DayCounts
from runs_assets.plain_text.wording import percent

HEIGHT = 16
WIDEST, NARROWEST, ROOM = 24, 2, 560
"""Pixels: of a day, and of all days together as long as a day is not narrower."""
LABEL = 48
MOSTLY = 0.35
"""A rate that is never as usual, however long it lasts."""


@dataclass(frozen=True, eq=False)
class Shade:
    """How a day looks: the class of its colour, how much of the strip it fills, and what it means."""

    name: str
    height: int
    meaning: str
    least_excess: float = 0.0


UNREAD = Shade("hu", HEIGHT, "not read")
UNJUDGED = Shade("h0", HEIGHT, "nothing was usual yet")
AS_USUAL = Shade("h1", HEIGHT, "as usual")
ABOVE = (
    Shade("h4", HEIGHT, "by 50 points or more", 0.50),
    Shade("h3", 12, "by 15 points or more", 0.15),
    Shade("h2", 7, "above usual by more than chance explains"),
)
"""Rates whose 95 % interval is above what is usual; in percentage points above it."""


def shade_of(day: DayCounts) -> Shade | None:
    """None of a day on which nothing was completed; of a pipeline that mostly fails, that is never as usual."""
    if not day.is_read:
        return UNREAD
    if day.failure_rate is None or day.failure_rate_low is None:
        return None
    usual = MOSTLY if day.usual_rate is None else min(day.usual_rate, MOSTLY)
    if day.failure_rate_low <= usual:
        return UNJUDGED if day.usual_rate is None else AS_USUAL
    return next(shade for shade in ABOVE if day.failure_rate - usual >= shade.least_excess)


def legend() -> list[tuple[Markup, str]]:
    """A sample of each shade, with what it means."""
    return [(_sample(shade), shade.meaning) for shade in (AS_USUAL, *reversed(ABOVE), UNJUDGED, UNREAD)]


def strip(days: Sequence[DayCounts]) -> Markup:
    """The days from left to right, a path for each shade."""
    shades = [shade_of(day) for day in days]
    width = day_width(len(days))
    paths = "".join(_path(name, places) for name, places in _places(shades, width).items())
    size = f'width="{width * len(days)}" height="{HEIGHT}"'
    drawing = Markup('<svg {} role="img" aria-label="{}">{}</svg>')
    return drawing.format(Markup(size), _in_words(days, shades), Markup(paths))  # noqa: S704


def axis(days: Sequence[date]) -> Markup:
    """The dates above the strips, as many as there is room for."""
    width, every = day_width(len(days)), -(-LABEL // day_width(len(days)))
    labels = "".join(
        f'<path class="tickline" d="M{place * width + 0.5} 13V18"/><text class="tick" x="{place * width}" y="10">'
        f"{days[place]:%m-%d}</text>"
        for place in range(0, len(days), every)
        if (len(days) - place) * width >= LABEL - 14
    )
    return Markup(f'<svg width="{width * len(days)}" height="18" aria-hidden="true">{labels}</svg>')  # noqa: S704


def day_width(days: int) -> int:
    """Pixels of a day in the strips of so many days."""
    return max(NARROWEST, min(WIDEST, ROOM // days))


def _places(shades: Sequence[Shade | None], width: int) -> dict[str, list[str]]:
    """By the class of a shade, the rectangles of the days that have it; those above usual stand on the usual colour."""
    found: dict[str, list[str]] = {}
    for shade, start, length in _stretches([shade and (AS_USUAL if shade in ABOVE else shade) for shade in shades]):
        found.setdefault(shade.name, []).append(_rectangle(shade, start * width, length * width))
    for shade, start, length in _stretches([shade if shade in ABOVE else None for shade in shades]):
        found.setdefault(shade.name, []).append(_rectangle(shade, start * width, length * width))
    return found


def _stretches(shades: Sequence[Shade | None]) -> Iterator[tuple[Shade, int, int]]:
    """Each shade that is not None, with the place where its days begin and their number."""
    start = 0
    for shade, group in groupby(shades):
        length = len(list(group))
        if shade:
            yield shade, start, length
        start += length


def _rectangle(shade: Shade, x: int, width: int) -> str:
    return f"M{x} {HEIGHT - shade.height}h{width}v{shade.height}h-{width}z"


def _path(name: str, places: Sequence[str]) -> str:
    return f'<path class="{name}" d="{"".join(places)}"/>'


def _sample(shade: Shade) -> Markup:
    below = _path(AS_USUAL.name, [f"M0 0h14v{HEIGHT}h-14z"]) if shade in ABOVE else ""
    return Markup(below + _path(shade.name, [_rectangle(shade, 0, 14)]))  # noqa: S704


def _in_words(days: Sequence[DayCounts], shades: Sequence[Shade | None]) -> str:
    above = [day for day, shade in zip(days, shades, strict=True) if shade in ABOVE]
    unread = sum(shade is UNREAD for shade in shades)
    worst = max(above, key=lambda day: day.failure_rate or 0.0, default=None)
    words = f"above usual on {len(above)} of {len(days)} days"
    words += f", most on {worst.date} ({percent(worst.failure_rate)})" if worst else ""
    return words + (f"; {unread} not read" if unread else "")
