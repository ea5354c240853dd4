"""How what is held is compared with what is shown; the pipelines themselves are played by `python -m`, not here."""

from datetime import UTC, datetime, timedelta

from runs_assets.sandbox import Row
from runs_assets_tests.comparison.outcome import Held, outcome, shown_by, to_the_second

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
ENDED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def row(run_id: str | None, created_at: datetime, *, printed: bool = True) -> Row:
    created = created_at.isoformat() if printed else None
    body: dict[str, object] = {
        "session_id": run_id,
        "created_at": created,
        "status": "done",
        "execution_end": ENDED.isoformat(),
    }
    return Row(created_at, body)


def test_what_is_shown_are_the_runs_of_the_days_that_count_which_have_an_id_and_a_time() -> None:
    day = timedelta(days=1)
    rows = [
        row("a", FIRST),
        row("b", FIRST + day),
        row("c", FIRST - day),
        row(None, FIRST),
        row("d", FIRST, printed=False),
    ]
    assert shown_by("cloudcruise", rows, FIRST, FIRST + day) == {"a": Held("a", "done", ENDED)}


def test_what_is_lost_repeated_and_stale_is_counted_by_runs_and_rows() -> None:
    shown = {name: Held(name, "done", ENDED) for name in "abcde"}
    held = [
        Held("a", "done", ENDED),
        Held("b", "done", ENDED),
        Held("b", "done", ENDED),
        Held("b", "open", None),
        Held("c", "open", None),
        Held("d", "done", ENDED + timedelta(hours=1)),
        Held("x", "open", None),
    ]
    found = outcome(held, shown, [True, False, True])
    assert (found.lost, found.repeated, found.stale) == (1, 2, 3)
    assert str(found) == "lost 1, repeated 2, stale 3; failed 1 of 3"
    assert str(outcome(shown.values(), shown, [True])) == "right"
    assert str(outcome(shown.values(), shown, [False])) == "right; failed 1 of 1"


def test_times_are_compared_to_the_second() -> None:
    assert to_the_second(datetime.fromisoformat("2026-03-01T10:00:00.400+01:00")) == ENDED
    assert to_the_second(datetime.fromisoformat("2026-03-01T08:59:59.600+00:00")) == ENDED
