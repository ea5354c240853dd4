"""Speed and memory, against targets: `python -m runs_assets_tests.benchmark [--only PART] [--source S] [--quick]`.

Not part of the tests: it takes minutes, and its figures are those of the machine. Run it on one that is otherwise idle.
Exit status 1 if a target is missed. It measures, each in a fresh process:

* **Speed.** Dagster runs a source's daily job in process: raw_runs, runs, run_status_counts and failure_rates of one
  day, read over HTTP, 10,000 rows a page for CloudCruise and 1,000 for Productsup. The figure is the *marginal* rate
  between a day of 100,000 and a day of 400,000 runs, 300,000 / (t400k - t100k) rows/s, so that what every run costs
  whatever its size cancels out. Of three tries each the fastest counts. It is compared with the floor (`floor.py`): the
  least that any reader must do, in the same pages from the same server, measured in turn with it. Target: at least a
  third of the floor's rate, while the floor neither retries, checks, overlaps its pages, keeps a raw copy nor computes
  a metric.
* **Memory.** The largest resident size of the process that materializes the day of 400,000 runs, above that of one in
  which Dagster materializes a trivial asset. Target: less than 400 MB (1 MB = 1,000,000 bytes). And a run of 31 days,
  one of 200,000 runs and the others of 20,000, must not need more than the largest day alone, within 25 MB.
* **Import.** How much longer `import runs_assets.definitions` takes than `import dagster`, the best of five each.
  Target: at most 1 s.
* **Verdicts.** All tables over days are built from a year of 5,000 runs a day of 200 pipelines (`year.py` writes it,
  which takes about a minute). Targets: less than 30 s, and a peak of less than 600 MB, the whole process with all that
  it imports. `--only verdicts` measures nothing else.
* **Report.** The page and the metrics of such a year, all 365 days of it judged. Targets: less than 10 s, a peak of
  less than 700 MB, and a page of less than 3 MB. `--only report` measures nothing else.
* **Ticks.** What the sensors ask of Dagster every minute, in an instance with 50,000 runs of other projects
  (`ticks.py`). Target: less than 100 ms each. `--only ticks` measures nothing else, `--only reading` all that is above
  the verdicts, and the rows.
* **Rows.** Every stored day must hold exactly the runs that were served, once each, and its metrics must count them
  all: otherwise a speed means nothing.

The server (`server.py`) has every row serialized before the first request and answers each with a slice of these bytes,
on loopback: neither side waits for it. `--quick` takes a fifth of the rows: to see that all works; its figures mean
less.
"""

import argparse
import sys

from rich.console import Console

from runs_assets_tests.benchmark.measure import (
    Plan,
    bare_peak,
    import_seconds,
    measure_refresh,
    measure_report,
    measure_source,
)
from runs_assets_tests.benchmark.report import (
    Verdict,
    import_verdict,
    refresh_verdicts,
    report_verdicts,
    show,
    show_sources,
    show_stages,
    source_verdicts,
    tick_verdicts,
)
from runs_assets_tests.benchmark.ticks import FOREIGN_RUNS, measure_ticks

SOURCES = ("cloudcruise", "productsup")
QUICK = Plan(small=20_000, large=80_000, peak=40_000, other=4_000, rounds=2)
RUNS_A_DAY, QUICK_RUNS_A_DAY = 5_000, 1_000


def main() -> None:
    """Measure, report, and exit with 1 if a target is missed."""
    options = _options()
    console = Console(log_path=False)
    parts = {"reading": _reading, "verdicts": _verdicts, "report": _report, "ticks": _ticks}
    chosen = [options.only] if options.only else list(parts)
    are_met = [verdict.is_met for part in chosen for verdict in parts[part](options, console)]
    sys.exit(0 if all(are_met) else 1)


def _reading(options: argparse.Namespace, console: Console) -> list[Verdict]:
    console.log("the time of imports, and a bare Dagster process")
    imports, bare = import_seconds(), bare_peak()
    plan = QUICK if options.quick else Plan()
    sources = [measure_source(source, plan, console.log) for source in options.source or SOURCES]
    verdicts = [verdict for found in sources for verdict in source_verdicts(found, bare)]
    verdicts.append(import_verdict(*imports))
    show(console, verdicts)
    show_sources(console, sources, bare)
    return verdicts


def _verdicts(options: argparse.Namespace, console: Console) -> list[Verdict]:
    found = measure_refresh(QUICK_RUNS_A_DAY if options.quick else RUNS_A_DAY, console.log)
    verdicts = list(refresh_verdicts(found))
    show(console, verdicts)
    show_stages(console, found)
    return verdicts


def _report(options: argparse.Namespace, console: Console) -> list[Verdict]:
    found = measure_report(QUICK_RUNS_A_DAY if options.quick else RUNS_A_DAY, console.log)
    verdicts = list(report_verdicts(found))
    show(console, verdicts)
    return verdicts


def _ticks(options: argparse.Namespace, console: Console) -> list[Verdict]:
    found = measure_ticks(FOREIGN_RUNS // 5 if options.quick else FOREIGN_RUNS, console.log)
    verdicts = list(tick_verdicts(found))
    show(console, verdicts)
    return verdicts


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m runs_assets_tests.benchmark", description="Speed and memory, against targets."
    )
    parser.add_argument("--only", choices=("reading", "verdicts", "report", "ticks"), help="only this part")
    parser.add_argument("--source", action="append", choices=SOURCES, help="only this one; may be given twice")
    parser.add_argument("--quick", action="store_true", help="a fifth of the rows: the figures mean less")
    return parser.parse_args()


if __name__ == "__main__":
    main()
