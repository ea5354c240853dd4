"""A second account and a third platform, added as the README says, in the lines that it says."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

import dagster as dg
import msgspec
import numpy as np
import pyarrow as pa
import pytest

from runs_assets.accounts import SOURCES
from runs_assets.days import to_us
from runs_assets.definitions import definitions_of
from runs_assets.normalizing.columns import RawRows
from runs_assets.normalizing.row_shape import RowShape
from runs_assets.normalizing.runs_table import runs_table
from runs_assets.paging.cursor import CursorAsk, CursorPager
from runs_assets.reading.rows import RunPage, run_page
from runs_assets.sandbox import CloudCruise, FixedHistory, Sandbox
from runs_assets.sources.cloudcruise.source import cloudcruise
from runs_assets.sources.source import RunsApi, Source
from runs_assets.storage.layout import RUNS_REPORT, Layout
from runs_assets.verdicts.tables import VERDICT_TABLES
from runs_assets_tests.conftest import NOW
from runs_assets_tests.project import Project
from runs_assets_tests.seeds import CLOUDCRUISE_EXAMPLE

YESTERDAY = NOW.date() - timedelta(days=1)


def test_a_second_cloudcruise_account_is_one_line(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.sources = (*SOURCES, cloudcruise("cloudcruise_eu"))
    eu = CloudCruise(
        FixedHistory.of([{**CLOUDCRUISE_EXAMPLE[0], "created_at": f"{YESTERDAY}T10:00:00Z"}]), api_key="eu-key"
    )
    with Sandbox(eu, clock=project.sandbox.clock) as other:
        monkeypatch.setenv("CLOUDCRUISE_EU_API_KEY", "eu-key")
        monkeypatch.setenv("CLOUDCRUISE_EU_BASE_URL", other.cloudcruise_url)
        assert project.materialize("cloudcruise_eu", YESTERDAY).success
        assert project.materialize("cloudcruise", YESTERDAY).success
    assert len(project.table("runs", "cloudcruise_eu", YESTERDAY)) == 1
    assert project.table("runs", "cloudcruise", YESTERDAY) == []
    schedules = {schedule.name for schedule in definitions_of(project.sources).get_repository_def().schedule_defs}
    assert "cloudcruise_eu_daily_schedule" in schedules


def test_the_runs_of_a_source_have_its_tags_and_no_others_do() -> None:
    tagged = replace(SOURCES[0], run_tags={"dagster-celery/queue": "apart"})
    definitions = definitions_of((tagged, *SOURCES[1:]))
    queues = {
        job.name: job.run_tags.get("dagster-celery/queue") for job in definitions.get_repository_def().get_all_jobs()
    }
    assert {name for name, queue in queues.items() if queue == "apart"} == {tagged.job_name}


# A toy platform whose whole API is this list.
TOY_RUNS = [{"key": f"k{n}", "born": f"{YESTERDAY}T10:00:{n:02d}Z", "verdict": "ok" if n else "bad"} for n in range(3)]


class ToyRow(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    born: str
    verdict: str


TOY_SHAPE = RowShape(ToyRow, "key", "born")


@dataclass
class ToyClient:
    base_url: str = "toy:"
    requests: int = 0

    def pager(self, start_us: int, end_us: int) -> CursorPager:
        return CursorPager(start_us, end_us, limit=2, max_limit=100, statuses=())

    def fetch(self, ask: CursorAsk) -> RunPage:
        self.requests += 1
        times = [to_us(datetime.fromisoformat(row["born"])) for row in TOY_RUNS]
        found = [TOY_RUNS[n] for n in np.argsort(times)[::-1] if ask.start_us <= times[n] < ask.cursor_us]
        return run_page(found[: ask.limit], TOY_SHAPE, NOW)

    def stop(self) -> None:
        pass

    def another(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Toy(RunsApi):
    def client(self, source: str, layout: Layout, clock: Callable[[], datetime]) -> ToyClient:  # noqa: ARG002
        return ToyClient()


def normalize(rows: RawRows) -> pa.Table:
    statuses = {"ok": "succeeded", "bad": "failed"}
    return runs_table(
        rows,
        {"run_id": "key", "raw_status": "verdict", "created_at": "born"},
        lambda columns: pa.array([statuses[verdict] for verdict in columns["raw_status"].to_pylist()]),
    )


def toy(name: str) -> Source:
    return Source(name, "toy", Toy(settings_prefix="TOY_"), TOY_SHAPE, normalize, "1", needs=(("TOY_KEY",),))


def test_a_third_platform_is_a_folder_and_one_line(project: Project) -> None:
    project.sources = (*SOURCES, toy("toy"))
    assert project.materialize("toy", YESTERDAY).success
    assert sorted(run["run_id"] for run in project.table("runs", "toy", YESTERDAY)) == ["k0", "k1", "k2"]
    [rates] = project.table("failure_rates", "toy", YESTERDAY)
    assert rates["failure_rate"] == pytest.approx(1 / 3)


def test_a_source_that_is_down_stops_nothing_of_the_other(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDCRUISE_BASE_URL", "http://127.0.0.1:9")
    assert not project.materialize("cloudcruise", YESTERDAY).success
    assert project.materialize("productsup", YESTERDAY).success


def test_unconfigured_sources_load_and_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLOUDCRUISE_API_KEY", "PRODUCTSUP_CDE_BASE_URL", "PRODUCTSUP_CDE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    keys = definitions_of(SOURCES).resolve_all_asset_keys()
    assert {key.to_user_string() for key in keys} == {
        f"{source}/{asset}"
        for source in ("cloudcruise", "productsup")
        for asset in ("raw_runs", "runs", "run_status_counts", "failure_rates")
    } | {*(table.name for table in VERDICT_TABLES), RUNS_REPORT}


def test_the_names_of_sources_are_checked() -> None:
    with pytest.raises(ValueError, match="a source's name is made of a-z"):
        cloudcruise("../escape")


def test_every_asset_covers_a_range_in_one_run_and_is_described() -> None:
    for asset in definitions_of(SOURCES).resolve_all_asset_specs():
        assert asset.description
        assert asset.owners
        assert asset.kinds
        assert asset.code_version
        assert asset.group_name in ("cloudcruise", "productsup", "verdicts")
    for assets in definitions_of(SOURCES).assets or []:
        assert isinstance(assets, dg.AssetsDefinition)
        if assets.partitions_def is not None:
            assert assets.backfill_policy == dg.BackfillPolicy.single_run()
