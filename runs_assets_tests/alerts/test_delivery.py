"""Notifications arrive at least once, whatever fails: the address, the process, or one address of two."""

import logging
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from runs_assets.alerts.addresses import addresses_of
from runs_assets.alerts.delivery import Notifier, Report
from runs_assets.alerts.lifecycle import Event
from runs_assets.alerts.memory import Memory, MemoryFile, Notification
from runs_assets.alerts.observation import Observation, Row
from runs_assets.errors import BusyError, SettingsError
from runs_assets.storage.layout import Layout
from runs_assets.watch_entries import Severity
from runs_assets_tests.alerts.receiver import Receiver
from runs_assets_tests.alerts.rows import NOTHING, T0, health, hours
from runs_assets_tests.files_on_disk import folder_of, on_disk

DOWN = "DOWN p1 (cloudcruise) since 2026-03-18 10:00 UTC"
RESOLVED = "RESOLVED p1 (cloudcruise): down from 2026-03-18 10:00 UTC to 2026-03-18 12:54 UTC"
MINUTE = timedelta(minutes=1)


def notify(layout: Layout, *urls: str, state: str = "down", now: datetime = T0, patience: float = 5) -> Report:
    """An evaluation by a process that has just started: nothing is known but what is stored, the welcome aside."""
    if not on_disk(MemoryFile(layout).file).exists() and urls:
        MemoryFile(layout).save(Memory(welcomed_at=T0), T0)
    notifier = Notifier(layout, addresses_of(SecretStr(" ".join(urls))), patience, lock_patience=0)
    return notifier.notify(
        Observation(now, NOTHING, [health(state=state, at=now, since=T0 - hours(2) if state == "down" else None)])
    )


def test_an_incident_is_told_once_through_restarts(receiver: Receiver, layout: Layout) -> None:
    url = receiver.url("a")
    assert str(notify(layout, url)) == f"Notified: {DOWN}."
    assert str(notify(layout, url, now=T0 + MINUTE)) == "Nothing new."
    assert notify(layout, url, state="ok", now=T0 + hours(1)).titles == (RESOLVED,)
    assert str(notify(layout, url, state="ok", now=T0 + hours(2))) == "Nothing new."
    assert receiver.titles("a") == [DOWN, RESOLVED]
    bodies = [body for _, body in receiver.got]
    assert [body["type"] for body in bodies] == ["failure", "success"]
    assert bodies[0]["message"].startswith("Pipeline: p1 of cloudcruise\nFailures in a row: 4\n")


def test_what_was_told_is_summed_up_in_a_few_words() -> None:
    assert str(Report(tuple("abcdefghij"), 2)) == "Notified: a; b; c; d; e; f; g; h; i; j. Deliveries waiting: 2."
    assert str(Report(tuple("abcdefghijkl"))) == "Notified: a; b; c; d; e; f; g; h; i; j and 2 more."


def test_without_an_address_nothing_is_told_or_kept(layout: Layout) -> None:
    assert notify(layout) == Report()
    assert not folder_of(layout).exists()


def test_a_failing_address_is_tried_again_after_growing_waits(receiver: Receiver, layout: Layout) -> None:
    url, at = receiver.url("a"), []
    receiver.answers["a"] = 500
    for minute in range(200):
        before = len(receiver.got)
        notify(layout, url, now=T0 + minute * MINUTE)
        at += [minute] * (len(receiver.got) - before)
    assert at == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    assert str(notify(layout, url, now=T0 + 201 * MINUTE)) == "Nothing new. Deliveries waiting: 1."
    receiver.answers.clear()
    assert notify(layout, url, now=T0 + hours(5)).waiting == 0
    assert receiver.titles("a") == [DOWN] * 10


def test_what_was_decided_by_a_clock_that_was_ahead_is_tried_at_once(receiver: Receiver, layout: Layout) -> None:
    receiver.answers["a"] = 500
    assert notify(layout, receiver.url("a"), now=T0 + timedelta(days=365)).waiting == 1
    receiver.answers.clear()
    assert notify(layout, receiver.url("a"), state="ok", now=T0).waiting == 0


def test_after_three_days_a_message_is_given_up_and_remembered(
    receiver: Receiver, layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers["a"] = 404
    for day in (0, 1, 2, 3):
        notify(layout, receiver.url("a"), state="down" if day == 0 else "silent", now=T0 + timedelta(days=day))
    memory = MemoryFile(layout).load(T0)
    assert [lost.title for lost in memory.undelivered] == [DOWN]
    assert DOWN not in [waiting.notification.title for waiting in memory.outbox]
    assert f"Gave up on a notification that could not be delivered for 3 days: {DOWN}" in caplog.text


def test_one_failing_address_does_not_keep_the_other_from_its_messages(receiver: Receiver, layout: Layout) -> None:
    urls = receiver.url("bad"), receiver.url("good")
    receiver.answers["bad"] = 503
    assert notify(layout, *urls).waiting == 1
    assert notify(layout, *urls, state="ok", now=T0 + hours(1)).waiting == 2
    assert receiver.titles("good") == [DOWN, RESOLVED]
    receiver.answers.clear()
    notify(layout, *urls, state="ok", now=T0 + hours(2))
    assert receiver.titles("bad")[-2:] == [DOWN, RESOLVED]
    assert receiver.titles("good") == [DOWN, RESOLVED]


def test_one_dead_target_of_a_url_is_tried_again_alone(receiver: Receiver, layout: Layout) -> None:
    url = receiver.topics("ops", "closed", "team")
    receiver.answers["closed"] = 404
    for hour in range(20):
        notify(layout, url, now=T0 + hours(hour))
    assert (receiver.titles("ops"), receiver.titles("team")) == ([DOWN], [DOWN])
    assert receiver.titles("closed") == [DOWN] * 20


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("mailto://me:pw@example.com?to=a@example.com,b@example.com", 2),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#a/#b/#c", 3),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/12315545", 2),
        ("json://127.0.0.1/a/b", 1),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", 1),
    ],
)
def test_each_target_of_a_url_is_an_address(url: str, addresses: int) -> None:
    found = addresses_of(SecretStr(url))
    assert len({address.fingerprint for address in found}) == addresses
    assert [len(address.service) for address in found] == [1] * addresses
    assert {address.position for address in found} == {1}


def test_nobody_listening_is_a_failure_like_any_other(layout: Layout) -> None:
    assert notify(layout, "json://127.0.0.1:1/").waiting == 1


def test_a_redirect_is_not_followed(receiver: Receiver, layout: Layout) -> None:
    receiver.answers["a"] = 302
    assert notify(layout, receiver.url("a")).waiting == 1
    assert [path for path, _ in receiver.got] == ["a"]


def test_an_address_that_hangs_holds_up_neither_the_look_nor_the_others(receiver: Receiver, layout: Layout) -> None:
    receiver.hanging.add("slow")
    began = time.monotonic()
    assert notify(layout, receiver.url("slow"), receiver.url("good"), patience=1).waiting == 1
    assert time.monotonic() - began < 20  # not the 200 s that the answer takes
    assert receiver.titles("good") == [DOWN]
    (waiting,) = MemoryFile(layout).load(T0).outbox
    assert (waiting.tries, waiting.next_try_at) == (1, T0 + MINUTE)


CHILD = """
import sys
from pathlib import Path
from runs_assets_tests.alerts.test_delivery import Layout, notify
print(notify(Layout(Path(sys.argv[1])), sys.argv[2], patience=float(sys.argv[3])).waiting)
"""


def child(layout: Layout, url: str, patience: float) -> list[str]:
    return [sys.executable, "-W", "ignore", "-c", CHILD, str(folder_of(layout)), url, str(patience)]


def test_an_address_that_hangs_does_not_keep_a_process_from_ending(receiver: Receiver, layout: Layout) -> None:
    receiver.hanging.add("slow")
    arguments = child(layout, receiver.url("slow"), 0.5)
    assert subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=30).stdout == "1\n"


def test_a_process_that_is_killed_while_it_sends_has_not_forgotten_the_message(
    receiver: Receiver, layout: Layout
) -> None:
    receiver.hanging.add("a")
    url = receiver.url("a")
    process = subprocess.Popen(child(layout, url, 30))
    try:
        deadline = time.monotonic() + 30
        while not receiver.got and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert receiver.titles("a") == [DOWN]
    receiver.hanging.clear()
    assert notify(layout, url, now=T0 + MINUTE) == Report()
    assert receiver.titles("a") == [DOWN, DOWN]
    assert notify(layout, url, now=T0 + 2 * MINUTE) == Report()
    assert receiver.titles("a") == [DOWN, DOWN]


def notification(title: str, *tags: str) -> Notification:
    return Notification(title=title, body="x", event=Event.OPENED, severity=Severity.WARNING, tags=tags, decided_at=T0)


def test_tags_decide_who_gets_what(receiver: Receiver, layout: Layout) -> None:
    urls = receiver.url("all"), receiver.url("ops", "ops,phone"), receiver.url("team", "team")
    notifier = Notifier(layout, addresses_of(SecretStr("\n".join(urls))))
    for one in (notification("to ops", "ops"), notification("to nobody", "other"), notification("to everybody")):
        notifier.send(one)
    assert receiver.titles("all") == ["to ops", "to nobody", "to everybody"]
    assert receiver.titles("ops") == ["to ops"]
    assert receiver.titles("team") == []


def test_what_no_route_sends_anywhere_is_for_nobody_where_all_addresses_have_tags(
    receiver: Receiver, layout: Layout
) -> None:
    report = Notifier(layout, addresses_of(SecretStr(receiver.url("ops", "ops")))).send(notification("unrouted"))
    assert str(report) == "Notified: unrouted. For nobody, by the routes: 1."
    assert receiver.got == []


def test_a_message_routed_to_a_tag_that_nobody_has_is_everybodys(receiver: Receiver, layout: Layout) -> None:
    urls = receiver.url("ops", "ops"), receiver.url("team", "team")
    Notifier(layout, addresses_of(SecretStr(" ".join(urls)))).send(notification("misspelt", "opps"))
    assert (receiver.titles("ops"), receiver.titles("team")) == (["misspelt"], ["misspelt"])


def test_a_corrected_address_gets_what_waited_and_hears_what_is_open(receiver: Receiver, layout: Layout) -> None:
    receiver.answers["old"] = 500
    assert notify(layout, receiver.url("old"), receiver.url("other")).waiting == 1
    assert notify(layout, receiver.url("other"), now=T0 + MINUTE).waiting == 1  # the old one is taken out first
    assert notify(layout, receiver.url("new"), receiver.url("other"), now=T0 + 2 * MINUTE) == Report()
    assert receiver.titles("new") == [DOWN, "OPEN NOW: 1 incident"]
    assert receiver.got[-1][1]["message"] == "- cloudcruise p1: down since 2026-03-18 10:00 UTC"
    assert receiver.titles("other") == [DOWN]
    notify(layout, receiver.url("new"), receiver.url("other"), now=T0 + 3 * MINUTE)
    assert len(receiver.titles("new")) == 2


def test_what_waits_for_an_address_that_stays_away_is_dropped_after_three_days(
    receiver: Receiver, layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers["old"] = 500
    notify(layout, receiver.url("old"), receiver.url("other"))
    assert notify(layout, receiver.url("other"), state="ok", now=T0 + timedelta(days=3)).waiting == 0
    assert "Dropped 1 deliveries: their address is no longer set." in caplog.text


def test_a_new_address_with_tags_hears_of_what_is_open_for_them_alone(receiver: Receiver, layout: Layout) -> None:
    notify(layout, receiver.url("a"))
    assert notify(layout, receiver.url("a"), receiver.url("ops", "ops"), now=T0 + MINUTE).waiting == 0
    assert receiver.titles("ops") == []


def seen(*rows: Row, now: datetime = T0) -> Observation:
    return Observation(now, NOTHING, rows, awaited=["cloudcruise", "productsup"], faults=["A typing mistake."])


def test_the_first_notification_is_one_welcome_when_all_sources_were_read(receiver: Receiver, layout: Layout) -> None:
    notifier = Notifier(layout, addresses_of(SecretStr(receiver.url("a"))), lock_patience=0)
    down, ok = health(state="down"), health("p2", source="productsup")
    assert str(notifier.notify(seen())) == "Nothing new."
    assert str(notifier.notify(seen(down, now=T0 + 30 * MINUTE))) == "Nothing new."
    assert notifier.notify(seen(down, ok, now=T0 + 31 * MINUTE)).titles == (
        "WATCHING cloudcruise, productsup: 2 things are wrong already",
    )
    assert receiver.got[0][1]["message"].splitlines() == [
        "Watched: cloudcruise, 1 pipelines",
        "Watched: productsup, 1 pipelines",
        "Wrong already:",
        "- INVALID: settings",
        f"- {DOWN}",
        "To be corrected in the settings:",
        "- A typing mistake.",
        "From now on you are notified of what is new.",
        "Who gets what is set in RUNS_ASSETS_ALERT_URLS and in the watch file (RUNS_ASSETS_WATCH_FILE).",
    ]
    assert str(notifier.notify(seen(down, ok, now=T0 + 32 * MINUTE))) == "Nothing new."


def test_a_source_that_is_not_read_within_an_hour_does_not_hold_up_the_welcome(
    receiver: Receiver, layout: Layout
) -> None:
    notifier = Notifier(layout, addresses_of(SecretStr(receiver.url("a"))), lock_patience=0)
    notifier.notify(seen(health()))
    assert notifier.notify(seen(health(), now=T0 + 59 * MINUTE)).titles == ()
    assert notifier.notify(seen(health(), now=T0 + 60 * MINUTE)).titles[0].startswith("WATCHING cloudcruise: ")
    assert "Not read yet: productsup" in receiver.got[0][1]["message"]


def test_a_source_is_given_time_to_catch_up_after_the_daemon_was_off(receiver: Receiver, layout: Layout) -> None:
    url = receiver.url("a")
    notify(layout, url, state="ok")
    notifier = Notifier(layout, addresses_of(SecretStr(url)), lock_patience=0)
    back = Observation(T0 + timedelta(days=3), NOTHING, [health()])
    for minutes in (0, 55, 110, 165, 220, 275, 330, 360):
        assert notifier.notify(replace(back, now=back.now + minutes * MINUTE)).titles == ()
    late = replace(back, now=back.now + 361 * MINUTE)
    assert notifier.notify(late).titles[0].startswith("CANNOT READ cloudcruise since")


def test_addresses_that_differ_only_in_their_targets_are_two() -> None:
    urls = "mailto://me:pw@example.com?to=a@example.com mailto://me:pw@example.com?to=b@example.com"
    first, second = addresses_of(SecretStr(urls))
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize(
    ("urls", "position", "why"),
    [
        ("json://127.0.0.1/ nonsense-hidden", 2, "is not a URL that Apprise supports"),
        ("https://hidden.example.com/hidden", 1, "is not a URL that Apprise supports"),
        ("ops=json://h/hidden a,b=slack://hidden", 2, "is not a URL that Apprise supports"),
        ("json://h/hidden ops=json://h/hidden", 2, "is listed twice"),
        ("ops=", 1, "is not a URL that Apprise supports"),
    ],
)
def test_an_unusable_address_is_named_by_its_position(
    urls: str, position: int, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    with pytest.raises(SettingsError, match=f"RUNS_ASSETS_ALERT_URLS: address {position} {why}") as caught:
        addresses_of(SecretStr(urls))
    assert "hidden" not in str(caught.value) + caplog.text


def test_an_address_is_in_no_log_no_repr_and_no_file(
    receiver: Receiver, layout: Layout, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(1)
    logging.getLogger("urllib3.connectionpool").setLevel(1)
    secrets = ["T0ken-in-the-path", "hidden-user", "hidden-pass", "sh0rtpw"]
    paths = [f"services/{secrets[0]}/x", "plain"]
    receiver.answers[paths[0]] = 500
    with_user = receiver.url(paths[1]).replace("//", f"//{secrets[1]}:{secrets[2]}@")
    urls = [receiver.url(paths[0]), with_user, f"json://me:{secrets[3]}@127.0.0.1:1/"]
    assert notify(layout, *urls).waiting == 2
    stored = "".join(path.read_text() for path in folder_of(layout).rglob("*") if path.is_file())
    shown = caplog.text + "".join(capfd.readouterr()) + stored + repr(addresses_of(SecretStr(" ".join(urls))))
    assert [secret for secret in secrets if secret in shown] == []
    assert "Failed to send JSON" in caplog.text
    assert "POST /[redacted]" in caplog.text


def test_apprise_keeps_nothing_on_the_disk(
    receiver: Receiver, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    notify(layout, receiver.url("a"))
    assert list(home.rglob("*")) == []
    assert sorted(path.name for path in (folder_of(layout) / ".alerts").rglob("*")) == ["lock", "state.json"]


def test_two_processes_do_not_tell_at_the_same_time(receiver: Receiver, layout: Layout) -> None:
    with MemoryFile(layout).locked(0), pytest.raises(BusyError, match="the notifications"):
        notify(layout, receiver.url("a"))
    assert receiver.got == []


@pytest.mark.parametrize("damage", [b"", b"{", b'{"sources": 1}', b"\xff\x00"])
def test_a_damaged_file_is_kept_aside_said_and_begun_anew(
    receiver: Receiver, layout: Layout, caplog: pytest.LogCaptureFixture, damage: bytes
) -> None:
    notify(layout, receiver.url("a"))
    on_disk(MemoryFile(layout).file).write_bytes(damage)
    assert notify(layout, receiver.url("a"), now=T0 + MINUTE).titles == (DOWN,)
    assert "state.json is damaged" in caplog.text
    kept = folder_of(layout) / ".alerts" / "damaged-20260318T120100Z.json"
    assert kept.read_bytes() == damage
    assert notify(layout, receiver.url("a"), now=T0 + 2 * MINUTE).titles == ()
