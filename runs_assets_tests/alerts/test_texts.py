"""The notifications in the README, which were written by hand, are what people get in these cases."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import runs_assets.alerts
from runs_assets.alerts.evaluation import evaluate
from runs_assets.alerts.memory import Memory
from runs_assets.alerts.notifications import notification_of
from runs_assets.alerts.observation import Observation
from runs_assets.watch_file import WatchFile
from runs_assets_tests.alerts.rows import health, outage, span

README = Path(runs_assets.alerts.__file__).parent / "README.md"
TEXTS = re.findall(r"```text\n(.*?)\n```", README.read_text(), re.DOTALL)
LOCK_SCREEN = 80
"""Characters of a title that a phone shows, on two lines."""
WATCH = WatchFile.model_validate(
    {
        "owners": [
            {"pipeline": "invoice-*", "owner": "Feeds team"},
            {"pipeline": "weekly-report", "owner": "Feeds team"},
        ],
        "links": {"cloudcruise": "https://app.example.com/{pipeline_id}/{run_id}"},
    }
)


def at(day: int, hour: int, minute: int) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


READ_UNTIL = at(18, 15, 20)


def last_24_hours(failed: int, decided: int, low: float, high: float, normal: float) -> dict[str, Any]:
    rates = {"failure_rate_24h": failed / decided, "failure_rate_24h_low": low, "failure_rate_24h_high": high}
    return {"failed_24h": failed, "decided_24h": decided, **rates, "normal_rate": normal}


def stretch(pipeline: str, since: datetime, failures: int, *, is_confirmed: bool = False) -> dict[str, Any]:
    row = outage(pipeline, since, since + timedelta(hours=5))
    return {**row, "failures": failures, "is_confirmed": is_confirmed}


def down() -> Observation:
    since = at(18, 9, 12)
    row = health(
        "wf-31",
        "down",
        at=READ_UNTIL,
        since=since,
        confirmed=at(18, 14, 12),
        pipeline_name="invoice-download",
        failures=7,
        sites_affected=3,
        last_success_at=at(18, 8, 12),
        reason="LOGIN_FAILED",
        reason_category="credentials",
        reason_side="customer",
        first_failed_run_id="run-101",
        latest_failed_run_id="run-107",
        **last_24_hours(9, 24, 0.212, 0.573, 0.04),
    )
    before = [
        stretch("wf-31", since - timedelta(days=29), 9),
        stretch("wf-31", since - timedelta(days=28), 4),
        stretch("wf-31", since - timedelta(days=2), 3),
        stretch("wf-31", since - timedelta(days=9), 12, is_confirmed=True),
        stretch("wf-30", since - timedelta(days=2), 8),
        stretch("wf-31", since, 7),
    ]
    return Observation(READ_UNTIL, WATCH, [row], before)


def failing() -> Observation:
    read_until = at(18, 3, 0)
    row = health(
        "4711",
        "failing",
        "productsup",
        at=read_until,
        since=at(17, 2, 31),
        confirmed=at(18, 2, 33),
        pipeline_name="nightly-export",
        failures=2,
        last_success_at=at(16, 2, 29),
        first_failed_run_id="p-1",
        latest_failed_run_id="p-2",
        **last_24_hours(1, 1, 0.207, 1.0, 0.0),
    )
    return Observation(read_until, WATCH, [row])


def worse() -> Observation:
    row = health(
        "wf-8",
        "worse",
        at=READ_UNTIL,
        since=at(16, 0, 0),
        pipeline_name="price-check",
        last_success_at=at(18, 14, 40),
        reason="TIMEOUT",
        reason_side="platform",
        **last_24_hours(10, 48, 0.117, 0.343, 0.03),
    )
    of_three_days = {**span("3 days", 29, 144, "wf-8"), "failure_rate_low": 0.144, "failure_rate_high": 0.274}
    spans = [of_three_days, span("7 days", 40, 300, "wf-8"), span("now", 40, 48, "wf-9")]
    streaks = [stretch("wf-8", at(2, 1, 0), 3)]
    return Observation(READ_UNTIL, WATCH, [row], streaks, worse_spans=spans)


def stuck() -> Observation:
    row = health(
        "12",
        "stuck",
        "productsup",
        at=READ_UNTIL,
        since=at(18, 11, 5),
        pipeline_name="feed-import",
        last_success_at=at(18, 10, 31),
        **last_24_hours(0, 20, 0.0, 0.161, 0.0),
    )
    runs = [
        {
            "source": "productsup",
            "pipeline_id": "12",
            "run_id": f"p-{7 + n}",
            "open_since": at(18, 11 + n, 5),
            "limit_seconds": 2700.0,
        }
        for n in (3, 2, 1, 0)
    ]
    return Observation(READ_UNTIL, WATCH, [row], hanging_runs=runs)


def failed_once() -> Observation:
    row = health(
        "wf-5",
        "failed once",
        at=READ_UNTIL,
        since=at(16, 6, 4),
        pipeline_name="weekly-report",
        failures=1,
        last_failure_at=at(16, 6, 4),
        last_success_at=at(9, 6, 3),
        latest_failed_run_id="run-9",
        normal_rate=0.0,
    )
    return Observation(READ_UNTIL, WATCH, [row])


@pytest.mark.parametrize(
    ("seen", "text"), list(zip([down(), failing(), worse(), stuck(), failed_once()], TEXTS, strict=True))
)
def test_the_readme_shows_what_people_get(seen: Observation, text: str) -> None:
    (decision,) = evaluate(Memory(), seen).decisions
    notification = notification_of(decision, seen)
    assert f"{notification.title}\n\n{notification.body}" == text
    assert len(notification.title) <= LOCK_SCREEN
