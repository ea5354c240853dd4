"""What is wrong with a source as a whole or with a job is told once, and freezes what depends on it."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs_assets.alerts.look import JobRun
from runs_assets.alerts.state import JobFailure, Message
from runs_assets.watch_file import load_watch_file
from runs_assets_tests.alerts.rows import T0, Watching, days, health, hours, outage

UNREAD = "CANNOT READ cloudcruise, trouble since 2026-03-18 12:00 UTC"


def failed(job: str, at: datetime, source: str | None = None, why: str = "Out of reach.") -> JobRun:
    return JobRun(job, JobFailure(run_id=f"run-{at:%d-%H}", ended_at=at, description=why), source)


def test_a_source_that_is_not_read_is_told_once_and_once_when_it_is_read_again() -> None:
    people = Watching()
    assert people.look(health()) == []
    assert people.look(health(), now=T0 + hours(6)) == []
    now = T0 + hours(6.1)
    assert people.look(health(), now=now) == [UNREAD]
    assert people.body.splitlines() == [
        "Read until: 2026-03-18 12:00 UTC",
        "Nothing about its pipelines opens or closes until it is read again.",
    ]
    assert people.look(health(), now=now + hours(23)) == []
    assert people.look(health(), now=now + hours(24)) == [f"STILL {UNREAD}"]
    later = now + hours(30)
    assert people.look(health(at=later), now=later) == ["READ AGAIN cloudcruise, trouble since 2026-03-18 12:00 UTC"]
    assert "It took 1 d 12 h." in people.body


def test_a_source_that_is_read_rarely_is_unread_after_two_readings() -> None:
    people = Watching()
    people.today_every = hours(12)
    told = [hour for hour in range(27) if people.look(health(), now=T0 + hours(hour))]
    assert told == [25]


def test_a_source_whose_rows_are_gone_is_unread_when_the_last_reading_is_old() -> None:
    people = Watching()
    people.look(health(state="down"))
    assert people.look(now=T0 + hours(6)) == []
    assert people.look(health(source="productsup", at=T0 + hours(6)), now=T0 + hours(6.1)) == [UNREAD]
    assert "Read until: 2026-03-18 12:00 UTC" in people.body
    now = T0 + hours(8)
    still = health(state="down", at=now, since=T0 - hours(2))
    assert [title.partition(" cloud")[0] for title in people.look(still, now=now)] == ["READ AGAIN"]
    assert [title.partition(" (")[0] for title in people.look(health(at=now), now=now)] == ["ENDED p1"]


def test_while_a_source_is_not_read_its_pipelines_neither_open_nor_close_nor_are_reminded_of() -> None:
    people = Watching()
    people.look(health(state="down"), health("p2"))
    now = T0 + hours(30)
    titles = people.look(health(), health("p2", "down"), now=now)
    assert titles == [UNREAD]
    back = now + hours(1)
    down = health("p2", "down", at=back, since=T0 + hours(1), confirmed=T0 + hours(2))
    ended = [outage("p1", T0 - hours(2), T0 + hours(3))]
    assert people.look(health(at=back), down, now=back, outages=ended) == [
        "READ AGAIN cloudcruise, trouble since 2026-03-18 12:00 UTC",
        "ENDED p1 (cloudcruise): down from 2026-03-18 10:00 UTC to 2026-03-18 15:00 UTC",
        "DOWN p2 (cloudcruise) since 2026-03-18 13:00 UTC",
    ]
    assert "Told 1 d 5 h late: certain since 2026-03-18 14:00 UTC." in people.last.messages[2].body


def test_the_other_source_is_told_meanwhile() -> None:
    people = Watching()
    now = T0 + hours(10)
    titles = people.look(health(state="down"), health(state="down", source="productsup", at=now), now=now)
    assert [title.partition(" since")[0] for title in titles] == [
        "CANNOT READ cloudcruise, trouble",
        "DOWN p1 (productsup)",
    ]


def test_a_source_never_read_is_no_trouble_but_its_failing_job_is() -> None:
    people = Watching()
    assert people.look() == []
    run = failed("cloudcruise_daily", T0, "cloudcruise", "cloudcruise: the key is not accepted (401).\nSet it.")
    assert people.look(jobs=[run]) == [UNREAD.replace("CANNOT READ", "RUN FAILED")]
    assert people.body.splitlines() == [
        "It has never been read.",
        "Run run-18-12 failed at 2026-03-18 12:00 UTC.",
        "cloudcruise: the key is not accepted (401). Set it.",
    ]


def test_a_failing_job_and_an_unread_source_are_one_trouble() -> None:
    people = Watching()
    run = failed("cloudcruise_daily", T0 + hours(1), "cloudcruise")
    title = "RUN FAILED cloudcruise, trouble since 2026-03-18 13:00 UTC"
    assert people.look(health(), jobs=[run], now=T0 + hours(1)) == [title]
    assert people.look(health(), now=T0 + hours(7)) == []  # unread now, too
    later = failed("cloudcruise_daily", T0 + hours(8), "cloudcruise")
    assert people.look(health(), jobs=[later], now=T0 + hours(8)) == []
    still = title.replace("RUN FAILED", "STILL CANNOT READ")
    assert people.look(health(), now=T0 + hours(25)) == [still]
    now = T0 + hours(26)
    assert people.look(health(at=now), now=now) == []  # read again, by another job; this one has not succeeded since
    assert len(people.look(health(at=now), jobs=[JobRun("cloudcruise_daily", None, "cloudcruise")], now=now)) == 1


def test_a_job_is_told_once_however_often_it_fails_and_once_when_it_succeeds() -> None:
    people = Watching()
    title = "FAILED prune_runs: failed at 2026-03-18 12:00 UTC"
    assert people.look(jobs=[JobRun("prune_runs", None)]) == []
    assert people.look(jobs=[failed("prune_runs", T0)]) == [title]
    assert "Out of reach." in people.body
    assert people.look(jobs=[failed("prune_runs", T0 + hours(20))], now=T0 + hours(20)) == []
    assert people.look(now=T0 + hours(24)) == ["STILL FAILED prune_runs: failed at 2026-03-19 08:00 UTC"]
    assert people.look(jobs=[JobRun("prune_runs", None)], now=T0 + hours(25)) == [
        "SUCCEEDED AGAIN prune_runs: failed at 2026-03-19 08:00 UTC"
    ]
    assert people.body == "Its newest run succeeded: what failed before need not have been made up."
    assert people.look(now=T0 + hours(49)) == []
    assert people.state.jobs == {}


@pytest.mark.parametrize("source", ["cloudcruise", None])
def test_failures_that_alternate_with_successes_are_one_opening_and_one_end_a_day(source: str | None) -> None:
    people, told = Watching(), []
    for hour in range(70):
        for minutes in (0, 20):
            now = T0 + hours(hour) + timedelta(minutes=minutes)
            run = failed("daily", now, source) if minutes else JobRun("daily", None, source)
            if minutes == 0 or hour % 3 == 0:
                rows = [health(at=now)] if source else []
                told += [(hour, minutes, title) for title in people.look(*rows, jobs=[run], now=now)]
                if (hour, minutes) == (24, 20):
                    assert "8 failures since it was last told to be over; this is the latest." in people.body
                    assert "failed at 2026-03-19 12:20 UTC.\nOut of reach." in people.body
    words = ("RUN FAILED", "READ AGAIN") if source else ("FAILED", "SUCCEEDED AGAIN")
    again = f"STILL {words[0]} NOW AND THEN"
    expected = [(0, 20, words[0]), (1, 0, words[1])]
    expected += [(24, 20, again), (25, 0, words[1]), (48, 20, again), (49, 0, words[1])]
    name = source or "daily"
    assert [(hour, minutes, title.partition(f" {name}")[0]) for hour, minutes, title in told] == expected


def test_a_failure_soon_after_an_end_is_told_a_day_after_the_opening_though_it_is_over() -> None:
    people, ok = Watching(), JobRun("daily", None)
    looks = [(0.0, failed("daily", T0)), (1, ok), (3, failed("daily", T0 + hours(3))), (4, ok)]
    assert [len(people.look(jobs=[run], now=T0 + hours(hour))) for hour, run in looks] == [1, 1, 0, 0]
    assert people.look(jobs=[ok], now=T0 + hours(24)) == [
        "STILL FAILED NOW AND THEN daily: failed at 2026-03-18 15:00 UTC"
    ]
    assert people.body.startswith("1 failure since it was last told to be over; this is the latest.\nRun run-18-15")
    for hour in (25, 40, 60):
        assert people.look(jobs=[ok], now=T0 + hours(hour)) == []
    assert people.state.jobs == {}
    assert len(people.look(jobs=[failed("daily", T0 + hours(61))], now=T0 + hours(61))) == 1


def test_the_second_end_of_a_day_waits() -> None:
    people, ok = Watching(), JobRun("daily", None)
    assert len(people.look(jobs=[failed("daily", T0)], now=T0)) == 1
    assert len(people.look(jobs=[ok], now=T0 + hours(23))) == 1
    assert people.look(jobs=[failed("daily", T0 + hours(25))], now=T0 + hours(25)) == [
        "FAILED daily: failed at 2026-03-19 13:00 UTC"
    ]
    assert people.look(jobs=[ok], now=T0 + hours(26)) == []
    assert len(people.look(jobs=[ok], now=T0 + hours(47))) == 1


def test_that_a_source_cannot_be_read_does_not_wait() -> None:
    people, ok = Watching(), JobRun("cloudcruise_daily", None, "cloudcruise")
    run = failed("cloudcruise_daily", T0, "cloudcruise")
    assert [len(people.look(health(), jobs=[one], now=T0)) for one in (run, ok)] == [1, 1]
    assert people.look(health(), jobs=[ok], now=T0 + hours(7)) == [UNREAD]
    now = T0 + hours(8)
    assert len(people.look(health(at=now), jobs=[ok], now=now)) == 1


def test_nobody_is_reminded_for_ever() -> None:
    people = Watching()
    people.look(jobs=[failed("gone", T0)])
    told = [day for day in range(1, 60) if people.look(now=T0 + days(day))]
    assert told == list(range(1, 29))


def test_a_muted_source_or_job_is_not_told(tmp_path: Path) -> None:
    mute = '[[mutes]]\nsource = "{}"\npipeline = "{}"\nuntil = 2026-03-18\nreason = "known"\n'
    (tmp_path / "w.toml").write_text(mute.format("cloudcruise", "*") + mute.format("*", "prune_runs"))
    people = Watching(load_watch_file(tmp_path / "w.toml"))
    now = T0 + hours(7)
    assert people.look(health(), jobs=[failed("prune_runs", T0)], now=now) == []
    assert len(people.look(health(), now=T0 + days(1))) == 2
    people = Watching()
    people.look(health(), now=now)
    people.watch = load_watch_file(tmp_path / "w.toml")
    assert people.look(health(at=now), now=now) == []
    assert len(people.look(health(at=T0 + days(1)), now=T0 + days(1))) == 1


STATES = st.sampled_from(["ok", "down", "silent", "flaky"])
STEPS = st.lists(
    st.tuples(st.lists(STATES, min_size=7, max_size=7), st.floats(0.1, 30), st.booleans()), min_size=1, max_size=25
)
BEGINNING = re.compile(r"(?:DOWN|SILENT) (p\d) .* UTC")
END = re.compile(r"ENDED (p\d) ")


class Reader:
    """Somebody who reads every message, and believes of each pipeline what the last one said."""

    def __init__(self) -> None:
        self.thinks_open: set[str] = set()

    def read(self, message: Message) -> None:
        if message.title.startswith("ENDED PLATFORM"):
            still, _, over = message.body.partition("Told before and over:")
            self.thinks_open |= set(re.findall(r"- (p\d)", still))
            for name in re.findall(r"- (p\d)", over):
                self.thinks_open.remove(name)
        elif found := BEGINNING.fullmatch(message.title):
            assert found[1] not in self.thinks_open
            self.thinks_open.add(found[1])
        elif found := END.match(message.title):
            self.thinks_open.remove(found[1])
        elif message.title.startswith(("STILL DOWN", "STILL SILENT")):
            assert message.title.split()[2] in self.thinks_open


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_whatever_happens_every_beginning_ends_at_most_once_and_nothing_is_told_while_frozen(
    steps: list[tuple[list[str], float, bool]],
) -> None:
    people, reader, now, read_until, began = Watching(), Reader(), T0, T0, dict[str, datetime]()
    for states, pause, is_read in steps:
        now += timedelta(hours=pause)
        read_until = now if is_read else read_until
        rows = []
        for name, state in zip(["p0", "p1", "p2", "p3", "p4", "p5", "p6"], states, strict=True):
            began[name] = began.get(name, read_until) if state in {"down", "silent"} else read_until
            rows.append(health(name, state, at=read_until, since=began[name], confirmed=began[name]))
        titles = people.look(*rows, now=now)
        assert now - read_until <= hours(6) or all("CANNOT READ" in title for title in titles)
        for message in people.last.messages:
            reader.read(message)
