"""A memory from before its file had a version goes on: nothing opens again, nothing waiting is lost, all is resolved."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from runs_assets.alerts.addresses import addresses_of
from runs_assets.alerts.delivery import Notifier
from runs_assets.alerts.former_memories import migrated
from runs_assets.alerts.memory import MemoryFile
from runs_assets.alerts.observation import JobRun, Observation, Row
from runs_assets.errors import StorageError
from runs_assets.storage.layout import Layout
from runs_assets_tests.alerts.receiver import Receiver
from runs_assets_tests.alerts.rows import NOTHING, T0, days, health, hours, outage
from runs_assets_tests.files_on_disk import on_disk

FORMER, VERSION_1 = ((Path(__file__).parent / f"{name}.json").read_text() for name in ("without_version", "version_1"))
MANY = [f"q{n}" for n in range(6)]


def begin(layout: Layout, url: str, former: str = FORMER) -> Notifier:
    """A data folder with a former file, and its one address, as it was when that was written."""
    (address,) = addresses = addresses_of(SecretStr(url))
    path = on_disk(MemoryFile(layout).file)
    path.parent.mkdir(parents=True)
    path.write_text(former.replace("ADDRESS", address.fingerprint))
    return Notifier(layout, addresses)


def still_wrong() -> list[Row]:
    """At noon, everything is as it was remembered."""
    gone = health("gone", "silent", since=T0 - days(45), last_run_at=T0 - days(45))
    old = health("old", "down", since=T0 - days(8), confirmed=T0 - days(7), last_failure_at=T0 - days(6))
    platform = [health(name, "down", "productsup", since=T0 - hours(4), confirmed=T0 - hours(3)) for name in MANY]
    return [health("down", "down"), gone, old, *platform]


def test_nothing_open_opens_again_and_nothing_waiting_is_lost(receiver: Receiver, layout: Layout) -> None:
    notifier = begin(layout, receiver.url("a"))
    assert str(notifier.notify(Observation(T0, NOTHING, still_wrong(), faults=["bad"]))) == "Nothing new."
    assert receiver.titles("a") == ["ENDED p9", "SILENT p8, was down"]
    assert [body["type"] for _, body in receiver.got] == ["success", "warning"]
    memory = MemoryFile(layout).load(T0)
    assert [lost.title for lost in memory.undelivered] == ["DOWN p7"]
    assert memory.outbox == ()


def test_what_was_open_is_resolved_to_whom_it_was_told(receiver: Receiver, layout: Layout) -> None:
    notifier, now = begin(layout, receiver.url("a")), T0 + hours(1)
    names = {"cloudcruise": ["down", "gone", "old"], "productsup": MANY}
    rows = [health(name, source=source, at=now) for source, found in names.items() for name in found]
    runs = [JobRun("prune_runs", None), JobRun("productsup_daily", None, "productsup")]
    ended = outage("down", T0 - hours(2), T0)
    assert notifier.notify(Observation(now, NOTHING, rows, [ended], job_runs=runs)).titles == (
        "RESOLVED: settings",
        "RESOLVED down (cloudcruise): down from 2026-03-18 10:00 UTC to 2026-03-18 12:00 UTC",
        "RESOLVED productsup: was failing since 2026-03-18 09:00 UTC",
        "RESOLVED prune_runs: last failed at 2026-03-18 03:00 UTC",
    )
    rows = [health(name, source="productsup", at=now + hours(2)) for name in MANY]
    assert notifier.notify(Observation(now + hours(2), NOTHING, rows, job_runs=runs)).titles == (
        "RESOLVED PLATFORM productsup: down from 2026-03-18 08:00 UTC to 2026-03-18 13:00 UTC",
    )


def test_failures_that_were_counted_are_reported_a_day_after_the_opening(receiver: Receiver, layout: Layout) -> None:
    notifier, now = begin(layout, receiver.url("a")), T0 + hours(17)
    report = notifier.notify(Observation(now, NOTHING, [health("down", "down", at=now)], faults=["bad"]))
    title = report.titles[1]
    assert title == "RUN FAILED AGAIN cloudcruise since 2026-03-18 05:00 UTC"
    body = next(body["message"] for _, body in receiver.got if body["title"] == title)
    assert "2 failures since it was last resolved; this is the latest.\nRun r1 failed at 2026-03-18 07:00 UTC." in body


def test_who_was_told_and_what_is_history_stays(layout: Layout) -> None:
    begin(layout, "json://h/")
    down, gone, old = MemoryFile(layout).load(T0).sources["cloudcruise"].pipelines
    assert (down.tags, down.notified_at, down.is_given_up, down.is_history) == (
        ("mail", "phone"),
        T0 - hours(1),
        False,
        False,
    )
    assert (gone.is_given_up, gone.tags, old.is_history, old.notified_at, old.tags) == (True, (), True, None, None)
    assert old.pipeline_name == "feed"


def test_the_file_is_migrated_once(receiver: Receiver, layout: Layout) -> None:
    notifier, path = begin(layout, receiver.url("a")), on_disk(MemoryFile(layout).file)
    receiver.answers["a"] = 500
    notifier.notify(Observation(T0, NOTHING, still_wrong(), faults=["bad"]))
    written = path.read_text()
    assert json.loads(written)["version"] == 2
    with pytest.raises(ValueError, match="unknown fields"):
        migrated(json.loads(written))
    assert MemoryFile(layout).load(T0).model_dump_json() == written


def test_version_1_goes_on_and_reminders_count_from_the_opening(receiver: Receiver, layout: Layout) -> None:
    """`down` opened on 10 March and was reminded of daily, `q0` was left by a platform's incident on the 18th."""
    notifier, since = begin(layout, receiver.url("a"), VERSION_1), T0 - days(9)
    known: dict[str, Any] = {"since": since, "failing_since": since, "confirmed": since}
    told = []
    for day in range(8):
        now = T0 + days(day) - hours(6)
        down = health("down", "down", at=now, **known, failures=400, reason="E1")
        old = health("old", "down", at=now, since=T0 - days(40), last_failure_at=T0 - days(38))
        rows = [down, old, health("q0", "down", at=now, since=T0 - hours(13), confirmed=T0 - hours(12.5))]
        runs = [JobRun("prune_runs", None)] if day else []
        told += [
            (day, title.partition(" (")[0])
            for title in notifier.notify(Observation(now, NOTHING, rows, job_runs=runs)).titles
        ]
    assert told == [
        (1, "STILL DOWN q0"),
        (1, "RESOLVED prune_runs: last failed at 2026-03-17 23:00 UTC"),
        (3, "STILL DOWN q0"),
        (7, "STILL DOWN down"),
        (7, "STILL DOWN q0"),
    ]
    assert receiver.titles("a")[0].startswith("RESOLVED PLATFORM cloudcruise: down")


def test_a_newer_version_is_an_error_that_names_the_file_and_no_damage(receiver: Receiver, layout: Layout) -> None:
    notifier, path = begin(layout, receiver.url("a")), on_disk(MemoryFile(layout).file)
    path.write_text('{"version": 3, "anything": []}')
    with pytest.raises(StorageError, match=r"state\.json has format version 3; this runs_assets reads 2 at most"):
        notifier.notify(Observation(T0, NOTHING, still_wrong()))
    assert path.read_text() == '{"version": 3, "anything": []}'
    assert sorted(found.name for found in path.parent.iterdir()) == ["lock", "state.json"]
    assert receiver.got == []
