"""The charts of the whole fleet, drawn by Vega through `vl-convert`, if it is installed (the extra `charts`).

They are SVG without styles or scripts. The page says what they show, and has their numbers in tables.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from typing import Any, NamedTuple

from runs_assets.days import DayRange, iso
from runs_assets.insight.day_counts import DayCounts
from runs_assets.insight.freshness import SourceRecord

WIDTH, RATES, RUNS, ROW = 640, 80, 32, 17
HOW_TO_GET = "For the charts of the whole fleet, install runs_assets[charts]."

HEIGHTS = {"down": 12, "never succeeded": 12, "failing": 8}
"""Of the bars on the timeline, in pixels; the others, of silences, are the thinnest."""

Spec = dict[str, Any]


class Palette(NamedTuple):
    """Colours, as SVG takes them."""

    text: str
    line: str
    rate: str
    band: str
    volume: str
    broken: str
    failing: str
    silent: str


OF_PAGE = Palette(
    text="currentColor",
    line="var(--line)",
    rate="var(--rate)",
    band="var(--band)",
    volume="var(--volume)",
    broken="var(--heat-4)",
    failing="var(--heat-2)",
    silent="var(--volume)",
)
"""Those of the page, light or dark."""
ANYWHERE = Palette(
    text="#7a8591",
    line="#8a95a155",
    rate="#d1551f",
    band="#d1551f55",
    volume="#7f94ab",
    broken="#c5352b",
    failing="#c98a2b",
    silent="#7f94ab",
)
"""Fixed ones that can be read on white and on black, for a picture that does not know where it is shown."""


class Bar(NamedTuple):
    """An incident on a timeline, in the row of its pipeline."""

    pipeline: str
    kind: str
    since: datetime
    until: datetime


def are_available() -> bool:
    """Whether what draws them is installed."""
    return find_spec("vl_convert") is not None


def fleet_chart(sources: Sequence[SourceRecord], palette: Palette = ANYWHERE) -> str:
    """Each source's failure rate with its interval, and its runs, by day from the first that was read: an SVG.

    Days that were not read are blank. Only where charts `are_available`.
    """
    first = min((day.date for source in sources for day in source.days if day.is_read), default=date.min)
    rows = [row for source in sources for row in _day_rows(source, first)]
    panels = [panel for source in sources for panel in _panels(source.source, palette)]
    return _drawn({"data": {"values": rows}, "vconcat": panels, "spacing": 12}, palette)


def timeline(bars: Sequence[Bar], days: DayRange, palette: Palette = ANYWHERE) -> str:
    """The incidents within these days, a row for each pipeline, in the order of their first bars: an SVG.

    A kind has a colour, and a height of its own. Only where charts `are_available`.
    """
    order = list(dict.fromkeys(bar.pipeline for bar in bars))
    rows = [
        {
            "pipeline": bar.pipeline,
            "kind": bar.kind,
            "since": iso(max(bar.since, days.start)),
            "until": iso(min(bar.until, days.end)),
            "height": HEIGHTS.get(bar.kind, 4),
        }
        for bar in bars
    ]
    kinds = {"down": palette.broken, "never succeeded": palette.text, "failing": palette.failing}
    drawn = list(dict.fromkeys(bar.kind for bar in bars))
    scale = {"domain": [iso(days.start), iso(days.end)], "type": "utc"}
    encoding = {
        "y": {"field": "pipeline", "type": "nominal", "sort": order, "axis": {"title": None, "labelLimit": 180}},
        "x": {"field": "since", "type": "temporal", "scale": scale, "axis": _DATES},
        "x2": {"field": "until"},
        "color": {
            "field": "kind",
            "scale": {"domain": drawn, "range": [kinds.get(kind, palette.silent) for kind in drawn]},
            "legend": {"orient": "top", "title": None, "symbolSize": 90},
        },
        # With a scale of its own, the legend of a single kind would be drawn with sizes that are no numbers.
        "size": {"field": "height", "type": "quantitative", "scale": None},
    }
    return _drawn(
        {
            "data": {"values": rows},
            "width": WIDTH - 160,
            "height": ROW * len(order),
            "mark": {"type": "bar", "minBandSize": 3},
            "encoding": encoding,
        },
        palette,
    )


_DATES = {"format": "%m-%d", "tickCount": 8, "title": None, "grid": False}


def _day_rows(source: SourceRecord, first: date) -> Iterator[Spec]:
    """The days in order, and the last one again where it ends, since each is a step."""
    last = source.days[-1]
    yield from (_day_row(source.source, day.date, day) for day in source.days if day.date >= first)
    yield _day_row(source.source, last.date + timedelta(days=1), last)


def _day_row(source: str, begins: date, day: DayCounts) -> Spec:
    return {
        "source": source,
        "day": f"{begins}T00:00:00Z",
        "rate": day.failure_rate,
        "low": day.failure_rate_low,
        "high": day.failure_rate_high,
        "runs": day.runs if day.is_read else None,
    }


def _panels(source: str, palette: Palette) -> Iterator[Spec]:
    """The rates of a source, and its runs below."""
    common = {"transform": [{"filter": {"field": "source", "equal": source}}], "width": WIDTH}
    steps = {"interpolate": "step-after"}
    rate = {"axis": {"title": None, "format": "%", "tickCount": 3}, "scale": {"nice": True}}
    yield common | {
        "title": {"text": source, "anchor": "start", "color": palette.text, "fontSize": 12, "offset": 6},
        "height": RATES,
        "encoding": {"x": _day_axis(None)},
        "layer": [
            {
                "mark": {"type": "area", "color": palette.band, **steps},
                "encoding": {"y": _quantity("low") | rate, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "line", "color": palette.rate, "strokeWidth": 2, **steps},
                "encoding": {"y": _quantity("rate") | rate},
            },
        ],
    }
    runs = _quantity("runs") | {"axis": {"title": None, "tickCount": 2, "format": "~s"}}
    yield common | {
        "height": RUNS,
        "mark": {"type": "area", "color": palette.volume, **steps},
        "encoding": {"x": _day_axis(_DATES), "y": runs},
    }


def _day_axis(axis: Spec | None) -> Spec:
    return {"field": "day", "type": "temporal", "scale": {"type": "utc"}, "axis": axis}


def _quantity(field: str) -> Spec:
    return {"field": field, "type": "quantitative"}


def _drawn(spec: Spec, palette: Palette) -> str:
    import vl_convert  # noqa: PLC0415  (an extra)

    drawn: str = vl_convert.vegalite_to_svg(spec | {"config": _config(palette)}, allowed_base_urls=[])
    # Vega gives its parts roles without names. What the drawing shows is said around it.
    return drawn.replace("<svg ", '<svg aria-hidden="true" ', 1)


def _config(palette: Palette) -> Spec:
    return {
        "aria": False,
        "padding": {"left": 24, "right": 5, "top": 5, "bottom": 5},
        "background": None,
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "legend": {"labelColor": palette.text},
        "axis": {
            "labelColor": palette.text,
            "gridColor": palette.line,
            "tickColor": palette.line,
            "domain": False,
            "labelFontSize": 11,
        },
    }
