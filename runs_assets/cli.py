"""The command `runs-assets`."""

import argparse
import signal
import sys
from collections.abc import Sequence

from rich.console import Console

from runs_assets.demo.errors import DemoError
from runs_assets.demo.run import run_demo
from runs_assets.errors import RunsAssetsError

FAILED = 1
INTERRUPTED = 130
MAX_PORT = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    # SIGINT too: a shell starts what runs in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        run_demo(Console(), port=options.port if options.ui else None)
    except (DemoError, RunsAssetsError) as error:
        Console(stderr=True).print(str(error), markup=False, highlight=False, soft_wrap=True)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runs-assets", description="The run history of CloudCruise and Productsup CDE."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="see it work on simulated runs",
        description=(
            "Reads two weeks of simulated runs from a sandbox of both platforms, prints how often each pipeline failed "
            "and serves the Dagster page until Ctrl-C. Needs no account. Keeps everything in .demo: delete that folder "
            "to start over."
        ),
    )
    demo.add_argument("--port", type=_port, default=3000, help="the page's port on 127.0.0.1 (default: 3000)")
    demo.add_argument("--no-ui", dest="ui", action="store_false", help="end after the failure rates, without the page")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {MAX_PORT}, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
