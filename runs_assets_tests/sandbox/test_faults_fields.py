from datetime import datetime

import pytest

from runs_assets.sandbox.faults.fields import (
    ODD_STRINGS,
    SECRET,
    CreationTimesNull,
    HugeStrings,
    NonAsciiStrings,
    OddOffsets,
)
from runs_assets_tests.sandbox.asking import PLATFORMS, Asker, created_of, id_of

both = pytest.mark.parametrize("platform", PLATFORMS)
COUNT = 40
ID = {"cloudcruise": "session_id", "productsup": "id"}
CREATED = {"cloudcruise": "created_at", "productsup": "created-at"}
STATUS = {"cloudcruise": "status", "productsup": "state"}
NAME = {"cloudcruise": "workspace_id", "productsup": "site-name"}
EVERY_FAULT = [
    "creation_times_null",
    "ids_null",
    "unknown_words",
    "unknown_fields",
    "missing_fields",
    "numbers_as_strings",
]


@both
@pytest.mark.parametrize("name", EVERY_FAULT)
def test_some_rows_are_odd_always_the_same_ones_and_the_others_are_not(ask: Asker, platform: str, name: str) -> None:
    ask.show(platform, COUNT)
    plain = ask.rows(platform)
    ask.sandbox.switch_on(platform, name)
    odd = ask.rows(platform)
    assert len(odd) == COUNT
    assert 0 < sum(one != other for one, other in zip(plain, odd, strict=True)) < COUNT / 2
    assert ask.rows(platform) == odd


@both
def test_a_creation_time_prints_null_where_the_run_stood_before(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, COUNT)
    ask.sandbox.switch_on(platform, CreationTimesNull(every=4))
    rows = ask.rows(platform)
    assert [id_of(row) for row in rows] == ids
    assert None in {row[CREATED[platform]] for row in rows}


def test_a_null_creation_time_still_obeys_the_cursor(ask: Asker) -> None:
    ids = ask.show("cloudcruise", COUNT)
    ask.sandbox.switch_on("cloudcruise", CreationTimesNull(every=1))
    assert ask.sessions(cursor="2026-03-18T11:50:00Z") == ids[10:]


@both
def test_ids_print_null(ask: Asker, platform: str) -> None:
    ask.show(platform, COUNT)
    ask.sandbox.switch_on(platform, "ids_null")
    assert any(row[ID[platform]] is None and row[CREATED[platform]] for row in ask.rows(platform))


@both
def test_a_status_is_a_word_that_no_page_tells_of(ask: Asker, platform: str) -> None:
    ask.show(platform, COUNT)
    ask.sandbox.switch_on(platform, "unknown_words")
    word = {"cloudcruise": "execution.hibernating", "productsup": "hibernating"}[platform]
    known = {"cloudcruise": "execution.success", "productsup": "finished"}[platform]
    assert {row[STATUS[platform]] for row in ask.rows(platform)} == {word, known}


@both
def test_unknown_fields_are_plain_nested_and_secret(ask: Asker, platform: str) -> None:
    ask.show(platform, COUNT)
    known = ask.rows(platform)[0].keys()
    ask.sandbox.switch_on(platform, "unknown_fields")
    new = {name: value for row in ask.rows(platform) for name, value in row.items() if name not in known}
    assert new == {"retry_count": 3, "region": "eu", "details": {"note": SECRET, "steps": [1, 2]}, "api_token": SECRET}


@both
def test_rows_lack_one_field_each_but_never_id_or_creation_time(ask: Asker, platform: str) -> None:
    ask.show(platform, COUNT)
    known = ask.rows(platform)[0].keys()
    ask.sandbox.switch_on(platform, "missing_fields")
    lacking = [known - row.keys() for row in ask.rows(platform)]
    assert {len(names) for names in lacking} == {0, 1}
    assert len(set().union(*lacking)) > 1
    assert set().union(*lacking).isdisjoint({ID[platform], CREATED[platform]})


@both
def test_numbers_turn_into_strings_and_ids_into_numbers(ask: Asker, platform: str) -> None:
    ids = ask.show(platform, COUNT)
    ask.sandbox.switch_on(platform, "numbers_as_strings")
    turned = [row for row in ask.rows(platform) if id_of(row) not in ids]
    assert all(type(row[ID[platform]]) is int and row[ID[platform]] < 2**52 for row in turned)
    assert len({row[ID[platform]] for row in turned}) == len(turned)
    if platform == "productsup":
        assert {row["site-id"] for row in turned} == {"1001"}
        assert {type(row["process-id"]) for row in turned} == {int}
    else:
        assert {type(row["workflow_id"]) for row in turned} == {int}
        assert {row["dry_run"] for row in turned} == {False}


@both
def test_times_are_printed_with_many_offsets_and_precisions_and_stay_the_same_instants(
    ask: Asker, platform: str
) -> None:
    ask.show(platform, COUNT)
    times = [created_of(row) for row in ask.rows(platform)]
    ask.sandbox.switch_on(platform, OddOffsets())
    rows = ask.rows(platform)
    assert [created_of(row) for row in rows] == times
    printed = [row[CREATED[platform]] for row in rows]
    assert {"+05:45", "-09:30", "+12:45", "-03:30", "+14:00", "-12:00", "+00:00"} == {text[-6:] for text in printed}
    assert {
        len("2026-03-18T11:59:00+00:00"),
        len("...T11:59:00.000+00:00") + 7,
        len("...T11:59:00.000000+00:00") + 7,
    } == set(map(len, printed))


def test_the_other_times_of_a_row_have_offsets_of_their_own(ask: Asker) -> None:
    ask.show("cloudcruise", COUNT)
    ask.sandbox.switch_on("cloudcruise", "odd_offsets")
    for row in ask.rows("cloudcruise"):
        times = [row["created_at"], row["execution_start"], row["execution_end"]]
        assert len({datetime.fromisoformat(text) for text in times}) == 1
        assert len({text[-6:] for text in times}) == 3


def test_some_times_have_no_offset(ask: Asker) -> None:
    ask.show("cloudcruise", COUNT)
    ask.sandbox.switch_on("cloudcruise", "times_without_offset")
    odd = [row for row in ask.rows("cloudcruise") if not row["created_at"].endswith("+00:00")]
    assert 0 < len(odd) < COUNT
    assert all(datetime.fromisoformat(row["execution_end"]).tzinfo is None for row in odd)


@both
def test_a_name_is_200_000_characters_long(ask: Asker, platform: str) -> None:
    ask.show(platform, COUNT)
    ask.sandbox.switch_on(platform, HugeStrings(every=20))
    lengths = [len(str(row.get(NAME[platform]))) for row in ask.rows(platform)]
    assert 0 < lengths.count(200_000) < 10


@both
def test_names_hold_every_odd_string_half_a_surrogate_pair_included(ask: Asker, platform: str) -> None:
    ask.show(platform, COUNT)
    ask.sandbox.switch_on(platform, NonAsciiStrings())
    assert {row[NAME[platform]] for row in ask.rows(platform)} == set(ODD_STRINGS)
    assert b"\\ud83d" in ask.list_runs(platform).content
