"""The life of an incident, whatever it is about, step by step: which event follows from which condition."""

from dataclasses import replace
from datetime import timedelta

import pytest

from runs_assets.alerts.lifecycle import Condition, Event, Incident, Policy, advance
from runs_assets_tests.alerts.rows import T0, days, hours

STEADY = Policy()
LIMITED = Policy(is_limited=True, reminded_for=days(2), keeps_since=True)
FLAPS = Policy(may_flap=True)
WRONG, MUTED, FINE, GONE, HISTORY = "wrong", "muted", "fine", "gone", "history"
URGENT, CHANGED, KNOWN = "urgent", "changed", "known"


def events(policy: Policy, *steps: tuple[float, str]) -> list[Event | None]:
    """What follows from conditions at these hours; each is observed twice, and the second time nothing follows."""
    incident: Incident | None = None
    found = []
    for hour, what in steps:
        now = T0 + hours(hour)
        present = Incident(since=now, is_urgent=what == URGENT, is_history=what == HISTORY) if what != FINE else None
        condition = Condition(now, present, what == MUTED, what == KNOWN, is_watched=what != GONE)
        step = advance(incident, replace(condition, has_changed=what == CHANGED), policy)
        incident = step.incident
        found.append(step.event)
        again = advance(incident, condition, policy)
        assert (again.event, again.incident) == (None, incident)
    return found


OPENED, UPDATED, REMINDED, RESOLVED = Event.OPENED, Event.UPDATED, Event.REMINDED, Event.RESOLVED


@pytest.mark.parametrize(
    ("policy", "steps", "expected"),
    [
        (
            STEADY,
            [(0, WRONG), (23, WRONG), (24, WRONG), (25, FINE), (26, WRONG)],
            [OPENED, None, REMINDED, RESOLVED, OPENED],
        ),
        (STEADY, [(0, WRONG), (1, CHANGED), (24, WRONG), (25, WRONG)], [OPENED, UPDATED, None, REMINDED]),
        (STEADY, [(0, WRONG), (24 * 90, WRONG)], [OPENED, REMINDED]),
        (
            STEADY,
            [(0, MUTED), (1, FINE), (2, MUTED), (3, WRONG), (4, MUTED), (5, FINE)],
            [None, None, None, OPENED, None, RESOLVED],
        ),
        (STEADY, [(0, HISTORY), (1, HISTORY), (2, FINE)], [None, None, None]),
        (STEADY, [(0, HISTORY), (1, WRONG), (2, HISTORY), (25, HISTORY)], [None, OPENED, None, REMINDED]),
        (
            STEADY,
            [(0, WRONG), (1, GONE), (30, GONE), (31, WRONG), (32, FINE)],
            [OPENED, Event.GIVEN_UP, None, OPENED, RESOLVED],
        ),
        (STEADY, [(0, GONE), (1, WRONG)], [None, OPENED]),
        (LIMITED, [(0, WRONG), (1, FINE), (2, WRONG), (3, FINE), (24, FINE)], [OPENED, RESOLVED, None, None, OPENED]),
        (LIMITED, [(0, WRONG), (1, FINE), (2, URGENT), (3, FINE)], [OPENED, RESOLVED, OPENED, RESOLVED]),
        (LIMITED, [(0, WRONG), (24, WRONG), (48, WRONG), (72, WRONG)], [OPENED, REMINDED, None, None]),
        (
            STEADY,
            [(24 * day, WRONG) for day in range(30)],
            [OPENED, *(REMINDED if day in {1, 3, 7, 14, 21, 28} else None for day in range(1, 30))],
        ),
        (STEADY, [(0, WRONG), (71, CHANGED), (72, WRONG), (95, WRONG)], [OPENED, UPDATED, None, REMINDED]),
        (STEADY, [(0, WRONG), (24, KNOWN), (47, KNOWN), (48, WRONG)], [OPENED, None, None, REMINDED]),
        (STEADY, [(0, WRONG), (24, KNOWN), (25, FINE)], [OPENED, None, RESOLVED]),
        (FLAPS, [(0, WRONG), (1, FINE), (24, WRONG), (25, FINE)], [OPENED, RESOLVED, OPENED, RESOLVED]),
        (
            FLAPS,
            [(0, WRONG), (1, FINE), (2, WRONG), (3, FINE), (4, WRONG), (5, FINE), (28, WRONG), (29, FINE), (53, FINE)],
            [OPENED, RESOLVED, UPDATED, None, None, None, REMINDED, None, RESOLVED],
        ),
        (FLAPS, [(0, WRONG), (1, FINE), (2, MUTED), (3, WRONG)], [OPENED, RESOLVED, None, UPDATED]),
        (FLAPS, [(0, WRONG), (1, FINE), (2, HISTORY), (3, GONE)], [OPENED, RESOLVED, None, None]),
        (FLAPS, [(0, WRONG), (1, FINE), (2, WRONG), (26, GONE)], [OPENED, RESOLVED, UPDATED, Event.GIVEN_UP]),
        (
            LIMITED,
            [(0, WRONG), (1, FINE), (24, WRONG), (24.5, FINE), (25, FINE)],
            [OPENED, RESOLVED, OPENED, None, RESOLVED],
        ),
    ],
)
def test_each_condition_has_its_event(
    policy: Policy, steps: list[tuple[float, str]], expected: list[Event | None]
) -> None:
    assert events(policy, *steps) == expected


def test_failures_after_a_resolution_are_counted_and_reported_with_the_next_opening() -> None:
    now, incident = T0, advance(None, Condition(T0, Incident(since=T0)), LIMITED).incident
    incident = advance(incident, Condition(now, None), LIMITED).incident
    for _ in range(3):
        now += timedelta(minutes=5)
        incident = advance(incident, Condition(now, Incident(since=now), has_failed_again=True), LIMITED).incident
        now += timedelta(minutes=5)
        incident = advance(incident, Condition(now, None), LIMITED).incident
    step = advance(incident, Condition(T0 + days(1), None), LIMITED)
    assert (step.event, step.failures) == (Event.OPENED, 3)
    assert step.incident is not None
    assert step.incident.is_resolved


@pytest.mark.parametrize(
    ("before", "routed", "expected"),
    [
        (None, {"b", "a"}, ("a", "b")),
        (None, set(), ()),
        (("a",), {"b"}, ("a", "b")),
        (("a",), set(), ("a",)),
        ((), {"b"}, ("b",)),
    ],
)
def test_whoever_was_notified_before_is_again(
    before: tuple[str, ...] | None, routed: set[str], expected: tuple[str, ...]
) -> None:
    assert Incident(since=T0, tags=before).recipients(frozenset(routed)) == expected
