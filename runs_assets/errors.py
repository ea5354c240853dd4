"""Every error that this project raises on purpose, by what the reader should do about it.

A message says what happened, to which source, and what to do. It never holds a secret: whoever raises one passes
foreign text through `runs_assets.plain_text.redaction` first.
"""

from datetime import datetime


class RunsAssetsError(Exception):
    """The root: everything a person, not a programmer, can do something about."""


class SettingsError(RunsAssetsError):
    """Fix a setting: it is missing or cannot be used. The message never shows a secret."""


class CredentialsError(RunsAssetsError):
    """Fix a key or token, or what it may see: the API said 401 or 403. Never retried."""


class RequestRefusedError(RunsAssetsError):
    """Fix the request: the API refused it for good (400, 404, other 4xx, a redirect). Never retried."""


class NoSuchPageError(RequestRefusedError):
    """The API refused a page with a status that may mean that it has no such page."""


class OutOfReachError(RunsAssetsError):
    """Ask for other days: the API has forgotten these, or they are in the future or before the first day."""


class UnavailableError(RunsAssetsError):
    """Wait: the API could not be reached, or did not answer properly, until the deadline.

    `retry_at` (UTC) is the instant until which the API asked to wait, if that is beyond the deadline.
    """

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class PageLimitError(RunsAssetsError):
    """Ask for newer days: these lie further down the API's list than it shows to anybody."""


class ApiChangedError(RunsAssetsError):
    """Report it: the API's answers contradict its documentation, so that reading on could lose runs."""


class BusyError(RunsAssetsError):
    """Wait: another process is writing the same source."""


class StorageError(RunsAssetsError):
    """Repair the data folder: it cannot be written, or what it holds cannot be used."""


class NotStoredError(StorageError):
    """Restore the file, or make it: nothing is stored under its name."""


class ConflictError(StorageError):
    """Look again: another process has changed the file in the meantime. It was left as that process wrote it."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} was changed by another process in the meantime, and nothing was overwritten.")


class NoDataFolderError(RunsAssetsError):
    """Name the data folder: the one that the settings name has never held a run."""


class NotFoundError(RunsAssetsError):
    """Name another one: no source or pipeline is called that, or more than one."""


class DamagedFileError(StorageError):
    """Build this one file again, or restore it: it is not as it was written. `why` is how that was noticed."""

    def __init__(self, file: object, why: str, remedy: str) -> None:
        super().__init__(f"The file {file} is damaged: {why}. {remedy}")
        self.file = str(file)
        self.why = why
