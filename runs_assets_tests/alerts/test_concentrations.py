"""What failures have in common is told with an incident of their pipeline, or is one itself."""

from typing import Any

import pytest

from runs_assets.alerts.observation import Row
from runs_assets_tests.alerts.rows import T0, Watching, concentration, health, hours

SITE = concentration("site", "1030", 16, 16, 0, 44)


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (SITE, "All 16 failures of the last 24 hours are of site 1030 (none of 44 other runs failed)"),
        (
            concentration("version", "1.2", 15, 20, 1, 40, span_hours=168),
            "15 of 16 failures of the last 7 days are of version 1.2 (1 of 40 other runs failed)",
        ),
        (
            concentration("reason", "exit code 137", 5, 5, 0, 67, span_hours=72),
            "All 5 failures of the last 3 days have the reason exit code 137 (none of 67 in the 28 days before)",
        ),
        (
            concentration("reason", "exit code 137", 5, 6, 2, 67),
            "5 of 6 failures of the last 24 hours have the reason exit code 137 (2 of 67 in the 28 days before)",
        ),
    ],
)
@pytest.mark.parametrize("state", ["down", "never succeeded", "failing", "worse", "partly failing"])
def test_a_line_says_what_they_have_in_common(state: str, row: Row, line: str) -> None:
    people = Watching()
    people.evaluate(health(state=state), concentrations=[row])
    assert line in people.body.splitlines()


def test_of_several_the_one_that_chance_explains_least_is_told() -> None:
    people = Watching()
    people.evaluate(health(state="down"), concentrations=[SITE, {**SITE, "value": "9", "p_value": 1e-12}])
    assert "are of site 9 " in people.body
    assert "1030" not in people.body


def test_nothing_is_told_of_other_pipelines_and_states() -> None:
    people = Watching()
    people.evaluate(health(state="down"), concentrations=[{**SITE, "pipeline_id": "p2"}])
    assert "1030" not in people.body
    people = Watching()
    people.evaluate(health(state="silent"), concentrations=[SITE])
    assert "1030" not in people.body


def test_it_is_an_incident_until_the_verdict_is_over_whatever_else_succeeds() -> None:
    people = Watching()
    noisy: dict[str, Any] = {"normal_rate": 0.4, "failure_rate_24h": 0.5}
    assert people.evaluate(health(state="partly failing", **noisy), concentrations=[SITE]) == [
        "PARTLY FAILING p1 (cloudcruise) since 2026-03-18 10:00 UTC"
    ]
    later = T0 + hours(1)
    row = health(state="partly failing", at=later, since=T0 - hours(2), successes=9, **noisy)
    assert people.evaluate(row, now=later, concentrations=[SITE]) == []
    over = T0 + hours(2)
    (title,) = people.evaluate(health(at=over, successes=1, **noisy), now=over)
    assert title.startswith("RESOLVED p1")


def test_a_workspace_is_an_incident_of_the_platform_that_others_are_no_part_of() -> None:
    people = Watching()
    members = [f"p{number}" for number in range(8)]
    verdict = {
        "source": "cloudcruise",
        "state": "failing",
        "since": T0 - hours(1),
        "active": 9,
        "affected": 8,
        "usual": 0.2,
        "pipeline_ids": members,
        "common_dimension": "workspace",
        "common_value": "600",
    }
    rows = [health(pipeline) for pipeline in members]
    told = people.evaluate(*rows, health("other", "down"), sources=[verdict])
    assert told == [
        "PLATFORM cloudcruise: 8 of 9 pipelines failing since 2026-03-18 11:00 UTC",
        "DOWN other (cloudcruise) since 2026-03-18 10:00 UTC",
    ]
    lines = people.notifications[0].body.splitlines()
    assert "8 pipelines, all of workspace 600; others are well." in lines
    later = T0 + hours(1)
    rows = [health(pipeline, "down", at=later, since=T0 - hours(1)) for pipeline in members]
    assert people.evaluate(*rows, health("other", "down", at=later), now=later, sources=[verdict]) == []
