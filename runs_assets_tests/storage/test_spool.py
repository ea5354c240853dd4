"""Of rows that come several times, in one answer or in many, each id's latest line is kept, in the order of arrival."""

import io
import json
import os
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs_assets.storage import spool
from runs_assets.storage.id_hashes import Hashes, id_hashes
from runs_assets.storage.spool import Spool

AT = datetime(2026, 3, 17, tzinfo=UTC)


def all_alike(ids: pa.StringArray) -> Hashes:
    return np.full(len(ids), 7, np.uint64)


@pytest.mark.parametrize("hashing", [id_hashes, all_alike])
@given(pages=st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6), max_size=6))
def test_the_latest_line_of_each_id_is_kept(
    hashing: Callable[[pa.StringArray], Hashes], pages: list[list[str]]
) -> None:
    latest: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(spool, "id_hashes", hashing)
        with closing(Spool(Path(folder) / "spool")) as rows:
            for number, ids in enumerate(pages):
                states = [f"{number}.{place}" for place in range(len(ids))]
                lines = [json.dumps({"id": one, "state": state}) + "\n" for one, state in zip(ids, states, strict=True)]
                rows.append(pa.array(ids), "".join(lines).encode(), AT + timedelta(hours=number))
                for one, state in zip(ids, states, strict=True):
                    latest.pop(one, None)  # so that its place is that of its last arrival
                    latest[one] = state
            out = io.BytesIO()
            assert rows.copy_latest(out) == len(latest)
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["run"]["id"], line["run"]["state"]) for line in found] == list(latest.items())
    assert all(line["observed_at"] == f"2026-03-17T{line['run']['state'][0]:0>2}:00:00Z" for line in found)


def test_of_a_scratch_file_that_was_cut_no_line_comes_twice(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with closing(Spool(path)) as rows:
        for one in ("a", "b"):
            rows.append(pa.array([one]), json.dumps({"id": one}).encode() + b"\n", AT)
        whole, cut = io.BytesIO(), io.BytesIO()
        rows.copy_latest(whole)
        of_a = whole.getvalue().splitlines(keepends=True)[0]
        os.truncate(path, len(of_a))
        rows.copy_latest(cut)
    assert cut.getvalue() == of_a
