"""The files of what a platform knows beside its runs: what pipelines are called, and why runs failed.

Names can simply be asked for again, so a damaged file of them counts as none. Errors cannot, once the API has forgotten
the day: they are data, and a damaged file is an error that names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pydantic import AwareDatetime, NonNegativeInt, TypeAdapter, ValidationError

from runs_assets.errors import DamagedFileError
from runs_assets.reasons.reason import ErrorGroup
from runs_assets.storage.layout import ERROR_GROUPS, DayFiles, Layout
from runs_assets.storage.waits import without_conflict

_REMEDY = (
    "Restore it from a backup, or delete it: the errors of days that the API still has are requested again, those of "
    "older days are then not known."
)


@dataclass(frozen=True)
class PipelineErrors:
    """A pipeline's errors on a day, as the API showed them at `asked_at`, when `failed_runs` had failed."""

    pipeline_id: str
    failed_runs: NonNegativeInt
    asked_at: AwareDatetime
    groups: tuple[ErrorGroup, ...]


@dataclass(frozen=True)
class KnownDetails:
    """Names by pipeline id, when the API last gave or refused them, and when it refused which errors.

    `errors_refused_at` is by pipeline id, or `EVERY_PIPELINE`.
    """

    names: dict[str, str] = field(default_factory=dict)
    asked_at: AwareDatetime | None = None
    errors_refused_at: dict[str, AwareDatetime] = field(default_factory=dict)


EVERY_PIPELINE = "*"
_KNOWN = TypeAdapter(KnownDetails)
_ERRORS = TypeAdapter(list[PipelineErrors])


def load_details(layout: Layout, source: str) -> KnownDetails:
    """All that the file of names holds; nothing if there is none, or it is damaged.

    Raises `StorageError` if it cannot be read.
    """
    content = layout.names_file(source).content()
    try:
        return _KNOWN.validate_json(content) if content is not None else KnownDetails()
    except ValidationError:
        return KnownDetails()


def store_details(layout: Layout, source: str, learnt: KnownDetails) -> KnownDetails:
    """Add to the names' file, which other machines add to; returns what it holds then."""
    file = layout.names_file(source)

    def once() -> KnownDetails:
        version, stored = file.version(), load_details(layout, source)
        known = KnownDetails(
            names={**stored.names, **learnt.names},
            asked_at=learnt.asked_at or stored.asked_at,
            errors_refused_at={**stored.errors_refused_at, **learnt.errors_refused_at},
        )
        file.replace(_KNOWN.dump_json(known), version=version)
        return known

    return without_conflict(once)


def load_error_groups(layout: Layout, source: str, day: date) -> dict[str, PipelineErrors]:
    """A day's errors by pipeline id; none if there is no file.

    Raises `StorageError` if the file cannot be read, `DamagedFileError` if it is not what was written.
    """
    file = layout.day_file(ERROR_GROUPS, source, day)
    content = file.content()
    try:
        stored = _ERRORS.validate_json(content) if content is not None else []
    except ValidationError as error:
        why = f"it does not hold errors as this project writes them ({error.error_count()} differences)"
        raise DamagedFileError(file, why, _REMEDY) from None
    return {errors.pipeline_id: errors for errors in stored}


def store_error_groups(
    layout: Layout, source: str, day: date, errors: Mapping[str, PipelineErrors], name: str = ""
) -> None:
    """Add to a day's file, which other machines add to: a JSON array, an object for each pipeline.

    A damaged file is copied to where nothing overwrites it, under `name`, and a new one begun.
    """
    files = DayFiles(layout, source, day)
    file = files.file(ERROR_GROUPS)

    def once() -> None:
        version = file.version()
        try:
            stored = load_error_groups(layout, source, day)
        except DamagedFileError:
            files.keep_aside(ERROR_GROUPS, name)
            stored = {}
        known = {**stored, **errors}
        file.replace(_ERRORS.dump_json([known[key] for key in sorted(known)]), version=version)

    without_conflict(once)
