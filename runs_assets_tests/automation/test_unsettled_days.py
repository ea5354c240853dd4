"""What the sensor asks for, what it leaves alone, and what becomes of it when it is run."""

import uuid
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.instance.ref import InstanceRef
from dagster._core.test_utils import freeze_time
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse, Response

from runs_assets.accounts import SOURCES
from runs_assets.automation import sensors
from runs_assets.automation.sensors import run_request
from runs_assets.automation.switches import TEMPORARY_HOME_PREFIX
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.runs import RUNS
from runs_assets.days import DayRange, end_of
from runs_assets.definitions import definitions_of
from runs_assets.instance.ended_runs import past_attempts
from runs_assets.instance.run_records import Records
from runs_assets.resources import DataFolder
from runs_assets.sandbox import FixedHistory
from runs_assets.sandbox.answers import Handler
from runs_assets.sandbox.faults.answers import TooManyRequestsForLong
from runs_assets.sandbox.faults.paging import LargeOffsetsRefused
from runs_assets.settling.due import Request, Work
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS
from runs_assets_tests.automation.fortnight import CLOCK, Life, PlayedClock, definitions, waits_that_take_no_time
from runs_assets_tests.conftest import NOW
from runs_assets_tests.files_on_disk import on_disk
from runs_assets_tests.project import Project
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE, PRODUCTSUP_EXAMPLE

CLOUDCRUISE, PRODUCTSUP = SOURCES
TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
HOUR = timedelta(hours=1)
INVERTED = {
    "dagster/asset_partition_range_start": "2026-03-17",
    "dagster/asset_partition_range_end": "2026-03-15",
}


def at(hours: float) -> None:
    CLOCK.now = NOW + hours * HOUR


@pytest.fixture
def a_life(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Source], Life]]:
    """Lives of sources since three days ago, that begin at NOW."""
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", str(TODAY - timedelta(days=3)))
    project.sandbox.clock = CLOCK
    at(0)
    with waits_that_take_no_time():
        yield lambda source: Life(source, project.sandbox, project.instance)


def request(first: date, last: date, why: str, work: Work = Work.READ) -> Request:
    return Request(DayRange(first, last), work, why)


def cc(run_id: str, day: date, status: str = "execution.success") -> dict[str, object]:
    return {**CLOUDCRUISE_EXAMPLE[0], "session_id": run_id, "created_at": f"{day}T10:00:00Z", "status": status}


def test_the_first_tick_reads_every_day_the_next_ones_what_is_due(a_life: Callable[[Source], Life]) -> None:
    life = a_life(CLOUDCRUISE)
    assert life.tick() == request(TODAY - timedelta(days=3), TODAY, "it was never read")
    asked = len(life.sandbox.requests)
    at(0.5)
    assert life.tick() == (
        "Nothing is due. Next: 2026-03-18 at 2026-03-18T13:00:00Z, since it was not over when it was read."
    )
    assert len(life.sandbox.requests) == asked
    at(1)
    assert life.tick() == request(TODAY, TODAY, "it was not over when it was read")
    # Yesterday was 12 h old when it was read, so it is due at its grace of 24 h, with the new day.
    at(12)
    assert life.tick() == request(YESTERDAY, TODAY + timedelta(days=1), "it was never read")
    assert life.done_days(DayRange(TODAY - timedelta(days=3), TODAY)) == {TODAY - timedelta(days=n) for n in (1, 2, 3)}


def test_a_tick_asks_the_api_for_nothing(a_life: Callable[[Source], Life]) -> None:
    life = a_life(PRODUCTSUP)
    decided = life.decide()
    assert isinstance(decided, Request)
    assert life.sandbox.requests == []


def test_days_that_the_api_has_forgotten_or_that_do_not_exist_are_not_asked_for(
    a_life: Callable[[Source], Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    life = a_life(CLOUDCRUISE)
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", "2025-01-01")
    monkeypatch.setenv("CLOUDCRUISE_RETENTION_DAYS", "5")
    # Noon five days ago is the edge, so that day can still be had in part; 03-16 begins to be forgotten in 60 hours.
    assert life.decide() == request(date(2026, 3, 13), date(2026, 3, 15), "it was never read")
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", "2026-03-19")
    assert life.decide() == "Nothing is left to do for the days of cloudcruise that were examined."


def test_a_day_that_was_read_but_whose_tables_are_missing_or_old_is_rebuilt_without_the_api(
    a_life: Callable[[Source], Life],
) -> None:
    life = a_life(CLOUDCRUISE)
    life.tick()
    asked = len(life.sandbox.requests)
    on_disk(life.layout.day_file(FAILURE_RATES.name, "cloudcruise", YESTERDAY)).unlink()
    on_disk(life.layout.day_file(RUNS.name, "cloudcruise", TODAY - timedelta(days=2))).write_bytes(b"damaged")
    why = "its tables do not follow from the newest reading"
    assert life.tick() == request(TODAY - timedelta(days=2), YESTERDAY, why, Work.REBUILD)
    assert life.asked_for[-1][2]
    assert len(life.sandbox.requests) == asked
    assert str(life.tick()).startswith("Nothing is due")


def test_tables_of_a_new_normalizer_are_rebuilt_beyond_what_the_api_remembers(a_life: Callable[[Source], Life]) -> None:
    life = a_life(CLOUDCRUISE)
    life.tick()
    asked = len(life.sandbox.requests)
    CLOCK.advance(timedelta(days=60))
    life.versions = {**life.versions, RUNS.name: "new"}
    decided = [life.decide() for _ in range(20)]
    why = "its tables do not follow from the newest reading"
    assert decided.count(request(TODAY - timedelta(days=3), TODAY, why, Work.REBUILD)) == 2
    assert sum(isinstance(asked, Request) and asked.work is Work.READ for asked in decided) == 18
    assert len(life.sandbox.requests) == asked


def test_a_damaged_day_is_read_again_and_right(a_life: Callable[[Source], Life]) -> None:
    life = a_life(CLOUDCRUISE)
    life.sandbox.cloudcruise.history = FixedHistory.of([cc("a", YESTERDAY)])
    life.tick()
    path = on_disk(life.layout.day_file(RAW_RUNS, "cloudcruise", YESTERDAY))
    path.write_bytes(path.read_bytes()[:-100])
    assert life.tick() == request(YESTERDAY, YESTERDAY, "its stored file is damaged")
    assert life.asked_for[-1][2]
    assert str(life.tick()).startswith("Nothing is due")


def forget(life: Life, dataset: str) -> None:
    """Wipe an asset as the page does; what is materialized from a second on counts again."""
    with freeze_time(CLOCK.now):
        life.instance.wipe_assets([dg.AssetKey([life.source.name, dataset])])
    CLOCK.advance(timedelta(seconds=1))


def test_days_that_dagster_does_not_know_are_due_again(a_life: Callable[[Source], Life]) -> None:
    life = a_life(CLOUDCRUISE)
    life.tick()
    first = TODAY - timedelta(days=3)
    rebuild = request(first, TODAY, "Dagster does not know its tables", Work.REBUILD)
    again = request(first, TODAY, "Dagster does not know that it was read")
    data_sets = [RAW_RUNS, *life.versions]
    for data_set in data_sets:
        forget(life, data_set)
        asked = [life.tick() for _ in data_sets]  # a tick looks for one of them
        assert [found for found in asked if isinstance(found, Request)] == [again if data_set == RAW_RUNS else rebuild]


@pytest.mark.parametrize("data_set", [RUNS.name, FAILURE_RATES.name])
def test_each_table_of_every_day_beyond_reach_has_its_turn(
    a_life: Callable[[Source], Life], monkeypatch: pytest.MonkeyPatch, data_set: str
) -> None:
    monkeypatch.setattr(sensors, "DAYS_ASKED", 1)
    life = a_life(CLOUDCRUISE)
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", str(TODAY - timedelta(days=6)))
    life.run(request(TODAY - timedelta(days=6), TODAY, "it was never read"))
    monkeypatch.setenv("CLOUDCRUISE_RETENTION_DAYS", "1")
    CLOCK.advance(timedelta(days=1))  # two days are in reach, and the six beyond it take turns in three parts
    forget(life, data_set)
    decided = [life.decide() for _ in range(10 * 3 * 2 * len(life.versions))]
    found = [asked for asked in decided if isinstance(asked, Request) and asked.work is Work.REBUILD]
    assert {asked.why for asked in found} == {"Dagster does not know its tables"}
    assert {day for asked in found for day in asked.days.newest_first()} >= {
        TODAY - timedelta(days=n) for n in range(1, 7)
    }


def test_old_open_runs_of_productsup_are_asked_for_by_id_and_turn_final(a_life: Callable[[Source], Life]) -> None:
    life = a_life(PRODUCTSUP)
    day = TODAY - timedelta(days=3)
    done = {**PRODUCTSUP_EXAMPLE[0], "id": "a", "created-at": f"{day}T10:00:00+00:00", "started-at": None}
    open_run = {**done, "id": "b", "state": "running", "finished-at": None, "exit-code": None}
    life.sandbox.productsup.history = FixedHistory.of([done, open_run])
    at(8 * 24)
    life.run(request(day, day, "read whole"))
    life.sandbox.requests.clear()
    by_id = request(day, day, "it is still not settled", Work.READ_OPEN_RUNS)
    at(15 * 24)
    assert life.run(by_id)
    assert [asked.query for asked in life.sandbox.requests] == [{"id": "b"}]
    assert life.done_days(DayRange(day, day)) == set()
    life.sandbox.productsup.history = FixedHistory.of([done, {**open_run, "state": "finished", "exit-code": 0}])
    at(22 * 24)
    assert life.run(by_id)
    assert life.done_days(DayRange(day, day)) == {day}


# -- what it waits for ---------------------------------------------------------------------------------------------


def started_run(life: Life, *, last_line_at: datetime) -> dg.DagsterRun:
    run = dg.DagsterRun(life.source.job_name, str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED)
    life.instance.add_run(run)
    with freeze_time(last_line_at):
        life.instance.report_engine_event("at work", run)
    return run


def test_a_killed_run_holds_its_source_for_five_minutes_after_its_last_line(a_life: Callable[[Source], Life]) -> None:
    life = a_life(CLOUDCRUISE)
    run = started_run(life, last_line_at=CLOCK.now)
    CLOCK.advance(timedelta(seconds=299))
    assert life.decide() == f"cloudcruise is being read by run {run.run_id}."
    CLOCK.advance(timedelta(seconds=1))
    assert isinstance(life.decide(), Request)


def backfill_of(life: Life, day: date) -> PartitionBackfill:
    """A backfill of one day of CloudCruise, requested now."""
    return PartitionBackfill.from_asset_partitions(
        backfill_id="b",
        asset_graph=definitions().resolve_asset_graph(),
        partition_names=[str(day)],
        asset_selection=[dg.AssetKey(["cloudcruise", name]) for name in (RAW_RUNS, RUNS.name)],
        backfill_timestamp=CLOCK.now.timestamp(),
        tags={},
        dynamic_partitions_store=life.instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources` is deprecated")
def test_days_of_a_requested_backfill_are_left_to_it(a_life: Callable[[Source], Life]) -> None:
    life = a_life(CLOUDCRUISE)
    backfill = backfill_of(life, YESTERDAY)
    life.instance.add_backfill(backfill)
    assert life.decide() == request(TODAY, TODAY, "it was never read")
    assert a_life(PRODUCTSUP).decide() == request(TODAY - timedelta(days=3), TODAY, "it was never read")
    life.instance.update_backfill(backfill._replace(status=BulkActionStatus.COMPLETED))
    assert life.decide() == request(TODAY - timedelta(days=3), TODAY, "it was never read")


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources` is deprecated")
@pytest.mark.parametrize("status", [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING])
def test_a_backfill_that_never_ends_holds_its_days_while_it_shows_signs_of_life(
    a_life: Callable[[Source], Life], status: BulkActionStatus
) -> None:
    life = a_life(CLOUDCRUISE)
    everything = request(TODAY - timedelta(days=3), TODAY, "it was never read")
    life.instance.add_backfill(backfill_of(life, YESTERDAY)._replace(status=status))
    at(0.9)
    assert life.decide() == request(TODAY, TODAY, "it was never read")
    at(1)
    assert life.decide() == everything
    with freeze_time(CLOCK.now):  # of another source, which the backfill is about, too
        tags, started = {"dagster/backfill": "b"}, dg.DagsterRunStatus.STARTED
        run = dg.DagsterRun("productsup_daily", str(uuid.uuid4()), tags=tags, status=started)
        life.instance.add_run(run)
        life.instance.report_engine_event("is at work", run)
    assert life.decide() == request(TODAY, TODAY, "it was never read")
    at(1.1)
    assert life.decide() == everything


def test_a_source_that_a_person_must_mend_is_asked_at_most_ten_times_a_day_and_at_once_after_a_change(
    a_life: Callable[[Source], Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    life = a_life(CLOUDCRUISE)
    monkeypatch.setenv("CLOUDCRUISE_API_KEY", "wrong")
    while CLOCK.now < NOW + timedelta(hours=24):
        life.tick()
        CLOCK.advance(timedelta(minutes=15) if CLOCK.now < NOW + 2 * HOUR else HOUR)
    minutes = [(asked_at - NOW) / timedelta(minutes=1) for asked_at, _, _ in life.asked_for]
    assert minutes == [0, 15, 45, 105, 240, 480, 840, 1200]
    monkeypatch.setenv("CLOUDCRUISE_API_KEY", life.sandbox.api_key)
    assert isinstance(life.tick(), Request)
    assert life.asked_for[-1][2]


def test_it_says_until_when_it_waits(a_life: Callable[[Source], Life], monkeypatch: pytest.MonkeyPatch) -> None:
    life = a_life(CLOUDCRUISE)
    monkeypatch.setenv("CLOUDCRUISE_API_KEY", "wrong")
    life.tick()
    assert life.tick() == (
        "cloudcruise is not read before 2026-03-18T12:15:00Z, because reading failed: CredentialsError."
    )


def test_a_day_that_cannot_be_read_does_not_hold_up_the_others(a_life: Callable[[Source], Life]) -> None:
    life = a_life(CLOUDCRUISE)
    blocked = on_disk(life.layout.day_file(RAW_RUNS, "cloudcruise", YESTERDAY))
    blocked.parent.parent.mkdir(parents=True)
    blocked.parent.write_text("a file where a folder should be")
    first, older = TODAY - timedelta(days=3), TODAY - timedelta(days=2)
    assert life.tick() == request(first, TODAY, "it was never read")
    behind = "its tables do not follow from the newest reading"
    assert life.tick() == request(TODAY, TODAY, behind, Work.REBUILD)
    CLOCK.advance(timedelta(minutes=15))
    assert life.tick() == request(first, older, "it was never read")
    blocked.parent.unlink()
    CLOCK.advance(timedelta(minutes=15))
    assert life.tick() == request(YESTERDAY, YESTERDAY, "it was never read")
    assert [succeeded for _, _, succeeded in life.asked_for] == [False, True, True, True]


def test_a_day_for_which_the_api_is_always_down_does_not_keep_today_from_being_read(
    a_life: Callable[[Source], Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    life = a_life(CLOUDCRUISE)
    monkeypatch.setenv("CLOUDCRUISE_PAGE_SIZE", "1")
    monkeypatch.setenv("CLOUDCRUISE_RETENTION_DAYS", "4")  # the two oldest days are urgent
    oldest = TODAY - timedelta(days=3)
    life.sandbox.cloudcruise.history = FixedHistory.of([cc(str(n), TODAY - timedelta(days=n)) for n in range(4)])

    async def down_for_the_oldest(request: StarletteRequest, inner: Handler) -> Response:
        cursor = datetime.fromisoformat(request.query_params["cursor"])
        return PlainTextResponse("", 500) if cursor <= end_of(oldest) + timedelta(seconds=1) else await inner(request)

    life.sandbox.hooks["cloudcruise"].append(down_for_the_oldest)
    while CLOCK.now < NOW + 4 * HOUR:
        life.tick()
        CLOCK.advance(timedelta(minutes=15))
    of_today = [at for at, asked, succeeded in life.asked_for if TODAY in asked.days and asked.work is Work.READ]
    assert len(of_today) >= 4
    assert not on_disk(life.layout.day_file(RAW_RUNS, "cloudcruise", oldest)).exists()
    assert on_disk(life.layout.day_file(RAW_RUNS, "cloudcruise", oldest + timedelta(days=1))).exists()


def test_days_beyond_what_the_api_shows_do_not_keep_today_from_being_read(
    a_life: Callable[[Source], Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    life = a_life(PRODUCTSUP)
    monkeypatch.setenv("PRODUCTSUP_CDE_PAGE_SIZE", "4")
    created = [f"{TODAY - timedelta(days=n // 3)}T0{n % 3}:00:00+00:00" for n in range(12)]  # three a day
    life.sandbox.productsup.history = FixedHistory.of(
        {**PRODUCTSUP_EXAMPLE[0], "id": time, "created-at": time} for time in created
    )
    life.sandbox.switch_on("productsup", LargeOffsetsRefused(most=8))
    while CLOCK.now < NOW + 10 * HOUR:
        life.tick()
        CLOCK.advance(timedelta(minutes=30))
    of_today = [at for at, asked, _ in life.asked_for if TODAY in asked.days and asked.work is Work.READ]
    assert of_today[-1] >= NOW + 8 * HOUR
    assert max(later - earlier for earlier, later in pairwise(of_today)) <= 2 * HOUR
    is_stored = [
        on_disk(life.layout.day_file(RAW_RUNS, "productsup", TODAY - timedelta(days=n))).exists() for n in range(4)
    ]
    assert is_stored == [True, True, False, False]


@pytest.mark.parametrize("tags", [{"dagster/partition": "2026-03"}, INVERTED])
def test_runs_with_tags_that_are_no_days_are_passed_over(
    a_life: Callable[[Source], Life], tags: dict[str, str]
) -> None:
    life = a_life(CLOUDCRUISE)
    run = dg.DagsterRun("cloudcruise_daily", str(uuid.uuid4()), status=dg.DagsterRunStatus.FAILURE, tags=tags)
    life.instance.add_run(run)
    assert life.decide() == request(TODAY - timedelta(days=3), TODAY, "it was never read")


def test_days_before_the_first_are_left_alone(
    a_life: Callable[[Source], Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    life = a_life(CLOUDCRUISE)
    life.tick()
    life.versions = {**life.versions, RUNS.name: "new"}
    monkeypatch.setenv("RUNS_ASSETS_FIRST_DAY", str(TODAY))
    decided = [life.decide() for _ in range(20)]
    assert {asked.days.first for asked in decided if isinstance(asked, Request)} == {TODAY}


def test_a_reading_whose_tables_could_not_be_built_is_no_failed_reading(
    a_life: Callable[[Source], Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    life = a_life(CLOUDCRUISE)

    def broken(*_: object, **__: object) -> None:
        raise AssertionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("runs_assets.daily.runs.normalized", broken)
        assert isinstance(life.tick(), Request)
    [attempt, other] = past_attempts(Records(life.instance, CLOCK.now), CLOUDCRUISE)
    assert {(attempt.asked_the_api, attempt.failure), (other.asked_the_api, other.failure)} == {
        (True, None),
        (False, "AssertionError"),
    }
    at(1)
    decided = life.decide()
    assert isinstance(decided, Request)
    assert (decided.work, decided.days.last) == (Work.READ, TODAY)


def test_an_api_that_asks_to_wait_is_left_alone_until_then(a_life: Callable[[Source], Life]) -> None:
    life = a_life(CLOUDCRUISE)
    life.sandbox.switch_on("cloudcruise", TooManyRequestsForLong(every=1, wait_seconds=3 * 3600))
    assert isinstance(life.tick(), Request)
    [attempt] = past_attempts(Records(life.instance, CLOCK.now), CLOUDCRUISE)
    assert (attempt.failure, attempt.retry_at) == ("UnavailableError", NOW + 3 * HOUR)
    at(2.9)
    assert not isinstance(life.decide(), Request)
    at(3)
    assert isinstance(life.decide(), Request)


def test_a_run_that_is_run_again_after_its_day_was_settled_is_noticed_at_night(
    a_life: Callable[[Source], Life], project: Project
) -> None:
    day = TODAY - timedelta(days=2)
    failed = {**PRODUCTSUP_EXAMPLE[0], "created-at": f"{day}T10:00:00+00:00", "state": "failed", "exit-code": 1}
    life = a_life(PRODUCTSUP)
    project.sandbox.productsup.history = FixedHistory.of([failed])
    life.tick()
    assert day in life.done_days(DayRange(day, day))
    project.sandbox.productsup.history = FixedHistory.of([{**failed, "state": "finished", "exit-code": 0}])
    at(6 * 24 + 12)
    while isinstance(asked := life.tick(), Request) and asked.days.first > day:
        pass
    assert project.table("runs", "productsup", day)[0]["status"] == "failed"
    at(7 * 24 + 13)  # one o'clock at night, a week after it was read
    at_night = [decided for _ in range(3) if isinstance(decided := life.tick(), Request)]
    assert "its runs may have changed" in {request.why for request in at_night}
    assert project.table("runs", "productsup", day)[0]["status"] == "succeeded"


# -- as Dagster evaluates it ---------------------------------------------------------------------------------------


def evaluated(home: Path) -> dg.RunRequest | str:
    home.mkdir()
    defs = definitions_of(SOURCES, PlayedClock())
    with (
        dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance,
        dg.build_sensor_context(
            instance,
            repository_def=defs.get_repository_def(),
            resources={"data_folder": DataFolder(), "clock": PlayedClock()},
        ) as context,
    ):
        data = defs.resolve_sensor_def("cloudcruise_unsettled_days").evaluate_tick(context)
    if data.skip_message:
        return data.skip_message
    [asked] = data.run_requests or []
    return asked


def test_the_sensor_asks_for_one_range_run_of_the_job(a_life: Callable[[Source], Life], tmp_path: Path) -> None:
    a_life(CLOUDCRUISE)
    asked = evaluated(tmp_path / "home")
    assert isinstance(asked, dg.RunRequest)
    assert asked.run_key is None
    wanted = {
        "dagster/asset_partition_range_start": "2026-03-15",
        "dagster/asset_partition_range_end": "2026-03-18",
        "runs_assets/why": "it was never read",
        "runs_assets/work": "read",
    }
    assert {name: asked.tags[name] for name in wanted} == wanted


def test_it_skips_with_the_reason_where_it_cannot_work(
    a_life: Callable[[Source], Life], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_life(CLOUDCRUISE)
    assert "DAGSTER_HOME is not set" in str(evaluated(tmp_path / f"{TEMPORARY_HOME_PREFIX}x"))
    monkeypatch.setenv("DAGSTER_HOME", "/somewhere")
    monkeypatch.setenv("CLOUDCRUISE_RETENTION_DAYS", "many")
    assert "CLOUDCRUISE_RETENTION_DAYS" in str(evaluated(tmp_path / "a"))
    monkeypatch.delenv("CLOUDCRUISE_API_KEY")
    assert evaluated(tmp_path / "b") == (
        "Off until CLOUDCRUISE_API_KEY are set. cloudcruise is off, although CLOUDCRUISE_BASE_URL and "
        "CLOUDCRUISE_RETENTION_DAYS are set: it needs CLOUDCRUISE_API_KEY, too."
    )


@pytest.mark.parametrize(
    ("variables", "is_on"),
    [
        ({"CLOUDCRUISE_API_KEY": "k", "DAGSTER_HOME": "/somewhere"}, True),
        ({"CLOUDCRUISE_API_KEY": "", "DAGSTER_HOME": "/somewhere"}, False),
        ({"CLOUDCRUISE_API_KEY": "k", "DAGSTER_HOME": ""}, False),
    ],
)
def test_it_is_on_where_the_source_is_configured_and_history_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], is_on: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_IS_DEV_CLI", "1")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    sensor = definitions_of(SOURCES).resolve_sensor_def("cloudcruise_unsettled_days")
    assert (sensor.default_status == dg.DefaultSensorStatus.RUNNING) is is_on


def test_runs_for_today_alone_leave_the_checks_to_others() -> None:
    versions = {RUNS.name: "1", FAILURE_RATES.name: "1/1"}
    today = run_request(CLOUDCRUISE, request(TODAY, TODAY, "why"), versions, TODAY)
    assert today.asset_check_keys == []
    assert [key.path for key in today.asset_selection or ()] == [
        ["cloudcruise", RAW_RUNS],
        ["cloudcruise", RUNS.name],
        ["cloudcruise", FAILURE_RATES.name],
    ]
    both = run_request(CLOUDCRUISE, request(YESTERDAY, TODAY, "why"), versions, TODAY)
    assert (both.asset_check_keys, both.asset_selection) == (None, None)
