"""The command `runs-assets`. What a command needs is imported when it runs, so that help takes no second."""

import argparse
import io
import signal
import sys
from collections.abc import Sequence
from datetime import date, datetime
from importlib.metadata import version

from rich.console import Console

from runs_assets.days import DayRange, utc_now
from runs_assets.demo.errors import DemoError
from runs_assets.errors import NoDataFolderError, RunsAssetsError

FAILED = 1
MISUSED = 2
INTERRUPTED = 130
MAX_PORT = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name of a pipeline need not be one in latin-1
    options = _parser().parse_args(arguments)
    # SIGINT too: a shell starts what runs in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        return options.run(options) or 0
    except (DemoError, RunsAssetsError) as error:
        _complain(str(error))
        return MISUSED if isinstance(error, NoDataFolderError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _complain(sentence: str) -> None:
    Console(stderr=True).print(sentence, markup=False, highlight=False, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runs-assets", description="The run history of CloudCruise and Productsup CDE."
    )
    parser.add_argument("--version", action="version", version=f"runs-assets {version('runs-assets')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="see it work on simulated runs",
        description=(
            "Reads two weeks of simulated runs from a sandbox of both platforms, prints how often each pipeline "
            "failed, and serves the Dagster page until Ctrl-C. Needs no account. Writes only to .demo (.demo-2 beside "
            "another demo that runs); delete that folder to start over."
        ),
    )
    demo.add_argument("--port", type=_port, default=3000, help="the page's port (default: 3000)")
    demo.add_argument(
        "--host", default="127.0.0.1", help="the page's address; in a container 0.0.0.0 (default: 127.0.0.1)"
    )
    demo.add_argument("--no-ui", dest="ui", action="store_false", help="stop after the tables, without the page")
    demo.set_defaults(run=_demo)
    refresh = commands.add_parser(
        "refresh",
        help="rebuild the tables over all days, and print the pipelines that need attention",
        description=(
            "Rebuilds the tables over all days (failure_trends, outages, silences, hanging_runs, failure_reasons, "
            "failure_concentrations, source_health, pipeline_health) from the stored files, as the Dagster job "
            "refresh_verdicts does."
        ),
    )
    refresh.add_argument(
        "--offline", action="store_true", help="do not ask the platforms for pipeline names and error codes"
    )
    refresh.set_defaults(run=_refresh)
    digest = commands.add_parser(
        "digest",
        help="print the summary of a week, and send it",
        description=(
            "Prints what failed, went down or fell silent in a week, including what caused no notification, and sends "
            "it to the addresses in RUNS_ASSETS_ALERT_URLS, if any. Reads the stored tables; asks no API."
        ),
    )
    digest.add_argument("--week", type=_week, help="an ISO week such as 2026-W11 (default: the last complete one)")
    digest.add_argument("--no-send", dest="send", action="store_false", help="only print it")
    digest.set_defaults(run=_digest)
    _add_ack(commands)
    notify = commands.add_parser(
        "notify",
        help="send a test message to each address",
        description=(
            "Sends one message that says that it is a test to each address in RUNS_ASSETS_ALERT_URLS, whatever the "
            "routes say, and prints which of them took it. Exit status: 1 if one did not."
        ),
    )
    notify.add_argument("--test", action="store_true", required=True, help="say that it is a test")
    notify.set_defaults(run=_notify)
    check = commands.add_parser(
        "doctor",
        help="find out whether everything works, for people, cron and monitors",
        description=(
            "Looks at the settings, asks each source for one run, connects to each address and to the heartbeat's "
            "service, and tells how old the newest reading, evaluation and heartbeat of Dagster's daemon are, and how "
            "much space is free. Sends nothing and changes nothing. Exit status: 0 ok, 1 warning, 2 failed."
        ),
    )
    check.add_argument("--json", dest="as_json", action="store_true", help="print one JSON object")
    check.set_defaults(run=_doctor)
    return parser


def _demo(options: argparse.Namespace) -> None:
    from runs_assets.demo.run import run_demo

    run_demo(Console(), options.host, port=options.port if options.ui else None)


def _refresh(options: argparse.Namespace) -> None:
    from runs_assets.verdicts.refresh_command import refresh_and_show

    _warn()
    refresh_and_show(Console(), offline=options.offline)


def _digest(options: argparse.Namespace) -> None:
    from runs_assets.alerts.digest import send_digest

    _warn()
    send_digest(Console(), options.week, send=options.send)


def _notify(_options: argparse.Namespace) -> int:
    from runs_assets.alerts.trial import send_test

    return send_test(Console())


def _doctor(options: argparse.Namespace) -> int:
    from runs_assets.doctor import doctor

    return doctor(Console(), as_json=options.as_json)


def _warn() -> None:
    """Say what is wrong with the settings, on standard error."""
    from runs_assets.accounts import SOURCES
    from runs_assets.settings_faults import settings_faults

    for fault in settings_faults(SOURCES):
        _complain(fault)


def _add_ack(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    ack = commands.add_parser(
        "ack",
        help="acknowledge open incidents: nobody is reminded of them",
        description=(
            "Stops the reminders of the open incidents that are about some pipelines, until a time or until they are "
            "over. Their updates and ends are still notified of; to silence a pipeline, mute it in the watch file."
        ),
    )
    ack.add_argument("source", nargs="?", help="a source, or a shell pattern of sources")
    ack.add_argument("pipeline", nargs="?", default="*", help="a pattern of ids or names of pipelines (default: all)")
    ack.add_argument("--until", type=_until, help="the end of a UTC day, or a time such as 2026-03-20T08:00+01:00")
    ack.add_argument("--note", help="a word to others, shown in the digest")
    ack.add_argument("--list", dest="shown", action="store_true", help="only list what is and what is not acknowledged")
    ack.set_defaults(run=lambda options: _acknowledge(ack, options))


def _acknowledge(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    from runs_assets.alerts.acknowledging import acknowledge, show_acknowledged
    from runs_assets.alerts.memory import Acknowledgement

    if options.shown:
        return show_acknowledged(Console())
    if options.source is None:
        parser.error("a source is needed, or --list")
    copied = {name: getattr(options, name) for name in ("source", "pipeline", "note", "until")}
    return acknowledge(Console(), Acknowledgement(**copied, acknowledged_at=utc_now()))


def _until(text: str) -> datetime:
    """Python reads a day as the beginning of it; here it is meant to its end."""
    from runs_assets.watch_entries import end_at

    try:
        until = end_at(date.fromisoformat(text) if len(text) <= len("2026-03-20") else datetime.fromisoformat(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a time is written as 2026-03-20 or 2026-03-20T08:00, not {text!r}") from None
    if until <= utc_now():
        raise argparse.ArgumentTypeError(f"{text} is over")
    return until


def _week(text: str) -> DayRange:
    from runs_assets.alerts.digest import week_of

    try:
        return week_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {MAX_PORT}, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
