"""A process that has imported everything and forks a child for each run it is asked for, so that a run starts at once.

It reads `Order`s from its input, one JSON line each; it obeys the first itself, to have everything loaded, and has a
child obey each of the others. It answers each of these with a line: the child's exit status, below 0 if a signal ended
it. What the run itself has to say is in the order's `outcome` file, which a killed run does not write.
"""

import json
import os
import resource
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

import dagster as dg

from runs_assets.accounts import SOURCES
from runs_assets.days import DayRange
from runs_assets.definitions import definitions_of
from runs_assets.instance.run_tags import range_tags
from runs_assets_tests.crashes.killing import KillPoint
from runs_assets_tests.project import ALL, StoppedClock, failure_of

NOBODY = 65534


@dataclass(frozen=True)
class Order:
    """One run. `env` is added to the environment; `home` is Dagster's folder, None for an instance in memory.

    The run is killed before the `kill_before`-th line that it executes of the files whose path below the repository
    begins with `kill_in` (0: never, the lines are counted). `file_bytes` is the largest file that it may write (0: any size), as on a disk that is full; as
    `is_nobody` it has no rights but everybody's.
    """

    source: str
    first: str
    last: str
    now: str
    outcome: str
    env: dict[str, str] = field(default_factory=dict)
    home: str | None = None
    kill_in: str = ""
    kill_before: int = 0
    file_bytes: int = 0
    is_nobody: bool = False

    def to_line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


@contextmanager
def instance(home: str | None) -> Iterator[dg.DagsterInstance]:
    if home is None:
        with dg.DagsterInstance.ephemeral() as found:
            yield found
    else:
        with dg.DagsterInstance.local_temp(home) as found:
            yield found


def obey(order: Order) -> None:
    os.environ.update(order.env)
    point = KillPoint(order.kill_in, order.kill_before)
    days = DayRange(date.fromisoformat(order.first), date.fromisoformat(order.last))
    job = definitions_of(SOURCES, StoppedClock(at=order.now)).resolve_job_def(f"{order.source}_daily")
    assets = [dg.AssetKey([order.source, asset]) for asset in ALL]
    with instance(order.home) as found:
        if order.file_bytes:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # the log may grow past the limit
            resource.setrlimit(resource.RLIMIT_FSIZE, (order.file_bytes, order.file_bytes))
        if order.is_nobody and os.geteuid() == 0:
            os.chdir(os.sep)  # a folder that everybody may look into
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        with point.armed() if order.kill_in else nullcontext():
            result = job.execute_in_process(
                instance=found, tags=range_tags(days), asset_selection=assets, raise_on_error=False
            )
    failure = "" if result.success else failure_of(result)
    Path(order.outcome).write_text(json.dumps({"failure": failure, "lines": point.passed}))


def child(order: Order) -> None:
    """The forked side: a session of its own, so that a signal to its group reaches nothing else."""
    status = 1
    try:
        os.setsid()
        obey(order)
        status = 0
    except BaseException:  # noqa: BLE001  (the last thing before the process ends)
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def answer(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    obey(Order(**json.loads(sys.stdin.readline())))  # what it imports and caches, its children have from the start
    answer("ready")
    for line in sys.stdin:
        order = Order(**json.loads(line))
        pid = os.fork()
        if pid == 0:
            child(order)
        _, status = os.waitpid(pid, 0)
        answer(str(os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    main()
