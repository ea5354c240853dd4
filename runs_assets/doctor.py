"""`runs-assets doctor`: whether the project can do its work, for people, cron and monitors.

It looks at the settings, asks each source for one run, connects to the hosts of the addresses and of the heartbeat's
service, and reads how old the newest reading, evaluation and sign of life of Dagster's daemon are. It changes nothing
and sends no notification.
"""

import json
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from runs_assets.accounts import SOURCES
from runs_assets.alerts.addresses import Address, usable_addresses
from runs_assets.alerts.delivery import checked_heartbeat_url
from runs_assets.alerts.memory import MemoryFile
from runs_assets.alerts.settings import AlertSettings, alert_settings
from runs_assets.days import iso, to_us, utc_now
from runs_assets.errors import RunsAssetsError, SettingsError
from runs_assets.http.limits import Limits
from runs_assets.plain_text.wording import span
from runs_assets.settings import ProjectSettings, is_present, project_settings, variables
from runs_assets.settings_faults import settings_faults
from runs_assets.sources.http_client import HttpClient
from runs_assets.sources.source import Source
from runs_assets.storage.layout import RAW_RUNS, Layout
from runs_assets.storage.raw import stat_day
from runs_assets.watch_file import load_watch_file

IMPATIENT = Limits(deadline=10.0, attempt=10.0, connect=5.0, read=10.0)
CONNECT_SECONDS = 5.0
MOST_SKEW = timedelta(minutes=2)
EVALUATED_EVERY = timedelta(minutes=15)
"""The sensor `alerts` evaluates every minute; a busy daemon needs longer."""
DAEMON_SILENCE = timedelta(minutes=30)
"""After which Dagster's own page calls a daemon dead."""
LITTLE_SPACE, NO_SPACE = 2 * 10**9, 2 * 10**8
HTTP, HTTPS, SMTP = 80, 443, 587


class Health(StrEnum):
    """How a finding is judged."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"

    @property
    def exit_status(self) -> int:
        """As monitors understand it: 0 ok, 1 warning, 2 failed."""
        return list(Health).index(self)


@dataclass(frozen=True)
class Finding:
    """What was found out about one thing."""

    check: str
    health: Health
    message: str


def doctor(console: Console, *, as_json: bool) -> int:
    """Print every finding, as a table or as one JSON object; returns the exit status of the worst."""
    findings = list(examine(utc_now()))
    worst = max((finding.health for finding in findings), key=lambda health: health.exit_status)
    if as_json:
        document = {"health": worst, "findings": [asdict(finding) for finding in findings]}
        console.print(json.dumps(document), markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(_table(findings))
    return worst.exit_status


def examine(now: datetime) -> Iterator[Finding]:
    """Everything there is to find out at `now` (UTC)."""
    try:
        project, alerts = project_settings(), alert_settings()
        load_watch_file(project.watch_file)
    except RunsAssetsError as error:
        yield Finding("settings", Health.FAILED, str(error))
        return
    faults = settings_faults(SOURCES)
    yield from (Finding("settings", Health.WARNING, fault) for fault in faults)
    if not faults:
        yield Finding("settings", Health.OK, "They can be used.")
    layout = Layout(project.data)
    yield _free_space(layout.root) if isinstance(layout.root, Path) else _bucket(layout)
    if not any(source.is_configured for source in SOURCES):
        message = "None is configured, so nothing is read. If that is not so, change to the folder of the file .env."
        yield Finding("sources", Health.FAILED, message)
    for source in SOURCES:
        yield from _source(source, layout, project, now)
    yield from _notifications(alerts, layout, now)
    if alerts.heartbeat_url:
        yield _heartbeat(alerts.heartbeat_url)
    yield from _daemon(now)


def _source(source: Source, layout: Layout, project: ProjectSettings, now: datetime) -> Iterator[Finding]:
    if not source.is_configured:
        is_begun = any(is_present([name]) for names in source.needs for name in names)
        health = Health.FAILED if is_begun else Health.OK
        yield Finding(source.name, health, f"It is off: it needs {source.what_it_needs}.")
        return
    try:
        yield from _reachability(source, layout, now)
        yield _newest_reading(source, layout, project, now)
    except RunsAssetsError as error:
        yield Finding(source.name, Health.FAILED, str(error))


def _reachability(source: Source, layout: Layout, now: datetime) -> Iterator[Finding]:
    """By a request for one run of the last hour."""
    client = source.api.client(source.name, layout, utc_now)
    if isinstance(client, HttpClient):
        client = client.within(IMPATIENT)
    with client:
        pager = client.pager(to_us(now.replace(microsecond=0) - timedelta(hours=1)), to_us(now))
        pager.limit = 1
        client.fetch(next(pager.asks()))
    server_time = client.server_time if isinstance(client, HttpClient) else None
    yield Finding(source.name, Health.OK, f"{client.base_url} answers.")
    skew = abs(utc_now() - server_time) if server_time else timedelta(0)
    if skew > MOST_SKEW:
        message = f"This machine's clock and the API's differ by {span(skew)}."
        yield Finding(f"{source.name}: clock", Health.WARNING, message)


def _newest_reading(source: Source, layout: Layout, project: ProjectSettings, now: datetime) -> Finding:
    what, days = f"{source.name}: newest reading", layout.stored_days(RAW_RUNS, source.name)
    if not days:
        return Finding(
            what, Health.WARNING, "Nothing is stored yet. Materialize its assets, or start Dagster's daemon."
        )
    read_at = stat_day(layout.day_file(RAW_RUNS, source.name, days[-1])).read.read_started_at
    return _age(what, read_at, now, 3 * timedelta(minutes=project.today_every_minutes))


def _notifications(alerts: AlertSettings, layout: Layout, now: datetime) -> Iterator[Finding]:
    try:
        addresses, faults = usable_addresses(alerts.alert_urls)
    except RunsAssetsError as error:
        yield Finding("notifications", Health.FAILED, str(error))
        return
    yield from (Finding("notifications", Health.FAILED, str(fault)) for fault in faults)
    yield from map(_reachability_of, addresses)
    if not addresses:
        yield Finding("notifications", Health.OK, "They are off: RUNS_ASSETS_ALERT_URLS is not set.")
        return
    evaluated_at = MemoryFile(layout).evaluated_at
    if evaluated_at is None:
        yield Finding("newest evaluation", Health.WARNING, "Nothing was evaluated yet. Is the sensor alerts on?")
        return
    yield _age("newest evaluation", evaluated_at, now, EVALUATED_EVERY)


def _reachability_of(address: Address) -> Finding:
    what, host = f"address {address.position}", _host_of(address)
    if host is None:
        return Finding(what, Health.OK, "It cannot be checked without a notification: see runs-assets notify --test.")
    return _connection(what, host)


def _heartbeat(url: SecretStr) -> Finding:
    try:
        parts = urlsplit(checked_heartbeat_url(url))
    except SettingsError as error:
        return Finding("heartbeat", Health.FAILED, str(error))
    port = parts.port or (HTTPS if parts.scheme == "https" else HTTP)
    return _connection("heartbeat", (str(parts.hostname), port))


def _connection(what: str, host: tuple[str, int]) -> Finding:
    """Without sending anything; the host's name may be a secret."""
    try:
        socket.create_connection(host, CONNECT_SECONDS).close()
    except OSError as error:
        return Finding(what, Health.FAILED, f"No connection: {error.strerror or type(error).__name__}.")
    return Finding(what, Health.OK, "Its host answers.")


def _host_of(address: Address) -> tuple[str, int] | None:
    """Where Apprise's service connects to, as far as it says."""
    service = address.service
    if isinstance(smtp := getattr(service, "smtp_host", None), str) and smtp:
        return smtp, service.port or SMTP
    url = getattr(service, "notify_url", None)
    if isinstance(url, str) and (parts := urlsplit(url)).hostname and "{" not in parts.hostname:
        return parts.hostname, parts.port or HTTPS
    if service.host:
        return service.host, service.port or (HTTPS if service.secure else HTTP)
    return None


def _daemon(now: datetime) -> Iterator[Finding]:
    """Of the instance in `DAGSTER_HOME`, if there is one; it may stand in `.env`, which Dagster reads too."""
    home = variables().get("DAGSTER_HOME")
    if home is None:
        return
    if not Path(home).is_dir():
        yield Finding("Dagster's daemon", Health.FAILED, f"DAGSTER_HOME is no folder: {home}.")
        return
    from dagster import DagsterError  # noqa: PLC0415  (two seconds)

    from runs_assets.instance.daemons import last_heartbeats  # noqa: PLC0415

    try:
        beats = last_heartbeats(home)
    except DagsterError as error:
        yield Finding("Dagster's daemon", Health.FAILED, f"Its history cannot be read: {type(error).__name__}.")
        return
    if "SENSOR" not in beats:
        yield Finding("Dagster's daemon", Health.FAILED, "It never ran. Start dagster-daemon, or dagster dev.")
        return
    yield _age("Dagster's daemon", beats["SENSOR"], now, DAEMON_SILENCE)


def _bucket(layout: Layout) -> Finding:
    try:
        layout.stored_days(RAW_RUNS, "")
    except RunsAssetsError as error:
        return Finding("data", Health.FAILED, str(error))
    return Finding("data", Health.OK, f"{layout.root} can be listed.")


def _free_space(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return Finding(
            "free space", Health.FAILED, f"{folder} cannot be written. Correct its permissions, or the disk."
        )
    free = shutil.disk_usage(existing).free
    health = Health.FAILED if free < NO_SPACE else Health.WARNING if free < LITTLE_SPACE else Health.OK
    return Finding("free space", health, f"{free / 1e9:,.1f} GB at {folder}.")


def _age(what: str, at: datetime, now: datetime, longest: timedelta) -> Finding:
    age = now - at
    health = Health.OK if age <= longest else Health.WARNING if age <= 4 * longest else Health.FAILED
    return Finding(what, health, f"{iso(at.replace(microsecond=0))}, {span(age)} ago.")


def _table(findings: Sequence[Finding]) -> Table:
    table = Table("check", "health", "what was found", box=None, pad_edge=False)
    for finding in findings:
        table.add_row(finding.check, finding.health.value, finding.message)
    return table
