"""Runs jobs one after another, each with settings of its own, in a process that logs everything at DEBUG.

Reads a list of scenarios from stdin, writes what became of each to stdout.
"""

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import dagster as dg

from runs_assets.accounts import SOURCES
from runs_assets.definitions import definitions_of
from runs_assets.http.limits import Limits
from runs_assets.sources.cloudcruise.source import CloudCruiseApi
from runs_assets.sources.productsup.source import ProductsupApi
from runs_assets.sources.source import RunsApi
from runs_assets.storage.layout import Layout

IMPATIENT = Limits(deadline=0.3, first_backoff=0.05)


class ImpatientCloudCruise(CloudCruiseApi):
    """Gives up soon."""

    def client(self, source: str, layout: Layout, clock: Callable[[], datetime]) -> Any:
        client = super().client(source, layout, clock)
        client.limits = IMPATIENT
        return client


class ImpatientProductsup(ProductsupApi):
    """Gives up soon."""

    def client(self, source: str, layout: Layout, clock: Callable[[], datetime]) -> Any:
        client = super().client(source, layout, clock)
        client.limits = IMPATIENT
        return client


APIS: dict[str, type[RunsApi]] = {"cloudcruise": ImpatientCloudCruise, "productsup": ImpatientProductsup}


def run(scenario: dict[str, Any], definitions: dg.Definitions, instance: dg.DagsterInstance) -> str:
    before = dict(os.environ)
    os.environ.update(scenario["settings"])
    try:
        job = definitions.resolve_job_def(f"{scenario['source']}_daily")
        result = job.execute_in_process(instance=instance, partition_key=scenario["day"], raise_on_error=False)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return "" if result.success else _reason(result)


def _reason(result: dg.ExecuteInProcessResult) -> str:
    data = result.get_step_failure_events()[0].step_failure_data
    return str(data.user_failure_data.description if data.user_failure_data else data.error)


def main() -> None:
    warnings.simplefilter("ignore")
    logging.basicConfig(level=logging.DEBUG)
    sources = [
        replace(source, api=APIS[source.platform](settings_prefix=source.api.settings_prefix)) for source in SOURCES
    ]
    definitions = definitions_of(sources)
    with dg.DagsterInstance.get() as instance:
        outcomes = {scenario["name"]: run(scenario, definitions, instance) for scenario in json.loads(sys.stdin.read())}
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main()
