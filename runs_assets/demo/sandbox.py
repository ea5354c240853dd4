"""The demo's sandbox: both platforms' APIs in a child process, on a free loopback port."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

from runs_assets.demo.environment import DemoFolder, without_settings
from runs_assets.demo.processes import Child, running, wait_until

NEEDED = {"CLOUDCRUISE_BASE_URL", "CLOUDCRUISE_API_KEY", "PRODUCTSUP_CDE_BASE_URL", "PRODUCTSUP_CDE_TOKEN"}
START_SECONDS = 60.0
_SETTING = re.compile(r"^([A-Z_]+)=(.*)\n", re.MULTILINE)


@contextmanager
def sandbox(environment: Mapping[str, str], folder: DemoFolder, day: date) -> Iterator[Child]:
    """A sandbox that is being started, tells the story of a day, and is gone at the end of the block."""
    arguments = ["runs_assets.sandbox", "--port", "0", "--story", str(day)]
    env, log = without_settings(environment), folder.logs / "sandbox.log"
    with running("The sandbox", arguments, env=env, cwd=folder.root, log=log) as child:
        yield child


def settings_of(child: Child) -> dict[str, str]:
    """The settings with which the sandbox is reached, as soon as it is ready."""
    wait_until(lambda: _settings(child).keys() >= NEEDED, [child], seconds=START_SECONDS)
    return _settings(child)


def _settings(child: Child) -> dict[str, str]:
    return dict(_SETTING.findall(child.output))
