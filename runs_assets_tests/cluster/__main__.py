"""The deployment on this machine, with the sandbox for an API, to be looked at: `python -m runs_assets_tests.cluster`."""

import argparse
import signal
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from runs_assets.days import utc_now
from runs_assets.sandbox import Sandbox
from runs_assets_tests.cluster.api import settings_of
from runs_assets_tests.cluster.deployment import Deployment, deployment

DAYS = 14


def main() -> None:
    """Serve until Ctrl-C or SIGTERM; nothing of it is left then."""
    options = _options()
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.default_int_handler)
    today = utc_now().date()
    with (
        suppress(KeyboardInterrupt),
        TemporaryDirectory(prefix="cluster-") as folder,
        Sandbox.telling_a_story(today) as sandbox,
    ):
        _say(f"SANDBOX: every run shown is simulated. Starting; logs are in {folder}.")
        settings = {**settings_of(sandbox), "RUNS_ASSETS_FIRST_DAY": str(today - timedelta(days=DAYS - 1))}
        with deployment(Path(folder), settings, page_port=options.port) as deployed:
            deployed.start("daemon")
            for number in range(1, options.workers + 1):
                deployed.start("worker", f"worker-{number}")
            _say(f"The page: {deployed.page}. The first runs begin within a minute. Ctrl-C ends all of it.")
            _watch(deployed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m runs_assets_tests.cluster",
        description="PostgreSQL, Valkey, SeaweedFS, a code server, a web server, a daemon and workers, on loopback.",
    )
    parser.add_argument("--port", type=int, default=3000, help="the page's port (default: 3000)")
    parser.add_argument("--workers", type=int, default=2, help="how many workers (default: 2)")
    return parser.parse_args()


def _watch(deployed: Deployment) -> None:
    while True:
        time.sleep(1)
        for name, process in deployed.running.items():
            if name != "migrate" and process.has_ended():
                sys.exit(f"{name} has ended:\n{process.log.read_text()[-2000:]}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
