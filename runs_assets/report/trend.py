"""The chart of one pipeline: its rate with the interval and what is usual, its runs, and how long they took.

All pipelines have the same days and the same axis of rates, so that a frame, drawn once on the page, serves them all.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from markupsafe import Markup

from runs_assets.insight.day_counts import DayCounts
from runs_assets.insight.printing import length_of
from runs_assets.plain_text.wording import percent

LEFT, WIDTH, GAP = 36, 560, 20
RATES, RUNS, LENGTHS = 100, 36, 36
RUNS_TOP = RATES + GAP
LENGTHS_TOP = RUNS_TOP + RUNS + GAP
BOTTOM = LENGTHS_TOP + LENGTHS
TOP, BELOW = 6, 16
LABEL = 44
VIEW_BOX = f"{-LEFT} {-TOP} {LEFT + WIDTH + 4} {TOP + BOTTOM + BELOW}"
Value = Callable[[DayCounts], float | None]


def frame(periods: Sequence[DayCounts]) -> Markup:
    """The grid and the labels of both axes; `trend` refers to it."""
    lines = (*(RATES * share // 100 for share in (0, 50, 100)), RUNS_TOP + RUNS, BOTTOM)
    grid = "".join(f"M0 {y}h{WIDTH}" for y in lines)
    rates = "".join(f'<text x="-4" y="{RATES - share + 3}" class="tick end">{share} %</text>' for share in (0, 50, 100))
    every = -(-LABEL * len(periods) // WIDTH)
    edges = list(_edges(periods))
    days = "".join(
        f'<text x="{edges[place]}" y="{BOTTOM + 13}" class="tick">{periods[place].date:%m-%d}</text>'
        for place in range(0, len(periods), every)
        if WIDTH - edges[place] > LABEL // 2
    )
    return Markup(f'<g id="frame"><path class="tickline" d="{grid}"/>{rates}{days}</g>')  # noqa: S704


def trend(periods: Sequence[DayCounts]) -> Markup:
    """The chart; where nothing was completed, nothing is drawn."""
    most_runs = max((row.runs for row in periods), default=0)
    longest = max((row.duration_p95_seconds or 0.0 for row in periods), default=0.0)
    rates, runs, lengths = (
        _scale(RATES, RATES, 1),
        _scale(RUNS_TOP + RUNS, RUNS, most_runs),
        _scale(BOTTOM, LENGTHS, longest),
    )
    drawn = (
        ("band", _area(periods, rates, lambda row: row.failure_rate_low, lambda row: row.failure_rate_high)),
        ("usual", _line(periods, rates, lambda row: row.usual_rate)),
        ("rate", _line(periods, rates, lambda row: row.failure_rate)),
        ("volume", _area(periods, runs, lambda row: 0 if row.runs else None, lambda row: row.runs)),
        (
            "lengths",
            _area(periods, lengths, lambda row: row.duration_p50_seconds, lambda row: row.duration_p95_seconds),
        ),
        ("median", _line(periods, lengths, lambda row: row.duration_p50_seconds)),
    )
    paths = "".join(f'<path class="{name}" d="{path}"/>' for name, path in drawn if path)
    captions = (
        _caption(RUNS_TOP, f"runs: up to {most_runs}"),
        _caption(LENGTHS_TOP, f"took: up to {length_of(longest)}" if longest else "took: not known"),
    )
    drawing = Markup('<svg class="trend" viewBox="{}" role="img" aria-label="{}"><use href="#frame"/>{}{}</svg>')
    return drawing.format(VIEW_BOX, _in_words(periods), Markup(paths), Markup().join(captions))  # noqa: S704


def _edges(periods: Sequence[DayCounts]) -> Iterator[int]:
    """Where each period begins, and where the last one ends."""
    return (WIDTH * place // len(periods) for place in range(len(periods) + 1))


def _scale(bottom: int, height: int, most: float) -> Callable[[float], int]:
    return lambda number: bottom - (round(height * number / most) if most else 0)


def _area(periods: Sequence[DayCounts], scale: Callable[[float], int], low: Value, high: Value) -> str:
    """The area from the low to the high values, for each stretch of periods that have both."""
    path, edges = "", list(_edges(periods))
    ends = [(low(row), high(row)) for row in periods]
    for is_known, group in groupby(range(len(periods)), key=lambda place: None not in ends[place]):
        places = list(group) if is_known else []
        if places:
            tops = [(edges[place + 1], scale(ends[place][1] or 0)) for place in places]
            bottoms = [(edges[place], scale(ends[place][0] or 0)) for place in reversed(places)]
            path += f"M{edges[places[0]]} {tops[0][1]}{_stairs(tops)}{_stairs(bottoms)}z"
    return path


def _line(periods: Sequence[DayCounts], scale: Callable[[float], int], value: Value) -> str:
    """A line at the height of each period, unbroken where the next one has a value too."""
    path, edges = "", list(_edges(periods))
    heights = [value(row) for row in periods]
    for is_known, group in groupby(range(len(periods)), key=lambda place: heights[place] is not None):
        places = list(group) if is_known else []
        if places:
            steps = [(edges[place + 1], scale(heights[place] or 0)) for place in places]
            path += f"M{edges[places[0]]} {steps[0][1]}{_stairs(steps)}"
    return path


def _stairs(steps: Sequence[tuple[int, int]]) -> str:
    """To the height of each step and along it; a step as high as the one before continues that one."""
    runs = [(y, list(group)[-1][0]) for y, group in groupby(steps, key=lambda step: step[1])]
    return "".join(f"V{y}H{x}" for y, x in runs)


def _caption(top: int, text: str) -> Markup:
    return Markup('<text class="tick" x="0" y="{}">{}</text>').format(top - 5, text)


def _in_words(periods: Sequence[DayCounts]) -> str:
    known = [row for row in periods if row.failure_rate is not None]
    if not known:
        return "no completed runs"
    worst = max(known, key=lambda row: row.failure_rate or 0.0)
    words = f"failure rate {percent(known[-1].failure_rate)} at last ({known[-1].date})"
    return f"{words}, highest {percent(worst.failure_rate)} ({worst.date}); the table below has all figures"
