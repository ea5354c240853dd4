"""The demo from start to end: sandbox, two weeks of both sources, failure rates, verdicts, then Dagster's page."""

import os
import webbrowser
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from runs_assets.days import DayRange, utc_now
from runs_assets.demo.environment import demo_environment, own_folder
from runs_assets.demo.materialize import ask_names, judge, materialize, prepare_instance
from runs_assets.demo.page import page, page_url, reserve
from runs_assets.demo.processes import wait_until
from runs_assets.demo.report import failure_table
from runs_assets.demo.sandbox import sandbox, settings_of
from runs_assets.demo.summary import lines_that_matter
from runs_assets.insight.printing import say
from runs_assets.insight.status import current_status
from runs_assets.report.published import PAGE
from runs_assets.storage.layout import Layout
from runs_assets.watch_file import WatchFile

SOURCES = ("cloudcruise", "productsup")
DAYS = 14
GREETING = """\
SANDBOX: every run shown here is simulated, and served by this machine.
Your own settings, data and Dagster history are not touched.
"""


def run_demo(console: Console, host: str, *, port: int | None, opens: bool = False) -> None:
    """Run it in `.demo` of the working directory; with a `port`, serve the page on `host` until Ctrl-C.

    With `opens`, show the report in the browser.

    Raises `DemoError`, or the project's own errors, with a message for people. Nothing that it started outlives it.
    """
    with ExitStack() as stack:
        reserved = stack.enter_context(reserve(host, port)) if port else None
        days = _last_days()
        folder = stack.enter_context(own_folder(Path.cwd(), days.last))
        console.print(GREETING, style="bold")
        env = demo_environment(os.environ, folder, days.first)
        platforms = stack.enter_context(sandbox(os.environ, folder, days.last))
        with console.status("Starting the sandbox"):
            prepare_instance(env, folder)
            env |= settings_of(platforms)
            ask_names(env, folder)
        materialize(console, SOURCES, days, env, folder)
        layout = Layout(folder.data)
        console.print(failure_table(layout, SOURCES, days))
        with console.status("Judging the pipelines"):
            judge(env, folder)
        console.print(f"The files: {folder.data}", markup=False, soft_wrap=True)
        if not (port and reserved):
            _tell(console, layout, opens=opens)
            return
        reserved.close()
        with console.status("Starting the Dagster page"):
            dagster = stack.enter_context(page(host, port, env, folder))
        _tell(console, layout, opens=opens)
        console.print(f"The Dagster page, on SANDBOX data: {page_url(host, port)}/asset-groups", soft_wrap=True)
        console.print("Ctrl-C ends it, and everything that the demo started.")
        with suppress(KeyboardInterrupt):
            wait_until(lambda: False, [dagster, platforms])
        console.print("Stopping.")


def _last_days() -> DayRange:
    today = utc_now().date()
    return DayRange(today - timedelta(days=DAYS - 1), today)


def _tell(console: Console, layout: Layout, *, opens: bool) -> None:
    """What somebody who has seen the tables asks: what is wrong now, and where more of it is."""
    say(console, "SANDBOX: what is wrong now", "bold")
    for line, style in lines_that_matter(current_status(layout, WatchFile(), SOURCES)):
        say(console, line, style)
    address = layout.report_file(PAGE).uri
    say(console, f"The report: {address}")
    if opens:
        webbrowser.open(address)
