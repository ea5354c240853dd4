"""How schedules and sensors are made: when they are on by default and that they skip where Dagster keeps no history."""

import os
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import dagster as dg

from runs_assets.instance.dagster_internals import AssetJob
from runs_assets.names import Names
from runs_assets.resources import SHARED
from runs_assets.settings import BELOW_DAGSTER_DEV, is_present
from runs_assets.settings_faults import half_configured
from runs_assets.sources.source import Source

TEMPORARY_HOME_PREFIX = ".tmp_dagster_home_"
IS_TEMPORARY = (
    "Off, because DAGSTER_HOME is not set: Dagster then keeps its history in a temporary folder that is lost when it "
    "stops. Set DAGSTER_HOME to an absolute path (the README's line does), and start again."
)

Evaluation = Callable[..., dg.RunRequest | str]
"""Gives the run to request at a tick, or why there is none, from the `context` and what it names of `data_folder` and
`clock`."""


def schedule(
    names: Names, job: AssetJob | dg.JobDefinition, cron: str, description: str, why_off: str
) -> Callable[[Evaluation], dg.ScheduleDefinition]:
    """Make an evaluation the schedule `<job>_schedule`, in UTC; it is on by default if there is no reason `why_off`."""
    status = dg.DefaultScheduleStatus.STOPPED if why_off else dg.DefaultScheduleStatus.RUNNING
    return lambda evaluate: dg.schedule(
        name=f"{job.name}_schedule",
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=status,
        description=f"{description} {why_off}".strip(),
        required_resource_keys={names.of(resource) for resource in _needs(evaluate)},
    )(_guarded(evaluate, names))


def sensor(
    names: Names, name: str, seconds: int, description: str, why_off: str, job: AssetJob | None = None
) -> Callable[[Evaluation], dg.SensorDefinition]:
    """Make an evaluation a sensor with a tick every `seconds`; it is on by default if there is no reason `why_off`."""
    status = dg.DefaultSensorStatus.STOPPED if why_off else dg.DefaultSensorStatus.RUNNING
    return lambda evaluate: dg.sensor(
        name=names.of(name),
        job=job,
        minimum_interval_seconds=seconds,
        default_status=status,
        description=f"{description} {why_off}".strip(),
        required_resource_keys={names.of(resource) for resource in _needs(evaluate)},
    )(_guarded(evaluate, names))


def why_off(source: Source | None = None) -> str:
    """Why what works for a source, or for all of them, is off by default; empty if it is on.

    `dagster dev` makes up a home without `DAGSTER_HOME`; a code server of its own needs none, and its instance has one.
    """
    if BELOW_DAGSTER_DEV in os.environ and not is_present(["DAGSTER_HOME"]):
        return IS_TEMPORARY
    if source is None or source.is_configured:
        return ""
    return f"Off until {source.what_it_needs} are set. {half_configured(source) or ''}".strip()


def _is_temporary(instance: dg.DagsterInstance) -> bool:
    return instance.is_persistent and Path(instance.root_directory).name.startswith(TEMPORARY_HOME_PREFIX)


def _needs(evaluate: Evaluation) -> list[str]:
    return [name for name in SHARED if name in signature(evaluate).parameters]


def _guarded(evaluate: Evaluation, names: Names) -> Callable[[Any], dg.RunRequest | dg.SkipReason]:
    # `_` is what Dagster adds if the sensor is called as a function: the same resources under their full names.
    def guarded(context: Any, **_: Any) -> dg.RunRequest | dg.SkipReason:
        resources = {name: getattr(context.resources, names.of(name)) for name in _needs(evaluate)}
        request = IS_TEMPORARY if _is_temporary(context.instance) else evaluate(context, **resources)
        return dg.SkipReason(request) if isinstance(request, str) else request

    return guarded
