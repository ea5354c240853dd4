"""The page: one HTML file that needs nothing but itself.

Names and reasons come from the APIs: Jinja escapes them, and what a browser would not show as written, such as
characters that turn the direction of the text, is taken out of every one.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from runs_assets.insight.day_counts import DayCounts
from runs_assets.insight.fleet import Fleet
from runs_assets.insight.printing import length_of
from runs_assets.insight.status import WELL, PipelineStatus
from runs_assets.plain_text.wording import percent, plain, span
from runs_assets.report.charts import HOW_TO_GET
from runs_assets.report.contents import Contents

MOST_ROWS = 10
"""Of the reasons, sites, versions and workspaces of a pipeline, those with the most failures."""
BROKEN, AILING, FINE = "broken", "ailing", "well"


def report_page(fleet: Fleet, *, with_charts: bool) -> bytes:
    """The page about a fleet, UTF-8; with the charts of the whole fleet only where they are available."""
    page = _environment().get_template("page.html")
    style, script = (Markup((files(__package__) / name).read_text("utf-8")) for name in ("style.css", "script.js"))  # noqa: S704
    contents = Contents.of(fleet, with_charts=with_charts)
    how_to_chart = "" if with_charts else HOW_TO_GET
    named = contents.named() | {"style": style, "script": script, "most": MOST_ROWS, "how_to_chart": how_to_chart}
    return page.render(**named).encode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Iterable[Callable[..., Any]] = (group, instant, interval, minute, note, percent, sha256, span, value)
    environment.filters |= {one.__name__: one for one in filters}
    environment.filters |= {"length_of_time": length_of, "left_out": left_out}
    return environment


def _shown(found: Any) -> Any:
    """Text without what is not printable; markup, numbers and the like as they are."""
    is_foreign = isinstance(found, str) and not isinstance(found, Markup) and not found.isprintable()
    return plain(found) if is_foreign else found


def sha256(text: str) -> str:
    """How a Content-Security-Policy names a style or a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def group(health: PipelineStatus) -> str:
    """The class of a state."""
    if health.is_broken:
        return BROKEN
    return FINE if health.state in WELL else AILING


def instant(at: datetime) -> str:
    """For a machine, to the minute."""
    return f"{at:%Y-%m-%dT%H:%MZ}"


def minute(at: datetime) -> str:
    """For people, without the zone that the page names once."""
    return f"{at:%Y-%m-%d %H:%M}"


def interval(row: DayCounts) -> str:
    """`4 - 12 %`; empty if nothing was completed."""
    low, high = row.failure_rate_low, row.failure_rate_high
    return "" if low is None or high is None else f"{low:.0%} - {high:.0%}".replace("%", "", 1).replace("%", " %")


def note(row: DayCounts) -> str:
    """What to know of a day's numbers."""
    worse = ["worse than usual"] if row.is_worse else []
    return ", ".join([*worse, *([] if row.is_final else ["may change"])])


def value(share: float | None) -> str:
    """By which a cell is sorted; empty if it is unknown."""
    return "" if share is None else f"{share:.4f}"


def left_out(rows: Sequence[Any], most: int) -> str:
    """How many rows are not shown; empty if all are."""
    return f"and {len(rows) - most} more" if len(rows) > most else ""
