"""Former versions of the file of what notifications remember, as the present one.

Each step can be deleted once no installation has such a file any more.
"""

from typing import Any

_LIFE = {
    "told_at": "notified_at",
    "told": "tags",
    "ended_at": "resolved_at",
    "noted": "failures_since",
    "is_over": "is_resolved",
    "is_old": "is_history",
}
_FIELDS = {"sources", "jobs", "fault", "outbox", "given_up"}
_EVENTS = {"changed": "updated", "ended": "resolved"}


def migrated(found: dict[str, Any]) -> dict[str, Any]:
    """The content of a file of version 2, from one of version 1 or none; any error means that it is no such memory."""
    return _from_version_1(found if found.get("version") == 1 else _from_none(found))


def _from_version_1(found: dict[str, Any]) -> dict[str, Any]:
    """Reminders count from the opening, which was not remembered of pipelines that a platform incident left."""
    for source in found["sources"].values():
        for incident in source["pipelines"]:
            incident["opened_at"] = incident.get("opened_at") or incident.get("notified_at")
    return found | {"version": 2}


def _from_none(found: dict[str, Any]) -> dict[str, Any]:
    if unknown := found.keys() - _FIELDS:
        raise ValueError(f"unknown fields: {unknown}")
    return {
        "version": 1,
        "sources": {name: _former_source(source) for name, source in found.get("sources", {}).items()},
        "jobs": {name: _former_job(job["failure"], job) for name, job in found.get("jobs", {}).items()},
        "settings": _former_incident(found.get("fault")),
        "outbox": [_former_delivery(delivery) for delivery in found.get("outbox", ())],
        "undelivered": found.get("given_up", ()),
    }


def _former_source(source: dict[str, Any]) -> dict[str, Any]:
    return {
        "read_until": source.get("read_until"),
        "job": _former_job(source.get("job_failure"), source),
        "platform": _former_incident(source.get("platform")),
        "pipelines": [_former_incident(incident) for incident in source.get("incidents", ())],
    }


def _former_job(failure: dict[str, Any] | None, job: dict[str, Any]) -> dict[str, Any]:
    last_failure = job.get("last_failure") or failure
    return {"failure": failure, "last_failure": last_failure, "incident": _former_incident(job.get("trouble"))}


def _former_incident(incident: dict[str, Any] | None) -> dict[str, Any] | None:
    return incident and {_LIFE.get(name, name): value for name, value in incident.items()}


def _former_delivery(delivery: dict[str, Any]) -> dict[str, Any]:
    message = delivery["message"]
    notification = message | {"event": _EVENTS.get(message["event"], message["event"])}
    return {name: value for name, value in delivery.items() if name != "message"} | {"notification": notification}
