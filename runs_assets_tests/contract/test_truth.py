"""The truth itself: what is read back from printed rows is what the history has written beside each word."""

from datetime import UTC, datetime, timedelta

import pytest

from runs_assets_tests.contract.cases import SOURCES
from runs_assets_tests.contract.history import DAY, RUNS_A_DAY, WrittenHistory
from runs_assets_tests.contract.scenario import AFTER_GRACE, LATER, LIVE, NEXT_DAY
from runs_assets_tests.contract.truth import ID, read_back


@pytest.mark.parametrize("at", [LIVE.at, NEXT_DAY.at, AFTER_GRACE.at, LATER.at])
@pytest.mark.parametrize("source", SOURCES)
def test_what_is_read_back_is_what_was_written(source: str, at: datetime) -> None:
    history = WrittenHistory(source)
    runs = [run for run in history.runs if run.created_at <= at]
    found = list(read_back(source, history.visible(at)).runs.values())
    assert [row["created_at"] for row in found] == [run.created_at for run in runs]
    for run, row in zip(runs, found, strict=True):
        moment = run.moment(at)
        assert (row["status"], row["raw_status"]) == (moment.status, moment.word)
        assert (row["started_at"], row["finished_at"]) == (run.after(moment.started), run.after(moment.finished))
        assert row["exit_code"] == (None if source == "cloudcruise" else moment.exit_code)
        assert row["is_terminal"] == (moment is run.life[-1])


@pytest.mark.parametrize("source", SOURCES)
def test_the_history_has_what_loses_runs(source: str) -> None:
    runs = WrittenHistory(source).runs
    seconds = [run.created_at for run in runs]
    midnight = datetime.combine(DAY, datetime.min.time(), UTC)
    assert seconds == sorted(seconds, reverse=True)
    assert len({run.row(run.created_at).body[ID[source]] for run in runs}) == len(runs)
    assert max(seconds.count(second) for second in seconds) > AFTER_GRACE.page_size
    assert seconds.count(midnight) == seconds.count(midnight - timedelta(seconds=1)) == 3
    assert sum(midnight <= second < midnight + timedelta(days=1) for second in seconds) == RUNS_A_DAY[0]
    assert {run.life[-1].at for run in runs} >= {20 * 3600}
