"""What a reading was worth, in a file and back."""

from datetime import UTC, datetime

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
