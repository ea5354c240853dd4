"""How assets, jobs and the rest are called in Dagster, so that the project can share a code location with others."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """The names of one copy of the project: `prefix` and `_` come first, or nothing. Files have no prefix."""

    prefix: str = ""

    def of(self, name: str) -> str:
        """A job, schedule, sensor, group, op or resource."""
        return f"{self.prefix}_{name}" if self.prefix else name

    def path(self, *parts: str) -> list[str]:
        """The path of an asset key."""
        return [self.prefix, *parts] if self.prefix else [*parts]
