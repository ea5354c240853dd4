"""Many pipelines down at once are one incident, and what is left of them goes on as incidents of pipelines."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from runs_assets.alerts.lifecycle import Event
from runs_assets.alerts.observation import Row
from runs_assets.watch_file import load_watch_file
from runs_assets_tests.alerts.rows import T0, Watching, days, health, hours, span

BEFORE = T0 - hours(2)


def many(down: int, of: int, *, at: datetime = T0, since: datetime = BEFORE) -> list[Row]:
    """The first `down` of some pipelines are down."""
    return [
        health(f"p{n:02}", "down" if n < down else "ok", at=at, since=since if n < down else None) for n in range(of)
    ]


def test_one_message_instead_of_many_and_one_when_it_ends() -> None:
    people = Watching()
    assert people.evaluate(*many(5, 10)) == ["PLATFORM cloudcruise: 5 of 10 pipelines down since 2026-03-18 10:00 UTC"]
    assert "- p04: down since 2026-03-18 10:00 UTC" in people.body
    for hour in (3, 4):
        assert people.evaluate(*many(0, 10, at=T0 + hours(hour)), now=T0 + hours(hour)) == []
    later = T0 + hours(5)  # well for two hours
    assert people.evaluate(*many(0, 10, at=later), now=later) == [
        "RESOLVED PLATFORM cloudcruise: down from 2026-03-18 10:00 UTC to 2026-03-18 15:00 UTC"
    ]
    assert people.memory.sources["cloudcruise"].pipelines == ()


def resolve(people: Watching, *rows: Row) -> list[str]:
    """The titles when a source has been well for two hours, at the time up to which the rows were read."""
    now = rows[0]["source_read_until"]
    before = [{**row, "source_read_until": now - hours(2)} for row in rows]
    assert people.evaluate(*before, now=now - hours(2)) == []
    return people.evaluate(*rows, now=now)


def scattered(at: datetime, *states: str) -> list[Row]:
    bad: dict[str, Any] = {"since": BEFORE, "confirmed": BEFORE + hours(1)}
    return [health(f"p{n:02}", state, at=at, **(bad if state != "ok" else {})) for n, state in enumerate(states)]


def test_many_that_fall_silent_are_one_message_with_those_that_are_down() -> None:
    people = Watching()
    assert people.evaluate(*scattered(T0, "down", "down", *["silent"] * 4, *["ok"] * 5)) == [
        "PLATFORM cloudcruise: 6 of 11 pipelines in trouble since 2026-03-18 10:00 UTC"
    ]
    assert people.body.splitlines()[:4] == [
        "Pipelines:",
        "- p00: down since 2026-03-18 10:00 UTC",
        "- p01: down since 2026-03-18 10:00 UTC",
        "- p02: silent since 2026-03-18 10:00 UTC",
    ]
    now = T0 + hours(4)
    assert resolve(people, *scattered(now, "ok", "ok", "silent", *["ok"] * 8)) == [
        "RESOLVED PLATFORM cloudcruise: in trouble from 2026-03-18 10:00 UTC to 2026-03-18 14:00 UTC, 1 not yet well"
    ]
    assert "Not yet well; told again only if that lasts for a day:\n- p02: silent since" in people.body
    now = T0 + hours(5)
    assert people.evaluate(*scattered(now, *["ok"] * 11), now=now) == []  # it was only listed
    assert not any(one.is_open for one in people.memory.sources["cloudcruise"].pipelines)


def test_a_scheduler_that_died_is_one_message_and_one_when_it_is_back() -> None:
    people, told = Watching(), []
    for day in range(9):
        now = T0 + days(day)
        rows = scattered(now, *["silent"] * 20)
        told += people.evaluate(*[{**row, "last_run_at": BEFORE} for row in rows], now=now)
    title = "PLATFORM cloudcruise: 20 of 20 pipelines silent since 2026-03-18 11:00 UTC"
    assert told == [title, *[f"STILL {title}"] * 3]  # after 1, 3 and 7 days
    assert len(resolve(people, *scattered(T0 + days(9), *["ok"] * 20))) == 1


@pytest.mark.parametrize(
    ("down", "of", "is_one"),
    [(5, 33, True), (4, 4, False), (5, 34, False), (6, 40, True), (7, 60, False), (8, 60, True)],
)
def test_it_takes_five_and_15_percent_of_the_active_ones_or_eight(down: int, of: int, is_one: bool) -> None:
    people = Watching()
    assert len(people.evaluate(*many(down, of))) == (1 if is_one else down)


def test_pipelines_without_a_run_for_a_week_are_not_active() -> None:
    people = Watching()
    idle = [health(f"idle{n}", last_run_at=T0 - days(7)) for n in range(20)]
    assert len(people.evaluate(*many(5, 10), *idle)) == 1


def test_what_opened_on_another_day_does_not_add_up() -> None:
    people = Watching()
    before = T0 - hours(24)
    assert len(people.evaluate(*many(1, 10, at=before, since=before), now=before)) == 1
    rows = many(5, 10)
    opened_before = {**rows[0], "confirmed_at": before}
    assert len(people.evaluate(opened_before, *rows[1:])) == 5  # four open, and of one there is a reminder


def test_what_would_all_open_now_is_one_incident_however_old() -> None:
    people = Watching()
    people.evaluate(*many(0, 10))
    now = T0 + days(3)
    rows = [{**row, "confirmed_at": T0 + hours(n)} for n, row in enumerate(many(5, 10, at=now))]
    assert len(people.evaluate(*rows, now=now)) == 1
    assert "late: confirmed at 2026-03-18 16:00 UTC" in people.body
    assert (
        len(people.evaluate(*[{**row, "source_read_until": now + hours(1)} for row in rows], now=now + hours(1))) == 0
    )


def test_history_does_not_add_up() -> None:
    people = Watching()
    rows = [{**row, "last_failure_at": T0 - hours(25)} for row in many(8, 10)]
    assert people.evaluate(*rows) == []
    assert people.evaluate(*[{**row, "source_read_until": T0 + hours(1)} for row in rows], now=T0 + hours(1)) == []


def test_it_lasts_as_long_as_many_of_them_are_down_and_is_reminded_of() -> None:
    people, told = Watching(), []
    for hour in range(0, 76, 4):
        now = T0 + hours(hour)
        rows = [{**row, "source_read_until": now, "last_run_at": now} for row in many(6, 10)]
        told += people.evaluate(*rows, now=now)
    still = "STILL PLATFORM cloudcruise: 6 of 10 pipelines down since 2026-03-18 10:00 UTC"
    assert told == [still.removeprefix("STILL "), still, still]


def test_it_does_not_flap_at_its_edge() -> None:
    people = Watching()
    looks = [(hour, T0 + hours(hour)) for hour in range(9)]
    down = (5, 4, 2, 2, 3, 2, 6, 2, 2)
    told = [people.evaluate(*many(down[hour], 10, at=at), now=at) for hour, at in looks]
    assert [len(titles) for titles in told] == [1, 0, 0, 0, 0, 0, 0, 0, 0]
    at = T0 + hours(9)
    assert people.evaluate(*many(2, 10, at=at), now=at)[0].startswith("RESOLVED PLATFORM")


def test_while_it_lasts_single_ones_rest_and_those_still_down_go_on_afterwards() -> None:
    people = Watching()
    assert len(people.evaluate(*many(1, 10))) == 1  # p00 opens on its own, before
    assert len(people.evaluate(*many(6, 10))) == 1
    silent = health("quiet", "silent")
    assert people.evaluate(*many(6, 10)[1:], health("p00"), silent, health("late", "down")) == []
    now = T0 + hours(3)
    rest = [health("p01", "down", at=now, since=T0 - hours(2)), {**silent, "source_read_until": now}]
    healthy = [health(f"p{n:02}", at=now) for n in range(2, 10)]
    assert resolve(people, health("p00", at=now), *rest, *healthy) == [
        "RESOLVED PLATFORM cloudcruise: down from 2026-03-18 10:00 UTC to 2026-03-18 13:00 UTC, 2 not yet well",
    ]
    assert people.notifications[0].body.splitlines() == [
        "Affected: 6 of 10 pipelines.",
        "Not yet well; told again only if that lasts for a day:",
        "- p01: down since 2026-03-18 10:00 UTC",
        "- quiet: silent since 2026-03-18 10:00 UTC",
        "Also resolved:",
        "- p00",
        "As of 2026-03-18 15:00 UTC.",
    ]
    now = T0 + hours(27)
    rows = [{**row, "source_read_until": now} for row in (*rest, *healthy)]
    assert [title.partition(" (")[0] for title in people.evaluate(*rows, now=now)] == [
        "STILL DOWN p01",
        "STILL SILENT quiet",
    ]
    over = [health(row["pipeline_id"], at=now) for row in rows]
    assert [title.partition(" (")[0] for title in people.evaluate(*over, now=now)] == ["RESOLVED p01", "RESOLVED quiet"]


def test_what_goes_down_more_than_a_day_after_it_opened_is_an_incident_of_its_own() -> None:
    people = Watching()
    people.evaluate(*many(8, 12))
    now = T0 + days(5)
    late: dict[str, Any] = {"since": now - hours(2), "confirmed": now - hours(1)}
    within: dict[str, Any] = {"since": T0, "confirmed": T0 + hours(23.9)}
    rest = [{**row, "source_read_until": now, "last_run_at": now} for row in (*many(3, 9), health("p11"))]
    assert [
        title.partition(" since")[0] for title in people.evaluate(*rest, health("p09", "down", **within), now=now)
    ] == ["STILL PLATFORM cloudcruise: 4 of 11 pipelines down"]
    bad = [health("p09", "down", at=now, **late), health("p10", "silent", at=now, **late)]
    assert [title.partition(" (")[0] for title in people.evaluate(*rest, *bad, now=now)] == ["DOWN p09", "SILENT p10"]
    over = [health("p09", at=now), health("p10", at=now)]
    assert [title.partition(" (")[0] for title in people.evaluate(*rest, *over, now=now)] == [
        "RESOLVED p09",
        "RESOLVED p10",
    ]


def test_many_more_that_go_down_later_are_one_message_again() -> None:
    people = Watching()
    people.evaluate(*many(12, 24))
    now = T0 + days(2)
    late = [health(f"late{n}", "silent", at=now, since=now - hours(3), confirmed=now - hours(1)) for n in range(20)]
    rows = [{**row, "source_read_until": now, "last_run_at": now} for row in many(12, 12)]
    assert len(people.evaluate(*rows, now=now - hours(5))) == 1
    assert people.evaluate(*rows, *late, now=now) == [
        "PLATFORM cloudcruise: now 32 of 32 pipelines in trouble since 2026-03-18 10:00 UTC"
    ]


def test_a_source_that_is_unread_while_it_lasts_is_frozen() -> None:
    people = Watching()
    people.evaluate(*many(5, 10))
    now = T0 + hours(30)
    assert [title.partition(" since")[0] for title in people.evaluate(*many(5, 10), now=now)] == [
        "CANNOT READ cloudcruise"
    ]
    told = people.evaluate(*many(0, 10, at=now), now=now)
    told += people.evaluate(*many(0, 10, at=now + hours(2)), now=now + hours(2))
    assert [title.partition(" cloudcruise")[0] for title in told] == ["RESOLVED", "RESOLVED PLATFORM"]


def test_it_reaches_everybody_whom_the_single_notifications_would_have(tmp_path: Path) -> None:
    route = '[[routes]]\npipeline = "{}"\ntag = "{}"\n'
    (tmp_path / "w.toml").write_text(route.format("p0[0-3]", "a") + route.format("p04", "b") + route.format("p05", "c"))
    people = Watching(load_watch_file(tmp_path / "w.toml"))
    people.evaluate(*many(5, 10))
    assert people.notifications[0].tags == ("a", "b")
    resolve(people, *many(0, 10, at=T0 + hours(3)))
    (ended,) = people.notifications
    assert ended.tags == ("a", "b")


def test_whoever_was_notified_of_an_update_is_notified_of_its_end(tmp_path: Path) -> None:
    route = '[[routes]]\npipeline = "{}"\ntag = "{}"\n'
    (tmp_path / "w.toml").write_text(route.format("*", "all") + route.format("late*", "late"))
    people = Watching(load_watch_file(tmp_path / "w.toml"))
    people.evaluate(*many(12, 24))
    assert people.notifications[0].tags == ("all",)
    now = T0 + days(2)
    late = [health(f"late{n}", "down", at=now, since=now - hours(3), confirmed=now - hours(1)) for n in range(20)]
    rows = [{**row, "source_read_until": now, "last_run_at": now} for row in many(12, 12)]
    people.evaluate(*rows, *late, now=now)
    (updated,) = people.notifications
    assert (updated.event, updated.tags) == (Event.UPDATED, ("all", "late"))
    now += hours(3)
    resolve(people, *many(0, 24, at=now), *[health(f"late{n}", at=now) for n in range(20)])
    (resolved,) = people.notifications
    assert (resolved.event, resolved.tags) == (Event.RESOLVED, ("all", "late"))


def test_a_pipeline_without_a_route_keeps_it_from_nobody(tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text('[[routes]]\npipeline = "p00"\ntag = "a"\n')
    people = Watching(load_watch_file(tmp_path / "w.toml"))
    people.evaluate(*many(5, 10))
    assert people.notifications[0].tags == ("a",)


def test_muted_pipelines_do_not_make_it(tmp_path: Path) -> None:
    mute = '[[mutes]]\npipeline = "{}"\nuntil = 2026-03-19\nreason = "known"\n'
    (tmp_path / "w.toml").write_text(mute.format("p00"))
    people = Watching(load_watch_file(tmp_path / "w.toml"))
    assert len(people.evaluate(*many(5, 10))) == 4
    (tmp_path / "w.toml").write_text(mute.format("*"))
    muted = Watching(load_watch_file(tmp_path / "w.toml"))
    assert muted.evaluate(*many(8, 10)) == []
    now = T0 + days(2)
    rows = [{**row, "source_read_until": now, "last_run_at": now} for row in many(8, 10)]
    assert len(muted.evaluate(*rows, now=now)) == 1


def source(state: str, affected: int = 0, active: int = 40, since: datetime | None = None) -> Row:
    """The row of `source_health`."""
    ids = [f"p{n:02}" for n in range(affected)]
    counts = {"affected": affected, "active": active, "usual": 0.7 if state == "failing" else None}
    counts |= {"common_dimension": None, "common_value": None}
    return {"source": "cloudcruise", "state": state, "since": since, "pipeline_ids": ids or None, **counts}


def test_a_failing_source_is_an_incident_before_any_of_its_pipelines_is_down() -> None:
    people = Watching()
    failing = source("failing", 12, since=T0 - hours(0.5))
    assert people.evaluate(*many(0, 40), sources=[failing]) == [
        "PLATFORM cloudcruise: 12 of 40 pipelines failing since 2026-03-18 11:30 UTC"
    ]
    assert people.body.splitlines()[:2] == ["By chance it would be 0.7 of 40.", "Pipelines:"]
    assert people.body.splitlines()[-2:] == [
        "Until this is resolved, there are no separate notifications for these pipelines.",
        "As of 2026-03-18 12:00 UTC.",
    ]


@pytest.mark.parametrize(
    ("reasons", "line"),
    [
        (["E42"] * 5, "Reason of 5 of the 5 that failed: E42, attribution: platform"),
        (["E42"] * 4 + ["E7"], "Reason of 4 of the 5 that failed: E42, attribution: platform"),
        (["E42"] * 4 + [None], "Reason of 4 of the 5 that failed: E42, attribution: platform"),
        (["E42"] * 3 + ["E7"] * 2, None),
        (["E42"] * 3 + ["not known"] * 2, None),
        (["not known"] * 5, None),
        (["E42"] * 2, None),
    ],
)
def test_a_reason_that_nearly_all_have_in_common_is_said(reasons: list[str | None], line: str | None) -> None:
    """Of twelve pipelines; the others failed last before it began, whyever."""
    people, since = Watching(), T0 - hours(0.5)
    rows = [
        health(f"p{n:02}", last_failure_at=T0 - hours(0.2), reason=reason, reason_side="platform")
        for n, reason in enumerate(reasons)
    ]
    rows += [
        health(f"p{n:02}", last_failure_at=T0 - hours(9), reason="E9", reason_side="ours") for n in range(len(rows), 40)
    ]
    people.evaluate(*rows, sources=[source("failing", 12, since=since)])
    found = [one for one in people.body.splitlines() if one.startswith("Reason of")]
    assert found == ([line] if line else [])


def test_it_is_updated_when_twice_as_many_fail_and_resolved_once_well_for_two_hours() -> None:
    people, since = Watching(), T0 - hours(0.5)
    counts = {0: 12, 1: 20, 2: 24, 3: 30, 4: 0, 5: 9, 6: 0, 7: 0, 8: 0}
    told = []
    for hour, affected in counts.items():
        at = T0 + hours(hour)
        row = source("failing" if affected else "ok", affected, since=since if affected else None)
        told.append(people.evaluate(*many(0, 40, at=at), now=at, sources=[row]))
    assert [title.partition(": ")[2] for titles in told for title in titles] == [
        "12 of 40 pipelines failing since 2026-03-18 11:30 UTC",
        "now 24 of 40 pipelines failing since 2026-03-18 11:30 UTC",
        "failing from 2026-03-18 11:30 UTC to 2026-03-18 18:00 UTC",
    ]
    assert [len(titles) for titles in told] == [1, 0, 1, 0, 0, 0, 0, 0, 1]


def test_the_source_does_not_fail_again_by_what_failed_before_it_was_well() -> None:
    people, since = Watching(), T0 - hours(0.5)
    told = []
    for hour, begin in enumerate([since, None, None, None, since, T0 + hours(1), T0 + hours(1.1)]):
        at = T0 + hours(hour)
        row = source("failing" if begin else "ok", 12 if begin else 0, since=begin)
        told += [
            (hour, title.partition(" ")[0]) for title in people.evaluate(*many(0, 40, at=at), now=at, sources=[row])
        ]
    assert told == [(0, "PLATFORM"), (3, "RESOLVED"), (6, "PLATFORM")]  # well since 13:00


def test_what_is_left_and_lasts_is_reminded_of_and_then_its_end_is_told() -> None:
    """Not of what has not run since: it may be well."""
    people = Watching()
    people.evaluate(*many(8, 40))
    told = []
    for hour in (2, 4, 28.5, 29, 30):
        at = T0 + hours(hour)
        failed_at = T0 if hour == 4 else at
        ill = "ok" if hour == 30 else "down"
        known: dict[str, Any] = {"since": BEFORE, "confirmed": T0 - hours(0.5)}
        rows = [
            health("p00", ill, at=at, **known, last_failure_at=failed_at),
            health("p01", "down", at=at, **known, last_failure_at=T0),
            *many(0, 40, at=at)[2:],
        ]
        told += [(hour, title.partition(" (")[0]) for title in people.evaluate(*rows, now=at)]
    assert [(hour, title[:12]) for hour, title in told] == [
        (4, "RESOLVED PLA"),
        (28.5, "STILL DOWN p"),
        (30, "RESOLVED p00"),
    ]


def test_what_goes_down_meanwhile_is_a_part_and_what_has_not_run_since_is_listed() -> None:
    people = Watching()
    people.evaluate(*many(0, 40), sources=[source("failing", 12, since=T0 - hours(0.5))])
    now = T0 + hours(1)
    down = health("p03", "down", at=now, since=T0 - hours(0.4), confirmed=now)
    row = source("failing", 12, since=T0 - hours(0.5))
    assert people.evaluate(down, *many(0, 3, at=now), now=now, sources=[row]) == []
    now = T0 + hours(4)
    once = health("p05", at=now, failures=1, last_failure_at=T0)
    rows = [{**down, "source_read_until": now}, once, *many(0, 3, at=now)]
    before = [{**row, "source_read_until": now - hours(2)} for row in rows]
    assert people.evaluate(*before, now=now - hours(2), sources=[source("ok")]) == []
    assert people.evaluate(*rows, now=now, sources=[source("ok")]) == [
        "RESOLVED PLATFORM cloudcruise: failing from 2026-03-18 11:30 UTC to 2026-03-18 14:00 UTC, 1 not yet well"
    ]
    assert people.body.splitlines() == [
        "Affected: 12 of 40 pipelines.",
        "Not yet well; told again only if that lasts for a day:",
        "- p03: down since 2026-03-18 11:36 UTC",
        "Their last run failed and they have not run since:",
        "- p05",
        "As of 2026-03-18 16:00 UTC.",
    ]


def test_of_one_workspace_only_its_pipelines_are_on_hold_and_so_are_their_notices() -> None:
    people = Watching()
    ill = {**source("failing", 12, since=T0 - hours(0.5)), "common_dimension": "workspace", "common_value": "600"}
    failed: dict[str, Any] = {"failing_since": T0 - hours(0.2), "last_failure_at": T0 - hours(0.2), "failures": 1}
    inside, outside = health("p03", "failed once", **failed), health("p30", "failed once", **failed)
    rows = [row for row in many(0, 40) if row["pipeline_id"] not in {"p03", "p30"}]
    assert people.evaluate(inside, outside, *rows, sources=[ill]) == [
        "PLATFORM cloudcruise: 12 of 40 pipelines failing since 2026-03-18 11:30 UTC",
        "FAILED p30 (cloudcruise) at 2026-03-18 11:48 UTC",
    ]


@pytest.mark.parametrize(
    ("pipeline", "told"), [("p03", []), ("p30", ["FAILED p30 (cloudcruise) at 2026-03-18 12:30 UTC"])]
)
def test_what_failed_during_one_of_another_workspace_is_told_though_it_is_read_after_its_end(
    pipeline: str, told: list[str]
) -> None:
    people = Watching()
    ill = {**source("failing", 12, since=T0 - hours(0.5)), "common_dimension": "workspace", "common_value": "600"}
    people.evaluate(*many(0, 40), sources=[ill])
    for hour in (1, 3):  # well for two hours
        at = T0 + hours(hour)
        people.evaluate(*many(0, 40, at=at), now=at, sources=[source("ok")])
    assert people.memory.sources["cloudcruise"].platform is None
    at, failed_at = T0 + hours(4), T0 + hours(0.5)
    late = health(pipeline, "failed once", at=at, failing_since=failed_at, last_failure_at=failed_at, failures=1)
    rows = [row for row in many(0, 40, at=at) if row["pipeline_id"] != pipeline]
    assert people.evaluate(late, *rows, now=at, sources=[source("ok")]) == told


def test_the_end_of_one_of_a_workspace_is_not_that_of_an_earlier_one_of_all() -> None:
    """All failed until 13:00 on the 18th; of that are the spans of p30 that reach back before, until 13:00 on the 21st.

    The incident of workspace 600, from the 20th on, is none of p30's.
    """
    people = Watching()
    ill = {**source("failing", 12, since=T0 + days(2)), "common_dimension": "workspace", "common_value": "600"}
    steps: list[tuple[float, Row, list[str]]] = [(0, source("failing", 40, since=T0 - hours(0.5)), [])]
    steps += [(1, source("ok"), []), (3, source("ok"), [])]
    steps += [(49, ill, ["p30"]), (50, source("ok"), ["p30"]), (52, source("ok"), ["p30"])]
    steps += [(72.9, source("ok"), ["p30"]), (73, source("ok"), ["p30"])]
    told = []
    for hour, of_source, worse in steps:
        at = T0 + hours(hour)
        rows = [row for row in many(0, 40, at=at) if row["pipeline_id"] not in worse]
        rows += [health(one, "worse", at=at, last_failure_at=T0 + hours(47)) for one in worse]
        spans = [span(period, 6, 60, one) for one in worse for period in ("3 days", "7 days")]
        titles = people.evaluate(*rows, now=at, sources=[of_source], spans=spans)
        told += [(hour, title.partition(" (")[0].partition(":")[0]) for title in titles]
    assert told == [
        (0, "PLATFORM cloudcruise"),
        (3, "RESOLVED PLATFORM cloudcruise"),
        (49, "PLATFORM cloudcruise"),
        (52, "RESOLVED PLATFORM cloudcruise"),
        (73, "WORSE p30"),
    ]
    memory = people.memory.sources["cloudcruise"]
    assert [platform.common for platform in memory.past_platforms] == [None, "workspace 600"]
    for hour in (216, 217, 219):  # 169 hours after the source was well
        at = T0 + hours(hour)
        of_source = source("failing", 12, since=at) if hour == 216 else source("ok")
        people.evaluate(*many(0, 40, at=at), now=at, sources=[of_source])
    memory = people.memory.sources["cloudcruise"]
    assert [platform.since for platform in memory.past_platforms] == [T0 + days(9)]
