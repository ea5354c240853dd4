"""The watch file: what it may contain, how patterns and expectations are understood, and how a wrong one is named."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from runs_assets.errors import SettingsError
from runs_assets.settings import project_settings
from runs_assets.watch_entries import Rule, Severity, Subject
from runs_assets.watch_file import WatchFile, load_watch_file

NOW = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
FULL = """
[[routes]]
source = "cloudcruise"
pipeline = "invoice-*"
severity = "critical"
tag = "phone"

[[routes]]
tag = "channel"

[[mutes]]
source = "cloudcruise"
pipeline = "wf-1"
until = 2026-03-18
reason = "moving to the new portal"

[[mutes]]
pipeline = "wf-2"
until = 2026-03-18T14:00:00+02:00
reason = "known"

[[expectations]]
source = "productsup"
pipeline = "feed-[12]"
every = "1d"
grace = "2h"
timezone = "Europe/Berlin"

[[expectations]]
every = "1w"
grace = "0m"

[[owners]]
source = "productsup"
owner = "Feeds team"

[links]
cloudcruise = "https://app.example.com/{pipeline_id}/runs/{run_id}?tab=log"
"""


def watch_file(text: str, folder: Path) -> WatchFile:
    path = folder / "watch.toml"
    path.write_text(text)
    return load_watch_file(path)


@pytest.fixture
def full(tmp_path: Path) -> WatchFile:
    return watch_file(FULL, tmp_path)


def test_none_is_needed() -> None:
    none = load_watch_file(None)
    assert none.expectation_of(Subject("s", "p", None)) is None
    assert none.owner_of(Subject("s", "p", None)) is None
    assert not none.is_muted(Subject("s", "p", None), NOW)
    assert none.left_out(Subject("s", "p", None), NOW, NOW) == []
    assert none.rule_of(Subject("s", "p", None)) == Rule()
    assert none.tags_of(Subject("s", "p", None), Severity.CRITICAL) == frozenset()
    assert none.link_of("s", "r", "p") is None


@pytest.mark.parametrize(
    ("source", "pipeline_id", "name", "severity", "tags"),
    [
        ("cloudcruise", "wf-9", "invoice-download", Severity.CRITICAL, {"phone", "channel"}),
        ("cloudcruise", "invoice-9", None, Severity.CRITICAL, {"phone", "channel"}),
        ("cloudcruise", "wf-9", "Invoice-download", Severity.CRITICAL, {"channel"}),
        ("cloudcruise", "wf-9", "invoice-download", Severity.WARNING, {"channel"}),
        ("cloudcruise_eu", "invoice-9", None, Severity.CRITICAL, {"channel"}),
        ("cloudcruise", None, None, Severity.CRITICAL, {"channel"}),
        (None, None, None, Severity.INFO, {"channel"}),
    ],
)
def test_every_route_about_a_message_adds_its_tag(
    full: WatchFile, source: str | None, pipeline_id: str | None, name: str | None, severity: Severity, tags: set[str]
) -> None:
    assert full.tags_of(Subject(source, pipeline_id, name), severity) == tags


def test_the_first_expectation_and_owner_about_a_pipeline_count(full: WatchFile) -> None:
    assert [
        found and found.every
        for found in (
            full.expectation_of(Subject("productsup", "feed-2", None)),
            full.expectation_of(Subject("productsup", "c-1", "feed-1")),
            full.expectation_of(Subject("productsup", "feed-3", None)),
            full.expectation_of(Subject("productsup", None, None)),
        )
    ] == ["1d", "1d", "1w", "1w"]
    assert full.owner_of(Subject("productsup", "feed-3", None)) == "Feeds team"
    assert full.owner_of(Subject("cloudcruise", "feed-3", None)) is None


@pytest.mark.parametrize(
    ("pipeline_id", "now", "is_muted"),
    [
        ("wf-1", datetime(2026, 3, 18, 23, 59, 59, tzinfo=UTC), True),
        ("wf-1", datetime(2026, 3, 19, 0, 0, tzinfo=UTC), False),
        ("wf-2", datetime(2026, 3, 18, 11, 59, tzinfo=UTC), True),
        ("wf-2", datetime(2026, 3, 18, 12, 0, tzinfo=UTC), False),
        ("wf-3", datetime(2026, 3, 18, 11, 0, tzinfo=UTC), False),
    ],
)
def test_a_mute_holds_through_its_day_or_up_to_its_time(
    full: WatchFile, pipeline_id: str, now: datetime, is_muted: bool
) -> None:
    assert full.is_muted(Subject("cloudcruise", pipeline_id, None), now) == is_muted


@pytest.mark.parametrize(("until", "hour"), [("2026-03-18T13:00:00", 13), ("2026-03-18T13:00:00+02:00", 11)])
def test_a_time_without_a_zone_is_utc(tmp_path: Path, until: str, hour: int) -> None:
    found = watch_file(f'[[mutes]]\nuntil = {until}\nreason = "x"\n', tmp_path)
    end = datetime(2026, 3, 18, hour, tzinfo=UTC)
    muted = [found.is_muted(Subject("s", "p", None), end - timedelta(seconds=before)) for before in (1, 0)]
    assert muted == [True, False]


WEEKLY = """
[[mutes]]
pipeline = "p"
weekly = "sun 02:00-06:00"
timezone = "Europe/Berlin"
not_in_rates = true
until = 2026-11-01T03:00:00Z
reason = "maintenance"

[[mutes]]
pipeline = "q"
weekly = "sat 23:00-01:00"
reason = "backup"
"""


@pytest.mark.parametrize(
    ("pipeline_id", "now", "is_muted"),
    [
        # In winter Berlin is an hour ahead of UTC, in summer two; 22 March 2026 is a Sunday, as 5 April is.
        ("p", "2026-03-22T00:59:59", False),
        ("p", "2026-03-22T01:00:00", True),
        ("p", "2026-03-22T04:59:59", True),
        ("p", "2026-03-22T05:00:00", False),
        ("p", "2026-03-23T02:00:00", False),
        ("p", "2026-04-04T23:59:59", False),
        ("p", "2026-04-05T00:00:00", True),
        ("p", "2026-04-05T04:00:00", False),
        # 02:00 is skipped on 29 March and is 01:00 UTC all the same; on 25 October it is the first of two.
        ("p", "2026-03-29T00:59:59", False),
        ("p", "2026-03-29T01:00:00", True),
        ("p", "2026-03-29T04:00:00", False),
        ("p", "2026-10-25T00:00:00", True),
        ("p", "2026-11-01T02:59:59", True),
        ("p", "2026-11-01T03:00:00", False),
        ("p", "2026-11-08T02:00:00", False),
        ("q", "2026-04-04T22:59:59", False),
        ("q", "2026-04-04T23:00:00", True),
        ("q", "2026-04-05T00:59:59", True),
        ("q", "2026-04-05T01:00:00", False),
    ],
)
def test_a_weekly_mute_keeps_its_local_time_until_its_end(
    tmp_path: Path, pipeline_id: str, now: str, is_muted: bool
) -> None:
    instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert watch_file(WEEKLY, tmp_path).is_muted(Subject("s", pipeline_id), instant) == is_muted


def test_what_is_left_out_of_rates_are_the_times_of_the_mutes_that_say_so(tmp_path: Path) -> None:
    found, first = watch_file(WEEKLY, tmp_path), datetime(2026, 3, 22, 4, 59, 59, tzinfo=UTC)
    last = datetime(2026, 4, 5, 0, 0, tzinfo=UTC)
    assert [f"{start:%d %H} {end:%d %H}" for start, end in found.left_out(Subject("s", "p"), first, last)] == [
        "22 01 22 05",
        "29 01 29 04",
        "05 00 05 04",
    ]
    assert found.left_out(Subject("s", "q"), first, last) == []


def test_the_first_rule_about_a_pipeline_counts(tmp_path: Path) -> None:
    found = watch_file(
        '[[rules]]\npipeline = "p*"\ntell = "every failure"\n[[rules]]\nafter = 2\nseverity = "critical"\n', tmp_path
    )
    assert found.rule_of(Subject("s", "p1")).tell == "every failure"
    rule = found.rule_of(Subject("s", "q"))
    assert (rule.tell, rule.after, rule.severity) == ("usual", 2, "critical")


@pytest.mark.parametrize(
    ("every", "grace", "zone", "last_run", "overdue_at"),
    [
        ("15m", "5m", "UTC", "2026-03-18T06:00:00+00:00", "2026-03-18T06:20:00+00:00"),
        ("6h", "30m", "Europe/Berlin", "2026-03-29T00:00:00+00:00", "2026-03-29T06:30:00+00:00"),
        ("1d", "1h", "UTC", "2026-03-28T06:00:00+00:00", "2026-03-29T07:00:00+00:00"),
        # Berlin's clocks go forward on 29 March 2026 at 01:00 UTC and back on 25 October at 01:00 UTC.
        ("1d", "1h", "Europe/Berlin", "2026-03-28T05:00:00+00:00", "2026-03-29T05:00:00+00:00"),
        ("1d", "1h", "Europe/Berlin", "2026-10-24T04:00:00+00:00", "2026-10-25T06:00:00+00:00"),
        ("1w", "0m", "Europe/Berlin", "2026-03-25T05:00:00+00:00", "2026-04-01T04:00:00+00:00"),
        ("24h", "0m", "Europe/Berlin", "2026-03-28T05:00:00+00:00", "2026-03-29T05:00:00+00:00"),
        ("3w", "6d", "UTC", "2026-03-01T05:00:00+00:00", "2026-03-28T05:00:00+00:00"),
        ("1h", "1d", "Europe/Berlin", "2026-03-28T04:00:00+00:00", "2026-03-29T04:00:00+00:00"),
        # 02:30 is skipped on 29 March (then 03:30, 01:30 UTC), and comes twice on 25 October (the second: 01:30 UTC).
        ("1d", "0m", "Europe/Berlin", "2026-03-28T01:30:00+00:00", "2026-03-29T01:30:00+00:00"),
        ("1d", "0m", "Europe/Berlin", "2026-10-24T00:30:00+00:00", "2026-10-25T01:30:00+00:00"),
        ("1d", "0m", "Asia/Kolkata", "2026-03-18T20:30:00+02:00", "2026-03-19T18:30:00+00:00"),
    ],
)
def test_days_are_the_calendars_and_hours_are_elapsed_time(
    tmp_path: Path, every: str, grace: str, zone: str, last_run: str, overdue_at: str
) -> None:
    text = f'[[expectations]]\nevery = "{every}"\ngrace = "{grace}"\ntimezone = "{zone}"\n'
    expectation = watch_file(text, tmp_path).expectation_of(Subject("s", "p", None))
    assert expectation is not None
    found = expectation.overdue_at(datetime.fromisoformat(last_run))
    assert (found, found.utcoffset()) == (datetime.fromisoformat(overdue_at), timedelta(0))


def test_a_link_quotes_what_the_platform_said(full: WatchFile) -> None:
    assert full.link_of("cloudcruise", "a/b?c", "wf 1") == "https://app.example.com/wf%201/runs/a%2Fb%3Fc?tab=log"
    assert full.link_of("cloudcruise", "a", None) is None
    assert full.link_of("productsup", "a", "b") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[mutes]]\nuntil = 2026-03-18\n", "mutes 1, reason: Field required"),
        ('[[mutes]]\nuntil = 2026-03-18\nreason = " "\n', "mutes 1, reason: "),
        ('[[mutes]]\nreason = "x"\n', "mutes 1: .*until or weekly is needed"),
        ('[[mutes]]\nweekly = "sun 2:00-6:00"\nreason = "x"\n', "mutes 1, weekly: .*such as sun 02:00-06:00"),
        ('[[mutes]]\nweekly = "sun 02:00-24:00"\nreason = "x"\n', "mutes 1, weekly: .*such as sun 02:00-06:00"),
        ('[[mutes]]\nuntil = 2026-03-18\nnot_in_rates = true\nreason = "x"\n', "mutes 1: .*for a weekly one"),
        ('[[rules]]\ntell = "nothing"\n', "rules 1, tell: "),
        ("[[rules]]\nafter = 0\n", "rules 1, after: "),
        ('[[rules]]\nseverity = "info"\n', "rules 1, severity: "),
        ('[[mutes]]\nuntil = "2026-03-18"\nreason = "x"\n', "mutes 1, until: "),
        ('[[mutes]]\nuntil = 2026\nreason = "x"\n', "mutes 1, until: "),
        ('[[mutes]]\nuntil = 12:00:00\nreason = "x"\n', "mutes 1, until: "),
        ('[[routes]]\ntag = "a"\n[[routes]]\ntag = "a b"\n', "routes 2, tag: "),
        ('[[routes]]\ntag = "a"\nseverity = "bad"\n', "routes 1, severity: "),
        (
            '[[routes]]\ntag = "a"\npipelines = "*"\n',
            "routes 1, pipelines: .* such key; the closest one is pipeline\\.",
        ),
        ('[[mutes]]\nraeson = "x"\n', "mutes 1, raeson: there is no such key; the closest one is reason"),
        (
            '[[expectations]]\ncorn = "0 6 * * *"\n',
            "expectations 1, corn: there is no such key; the closest one is cron",
        ),
        ('[[owners]]\nowner = ""\n', "owners 1, owner: "),
        ('[[expectations]]\nevery = "1 day"\ngrace = "1h"\n', "expectations 1, every: .*such as 15m"),
        ('[[expectations]]\nevery = "0h"\ngrace = "1h"\n', "expectations 1, every: .*must not be zero"),
        ('[[expectations]]\nevery = "8w"\ngrace = "6d"\n', "expectations 1: .*within 62 days"),
        ('[[expectations]]\ncron = "0 6 1 */3 *"\ngrace = "1h"\n', "expectations 1: .*within 62 days"),
        ('[[expectations]]\ntimezone = "UTC"\ngrace = "1h"\n', "expectations 1: .*grace needs every or cron"),
        ('[[expectations]]\npipeline = "x"\n', "expectations 1: .*one of every, cron and timezone"),
        ('[[expectations]]\nevery = "1h"\ncron = "0 6 * * *"\ngrace = "1h"\n', "expectations 1: .*only one"),
        ('[[expectations]]\ncron = "0 6 * *"\ngrace = "1h"\n', "expectations 1, cron: .*five fields"),
        ('[[expectations]]\ncron = "0 6 30 2 *"\ngrace = "1h"\n', "expectations 1, cron: .*next time"),
        ('[[holidays]]\npipeline = "x"\n', "holidays 1: .*country .* or dates"),
        ('[[holidays]]\nsubdivision = "BY"\ndates = [2026-01-01]\n', "holidays 1: .*needs its country"),
        ('[[holidays]]\ncountry = "XX"\n', "holidays 1: .*no public holidays are known"),
        ('[[holidays]]\ncountry = "DE"\nsubdivision = "XX"\n', "holidays 1: .*no public holidays are known"),
        ('[[holidays]]\ndates = ["2026-01-01"]\n', "holidays 1, dates"),
        ('[[expectations]]\nevery = "1h"\ngrace = "soon"\n', "expectations 1, grace: "),
        ('[[expectations]]\nevery = "1h"\ngrace = "1h"\ntimezone = "America"\n', "timezone: .*not a time zone"),
        ('[[expectations]]\nevery = "1h"\ngrace = "1h"\ntimezone = "../x"\n', "timezone: .*not a time zone"),
        ('[links]\ncloudcruise = "https://h/{account}"\n', "links, cloudcruise: .*may only have the placeholders"),
        ('[links]\ncloudcruise = "https://h/{run_id.x}"\n', "links, cloudcruise: .*may only have the placeholders"),
        ('[links]\ncloudcruise = "https://h/{run_id!r}"\n', "links, cloudcruise: .*may only have the placeholders"),
        ('[links]\ncloudcruise = "https://h/{}"\n', "links, cloudcruise: .*may only have the placeholders"),
        ('[links]\ncloudcruise = "https://h/{run_id"\n', "links, cloudcruise: .*brace"),
        ('[links]\ncloudcruise = "https://[h/{run_id}"\n', "links, cloudcruise: .*not a URL"),
        ('[links]\ncloudcruise = "http://h/{run_id}"\n', "links, cloudcruise: .*must begin with https"),
        ('[links]\ncloudcruise = "https://{run_id}.h/"\n', "links, cloudcruise: .*in its host"),
        ('[links]\ncloudcruise = "https://hidden:pw@h/{run_id}"\n', "links, cloudcruise: .*user name"),
        ("[[silences]]\n", "silences: there is no such section; the closest one is "),
        ("[link]\n", "link: there is no such section; the closest one is links"),
        ("[[mute]]\n", "mute: there is no such section; the closest one is mutes"),
        ('routes = "hidden"\n', "routes: "),
        ("x = 1\nmutes = hidden\n", "it is not TOML: .*line 2"),
    ],
)
def test_what_is_wrong_is_named_with_the_file_and_the_entry(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=rf"watch\.toml.*{told}") as caught:
        watch_file(text, tmp_path)
    assert "hidden" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml.*No such file"):
        load_watch_file(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="Is a directory"):
        load_watch_file(tmp_path)
    (tmp_path / "watch.toml").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_watch_file(tmp_path / "watch.toml")


def test_its_path_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert project_settings().watch_file is None
    monkeypatch.setenv("RUNS_ASSETS_WATCH_FILE", "~/watch.toml")
    assert project_settings().watch_file == Path.home() / "watch.toml"


def test_holidays_are_those_of_a_country_or_its_part_and_single_dates(tmp_path: Path) -> None:
    """Epiphany, 01-06, is a holiday in Bavaria and none in Berlin; New Year's Day is one in all of Germany."""
    text = """
[[holidays]]
pipeline = "south-*"
country = "DE"
subdivision = "BY"

[[holidays]]
pipeline = "east-*"
country = "DE"
subdivision = "BE"

[[holidays]]
source = "productsup"
dates = [2026-01-05, 2026-02-01]
"""
    watch, january = watch_file(text, tmp_path), (date(2025, 12, 27), date(2026, 1, 31))
    new_year, fifth, epiphany = date(2026, 1, 1), date(2026, 1, 5), date(2026, 1, 6)
    for subject, days in (
        (Subject("cloudcruise", "south-1", None), {new_year, epiphany}),
        (Subject("cloudcruise", "east-1", None), {new_year}),
        (Subject("productsup", "east-1", None), {new_year, fifth}),
        (Subject("cloudcruise", "west-1", None), set()),
    ):
        assert watch.holidays_of(subject, *january) == days
