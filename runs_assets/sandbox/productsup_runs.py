"""The simulated runs of Productsup: their timelines, and how they are printed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import partial
from random import Random

from runs_assets.sandbox.chance import creations, duration, fails, whole_seconds
from runs_assets.sandbox.history import Row
from runs_assets.sandbox.identity import ordered_id, random_id
from runs_assets.sandbox.profiles import CONNECTOR_PROFILES, SITES, Pipeline, Profiles, Site
from runs_assets.sandbox.simulation import SimulatedHistory, SimulatedRun, TimelineStep, Truth

EXIT_CODES, EXIT_CODE_WEIGHTS = (1, 192, 224, 240), (2, 2, 3, 3)
FEEDBACK_FILE_EXIT_CODE = 10
FINISHED_BUT_FAILED, HUNG, WITH_SECRETS = 0.008, 0.012, 0.3  # parts of all runs
RELEASE_DAYS = 21  # a connector's version is new every so many days

_LOCAL = timezone(timedelta(hours=1))  # the platform prints starts and ends so, creations in UTC


@dataclass(frozen=True, slots=True)
class ProductsupRun(SimulatedRun):
    """One run of a connector for a site."""

    connector_id: str
    connector_version: str
    process_id: str
    site: Site
    secret: str | None

    def render(self, step: TimelineStep) -> Row:
        """Return the row of `GET /runs`."""
        body: dict[str, object] = {
            "id": self.run_id,
            "connector-id": self.connector_id,
            "connector-version": self.connector_version,
            "state": step.raw_status,
            "process-id": self.process_id,
            "site-id": self.site.site_id,
            "site-name": self.site.site_name,
            "project-id": self.site.project_id,
            "project-name": self.site.project_name,
            "account-id": self.site.account_id,
            "account-name": self.site.account_name,
            "exit-code": step.exit_code,
            "container-api-docker-image": None,
            "container-api-version-constraint": None,
            **_sensitive(self.secret),
            "started-at": _printed_locally(step.started_at),
            "finished-at": _printed_locally(step.finished_at),
            "created-at": self.created_at.isoformat(),
        }
        return Row(self.created_at, body)

    def truth(self, now: datetime) -> Truth:
        """Return the canonical row: ids are strings there, and the account is the workspace."""
        return {
            **self.base_truth(now),
            "pipeline_id": self.connector_id,
            "pipeline_version": self.connector_version,
            "workspace_id": str(self.site.account_id),
            "workspace_name": self.site.account_name,
            "project_id": str(self.site.project_id),
            "project_name": self.site.project_name,
            "site_id": str(self.site.site_id),
            "site_name": self.site.site_name,
            "process_id": self.process_id,
        }


def simulated_productsup(
    *, days: int = 45, volume: float = 1.0, seed: int = 1, profiles: Profiles = CONNECTOR_PROFILES
) -> SimulatedHistory:
    """Return a history of about 200 runs a day at volume 1."""
    return SimulatedHistory("productsup", partial(_make_day, profiles), days=days, volume=volume, seed=seed)


def _make_day(profiles: Profiles, day: date, volume: float, rng: Random) -> Sequence[ProductsupRun]:
    return [
        ProductsupRun(
            run_id=ordered_id(created_at, index, rng),
            steps=tuple(_timeline(connector, created_at, profiles, rng)),
            connector_id=connector.id,
            connector_version=_version(connector, created_at, profiles),
            process_id=random_id(rng),
            site=rng.choice(SITES),
            secret=f"sandbox-fake-secret-{rng.randrange(10**6):06}" if rng.random() < WITH_SECRETS else None,
        )
        for index, (created_at, connector) in enumerate(creations(profiles, day, volume, rng))
    ]


def _timeline(connector: Pipeline, created_at: datetime, profiles: Profiles, rng: Random) -> Iterator[TimelineStep]:
    """Tell one run's life. A non-zero exit code is a failure, even of a run that says it finished."""
    yield TimelineStep(created_at, "pending", "queued")
    start = created_at + whole_seconds(rng.expovariate(1 / 20))
    yield TimelineStep(start, "running", "running", start)
    failed = fails(connector, start, profiles.incidents, rng)
    end = start + duration(connector, rng, failed=failed)
    fate = rng.random()
    if fate < HUNG:
        end = start + timedelta(minutes=rng.randint(10 * 60, 60 * 60))
        yield TimelineStep(end, "failed", "failed", start, end, 224)
    elif failed:
        (code,) = rng.choices(EXIT_CODES, EXIT_CODE_WEIGHTS)
        yield TimelineStep(end, "failed", "failed", start, end, code)
    elif fate > 1 - FINISHED_BUT_FAILED:
        yield TimelineStep(end, "finished", "failed", start, end, FEEDBACK_FILE_EXIT_CODE)
    else:
        yield TimelineStep(end, "finished", "succeeded", start, end, 0)


def _version(connector: Pipeline, created_at: datetime, profiles: Profiles) -> str:
    offset = profiles.pipelines.index(connector)
    usual = f"2.{(created_at.toordinal() + offset) // RELEASE_DAYS % 100}.0"
    return next((one.version for one in profiles.episodes(connector, created_at) if one.version), usual)


def _sensitive(secret: str | None) -> dict[str, object]:
    """Return the four fields that can carry credentials, for a reader to prove that it drops them."""
    if secret is None:
        names = ("cli-command", "registered-secrets", "authentications", "connector-setup-config")
        return dict.fromkeys(names)
    return {
        "cli-command": f"connector run --password={secret}",
        "registered-secrets": [secret],
        "authentications": [{"type": "basic", "username": "SANDBOX", "password": secret}],
        "connector-setup-config": {"endpoint": "https://feed.invalid", "api-key": secret},
    }


def _printed_locally(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(_LOCAL).isoformat()
