"""Named faults: the ways in which the real APIs, and the networks before them, have been seen to misbehave."""

from collections.abc import Iterator, Mapping
from types import ModuleType

from runs_assets.sandbox.faults import access, answers, drift, fields, network, order, paging
from runs_assets.sandbox.faults.fault import PLATFORMS, Fault


class FaultError(ValueError):
    """A fault that does not exist, or not for the platform; the message lists those that do."""


def _defined_in(*modules: ModuleType) -> Iterator[type[Fault]]:
    for module in modules:
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Fault) and kind.__module__ == module.__name__:
                yield kind


#: Every fault by its name.
FAULTS: Mapping[str, type[Fault]] = {
    kind.name: kind
    for kind in _defined_in(order, paging, drift, fields, access, answers, network)
    if "name" in vars(kind)
}


def fault_names(platform: str) -> list[str]:
    """Return the names of the faults that a platform can have. Raises `FaultError` for an unknown platform."""
    if platform not in PLATFORMS:
        raise FaultError(f"there is no platform {platform!r}; there are {', '.join(sorted(PLATFORMS))}")
    return sorted(name for name, kind in FAULTS.items() if platform in kind.platforms)


def checked_name(platform: str, name: str) -> str:
    """Return the name of a fault that the platform can have. Raises `FaultError` for any other."""
    names = fault_names(platform)
    if name not in names:
        raise FaultError(f"{platform} has no fault {name!r}; it has {', '.join(names)}")
    return name


def switched_on(platform: str, name: str) -> Fault:
    """Return a new instance of a platform's fault, with its defaults. Raises `FaultError`."""
    return FAULTS[checked_name(platform, name)]()
