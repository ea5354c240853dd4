"""What is wrong with a source as a whole or with a job is one incident, and puts what depends on it on hold."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs_assets.alerts.memory import Notification
from runs_assets.alerts.observation import JobFailure, JobRun
from runs_assets.watch_file import load_watch_file
from runs_assets_tests.alerts.rows import T0, Watching, days, health, hours, outage

UNREAD = "CANNOT READ cloudcruise since 2026-03-18 12:00 UTC"


def failed(job: str, at: datetime, source: str | None = None, why: str = "Out of reach.") -> JobRun:
    return JobRun(job, JobFailure(run_id=f"run-{at:%d-%H}", ended_at=at, description=why), source)


def test_a_source_that_is_not_read_is_told_once_and_once_when_it_is_read_again() -> None:
    people = Watching()
    assert people.evaluate(health()) == []
    assert people.evaluate(health(), now=T0 + hours(6)) == []
    now = T0 + hours(6.1)
    assert people.evaluate(health(), now=now) == [UNREAD]
    assert people.body.splitlines() == [
        "Read until: 2026-03-18 12:00 UTC",
        "Incidents of its pipelines are on hold until it is read again.",
    ]
    assert people.evaluate(health(), now=now + hours(23)) == []
    assert people.evaluate(health(), now=now + hours(24)) == [f"STILL {UNREAD}"]
    later = now + hours(30)
    assert people.evaluate(health(at=later), now=later) == [
        "RESOLVED cloudcruise: was failing since 2026-03-18 12:00 UTC"
    ]
    assert "It lasted 1 d 12 h." in people.body


def test_a_source_that_is_read_rarely_is_unread_after_two_readings() -> None:
    people = Watching()
    people.today_every = hours(12)
    told = [hour for hour in range(27) if people.evaluate(health(), now=T0 + hours(hour))]
    assert told == [25]


def test_a_source_whose_rows_are_gone_is_unread_when_the_last_reading_is_old() -> None:
    people = Watching()
    people.evaluate(health(state="down"))
    assert people.evaluate(now=T0 + hours(6)) == []
    assert people.evaluate(health(source="productsup", at=T0 + hours(6)), now=T0 + hours(6.1)) == [UNREAD]
    assert "Read until: 2026-03-18 12:00 UTC" in people.body
    now = T0 + hours(8)
    still = health(state="down", at=now, since=T0 - hours(2))
    assert [title.partition(" cloud")[0] for title in people.evaluate(still, now=now)] == ["RESOLVED"]
    assert [title.partition(" (")[0] for title in people.evaluate(health(at=now), now=now)] == ["RESOLVED p1"]


def test_while_a_source_is_not_read_its_pipelines_neither_open_nor_close_nor_are_reminded_of() -> None:
    people = Watching()
    people.evaluate(health(state="down"), health("p2"))
    now = T0 + hours(30)
    titles = people.evaluate(health(), health("p2", "down"), now=now)
    assert titles == [UNREAD]
    back = now + hours(1)
    down = health("p2", "down", at=back, since=T0 + hours(1), confirmed=T0 + hours(2))
    ended = [outage("p1", T0 - hours(2), T0 + hours(3))]
    assert people.evaluate(health(at=back), down, now=back, outages=ended) == [
        "RESOLVED cloudcruise: was failing since 2026-03-18 12:00 UTC",
        "RESOLVED p1 (cloudcruise): down from 2026-03-18 10:00 UTC to 2026-03-18 15:00 UTC",
        "DOWN p2 (cloudcruise) since 2026-03-18 13:00 UTC",
    ]
    assert "Reported 1 d 5 h late: confirmed at 2026-03-18 14:00 UTC." in people.notifications[2].body


def test_a_source_that_is_read_for_the_first_time_is_not_one_that_cannot_be_read() -> None:
    people = Watching()
    old = health()
    for hour in range(0, 20, 5):  # the oldest days come first
        old = health(at=T0 - days(28 - hour))
        assert people.evaluate(old, now=T0 + hours(hour)) == []
    assert people.evaluate(old, now=T0 + hours(21)) == []  # six hours after it was seen to be read further
    assert [title[:11] for title in people.evaluate(old, now=T0 + hours(21.1))] == ["CANNOT READ"]


def test_the_other_source_is_told_meanwhile() -> None:
    people = Watching()
    people.evaluate(health(), health(source="productsup"))
    now = T0 + hours(10)
    titles = people.evaluate(health(state="down"), health(state="down", source="productsup", at=now), now=now)
    assert [title.partition(" since")[0] for title in titles] == [
        "CANNOT READ cloudcruise",
        "DOWN p1 (productsup)",
    ]


def test_a_source_never_read_is_no_trouble_but_its_failing_job_is() -> None:
    people = Watching()
    assert people.evaluate() == []
    run = failed("cloudcruise_daily", T0, "cloudcruise", "cloudcruise: the key is not accepted (401).\nSet it.")
    assert people.evaluate(jobs=[run]) == [UNREAD.replace("CANNOT READ", "RUN FAILED")]
    assert people.body.splitlines() == [
        "It has never been read.",
        "Run run-18-12 failed at 2026-03-18 12:00 UTC.",
        "cloudcruise: the key is not accepted (401). Set it.",
    ]


def test_a_failing_job_and_an_unread_source_are_one_trouble() -> None:
    people = Watching()
    run = failed("cloudcruise_daily", T0 + hours(1), "cloudcruise")
    title = "RUN FAILED cloudcruise since 2026-03-18 13:00 UTC"
    assert people.evaluate(health(), jobs=[run], now=T0 + hours(1)) == [title]
    assert people.evaluate(health(), now=T0 + hours(7)) == []  # unread now, too
    later = failed("cloudcruise_daily", T0 + hours(8), "cloudcruise")
    assert people.evaluate(health(), jobs=[later], now=T0 + hours(8)) == []
    still = title.replace("RUN FAILED", "STILL CANNOT READ")
    assert people.evaluate(health(), now=T0 + hours(25)) == [still]
    now = T0 + hours(26)
    assert (
        people.evaluate(health(at=now), now=now) == []
    )  # read again, by another job; this one has not succeeded since
    assert len(people.evaluate(health(at=now), jobs=[JobRun("cloudcruise_daily", None, "cloudcruise")], now=now)) == 1


def test_a_job_is_told_once_however_often_it_fails_and_once_when_it_succeeds() -> None:
    people = Watching()
    title = "FAILED prune_runs at 2026-03-18 12:00 UTC"
    assert people.evaluate(jobs=[JobRun("prune_runs", None)]) == []
    assert people.evaluate(jobs=[failed("prune_runs", T0)]) == [title]
    assert "Out of reach." in people.body
    assert people.evaluate(jobs=[failed("prune_runs", T0 + hours(20))], now=T0 + hours(20)) == []
    assert people.evaluate(now=T0 + hours(24)) == ["STILL FAILING prune_runs: last failed at 2026-03-19 08:00 UTC"]
    assert people.evaluate(jobs=[JobRun("prune_runs", None)], now=T0 + hours(25)) == [
        "RESOLVED prune_runs: last failed at 2026-03-19 08:00 UTC"
    ]
    assert people.body == "The latest run succeeded; what the failed runs left undone may still be missing."
    assert people.evaluate(now=T0 + hours(49)) == []
    assert people.memory.jobs == {}


@pytest.mark.parametrize("source", ["cloudcruise", None])
def test_failures_that_alternate_with_successes_are_one_opening_and_one_end_a_day(source: str | None) -> None:
    people, told = Watching(), []
    for hour in range(70):
        for minutes in (0, 20):
            now = T0 + hours(hour) + timedelta(minutes=minutes)
            run = failed("daily", now, source) if minutes else JobRun("daily", None, source)
            if minutes == 0 or hour % 3 == 0:
                rows = [health(at=now)] if source else []
                told += [(hour, minutes, title) for title in people.evaluate(*rows, jobs=[run], now=now)]
                if (hour, minutes) == (24, 20):
                    assert "8 failures since it was last resolved; this is the latest." in people.body
                    assert "failed at 2026-03-19 12:20 UTC.\nOut of reach." in people.body
    words = ("RUN FAILED", "RESOLVED") if source else ("FAILED", "RESOLVED")
    again = f"{words[0]} AGAIN"
    expected = [(0, 20, words[0]), (1, 0, words[1])]
    expected += [(24, 20, again), (25, 0, words[1]), (48, 20, again), (49, 0, words[1])]
    name = source or "daily"
    assert [(hour, minutes, title.partition(f" {name}")[0]) for hour, minutes, title in told] == expected


def test_a_failure_soon_after_an_end_is_told_a_day_after_the_opening_though_it_is_over() -> None:
    people, ok = Watching(), JobRun("daily", None)
    looks = [(0.0, failed("daily", T0)), (1, ok), (3, failed("daily", T0 + hours(3))), (4, ok)]
    assert [len(people.evaluate(jobs=[run], now=T0 + hours(hour))) for hour, run in looks] == [1, 1, 0, 0]
    assert people.evaluate(jobs=[ok], now=T0 + hours(24)) == ["FAILED AGAIN daily at 2026-03-18 15:00 UTC"]
    assert people.body.startswith("1 failure since it was last resolved; this is the latest.\nRun run-18-15")
    for hour in (25, 40, 60):
        assert people.evaluate(jobs=[ok], now=T0 + hours(hour)) == []
    assert people.memory.jobs == {}
    assert len(people.evaluate(jobs=[failed("daily", T0 + hours(61))], now=T0 + hours(61))) == 1


def test_the_second_end_of_a_day_waits() -> None:
    people, ok = Watching(), JobRun("daily", None)
    assert len(people.evaluate(jobs=[failed("daily", T0)], now=T0)) == 1
    assert len(people.evaluate(jobs=[ok], now=T0 + hours(23))) == 1
    assert people.evaluate(jobs=[failed("daily", T0 + hours(25))], now=T0 + hours(25)) == [
        "FAILED daily at 2026-03-19 13:00 UTC"
    ]
    assert people.evaluate(jobs=[ok], now=T0 + hours(26)) == []
    assert len(people.evaluate(jobs=[ok], now=T0 + hours(47))) == 1


def test_that_a_source_cannot_be_read_does_not_wait() -> None:
    people, ok = Watching(), JobRun("cloudcruise_daily", None, "cloudcruise")
    run = failed("cloudcruise_daily", T0, "cloudcruise")
    assert [len(people.evaluate(health(), jobs=[one], now=T0)) for one in (run, ok)] == [1, 1]
    assert people.evaluate(health(), jobs=[ok], now=T0 + hours(7)) == [UNREAD]
    now = T0 + hours(8)
    assert len(people.evaluate(health(at=now), jobs=[ok], now=now)) == 1


def test_nobody_is_reminded_for_ever() -> None:
    people = Watching()
    people.evaluate(jobs=[failed("gone", T0)])
    told = [day for day in range(1, 60) if people.evaluate(now=T0 + days(day))]
    assert told == [1, 3, 7, 14, 21, 28]


def test_a_muted_source_or_job_is_not_told(tmp_path: Path) -> None:
    mute = '[[mutes]]\nsource = "{}"\npipeline = "{}"\nuntil = 2026-03-18\nreason = "known"\n'
    (tmp_path / "w.toml").write_text(mute.format("cloudcruise", "*") + mute.format("*", "prune_runs"))
    people = Watching(load_watch_file(tmp_path / "w.toml"))
    now = T0 + hours(7)
    people.evaluate(health())
    assert people.evaluate(health(), jobs=[failed("prune_runs", T0)], now=now) == []
    assert len(people.evaluate(health(), now=T0 + days(1))) == 2
    people = Watching()
    people.evaluate(health())
    people.evaluate(health(), now=now)
    people.watch = load_watch_file(tmp_path / "w.toml")
    assert people.evaluate(health(at=now), now=now) == []
    assert len(people.evaluate(health(at=T0 + days(1)), now=T0 + days(1))) == 1


STATES = st.sampled_from(["ok", "down", "silent", "flaky", "failing", "worse", "stuck", "failed once"])
STEPS = st.lists(
    st.tuples(st.lists(STATES, min_size=7, max_size=7), st.floats(0.1, 30), st.booleans()), min_size=1, max_size=25
)
BEGINNING = re.compile(r"(?:DOWN|SILENT|FAILING|WORSE|STUCK) (p\d) .* UTC|FLAPPING (p\d) \(\w+\): .*")
END = re.compile(r"RESOLVED (p\d) ")


class Reader:
    """Somebody who reads every notification, and believes of each pipeline what the last one said.

    What was only listed at the end of a platform incident may end without a word.
    """

    def __init__(self) -> None:
        self.thinks_open: set[str] = set()
        self.listed: set[str] = set()
        self.opened_at: dict[str, datetime] = {}

    def read(self, notification: Notification) -> None:
        if notification.title.startswith("RESOLVED PLATFORM"):
            still, _, over = notification.body.partition("Also resolved:")
            self.listed = set(re.findall(r"- (p\d)", still)) - self.thinks_open
            for name in re.findall(r"- (p\d)", over):
                self.thinks_open.remove(name)
        elif found := BEGINNING.fullmatch(notification.title):
            name = found[1] or found[2]
            assert name not in self.thinks_open
            self.thinks_open.add(name)
            if found[1]:
                assert notification.decided_at - self.opened_at.get(name, T0 - days(1)) >= days(1)
                self.opened_at[name] = notification.decided_at
        elif found := END.match(notification.title):
            self.thinks_open.remove(found[1])
        elif found := re.match(r"STILL [A-Z]+ (p\d) ", notification.title):
            assert found[1] in self.thinks_open | self.listed
            self.thinks_open.add(found[1])


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_whatever_happens_every_beginning_ends_at_most_once_and_nothing_is_told_while_frozen(
    steps: list[tuple[list[str], float, bool]],
) -> None:
    people, reader, now, read_until, began = Watching(), Reader(), T0, T0, dict[str, datetime]()
    people.evaluate(health("p0"))
    for states, pause, is_read in steps:
        now += timedelta(hours=pause)
        read_until = now if is_read else read_until
        rows = []
        for name, state in zip(["p0", "p1", "p2", "p3", "p4", "p5", "p6"], states, strict=True):
            began[name] = began.get(name, read_until) if state not in {"ok", "flaky"} else read_until
            rows.append(health(name, state, at=read_until, since=began[name], confirmed=began[name]))
        titles = people.evaluate(*rows, now=now)
        assert now - read_until <= hours(6) or all("CANNOT READ" in title for title in titles)
        for notification in people.notifications:
            reader.read(notification)
