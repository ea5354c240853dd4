"""The figures beside their targets, as a table."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from runs_assets_tests.benchmark.measure import LARGE_DAY, RANGE, SMALL_DAY, Measured, Refreshed, Reported
from runs_assets_tests.benchmark.ticks import Ticks

MIN_RATIO = 1 / 3
MAX_EXTRA_BYTES = 400e6
MAX_RANGE_EXTRA_BYTES = 25e6
"""How far two peaks may lie apart and still be called the same: allocators are not exact."""
MAX_IMPORT_SECONDS = 1.0
MAX_TICK_SECONDS = 0.1
MAX_REFRESH_SECONDS, MAX_REFRESH_BYTES = 30.0, 600e6
MAX_REPORT_SECONDS, MAX_REPORT_BYTES, MAX_PAGE_BYTES = 10.0, 700e6, 3e6


@dataclass(frozen=True)
class Verdict:
    """One figure and whether it is good enough."""

    what: str
    measured: str
    target: str
    is_met: bool


def source_verdicts(found: Measured, bare_peak: int) -> Iterator[Verdict]:
    """Speed, memory and rows of one source; `bare_peak` in bytes."""
    speed, name, plan = found.speed, found.source, found.speed.plan
    rates = f"{speed.rows_per_second('project'):,.0f} of {speed.rows_per_second('floor'):,.0f} rows/s"
    yield Verdict(
        f"{name}: marginal rate, of the floor's",
        f"{speed.ratio:.2f} ({rates})",
        f">= {MIN_RATIO:.2f}",
        speed.ratio >= MIN_RATIO,
    )
    extra = found.large_peak - bare_peak
    yield Verdict(
        f"{name}: memory for {plan.large:,} runs above bare Dagster",
        _megabytes(extra),
        f"< {_megabytes(MAX_EXTRA_BYTES)}",
        extra < MAX_EXTRA_BYTES,
    )
    more = found.range_peak - found.range_day_peak
    yield Verdict(
        f"{name}: memory for {len(RANGE)} days above their largest ({plan.peak:,} runs)",
        f"{_megabytes(more)} ({_megabytes(found.range_day_peak)} to {_megabytes(found.range_peak)})",
        f"< {_megabytes(MAX_RANGE_EXTRA_BYTES)}",
        more < MAX_RANGE_EXTRA_BYTES,
    )
    yield Verdict(f"{name}: days with lost, repeated or miscounted runs", str(len(found.faults)), "0", not found.faults)


def import_verdict(dagster: float, project: float) -> Verdict:
    """Both in seconds, Dagster's own included in the project's."""
    extra = project - dagster
    return Verdict(
        "import of the definitions above Dagster's",
        f"{extra:.2f} s ({dagster:.2f} to {project:.2f} s)",
        f"<= {MAX_IMPORT_SECONDS:.2f} s",
        extra <= MAX_IMPORT_SECONDS,
    )


def refresh_verdicts(found: Refreshed) -> Iterator[Verdict]:
    """Speed, memory and rows of judging a year."""
    name = f"judging a year of {found.rows:,} runs"
    yield Verdict(
        f"{name}: time of all tables",
        f"{found.seconds:.1f} s",
        f"< {MAX_REFRESH_SECONDS:.0f} s",
        found.seconds < MAX_REFRESH_SECONDS,
    )
    yield Verdict(
        f"{name}: memory of the whole process",
        _megabytes(found.peak_bytes),
        f"< {_megabytes(MAX_REFRESH_BYTES)}",
        found.peak_bytes < MAX_REFRESH_BYTES,
    )
    expected = found.expected_pipelines
    yield Verdict(f"{name}: pipelines judged", str(found.pipelines), str(expected), found.pipelines == expected)


def report_verdicts(found: Reported) -> Iterator[Verdict]:
    """Speed, memory and size of the report on a year."""
    name = f"the report on a year of {found.rows:,} runs"
    yield Verdict(
        f"{name}: time, of which {found.fleet_seconds:.1f} s are reading",
        f"{found.seconds:.1f} s",
        f"< {MAX_REPORT_SECONDS:.0f} s",
        found.seconds < MAX_REPORT_SECONDS,
    )
    yield Verdict(
        f"{name}: memory of the whole process",
        _megabytes(found.peak_bytes),
        f"< {_megabytes(MAX_REPORT_BYTES)}",
        found.peak_bytes < MAX_REPORT_BYTES,
    )
    yield Verdict(
        f"{name}: size of the page",
        f"{found.page_bytes / 1e6:.2f} MB",
        f"< {MAX_PAGE_BYTES / 1e6:.0f} MB",
        found.page_bytes < MAX_PAGE_BYTES,
    )
    expected = found.expected_pipelines
    yield Verdict(f"{name}: pipelines shown", str(found.pipelines), str(expected), found.pipelines == expected)


def tick_verdicts(found: Ticks) -> Iterator[Verdict]:
    """The median tick of each sensor."""
    for name, seconds in found.medians.items():
        yield Verdict(
            f"{name}: reading Dagster's records beside {found.foreign_runs:,} runs of other projects",
            f"{1000 * seconds:.0f} ms",
            f"< {1000 * MAX_TICK_SECONDS:.0f} ms",
            seconds < MAX_TICK_SECONDS,
        )


def show(console: Console, verdicts: list[Verdict]) -> None:
    """Print the verdicts."""
    table = Table("", "measured", "target", "", title="Targets")
    for verdict in verdicts:
        mark = "[green]pass[/]" if verdict.is_met else "[red]FAIL[/]"
        table.add_row(verdict.what, verdict.measured, verdict.target, mark)
    console.print(table)


def show_sources(console: Console, sources: list[Measured], bare_peak: int) -> None:
    """Print the times behind the rates."""
    console.print(_times(sources))
    console.print(f"Bare Dagster process: {_megabytes(bare_peak)}.")
    for found in sources:
        shares = ", ".join(f"{name} {seconds:.2f}" for name, seconds in found.assets.items())
        console.print(f"{found.source}, {found.speed.plan.large:,} runs, seconds by asset: {shares}.")
        for fault in found.faults:
            console.print(f"[red]{fault}[/]")


def show_stages(console: Console, found: Refreshed) -> None:
    """Print what each step of judging took of the time and of the memory above that of imports."""
    table = Table("", "seconds", "share", "more memory", "share", title="Judging a year, by step")
    base = before = found.imports_bytes
    for name, (seconds, peak) in found.stages.items():
        more = peak - before
        shares = (seconds / found.seconds, more / (found.peak_bytes - base))
        table.add_row(name, f"{seconds:.2f}", f"{shares[0]:.0%}", _megabytes(more), f"{shares[1]:.0%}")
        before = peak
    console.print(table)
    console.print(f"Imports: {_megabytes(base)}. Writing the year took {found.writing_seconds:.0f} s.")


def _times(sources: list[Measured]) -> Table:
    table = Table("", "small day, s", "large day, s", title="Every time measured; the best of each counts")
    for found in sources:
        for who in ("project", "floor"):
            days = (found.speed.seconds[who, day] for day in (SMALL_DAY, LARGE_DAY))
            table.add_row(f"{found.source}: {who}", *(" ".join(f"{time:.2f}" for time in times) for times in days))
    return table


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"
