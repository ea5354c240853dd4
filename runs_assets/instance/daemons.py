"""When Dagster's daemon last gave a sign of life."""

from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg


def last_heartbeats() -> Mapping[str, datetime]:
    """By the kind of daemon, such as SENSOR, when it last said that it runs (UTC).

    Of the instance of `DAGSTER_HOME`; raises `dagster.DagsterError` if that is no home, or its storage fails.
    """
    with dg.DagsterInstance.get() as instance:
        beats = instance.get_daemon_heartbeats()
    return {kind: datetime.fromtimestamp(beat.timestamp, UTC) for kind, beat in beats.items()}
