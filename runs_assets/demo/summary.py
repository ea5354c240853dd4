"""How the demo ends: the lines that matter, the worst first."""

from collections.abc import Iterable, Iterator

from runs_assets.insight.status import PipelineStatus, SourceStatus, worst_first
from runs_assets.plain_text.wording import at, plain

MOST_LINES = 4
"""As many as the story has pipelines that are wrong now."""


def lines_that_matter(found: Iterable[SourceStatus]) -> Iterator[tuple[str, str]]:
    """At most so many lines, each with its style: what does not work at all, then what needs attention."""
    for one in worst_first(found)[:MOST_LINES]:
        yield _line(one), "bold red" if one.is_broken else "yellow"


def _line(one: PipelineStatus) -> str:
    since = f" since {at(one.since)}" if one.since else ""
    return plain(f"{one.state.upper()} {one.pipeline} ({one.source}){since}: {one.why}")
