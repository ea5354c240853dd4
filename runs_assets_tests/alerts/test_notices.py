"""A notice: one line about a failure that is no incident; nothing opens, nothing ends."""

from pathlib import Path
from typing import Any

import pytest

from runs_assets.alerts.lifecycle import Event
from runs_assets.watch_entries import Severity
from runs_assets.watch_file import load_watch_file
from runs_assets_tests.alerts.rows import T0, Watching, days, health, hours

TITLE = "FAILED p1 (cloudcruise) at 2026-03-18 11:48 UTC"


def once(at: float = 0.0, began: float = -0.2, last: float = -0.2, **other: Any) -> dict[str, Any]:
    """A pipeline that failed once; hours from T0."""
    instants: dict[str, Any] = {"failing_since": T0 + hours(began), "last_failure_at": T0 + hours(last)}
    return dict(health(state="failed once", at=T0 + hours(at), failures=1, **instants, **other))


def watching(folder: Path, text: str) -> Watching:
    (folder / "watch.toml").write_text(text)
    return Watching(load_watch_file(folder / "watch.toml"))


def test_a_failure_is_told_once_and_its_end_not() -> None:
    people = Watching()
    assert people.evaluate(once()) == [TITLE]
    assert (people.notifications[0].event, people.notifications[0].severity) == (Event.NOTICE, Severity.INFO)
    assert people.body == (
        "Failed once, usual 2.1 %; last success 2026-03-18 09:00 UTC; nothing to do if the next run succeeds"
    )
    assert people.evaluate(once(20), now=T0 + hours(20)) == []
    assert people.evaluate(health(at=T0 + days(1)), now=T0 + days(1)) == []
    assert people.evaluate(once(26), now=T0 + hours(26)) == []
    earlier = once(27, -0.4)  # a run that came late
    assert people.evaluate(earlier, now=T0 + hours(27)) == []
    assert people.evaluate(once(48, 47, 47), now=T0 + days(2)) == ["FAILED p1 (cloudcruise) at 2026-03-20 11:00 UTC"]
    assert people.memory.sources["cloudcruise"].pipelines == ()


def test_it_says_which_run_why_and_whose(tmp_path: Path) -> None:
    people = watching(
        tmp_path, '[[owners]]\nowner = "Feeds"\n[links]\ncloudcruise = "https://h/{run_id}"\n[[routes]]\ntag = "mail"\n'
    )
    people.evaluate(once(reason="E1\n", reason_side="ours", latest_failed_run_id="r1", last_success_at=None))
    assert people.body == (
        "Failed once, usual 2.1 %; no success known; reason E1, attribution: ours; run r1 https://h/r1; owner Feeds; "
        "nothing to do if the next run succeeds"
    )
    assert people.notifications[0].tags == ("mail",)


def test_what_goes_on_is_an_incident_of_its_own_and_no_second_notice() -> None:
    people = Watching()
    people.evaluate(once())
    now = T0 + days(1)
    failing = {**once(24, -0.2, 23.8), "state": "failing", "failures": 2, "since": T0 - hours(0.2)}
    assert people.evaluate(failing, now=now) == ["FAILING p1 (cloudcruise) since 2026-03-18 11:48 UTC"]


def test_while_an_incident_is_open_there_is_no_notice() -> None:
    people = Watching()
    noisy: dict[str, Any] = {"normal_rate": 0.3, "failure_rate_24h": 0.5, "successes": 0}
    people.evaluate(health(state="down", **noisy))
    assert people.evaluate(once(1, 0.5, 0.5, **noisy), now=T0 + hours(1)) == []


def test_a_notice_waits_for_the_end_of_a_mute_and_of_what_its_source_has(tmp_path: Path) -> None:
    people = watching(tmp_path, '[[mutes]]\nuntil = 2026-03-18T13:00:00Z\nreason = "x"\n')
    assert people.evaluate(once()) == []
    assert people.evaluate(once(1), now=T0 + hours(1)) == [TITLE]
    people = Watching()
    people.evaluate(health())
    assert "CANNOT READ" in people.evaluate(once(), now=T0 + hours(7))[0]
    assert TITLE in people.evaluate(once(7), now=T0 + hours(7))


@pytest.mark.parametrize(("tell", "expected"), [("usual", [TITLE]), ("incidents", []), ("never", [])])
def test_a_rule_says_whether_notices_are_wanted(tmp_path: Path, tell: str, expected: list[str]) -> None:
    assert watching(tmp_path, f'[[rules]]\ntell = "{tell}"\n').evaluate(once()) == expected


def test_every_failure_is_told_if_a_rule_says_so(tmp_path: Path) -> None:
    people = watching(tmp_path, '[[rules]]\ntell = "every failure"\n')
    rows = [
        (0, health(last_failure_at=T0 - hours(25))),  # history
        (1, health(at=T0 + hours(1), last_failure_at=T0 + hours(0.5))),
        (2, health(at=T0 + hours(2), last_failure_at=T0 + hours(0.5))),
        (3, health(state="down", at=T0 + hours(3), last_failure_at=T0 + hours(2.5))),
        (4, health(state="down", at=T0 + hours(4), last_failure_at=T0 + hours(3.5))),
    ]
    told = [title for hour, row in rows for title in people.evaluate(row, now=T0 + hours(hour))]
    assert told == [
        "FAILED p1 (cloudcruise) at 2026-03-18 12:30 UTC",
        "DOWN p1 (cloudcruise) since 2026-03-18 13:00 UTC",
        "FAILED p1 (cloudcruise) at 2026-03-18 15:30 UTC",
    ]


def test_a_pipeline_that_is_gone_leaves_nothing_behind() -> None:
    people = Watching()
    people.evaluate(once())
    people.evaluate(health("p2"))
    assert people.memory.sources["cloudcruise"].notices == ()
