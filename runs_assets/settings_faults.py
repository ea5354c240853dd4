"""What is wrong with the settings as a whole: values that cannot be used, half-configured sources, names of nothing.

A typing mistake in a name is no error anywhere else: the setting keeps its default, a source stays off, and what the
watch file says of a source applies to none.
"""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from runs_assets.alerts.settings import AlertSettings
from runs_assets.errors import SettingsError
from runs_assets.plain_text.wording import shortened
from runs_assets.settings import (
    PREFIX,
    SHOWN_CHARACTERS,
    EnvironmentSettings,
    ProjectSettings,
    project_settings,
    variables,
)
from runs_assets.sources.source import Source
from runs_assets.watch_file import load_watch_file

SHARED: tuple[type[EnvironmentSettings], ...] = (ProjectSettings, AlertSettings)
LIKENESS = 0.9
"""From which on a name with no prefix of ours is a misspelt one of ours: `CLOUDCRUSE_API_KEY` is 0.97 of its own, and
`RUN_ASSETS_DATA` 0.97, while names of two settings are at most 0.89 alike."""


def settings_faults(sources: Sequence[Source]) -> list[str]:
    """A sentence for each fault, without any secret; none if all is well. Raises `SettingsError` for a bad `.env`."""
    known = [name for source in sources for name in names_of(source)]
    known += [name for group in SHARED for name in group.names(PREFIX)]
    of_sources = (name for source in sources for name in (source.api.settings_prefix, f"{source.platform.upper()}_"))
    prefixes = (PREFIX, *of_sources)
    misspelt = (_misspelt(name, known, prefixes) for name in sorted(variables().keys() - set(known)))
    of_watch_file = _in_watch_file([source.name for source in sources])
    faults = (*_unusable(sources), *map(half_configured, sources), *misspelt, *of_watch_file)
    return list(dict.fromkeys(fault for fault in faults if fault))


def names_of(source: Source) -> Iterable[str]:
    """The variables that a source's settings are read from."""
    return source.api.settings.names(source.api.settings_prefix)


def half_configured(source: Source) -> str | None:
    """That some of a source's variables are set, and not all that it needs; None if that is not so."""
    given = variables().keys()
    found = [name for name in names_of(source) if name in given]
    if source.is_configured or not found:
        return None
    nearest = min(source.needs, key=lambda names: (len(set(names) - given), -len(set(names) & given)))
    missing = [name for name in nearest if name not in given]
    are = "is" if len(found) == 1 else "are"
    return f"{source.name} is off, although {' and '.join(found)} {are} set: it needs {' and '.join(missing)}, too."


def _unusable(sources: Iterable[Source]) -> Iterator[str]:
    groups = [(group, PREFIX) for group in SHARED]
    groups += [(source.api.settings, source.api.settings_prefix) for source in sources if source.is_configured]
    for group, prefix in groups:
        try:
            group.load(prefix)
        except SettingsError as error:
            yield str(error)


def _misspelt(name: str, known: list[str], prefixes: tuple[str, ...]) -> str | None:
    is_ours = name.upper().startswith(prefixes)
    closest = get_close_matches(name.upper(), known, n=1, cutoff=0 if is_ours else LIKENESS)
    return f"{name} is the name of no setting; the closest one is {closest[0]}." if closest else None


def _in_watch_file(sources: Sequence[str]) -> Iterator[str]:
    """That it cannot be used, or each place in it where a source is named that there is not."""
    try:
        watch = load_watch_file(project_settings().watch_file)
    except SettingsError as error:
        yield str(error)
        return
    for place, name in watch.named_sources():
        if not any(fnmatchcase(source, name) for source in sources):
            closest = get_close_matches(name, sources, n=1, cutoff=0)
            meant = f"; the closest one is {closest[0]}" if closest else ""
            yield f"In the watch file, {place}: there is no source {shortened(name, SHOWN_CHARACTERS)}{meant}."
