"""When a day is settled."""

from datetime import UTC, date, datetime, timedelta

import pytest

from runs_assets.settings import ProjectSettings
from runs_assets.settling.rules import Rules
from runs_assets.storage.reads import Read

DAY = date(2026, 3, 17)
END = datetime(2026, 3, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("complete_as_of", "open_runs", "is_settled"),
    [
        (END + timedelta(hours=24), 0, True),
        (END + timedelta(hours=24), 1, False),
        (END + timedelta(hours=24) - timedelta(microseconds=1), 0, False),
        (None, 0, False),
    ],
)
def test_a_day_is_settled_by_a_complete_read_after_its_grace_with_no_run_open(
    complete_as_of: datetime | None, open_runs: int, is_settled: bool
) -> None:
    read = Read("r", END + timedelta(days=9), complete_as_of)
    assert Rules.of(ProjectSettings()).is_settled(DAY, read, open_runs) is is_settled


def test_the_rules_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "GRACE_HOURS": "0.5",
        "TODAY_EVERY_MINUTES": "5",
        "RECHECK_EVERY_HOURS": "6",
        "GIVE_UP_DAYS": "3",
        "ABANDONED_EVERY_DAYS": "2",
        "LAST_LOOK_DAYS": "1",
        "REREAD_REQUESTS": "7",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"RUNS_ASSETS_{name}", value)
    assert Rules.of(ProjectSettings.load("RUNS_ASSETS_")) == Rules(
        grace=timedelta(minutes=30),
        today_every=timedelta(minutes=5),
        recheck_every=timedelta(hours=6),
        give_up_after=timedelta(days=3),
        abandoned_every=timedelta(days=2),
        last_look_before=timedelta(days=1),
        reread_requests=7,
    )
