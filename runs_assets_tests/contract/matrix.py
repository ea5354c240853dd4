"""The verdicts of all faults on all sources, each measured when it is first asked for and then remembered."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import dagster as dg

from runs_assets.sandbox import Sandbox
from runs_assets_tests.contract.cases import CASES, NOT_APPLICABLE, OF_TOKENS, cells, make
from runs_assets_tests.contract.played import staged
from runs_assets_tests.contract.scenario import Reading, play


@dataclass
class Matrix:
    """A sandbox, a Dagster instance that all lives share, and what came of each life.

    `data` is where the next life's data is, if it is not in a folder of its own. `story` has the last life's failure and differences, for people who ask why a verdict is not the expected one.
    """

    server: Sandbox
    instance: dg.DagsterInstance
    data: str | None = None
    story: str = ""
    _verdicts: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Self]:
        """A matrix without a verdict."""
        with Sandbox() as server, dg.DagsterInstance.ephemeral() as instance:
            yield cls(server, instance)

    def verdict(self, name: str, source: str) -> str:
        """`lost 0, duplicated 0, stale 0`, or what else came of it."""
        if (name, source) not in cells():
            return NOT_APPLICABLE
        if (name, source) not in self._verdicts:
            self._verdicts[name, source] = self.play(source, name)
        return self._verdicts[name, source]

    def play(self, source: str, *names: str, readings: Sequence[Reading] = ()) -> str:
        """The verdict on a day's life with some faults together, the last one innermost; `readings` instead of theirs."""
        cases = [CASES[name] for name in names]
        faults = [make(name, source) for name in names]
        with (
            TemporaryDirectory() as folder,
            staged(
                self.server,
                self.instance,
                Path(folder),
                data=self.data,
                refreshes_tokens=not OF_TOKENS.isdisjoint(names),
            ) as stage,
        ):
            life = play(
                stage,
                source,
                faults,
                readings=readings or max((case.life for case in cases), key=len),
                is_loud=any(case.expected(source).startswith("fails") for case in cases),
            )
            self.story = "\n".join([life.sentence, *map(repr, life.differences)])
            return life.verdict
