"""Every error that this project raises on purpose, grouped by what the reader should do about it.

    RunsAssetsError
    ├── SettingsError       fix a setting; nothing was asked of any API
    ├── CredentialsError    fix a key or token, or what it may see
    ├── RequestRefusedError fix the request: the API understood it and said no
    ├── OutOfReachError     ask for other days: the API has forgotten these, or they are not partitions
    ├── UnavailableError    wait: the API, or the way to it, is down, slow or busy
    ├── ApiChangedError     report it: the API no longer behaves as its documentation says
    ├── BusyError           wait: another run is writing this source
    └── StorageError        repair the data folder; what it holds is named
        └── DamagedFileError  build this one file again, or restore it

A message says what happened, to which source, and what to do. It never holds a secret: whoever raises one passes
foreign text through `runs_assets.plain_text.redaction` first.
"""

from pathlib import Path


class RunsAssetsError(Exception):
    """The root: everything a person, not a programmer, can do something about."""


class SettingsError(RunsAssetsError):
    """A setting is missing or cannot be used. The message names the variable, never its value."""


class CredentialsError(RunsAssetsError):
    """The API does not accept who we are (401) or what we ask to see (403). Never retried."""


class RequestRefusedError(RunsAssetsError):
    """The API refused this request for good (400, 404, other 4xx, a redirect). Never retried."""


class OutOfReachError(RunsAssetsError):
    """The days asked for are not to be had: forgotten by the API, in the future, or before the first day."""


class UnavailableError(RunsAssetsError):
    """The API could not be reached, or did not answer properly, until the deadline. Trying later may help."""


class ApiChangedError(RunsAssetsError):
    """The API's answers contradict its documentation, so that reading on could lose runs."""


class BusyError(RunsAssetsError):
    """Another process is writing the same source."""


class StorageError(RunsAssetsError):
    """A stored file is damaged, or the data folder cannot be written."""


class DamagedFileError(StorageError):
    """A stored file is not as it was written. `path` is the file, `why` how that was noticed."""

    def __init__(self, path: Path, why: str, remedy: str) -> None:
        super().__init__(f"The file {path} is damaged: {why}. {remedy}")
        self.path = path
        self.why = why
