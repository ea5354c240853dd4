"""What a reading was worth, in a file and back."""

from datetime import UTC, datetime, timedelta

from runs_assets.storage.reads import Read

AT = datetime(2026, 3, 18, tzinfo=UTC)


def test_a_read_survives_json() -> None:
    for as_of in (None, AT):
        read = Read("r", AT, as_of)
        assert Read.from_json(read.to_json()) == read


def test_what_was_once_seen_whole_stays_whole() -> None:
    part, whole = Read("part", AT, None), Read("whole", AT, AT)
    assert part.after(whole) == Read("part", AT, AT)
    assert part.after(None) == part.after(part) == part


def test_what_a_clock_that_was_ahead_has_seen_is_not_kept() -> None:
    ahead = Read("ahead", AT + timedelta(days=2), AT + timedelta(days=2))
    part = Read("part", AT)
    assert part.after(ahead) == part
