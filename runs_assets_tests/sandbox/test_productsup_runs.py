"""One run written by hand and followed through its life; the simulation against what it prints."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from random import Random

import orjson
import pytest

from runs_assets.sandbox import FrozenClock, SimulatedHistory, simulated_productsup
from runs_assets.sandbox.productsup_runs import ProductsupRun
from runs_assets.sandbox.profiles import Site
from runs_assets.sandbox.simulation import TimelineStep
from runs_assets_tests.sandbox.asking import NOW, Asker

RUN = "019d0000-0000-7000-8000-00005a4db0c5"
SENSITIVE = ("cli-command", "registered-secrets", "authentications", "connector-setup-config")


def at(minute: int, second: int = 0) -> datetime:
    return datetime(2026, 3, 18, 10, minute, second, tzinfo=UTC)


FINISHED_BUT_FAILED = ProductsupRun(
    run_id=RUN,
    steps=(
        TimelineStep(at(0), "pending", "queued"),
        TimelineStep(at(1), "running", "running", at(1)),
        TimelineStep(at(3, 15), "finished", "failed", at(1), at(3, 15), 10),
    ),
    connector_id="c",
    connector_version="2.3.0",
    process_id="p",
    site=Site(9001, "SANDBOX Site 1", 900, "SANDBOX Project 1", 90, "SANDBOX Account"),
    secret=None,
)


def only_one(day: date, volume: float, rng: Random) -> Sequence[ProductsupRun]:  # noqa: ARG001
    return [FINISHED_BUT_FAILED] if day == date(2026, 3, 18) else []


def test_a_run_is_printed_as_it_is_at_each_moment(ask: Asker) -> None:
    clock = ask.sandbox.clock = FrozenClock(at(0))
    ask.sandbox.productsup.history = SimulatedHistory("productsup", only_one, days=1)
    life = [
        (at(0), "pending", None, None, None),
        (at(1), "running", None, "2026-03-18T11:01:00+01:00", None),
        (at(3, 14), "running", None, "2026-03-18T11:01:00+01:00", None),
        (at(3, 15), "finished", 10, "2026-03-18T11:01:00+01:00", "2026-03-18T11:03:15+01:00"),
    ]
    for now, state, exit_code, start, end in life:
        clock.now = now
        assert ask.productsup().json()["data"] == [
            {
                "id": RUN,
                "connector-id": "c",
                "connector-version": "2.3.0",
                "state": state,
                "process-id": "p",
                "site-id": 9001,
                "site-name": "SANDBOX Site 1",
                "project-id": 900,
                "project-name": "SANDBOX Project 1",
                "account-id": 90,
                "account-name": "SANDBOX Account",
                "exit-code": exit_code,
                "container-api-docker-image": None,
                "container-api-version-constraint": None,
                "cli-command": None,
                "registered-secrets": None,
                "authentications": None,
                "connector-setup-config": None,
                "started-at": start,
                "finished-at": end,
                "created-at": "2026-03-18T10:00:00+00:00",
            }
        ]


def test_the_truth_of_a_run_that_finished_with_an_exit_code_is_that_it_failed() -> None:
    assert FINISHED_BUT_FAILED.truth(at(30)) == {
        "run_id": RUN,
        "status": "failed",
        "raw_status": "finished",
        "is_terminal": True,
        "created_at": at(0),
        "started_at": at(1),
        "finished_at": at(3, 15),
        "queue_seconds": 60.0,
        "duration_seconds": 135.0,
        "pipeline_id": "c",
        "pipeline_version": "2.3.0",
        "workspace_id": "90",
        "workspace_name": "SANDBOX Account",
        "project_id": "900",
        "project_name": "SANDBOX Project 1",
        "site_id": "9001",
        "site_name": "SANDBOX Site 1",
        "process_id": "p",
        "exit_code": 10,
        "dry_run": None,
    }


@pytest.mark.parametrize(("now", "status"), [(at(0), "queued"), (at(1), "running"), (at(3, 14), "running")])
def test_the_truth_of_a_run_before_its_end_is_that_it_is_open(now: datetime, status: str) -> None:
    truth = FINISHED_BUT_FAILED.truth(now)
    assert (truth["status"], truth["is_terminal"], truth["exit_code"]) == (status, False, None)


def test_the_documented_states_occur_with_the_exit_codes_of_the_platform() -> None:
    ends = {(truth["raw_status"], truth["exit_code"]) for truth in simulated_productsup(days=14).truth(NOW)}
    assert ends >= {("finished", 0), ("finished", 10)}
    assert ends >= {("failed", code) for code in (1, 192, 224, 240)}
    assert {state for state, _ in ends} <= {"finished", "failed", "running", "pending"}


def test_what_is_printed_says_the_same_as_the_truth(ask: Asker) -> None:
    history = ask.sandbox.productsup.history = simulated_productsup(days=5)
    ask.sandbox.productsup.max_page_size = 10_000
    printed = ask.productsup({"limit": 10_000}).json()["data"]
    truths = history.truth(NOW)
    assert len(printed) == len(truths) > 600
    for row, truth in zip(printed, truths, strict=True):
        assert row["id"] == truth["run_id"]
        assert (row["state"], row["exit-code"]) == (truth["raw_status"], truth["exit_code"])
        assert parsed(row["created-at"]) == truth["created_at"]
        assert parsed(row["started-at"]) == truth["started_at"]
        assert parsed(row["finished-at"]) == truth["finished_at"]
        assert str(row["site-id"]) == truth["site_id"]
        assert row["site-name"].startswith("SANDBOX")
        assert row["created-at"].endswith("+00:00")
        assert (row["started-at"] or "+01:00").endswith("+01:00")
        failed = row["state"] == "failed" or row["exit-code"] not in (None, 0)
        assert failed == (truth["status"] == "failed")
        assert (row["finished-at"] is not None) == truth["is_terminal"]


def test_ids_sort_with_the_creation_time() -> None:
    run_ids = [row.body["id"] for row in simulated_productsup(days=10).visible(NOW)]
    assert run_ids == sorted(run_ids, key=str, reverse=True)


def test_an_id_tells_its_creation_time_like_uuid_version_7() -> None:
    for run in simulated_productsup(days=1, volume=0.2).runs(NOW):
        assert int(run.run_id.replace("-", "")[:12], 16) == run.created_at.timestamp() * 1000
        assert run.run_id[14] == "7"
        assert run.run_id[19] in "89ab"


def test_sensitive_fields_are_filled_with_fake_secrets_in_some_rows_only() -> None:
    bodies = [row.body for row in simulated_productsup(days=3).visible(NOW)]
    filled = [body for body in bodies if body["registered-secrets"] is not None]
    assert 0.1 < len(filled) / len(bodies) < 0.6
    for body in filled:
        assert all(b"sandbox-fake-secret" in orjson.dumps(body[name]) for name in SENSITIVE)
    for body in (body for body in bodies if body["registered-secrets"] is None):
        assert all(body[name] is None for name in SENSITIVE)


def test_there_are_eight_connectors_and_new_versions_come_with_time() -> None:
    truths = simulated_productsup(volume=0.2).truth(NOW)
    assert len({truth["pipeline_id"] for truth in truths}) == 8
    assert len({truth["pipeline_version"] for truth in truths}) > 1


def parsed(text: str | None) -> datetime | None:
    return None if text is None else datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
