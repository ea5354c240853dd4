"""Run a command as a process group of its own, which ends as soon as this process's standard input ends.

    python -m runs_assets.demo.leash COMMAND [ARGUMENT ...]

The starter holds the other end of that pipe. Whether it lets go of it or is killed with `kill -9`, the command and
every process that it started are gone soon after; a signal to the command alone would leave some of them running.
"""

import os
import select
import signal
import subprocess
import sys
import time

GRACE_SECONDS = 10.0
KILL_SECONDS = 2.0
POLL_SECONDS = 0.1


def main() -> int:
    """Run the command of the arguments to its end, or to the end of standard input; returns its exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Not SIG_IGN, which the command would inherit.
        signal.signal(number, lambda *_: None)
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    while command.poll() is None and not _is_let_go():
        pass
    _end_group(command)
    return command.wait()


def _is_let_go() -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], POLL_SECONDS)
    return bool(readable) and not os.read(sys.stdin.fileno(), 1)


def _end_group(leader: subprocess.Popen[bytes]) -> None:
    """Interrupt the group as Ctrl-C would, which Dagster and the sandbox obey, then kill what is left of it."""
    for number, patience in ((signal.SIGINT, GRACE_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        until = time.monotonic() + patience
        if _signal(leader, number):
            while _signal(leader, 0) and time.monotonic() < until:
                time.sleep(POLL_SECONDS / 2)


def _signal(leader: subprocess.Popen[bytes], number: int) -> bool:
    """Signal the leader's group; whether there was anyone in it."""
    leader.poll()
    try:
        os.killpg(leader.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
