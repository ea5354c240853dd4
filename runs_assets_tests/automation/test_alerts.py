"""The sensor that tells: what it collects, and that it fails nothing."""

import uuid
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.alerts.memory import Memory, MemoryFile
from runs_assets.automation.alerts import alerts_sensor
from runs_assets.instance.ended_runs import latest_job_runs
from runs_assets.instance.project import ASSET_PAGE_JOB, REPOSITORY_TAG
from runs_assets.instance.project import Project as OurProject
from runs_assets.resources import DataFolder
from runs_assets.storage.layout import RUNS_REPORT
from runs_assets_tests.alerts.receiver import Receiver, receiving
from runs_assets_tests.alerts.rows import health
from runs_assets_tests.alerts.tables import store_rows
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import on_disk
from runs_assets_tests.project import Project, StoppedClock

YESTERDAY = NOW.date() - timedelta(days=1)
UNREAD_DAY = date(2026, 1, 2)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def look(project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """One tick of the sensor; returns what it says."""
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", receiver.url("a"))
    MemoryFile(project.layout).save(Memory(welcomed_at=NOW), NOW)

    def tick(now: datetime = NOW) -> str:
        clock = StoppedClock(at=now.isoformat())
        context = dg.build_sensor_context(
            instance=project.instance,
            resources={"data_folder": DataFolder(), "clock": clock},
        )
        said = alerts_sensor(OurProject(SOURCES))(context)
        assert isinstance(said, dg.SkipReason)
        return said.skip_message or ""

    return tick


def test_it_tells_what_the_tables_say(look: Callable[..., str], project: Project, receiver: Receiver) -> None:
    assert look() == "Nothing new."
    store_rows(project.layout, "pipeline_health", [health(state="down"), health("p2")])
    assert look() == "Notified: DOWN p1 (cloudcruise) since 2026-03-18 10:00 UTC."
    assert look() == "Nothing new."
    now = NOW + timedelta(hours=1)
    store_rows(project.layout, "pipeline_health", [health(at=now), health("p2", at=now)])
    store_rows(
        project.layout,
        "outages",
        [{**health(state="down"), "ended_at": NOW + timedelta(minutes=30), "first_run_id": "a", "latest_run_id": "b"}],
    )
    assert look(now) == "Notified: RESOLVED p1 (cloudcruise): down from 2026-03-18 10:00 UTC to 2026-03-18 12:30 UTC."
    assert len(receiver.titles("a")) == 2


def test_how_often_today_is_read_decides_when_a_source_is_unread(
    look: Callable[..., str], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_rows(project.layout, "pipeline_health", [health()])
    monkeypatch.setenv("RUNS_ASSETS_TODAY_EVERY_MINUTES", "240")
    assert {look(NOW + timedelta(hours=hour)) for hour in range(9)} == {"Nothing new."}
    assert look(NOW + timedelta(hours=8.1)).startswith("Notified: CANNOT READ cloudcruise")


def test_a_failed_run_of_a_source_is_told_with_its_sentence_and_its_success_once(
    look: Callable[..., str], project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.materialize("productsup", YESTERDAY)
    key = project.sandbox.api_key
    monkeypatch.setenv("CLOUDCRUISE_API_KEY", "wrong-key")
    project.materialize("cloudcruise", YESTERDAY)
    assert look().startswith("Notified: RUN FAILED cloudcruise since ")
    body = receiver.got[0][1]["message"]
    assert "cloudcruise" in body
    assert "401" in body
    assert "wrong-key" not in body
    project.materialize("cloudcruise", YESTERDAY)
    assert look() == "Nothing new."
    monkeypatch.setenv("CLOUDCRUISE_API_KEY", key)
    project.materialize("cloudcruise", YESTERDAY, assets=["raw_runs"])  # from its page: the same source
    assert look().startswith("Notified: RESOLVED cloudcruise: was failing since ")


def test_a_run_that_asked_for_what_is_not_to_be_had_says_nothing_about_the_source(
    look: Callable[..., str], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", str(UNREAD_DAY))
    assert not project.materialize("cloudcruise", UNREAD_DAY).success
    assert look() == "Nothing new."


def test_a_run_of_the_report_alone_says_nothing_about_the_job_that_builds_the_tables(project: Project) -> None:
    success, failure = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
    for job, status, asset in (
        ("refresh_verdicts", failure, "pipeline_health"),
        ("refresh_verdicts", success, RUNS_REPORT),
        (ASSET_PAGE_JOB, success, RUNS_REPORT),
    ):
        selection = frozenset({dg.AssetKey(asset)})
        project.instance.add_run(dg.DagsterRun(job, str(uuid.uuid4()), asset_selection=selection, status=status))
    [found] = latest_job_runs(project.instance, OurProject(SOURCES), NOW)
    assert (found.job, found.source, found.failure is None) == ("refresh_verdicts", None, False)


def test_a_run_that_was_killed_is_told_and_one_of_others_is_not(look: Callable[..., str], project: Project) -> None:
    for job, tags in (("prune_runs", {}), ("theirs", {}), ("cloudcruise_checks", {REPOSITORY_TAG: "other@place"})):
        run = dg.DagsterRun(job, str(uuid.uuid4()), status=dg.DagsterRunStatus.FAILURE, tags=tags)
        project.instance.add_run(run)
    found = latest_job_runs(project.instance, OurProject(SOURCES), NOW)
    assert [(run.job, run.source) for run in found] == [("prune_runs", None)]
    assert found[0].failure is not None
    assert found[0].failure.description.startswith("It ended without an error")
    assert look().startswith("Notified: FAILED prune_runs at ")


@pytest.mark.parametrize(
    ("key", "title"),
    [
        (["cloudcruise", "raw_runs"], "RUN FAILED cloudcruise since "),
        (["pipeline_health"], "FAILED refresh_verdicts at "),
    ],
)
def test_a_failed_run_that_was_started_from_the_asset_page_is_told(
    look: Callable[..., str], project: Project, key: list[str], title: str
) -> None:
    selection = frozenset({dg.AssetKey(key)})
    run = dg.DagsterRun("__ASSET_JOB", str(uuid.uuid4()), status=dg.DagsterRunStatus.FAILURE, asset_selection=selection)
    project.instance.add_run(run)
    assert look().startswith(f"Notified: {title}")


def test_a_bad_address_is_left_out_and_said_once_a_day_to_the_others(
    look: Callable[..., str], project: Project, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    store_rows(project.layout, "pipeline_health", [health(state="down")])
    good = receiver.url("a")
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", f"nosuch://hidden {good}")
    assert "address 1 is not a URL that Apprise supports" in look()
    assert look().endswith("Nothing new.")
    unusable = "INVALID: settings"
    assert receiver.titles("a") == [unusable, "DOWN p1 (cloudcruise) since 2026-03-18 10:00 UTC"]
    assert "address 1 is not a URL" in receiver.got[0][1]["message"]
    assert "hidden" not in receiver.got[0][1]["message"]
    tomorrow = NOW + timedelta(days=1)
    store_rows(project.layout, "pipeline_health", [health(at=tomorrow)])
    look(tomorrow)
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", good)
    assert look(tomorrow) == "Notified: RESOLVED: settings."
    assert receiver.titles("a")[2] == f"STILL {unusable}"


def test_a_mistake_in_the_watch_file_is_told_and_the_last_usable_one_counts(
    look: Callable[..., str], project: Project, monkeypatch: pytest.MonkeyPatch, receiver: Receiver, tmp_path: Path
) -> None:
    watch = tmp_path / "watch.toml"
    mute = '[[mutes]]\npipeline = "p1"\nuntil = 2026-03-19\nreason = "known"\n'
    watch.write_text(mute)
    monkeypatch.setenv("RUNS_ASSETS_WATCH_FILE", str(watch))
    store_rows(project.layout, "pipeline_health", [health(), health("p2")])
    assert look() == "Nothing new."
    watch.write_text(mute.replace("reason", "raeson"))
    store_rows(project.layout, "pipeline_health", [health(state="down"), health("p2", "down")])
    assert f"The watch file {watch} (RUNS_ASSETS_WATCH_FILE) is invalid" in look()
    assert receiver.titles("a") == [
        "INVALID: settings",
        "DOWN p2 (cloudcruise) since 2026-03-18 10:00 UTC",
    ]
    assert look().endswith("Nothing new.")


def test_a_watch_file_that_never_could_be_used_keeps_nobody_from_being_told(
    look: Callable[..., str], project: Project, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    monkeypatch.setenv("RUNS_ASSETS_WATCH_FILE", "/nowhere/watch.toml")
    store_rows(project.layout, "pipeline_health", [health(state="down")])
    assert "The watch file /nowhere/watch.toml" in look()
    assert len(receiver.titles("a")) == 2


def test_a_typing_mistake_in_a_name_is_told_by_the_first_notification_and_the_reason(
    look: Callable[..., str], project: Project, monkeypatch: pytest.MonkeyPatch, receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "watch.toml").write_text('[links]\ncloudcruse = "https://app.example.com/{run_id}"\n')
    monkeypatch.setenv("RUNS_ASSETS_WATCH_FILE", str(tmp_path / "watch.toml"))
    monkeypatch.setenv("PRODUCTSUP_CDE_TOKN", "hidden")
    monkeypatch.delenv("PRODUCTSUP_CDE_TOKEN")
    MemoryFile(project.layout).save(Memory(), NOW)
    store_rows(project.layout, "pipeline_health", [health()])
    told = [
        "productsup is off, although PRODUCTSUP_CDE_BASE_URL is set: it needs PRODUCTSUP_CDE_TOKEN, too.",
        "PRODUCTSUP_CDE_TOKN is the name of no setting; the closest one is PRODUCTSUP_CDE_TOKEN.",
        "In the watch file, links: there is no source cloudcruse; the closest one is cloudcruise.",
    ]
    assert look() == f"{' '.join(told)} Notified: WATCHING cloudcruise: one thing is wrong already."
    [(_, sent)] = receiver.got
    assert [line for line in sent["message"].splitlines() if line.removeprefix("- ") in told] == [
        f"- {one}" for one in told
    ]
    assert "hidden" not in sent["message"]


def test_each_evaluation_sends_a_heartbeat_and_a_failed_one_says_so(
    look: Callable[..., str], project: Project, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    monkeypatch.delenv("RUNS_ASSETS_ALERT_URLS")
    monkeypatch.setenv("RUNS_ASSETS_HEARTBEAT_URL", f"http://127.0.0.1:{receiver.server.server_port}/ping")
    assert look() == "Nothing new."
    store_rows(project.layout, "pipeline_health", [])
    on_disk(project.layout.verdict_file("pipeline_health")).write_bytes(b"damaged")
    assert "is damaged" in look()
    assert [body["title"] for _, body in receiver.got] == ["/ping", "/ping/fail"]
    monkeypatch.setenv("RUNS_ASSETS_HEARTBEAT_URL", "nonsense")
    assert "RUNS_ASSETS_HEARTBEAT_URL" in look()


def test_whatever_is_wrong_is_said_and_fails_nothing(
    look: Callable[..., str], project: Project, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    receiver.answers["a"] = 500
    store_rows(project.layout, "pipeline_health", [health(state="down")])
    assert look().endswith("Deliveries waiting: 1.")
    on_disk(project.layout.verdict_file("pipeline_health")).write_bytes(b"damaged")
    assert "is damaged" in look()
    monkeypatch.setenv("RUNS_ASSETS_WATCH_FILE", "/nowhere/watch.toml")
    assert "The watch file /nowhere/watch.toml" in look()
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", "hidden")
    assert "hidden" not in look()
    monkeypatch.setenv("RUNS_ASSETS_UNREAD_AFTER_HOURS", "soon")
    assert "RUNS_ASSETS_UNREAD_AFTER_HOURS" in look()
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", "")
    assert look().startswith(
        "Off until RUNS_ASSETS_ALERT_URLS or RUNS_ASSETS_HEARTBEAT_URL is set. A setting cannot be used: RUNS_ASSETS_UNREAD"
    )


@pytest.mark.parametrize(
    ("url", "home", "status"),
    [("json://h/", "/d", "RUNNING"), ("", "/d", "STOPPED"), ("json://h/", "", "STOPPED")],
)
def test_it_is_on_if_there_is_somebody_to_tell_and_dagster_remembers(
    monkeypatch: pytest.MonkeyPatch, url: str, home: str, status: str
) -> None:
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", url)
    monkeypatch.setenv("DAGSTER_IS_DEV_CLI", "1")
    monkeypatch.setenv("DAGSTER_HOME", home)
    sensor = alerts_sensor(OurProject(SOURCES))
    assert sensor.default_status.name == status
    assert ("Off" in (sensor.description or "")) == (status == "STOPPED")
