"""When Dagster's daemon last gave a sign of life."""

from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg


def last_heartbeats(home: str) -> Mapping[str, datetime]:
    """By the kind of daemon, such as SENSOR, when it last said that it runs (UTC).

    Of the instance in the folder `home`; raises `dagster.DagsterError` if its settings are wrong or its storage fails.
    """
    with dg.DagsterInstance.from_config(home) as instance:
        beats = instance.get_daemon_heartbeats()
    return {kind: datetime.fromtimestamp(beat.timestamp, UTC) for kind, beat in beats.items()}
