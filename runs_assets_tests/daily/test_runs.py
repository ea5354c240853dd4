"""The rows of `runs` come in the order of the raw file, however many blocks it is read in."""

from pathlib import Path

import pytest

from runs_assets.storage import raw
from runs_assets.storage.layout import RAW_RUNS
from runs_assets.storage.tables import load_table
from runs_assets_tests.checks.stored import YESTERDAY, Stored, run


@pytest.mark.parametrize("blocks", [1, 2, 3, 7])
def test_rows_come_in_the_order_of_the_raw_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int) -> None:
    ids = [f"run-{number:03}" for number in range(700)]
    with Stored.below(tmp_path) as stored:
        stored.read(YESTERDAY, [run(one, YESTERDAY) for one in ids])
        file = stored.layout.day_file(RAW_RUNS, "cloudcruise", YESTERDAY)
        size = sum(map(len, raw.blocks(file)))
        monkeypatch.setattr(raw, "BLOCK_BYTES", -(-size // blocks))
        assert len(list(raw.blocks(file))) == blocks
        stored.build(YESTERDAY)
        runs, _ = load_table(stored.layout, "runs", "cloudcruise", YESTERDAY, ["run_id"])
    assert runs["run_id"].to_pylist() == ids
