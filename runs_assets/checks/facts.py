"""Every fact that is checked of a source, with the asset that it is shown on and what it means."""

from collections.abc import Callable
from dataclasses import dataclass

from runs_assets.checks.finding import Finding
from runs_assets.checks.history import History
from runs_assets.checks.of_metrics import counts_match_the_rows, metrics_follow_the_newest_read
from runs_assets.checks.of_raw_runs import (
    days_in_reach_are_stored,
    no_day_is_about_to_be_forgotten_unread,
    nothing_is_quarantined,
)
from runs_assets.checks.of_runs import every_run_is_stored_once, every_status_is_known, open_runs_are_not_abandoned
from runs_assets.daily.failure_rates import FAILURE_RATES
from runs_assets.daily.run_status_counts import RUN_STATUS_COUNTS
from runs_assets.daily.runs import RUNS
from runs_assets.storage.layout import RAW_RUNS


@dataclass(frozen=True)
class Fact:
    """What `judge` finds out about a data set; `means` says what it is and why it matters."""

    dataset: str
    judge: Callable[[History], Finding]
    means: str

    @property
    def name(self) -> str:
        """The fact itself, as the name of a check."""
        return self.judge.__name__


FACTS = (
    Fact(
        RAW_RUNS,
        nothing_is_quarantined,
        "Every row of the API could be stored as a run. A row without an id or a usable creation time, or that is no "
        "object, is set aside in `quarantine/`: it may be a run that no table counts.",
    ),
    Fact(
        RAW_RUNS,
        days_in_reach_are_stored,
        "Every day that is over and that the API can still be asked for has a sound raw file. A day without one is "
        "missing in every number over time, and is lost once the API forgets it.",
    ),
    Fact(
        RAW_RUNS,
        no_day_is_about_to_be_forgotten_unread,
        "Every day that the API begins to forget within 48 hours was read after it was over. The runs of a day that "
        "was not are soon lost for good: this one cannot wait.",
    ),
    Fact(
        RUNS.name,
        every_run_is_stored_once,
        "No run id occurs twice, be it within a day or under two days. A run that does is counted twice.",
    ),
    Fact(
        RUNS.name,
        every_status_is_known,
        "The normalizer knows what every run's status means. A run of unknown status is in no failure rate.",
    ),
    Fact(
        RUNS.name,
        open_runs_are_not_abandoned,
        "No run was found open longer after its creation than is waited for (`RUNS_ASSETS_GIVE_UP_DAYS`). Such a run "
        "hangs, or the platform never said how it ended; its day does not become final, and is read only now and then.",
    ),
    Fact(
        RUN_STATUS_COUNTS.name,
        counts_match_the_rows,
        "By day, `raw_runs`, `runs`, `run_status_counts` and `failure_rates` count the same number of runs. Where they "
        "do not, a file was changed or a metric is wrong. Files of different readings are not compared.",
    ),
    Fact(
        FAILURE_RATES.name,
        metrics_follow_the_newest_read,
        "The tables of every stored day are undamaged and built from its newest reading, by the present code and "
        "settings. Where they are not, they show an older state than the raw file.",
    ),
)
