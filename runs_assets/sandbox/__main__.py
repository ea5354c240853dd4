"""Serve both platforms in the foreground: `python -m runs_assets.sandbox [--port N] [--days N] ...`."""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from threading import Event

from runs_assets.sandbox.faults import FAULTS, FaultError, checked_name
from runs_assets.sandbox.server import Sandbox


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    options = _options()
    if options.list_faults:
        sys.stdout.writelines(_list_of_faults())
        return
    is_over = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_over.set())
    if options.story:
        sandbox = Sandbox.telling_a_story(options.story, days=options.days, port=options.port)
    else:
        sandbox = Sandbox.simulated(days=options.days, volume=options.volume, seed=options.seed, port=options.port)
    for platform, name in options.fault:
        sandbox.switch_on(platform, name)
    with ExitStack() as stack:
        try:
            stack.enter_context(sandbox)
        except OSError as error:
            sys.exit(f"cannot listen on 127.0.0.1:{options.port}: {error.strerror}")
        sys.stdout.write(_greeting(sandbox))
        sys.stdout.flush()
        is_over.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m runs_assets.sandbox",
        description="Both APIs on this machine, with simulated runs. No real account is involved.",
    )
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one (default: 8765)")
    parser.add_argument("--days", type=int, default=45, help="days of history before today (default: 45)")
    parser.add_argument("--volume", type=float, default=1.0, help="a factor for the runs a day (default: 1)")
    parser.add_argument(
        "--story",
        type=date.fromisoformat,
        metavar="DAY",
        help="the demo's history as of a day, whatever the seed",
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed is another history (default: 1)")
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="PLATFORM:NAME",
        help="switch a fault on, such as cloudcruise:unstable_ties; may be repeated",
    )
    parser.add_argument("--list-faults", action="store_true", help="list the faults of both platforms, and end")
    return parser.parse_args()


def _fault(text: str) -> tuple[str, str]:
    platform, _, name = text.partition(":")
    try:
        return platform, checked_name(platform, name)
    except FaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _list_of_faults() -> Iterator[str]:
    for name, kind in sorted(FAULTS.items()):
        yield f"{name} ({', '.join(sorted(kind.platforms))})\n    {kind.about}\n"


def _greeting(sandbox: Sandbox) -> str:
    return (
        "# SIMULATED DATA: every run served here is made up. Lines for .env; Ctrl-C ends.\n"
        f"# Faults: GET {sandbox.url}/faults; PUT or DELETE {sandbox.url}/faults/PLATFORM/NAME\n"
        f"CLOUDCRUISE_BASE_URL={sandbox.cloudcruise_url}\n"
        f"CLOUDCRUISE_API_KEY={sandbox.api_key}\n"
        f"PRODUCTSUP_CDE_BASE_URL={sandbox.productsup_url}\n"
        f"PRODUCTSUP_CDE_TOKEN={sandbox.token}\n"
    )


if __name__ == "__main__":
    main()
