"""What a perfect reader would store of the rows that exist: computed one by one, in plain Python, from what they print.

Nothing of the product's normalizers is used; `test_truth.py` compares this reading with what the history has written
beside each word.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any

from runs_assets.sandbox import Row, Sandbox
from runs_assets.sandbox.faults.fault import faulty

ID = {"cloudcruise": "session_id", "productsup": "id"}
CREATED = {"cloudcruise": "created_at", "productsup": "created-at"}
NEVER_STORED = {
    "cli-command",
    "registered-secrets",
    "authentications",
    "connector-setup-config",
    "api_token",
    "details",
}
"""The four sensitive fields, and those of the fault `unknown_fields` that are nested or named like a secret."""

WORDS = {
    "execution.queued": "queued",
    "execution.requeued": "queued",
    "execution.start": "running",
    "execution.paused": "paused",
    "execution.success": "succeeded",
    "execution.failed": "failed",
    "execution.stopped": "cancelled",
}
ENDED = {"succeeded", "failed", "cancelled"}
Canonical = dict[str, Any]


@dataclass
class Truth:
    """What exists at an instant.

    `runs` has the canonical row and the stored fields of each run by its id; `bad` the printed rows that have no id or
    no usable creation time, by the day in whose quarantine they belong: their own, else that of the row listed before them, or
    the first one's.
    """

    runs: dict[str, Canonical] = field(default_factory=dict)
    printed: dict[str, dict[str, Any]] = field(default_factory=dict)
    bad: dict[date, list[dict[str, Any]]] = field(default_factory=dict)


def truth_of(sandbox: Sandbox, platform: str) -> Truth:
    """What a platform would show now, with its faults at work, if all of its list were read at once."""
    served = sandbox.cloudcruise if platform == "cloudcruise" else sandbox.productsup
    now = reduce(lambda instant, fault: fault.clock(instant), served.faults, sandbox.clock())
    return read_back(platform, faulty(served.history.visible(now), served.faults, now))


def read_back(platform: str, rows: Iterable[Row]) -> Truth:
    """The truth of rows, newest first."""
    truth = Truth()
    shown = [_without_broken_letters(row.body) for row in rows]
    days = [day_of(printed[CREATED[platform]]) for printed in shown if _has_instant(platform, printed)]
    day = days[0] if days else date.min
    for printed in shown:
        run_id, has_instant = printed[ID[platform]], _has_instant(platform, printed)
        day = day_of(printed[CREATED[platform]]) if has_instant else day
        stored = {name: value for name, value in printed.items() if name not in NEVER_STORED}
        if run_id is None or not has_instant:
            truth.bad.setdefault(day, []).append(stored)
        else:
            truth.runs[str(run_id)] = canonical(platform, printed)
            truth.printed[str(run_id)] = stored
    return truth


def _has_instant(platform: str, printed: Mapping[str, Any]) -> bool:
    """Whether its creation time is known. Without an offset it is UTC on CloudCruise, and may be of any zone elsewhere."""
    created = printed[CREATED[platform]]
    return created is not None and (platform == "cloudcruise" or datetime.fromisoformat(created).tzinfo is not None)


def day_of(printed: str) -> date:
    """The UTC day of a printed time."""
    return datetime.fromisoformat(printed).astimezone(UTC).date()


def canonical(platform: str, printed: Mapping[str, Any]) -> Canonical:
    """The columns of `runs`, without `observed_at`, of one printed row."""
    row = _cloudcruise(printed) if platform == "cloudcruise" else _productsup(printed)
    created, started, finished = row["created_at"], row["started_at"], row["finished_at"]
    return {
        **row,
        "is_terminal": row["status"] in ENDED or (row["status"] == "unknown" and finished is not None),
        "queue_seconds": None if started is None else (started - created).total_seconds(),
        "duration_seconds": None if None in {started, finished} else (finished - started).total_seconds(),
    }


def _cloudcruise(printed: Mapping[str, Any]) -> Canonical:
    word = printed.get("status") or ""
    return {
        "run_id": str(printed["session_id"]),
        "status": WORDS.get(word, "unknown"),
        "raw_status": word,
        "created_at": _instant(printed["created_at"]),
        "started_at": _instant(printed.get("execution_start")),
        "finished_at": _instant(printed.get("execution_end")),
        "pipeline_id": _text(printed.get("workflow_id")),
        "pipeline_version": None,
        "workspace_id": _text(printed.get("workspace_id")),
        **dict.fromkeys(("workspace_name", "project_id", "project_name", "site_id", "site_name", "process_id")),
        "exit_code": None,
        "dry_run": printed.get("dry_run"),
    }


def _productsup(printed: Mapping[str, Any]) -> Canonical:
    exit_code = printed.get("exit-code")
    return {
        "run_id": str(printed["id"]),
        "status": _outcome(printed),
        "raw_status": printed.get("state") or "",
        "created_at": _instant(printed["created-at"]),
        "started_at": _instant(printed.get("started-at")),
        "finished_at": _instant(printed.get("finished-at")),
        "pipeline_id": _text(printed.get("connector-id")),
        "pipeline_version": _text(printed.get("connector-version")),
        "workspace_id": _text(printed.get("account-id")),
        "workspace_name": _text(printed.get("account-name")),
        "project_id": _text(printed.get("project-id")),
        "project_name": _text(printed.get("project-name")),
        "site_id": _text(printed.get("site-id")),
        "site_name": _text(printed.get("site-name")),
        "process_id": _text(printed.get("process-id")),
        "exit_code": None if exit_code is None else int(exit_code),
        "dry_run": None,
    }


def _outcome(printed: Mapping[str, Any]) -> str:
    if printed.get("state") == "failed" or int(printed.get("exit-code") or 0) != 0:
        return "failed"
    if printed.get("state") == "finished":
        return "succeeded"
    if printed.get("finished-at"):
        return "unknown"
    return "running" if printed.get("started-at") else "queued"


def _instant(printed: str | None) -> datetime | None:
    return None if printed is None else datetime.fromisoformat(printed).astimezone(UTC)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _without_broken_letters(body: Mapping[str, object]) -> dict[str, Any]:
    """Half of a surrogate pair is no letter, and cannot be stored: a question mark stands for it."""
    return {
        name: value.encode(errors="replace").decode() if isinstance(value, str) else value
        for name, value in body.items()
    }
