"""Why CloudCruise's failed sessions failed: the answer of `GET /runs/workflow/{workflow_id}/errors`.

The shape is that of the vendor's page "Get workflow error analytics": errors in groups by their code, each with the
session that it happened in. A session's errors follow from its id, so that a history stays as it is. Some sessions
that succeeded had an error too, from which they recovered; a message holds what a reader must not keep.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from zlib import crc32

from runs_assets.days import iso
from runs_assets.sandbox.history import Body
from runs_assets.sandbox.profiles import Profiles

PRIVATE = "sandbox-fake-patient"
"""Stands in every message and input."""
RECOVERED_EVERY = 40  # sessions that succeeded

#: Code, category and kind as the vendor's page "Maintenance agent" has them, and how often of 100.
CAUSES = (
    ("INVALID_CREDENTIALS", "User Error", "AUTHENTICATION_ERROR", 25),
    ("CLAIM_NOT_FOUND", "User Error", "INCORRECT_FORM_INPUTS", 20),
    ("ELEMENT_NOT_FOUND", "Workflow Error", "XPATH_INCORRECT", 25),
    ("UNEXPECTED_POPUP", "Workflow Error", "UNEXPECTED_UI_STATE", 10),
    ("NETWORK_TIMEOUT", "External Error", "PAGE_STILL_LOADING", 15),
    ("ERR-0001", None, None, 5),
)
SITE_DOWN = ("PORTAL_DOWN", "External Error", "SERVICE_UNAVAILABLE")


def error_report(
    workflow_id: str, rows: Iterable[Body], start: datetime, end: datetime, limit: int, profiles: Profiles
) -> dict[str, Any]:
    """Return the errors of a workflow's sessions (`rows`) that happened in [start, end), at most `limit`."""
    errors_of = (error for row in rows for error in _errors_of(row, profiles))
    found = (error for error in errors_of if start <= _instant(error["created_at"]) < end)
    errors = list(islice(found, limit))
    groups: dict[str, dict[str, Any]] = {}
    for error in errors:
        group = groups.setdefault(error["error_code"], {"count": 0, "errors": []})
        group["count"] += 1
        group["errors"].append(error)
    return {
        "workflow_id": workflow_id,
        "timeframe": {"start": iso(start), "end": iso(end)},
        "total_errors": len(errors),
        "error_groups": groups,
    }


def cause_of(row: Body, profiles: Profiles) -> tuple[str, str | None, str | None]:
    """Return the code, category and kind of the error that ended a failed session."""
    drawn = _drawn(row) % 100
    if drawn < 90 and _is_in_an_incident(row, profiles):
        return SITE_DOWN
    for code, category, kind, weight in CAUSES:
        drawn -= weight
        if drawn < 0:
            return code, category, kind
    raise AssertionError("the weights do not sum to 100")


def _is_in_an_incident(row: Body, profiles: Profiles) -> bool:
    its = [workflow for workflow in profiles.pipelines if workflow.id == row["workflow_id"]]
    created_at = _instant(row["created_at"])
    return any(incident.rate_of(workflow, created_at) for workflow in its for incident in profiles.incidents)


def _errors_of(row: Body, profiles: Profiles) -> Iterator[dict[str, Any]]:
    status = row.get("status")
    has_recovered = status == "execution.success" and _drawn(row) % RECOVERED_EVERY == 0
    if row.get("created_at") and (status == "execution.failed" or has_recovered):
        yield _error(row, *cause_of(row, profiles))


def _error(row: Body, code: str, category: str | None, kind: str | None) -> dict[str, Any]:
    return {
        "session_id": row.get("session_id"),
        "created_at": row.get("execution_end") or row["created_at"],
        "error_code": code,
        "error_category": "RECOVERABLE_ERROR" if row.get("status") == "execution.success" else None,
        "llm_error_category": category,
        "llm_error_sub_type": kind,
        "message": f"Could not read the record of {PRIVATE} {row.get('session_id')}",
        "error_details": f"The page of {PRIVATE} said no",
        "input_variables": {"patient": PRIVATE},
    }


def _instant(printed: object) -> datetime:
    return datetime.fromisoformat(str(printed))


def _drawn(row: Body) -> int:
    return crc32(str(row.get("session_id")).encode())
