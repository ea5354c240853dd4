"""The hashes of ids are those that a plain loop over their bytes gives, so the same in every process."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from runs_assets.storage.id_hashes import id_hashes

MODULUS = 2**64
IDS = st.one_of(st.text(max_size=40), st.uuids().map(str), st.text(min_size=250, max_size=270))


def hash_of(one: str) -> int:
    found = len(one.encode())
    text = one.encode()[:256]
    for at in range(0, len(text), 8):
        mixed = (found ^ int.from_bytes(text[at : at + 8], "little")) * 0x9E3779B97F4A7C15 % MODULUS
        found = mixed ^ (mixed >> 32)
    return found


@given(st.lists(IDS, max_size=20), st.integers(0, 3))
def test_each_id_has_the_hash_of_its_bytes(ids: list[str], start: int) -> None:
    assert id_hashes(pa.array(ids, pa.string())[start:]).tolist() == [hash_of(one) for one in ids[start:]]


def test_ids_that_differ_at_an_end_have_other_hashes() -> None:
    ids = ["run-0001", "run-0002", "run-0001\0", "xun-0001", "", "\0"]
    assert len(set(id_hashes(pa.array(ids)).tolist())) == len(ids)


def test_of_a_long_id_the_beginning_and_the_length_count() -> None:
    long = "a" * 300
    of_first, of_other_end, of_longer = id_hashes(pa.array([long, long[:-1] + "b", long + "a"])).tolist()
    assert of_first == of_other_end != of_longer
