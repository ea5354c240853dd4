"""The command `runs-assets`. What a command needs is imported when it runs, so that help takes no second."""

import argparse
import errno
import inspect
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from rich.console import Console

from runs_assets.cli_arguments import future, pattern, port, row_count, since, until, week
from runs_assets.days import utc_now
from runs_assets.demo.errors import DemoError
from runs_assets.errors import NoDataFolderError, RunsAssetsError

Run = Callable[[argparse.Namespace], int | None]
FAILED = 1
MISUSED = 2
INTERRUPTED = 130
UNWRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Why a stream takes no more, such as the file of `> status.txt` on a full disk."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name of a pipeline need not be one in latin-1
    options = _parser().parse_args(arguments)
    failure: int = options.failure
    # SIGINT too: a shell starts what runs in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        status: int = options.run(options) or 0
        sys.stdout.flush()  # or Python would, where nobody catches what it raises
    except (DemoError, RunsAssetsError) as error:
        _complain(str(error))
        return MISUSED if isinstance(error, NoDataFolderError) else failure
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `| head` has read enough
        _drop_output()
        return failure
    except OSError as error:
        if error.errno not in UNWRITTEN or error.filename is not None:
            raise
        _drop_output()
        _complain(f"The output could not be written: {error.strerror}.")
        return failure
    return status


def _drop_output() -> None:
    """What Python still flushes at its end must go somewhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(sentence: str) -> None:
    Console(stderr=True).print(sentence, markup=False, highlight=False, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runs-assets", description="The run history of CloudCruise and Productsup CDE."
    )
    parser.add_argument("--version", action="version", version=f"runs-assets {version('runs-assets')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(run: Run, summary: str) -> argparse.ArgumentParser:
        """A command has the name of its function, and the docstring for its description."""
        added = commands.add_parser(run.__name__.strip("_"), help=summary, description=inspect.getdoc(run))
        added.set_defaults(run=run, command=added, failure=FAILED)
        return added

    demo = command(_demo, "see it work on simulated runs")
    demo.add_argument("--port", type=port, default=3000, help="the page's port (default: 3000)")
    demo.add_argument(
        "--host", default="127.0.0.1", help="the page's address; in a container 0.0.0.0 (default: 127.0.0.1)"
    )
    demo.add_argument("--no-ui", dest="ui", action="store_false", help="stop after the tables, without the page")
    demo.add_argument("--open", dest="opens", action="store_true", help="open the report in the browser")
    refresh = command(_refresh, "rebuild the tables over all days, and print the pipelines that need attention")
    refresh.add_argument(
        "--offline", action="store_true", help="do not ask the platforms for pipeline names and error codes"
    )
    ledger = command(_ledger, "compare what is known of the stored days with the files")
    ledger.add_argument("--rebuild", action="store_true", help="find it out again from all files")
    ledger.add_argument("--source", help="only this source")
    _add_answers(command)
    digest = command(_digest, "print the summary of a week, and send it")
    digest.add_argument("--week", type=week, help="an ISO week such as 2026-W11 (default: the last complete one)")
    digest.add_argument("--no-send", dest="send", action="store_false", help="only print it")
    ack = command(_ack, "acknowledge open incidents: nobody is reminded of them")
    ack.add_argument("source", nargs="?", type=pattern, help="a source, or a shell pattern of sources")
    ack.add_argument("pipeline", nargs="?", type=pattern, default="*", help="a pattern of ids or names (default: all)")
    ack.add_argument("--until", type=future, help="the end of a UTC day, or a time such as 2026-03-20T08:00+01:00")
    ack.add_argument("--note", help="a word to others, shown in the digest")
    ack.add_argument("--list", dest="shown", action="store_true", help="only list what is and what is not acknowledged")
    notify = command(_notify, "send a test message to each address")
    notify.add_argument("--test", action="store_true", required=True, help="say that it is a test")
    doctor = command(_doctor, "find out whether everything works, for people, cron and monitors")
    doctor.add_argument("--json", dest="as_json", action="store_true", help="print one JSON object")
    return parser


def _add_answers(command: Callable[[Run, str], argparse.ArgumentParser]) -> None:
    status = command(_status, "print what is wrong now, the worst first")
    status.set_defaults(failure=MISUSED)
    runs = command(_runs, "list runs, such as the failed ones of a pipeline")
    runs.add_argument("--failed", action="store_true", help="only failed runs")
    forms = "24h or 7d ago, the beginning of a UTC day, or a time such as 2026-03-20T08:00+01:00"
    runs.add_argument("--since", type=since, default="24h", help=f"from when on: {forms} (default: 24h)")
    ends = "up to when, in the same forms, but a day to its end (default: now)"
    runs.add_argument("--until", type=until, default="0h", help=ends)
    runs.add_argument("--pipeline", type=pattern, default="*", help="a pattern of ids or names (default: all)")
    runs.add_argument("--reason", help="only the failed runs with this reason")
    runs.add_argument("--limit", type=row_count, default=50, help="how many rows a table shows (default: 50)")
    pipeline = command(_pipeline, "print all about one pipeline: days, incidents, reasons, failed runs")
    pipeline.add_argument(
        "name", type=pattern, help="its name or id, or a shell pattern that only one pipeline matches"
    )
    report = command(_report, "write a page for a browser with all of that, and print its address")
    report.set_defaults(failure=MISUSED)
    report.add_argument("--open", dest="opens", action="store_true", help="open it in the browser")
    for answer in (status, runs, pipeline):
        answer.add_argument("--source", help="only this source")
        answer.add_argument("--json", dest="as_json", action="store_true", help="print a JSON object on each line")


def _demo(options: argparse.Namespace) -> None:
    """Reads two weeks of simulated runs from a sandbox of both platforms, and prints how often each pipeline failed.

    Then it serves the Dagster page until Ctrl-C, and prints what is wrong now and where the report is. Needs no
    account. Writes only to .demo (.demo-2 beside another demo that runs); delete that folder to start over.
    """
    from runs_assets.demo.run import run_demo

    run_demo(Console(), options.host, port=options.port if options.ui else None, opens=options.opens)


def _refresh(options: argparse.Namespace) -> None:
    """Rebuilds the tables over all days from the stored files, as the Dagster job refresh_verdicts does.

    They are failure_trends, outages, silences, hanging_runs, failure_reasons, failure_concentrations, source_health and
    pipeline_health.
    """
    from runs_assets.insight.commands import refresh

    _warn()
    refresh(Console(), offline=options.offline)


def _ledger(options: argparse.Namespace) -> None:
    """Compares the ledger of each source, which says what is known of its stored days, with the files.

    What differs is put right. The nightly checks do the same; it need not be run but after a backup was restored, for
    those who cannot wait.
    """
    from runs_assets.insight.commands import ledger

    ledger(Console(), options.source, anew=options.rebuild)


def _status(options: argparse.Namespace) -> int:
    """Prints the pipelines that need attention, from the stored tables; asks no API.

    Exit status: 0 if nothing is broken, 1 if a pipeline is down, never succeeded, stuck or silent, or a source is in
    trouble as a whole, 2 if it could not be told.
    """
    from runs_assets.insight.commands import status

    _warn()
    return status(Console(), options.source, as_json=options.as_json)


def _runs(options: argparse.Namespace) -> None:
    """Lists stored runs, the newest first, by the time of their creation (UTC), without dry runs."""
    from runs_assets.insight.commands import runs
    from runs_assets.insight.runs import RunsQuery
    from runs_assets.status import RunStatus

    if options.until <= options.since:
        options.command.error("--since must be earlier than --until")
    query = RunsQuery(
        since=options.since,
        until=options.until,
        status=RunStatus.FAILED if options.failed else None,
        reason=options.reason,
    )
    _warn()
    runs(Console(), options.source, query, options.pipeline, options.limit, as_json=options.as_json)


def _pipeline(options: argparse.Namespace) -> None:
    """Prints what is known of one pipeline over four weeks, from the stored tables; asks no API."""
    from runs_assets.insight.commands import pipeline

    _warn()
    pipeline(Console(), options.source, options.name, as_json=options.as_json)


def _report(options: argparse.Namespace) -> None:
    """Writes what is wrong now, what has changed and all that is known of each pipeline to runs_report/index.html.

    It is in the data folder, and needs nothing else to be read: one file, from the stored tables; asks no API. Exit
    status: 0 if it was written, 2 if it could not be.
    """
    from runs_assets.report.publishing import report

    _warn()
    report(Console(), opens=options.opens)


def _digest(options: argparse.Namespace) -> None:
    """Prints what failed, went down or fell silent in a week, including what caused no notification, and sends it.

    It goes to the addresses in RUNS_ASSETS_ALERT_URLS, if any. Reads the stored tables; asks no API.
    """
    from runs_assets.alerts.digest import send_digest

    _warn()
    send_digest(Console(), options.week, send=options.send)


def _ack(options: argparse.Namespace) -> None:
    """Stops the reminders of the open incidents that are about some pipelines, until a time or until they are over.

    Their updates and ends are still notified of; to silence a pipeline, mute it in the watch file.
    """
    from runs_assets.alerts.digest import acknowledge, show_acknowledged
    from runs_assets.alerts.memory import Acknowledgement

    if options.shown:
        return show_acknowledged(Console())
    if options.source is None:
        options.command.error("a source is needed, or --list")
    copied = {name: getattr(options, name) for name in ("source", "pipeline", "note", "until")}
    return acknowledge(Console(), Acknowledgement(**copied, acknowledged_at=utc_now()))


def _notify(_options: argparse.Namespace) -> int:
    """Sends one message that says that it is a test to each address in RUNS_ASSETS_ALERT_URLS, whatever the routes say.

    Prints which of them took it. Exit status: 1 if one did not.
    """
    from runs_assets.alerts.addresses import send_test

    return send_test(Console())


def _doctor(options: argparse.Namespace) -> int:
    """Looks at the settings, asks each source for one run, connects to each address and to the heartbeat's service.

    And tells how old the newest reading, evaluation and heartbeat of Dagster's daemon are, and how much space is free.
    Sends nothing and changes nothing. Exit status: 0 ok, 1 warning, 2 failed.
    """
    from runs_assets.doctor import doctor

    return doctor(Console(), as_json=options.as_json)


def _warn() -> None:
    """Say what is wrong with the settings, on standard error."""
    from runs_assets.accounts import SOURCES
    from runs_assets.settings_faults import settings_faults

    for fault in settings_faults(SOURCES):
        _complain(fault)


if __name__ == "__main__":
    sys.exit(main())
