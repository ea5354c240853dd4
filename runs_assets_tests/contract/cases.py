"""What must come of each fault on each source: the day is right in the end, or its reading fails in one way.

A fault that goes from failing to right, or back, is a change to be noticed: there is one expected word for each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from runs_assets.sandbox.faults import FAULTS
from runs_assets.sandbox.faults.fault import Fault
from runs_assets_tests.contract.scenario import (
    FULL_LIFE,
    LIFE_TO_THE_END_OF_THE_LIST,
    LIFE_WITHIN_GRACE,
    NOT_SETTLED,
    RIGHT,
    SET_ASIDE,
    SHORT_LIFE,
    Reading,
    fault_of,
)

SOURCES = ("cloudcruise", "productsup")
API_CHANGED = "fails: ApiChangedError"
BEYOND_LIMIT = "fails: PageLimitError"
REFUSED = "fails: RequestRefusedError"
UNAVAILABLE = "fails: UnavailableError"
VANISH_WHILE_OPEN = RIGHT + NOT_SETTLED
"""A run that vanishes, or stands still, while it is open will never end: its day must not say that it is settled."""

BAD_ROWS = RIGHT + SET_ASIDE
"""Without an id or a creation time, or where that may be of any zone, a row is no run of any day: the quarantine must hold exactly these rows."""

NOT_APPLICABLE = "-"


@dataclass(frozen=True)
class Case:
    """A fault's expected verdicts; on Productsup the same as on CloudCruise unless told.

    `life` is when the day is read: what happens to a single answer or value does not depend on the day's age. `parameters` fit
    the fault to the small pages here.
    """

    cloudcruise: str = RIGHT
    productsup: str | None = None
    life: Sequence[Reading] = FULL_LIFE
    parameters: Mapping[str, object] = field(default_factory=dict)

    def expected(self, source: str) -> str:
        """The verdict on a source."""
        return self.cloudcruise if source == "cloudcruise" or self.productsup is None else self.productsup


def short(cloudcruise: str = RIGHT, productsup: str | None = None, **parameters: object) -> Case:
    """A case with a short life."""
    return Case(cloudcruise, productsup, SHORT_LIFE, parameters)


ONLY_PRODUCTSUP = short(NOT_APPLICABLE, RIGHT)

CASES: Mapping[str, Case] = {
    # the order of the list
    "ties_at_page_edge": Case(parameters={"page_size": 10}),
    "tie_group_beyond_largest_page": Case(API_CHANGED, parameters={"size": 40, "largest_page": 15}),
    "times_printed_coarser": Case(),
    "unstable_ties": Case(),
    "unsorted_list": Case(API_CHANGED, RIGHT),
    "ids_repeated_across_pages": Case(),
    "page_size_capped": Case(parameters={"largest_page": 14}),
    # a list that changes
    "runs_inserted_while_paging": Case(RIGHT, VANISH_WHILE_OPEN),
    "runs_deleted_while_paging": Case(VANISH_WHILE_OPEN, parameters={"at_most": 30}),
    "runs_deleted_anywhere": Case(VANISH_WHILE_OPEN, parameters={"at_most": 30}),
    "runs_arrive_late": Case(life=LIFE_WITHIN_GRACE, parameters={"late": timedelta(hours=22)}),
    "statuses_change": Case(),
    # rows
    "creation_times_null": Case(BAD_ROWS),
    "ids_null": Case(BAD_ROWS),
    "unknown_words": short(),
    "unknown_fields": short(),
    "missing_fields": short(),
    "numbers_as_strings": short(),
    "odd_offsets": short(),
    "times_without_offset": short(RIGHT, BAD_ROWS),
    "huge_strings": short(),
    "non_ascii_strings": short(),
    # paging
    "next_is_number": ONLY_PRODUCTSUP,
    "next_is_path": ONLY_PRODUCTSUP,
    "next_is_url": ONLY_PRODUCTSUP,
    "next_is_foreign": ONLY_PRODUCTSUP,
    "cursor_ignored": Case(API_CHANGED),
    "null_pages": Case(life=LIFE_TO_THE_END_OF_THE_LIST),
    "no_content": Case(life=LIFE_TO_THE_END_OF_THE_LIST),
    "past_end_refused": Case(NOT_APPLICABLE, RIGHT, LIFE_TO_THE_END_OF_THE_LIST),
    "large_offsets_refused": Case(NOT_APPLICABLE, BEYOND_LIMIT, SHORT_LIFE, {"most": 40}),
    # answers
    "too_many_requests_seconds": short(wait_seconds=7),
    "too_many_requests_date": short(wait_seconds=7),
    "too_many_requests_body": short(RIGHT, NOT_APPLICABLE, wait_seconds=7),
    "too_many_requests_epoch": short(wait_seconds=7),
    "too_many_requests_at_once": short(),
    "too_many_requests_for_long": short(UNAVAILABLE),
    "firewall_pages": short(),
    "error_objects": short(),
    "server_errors": short(),
    "html_pages": short(),
    "truncated_json": short(),
    "empty_bodies": short(),
    "empty_lists": short(),
    "redirects_elsewhere": short(REFUSED),
    # the network
    "connections_reset": short(),
    "bodies_cut": short(),
    "slow_answers": short(seconds=0.05),
    "hanging_answers": short(every=6),
    "endless_bodies": short(UNAVAILABLE),
    # access and clocks
    "tokens_expire": ONLY_PRODUCTSUP,
    "secret_wanted_in_form": ONLY_PRODUCTSUP,
    "clock_minutes_off": Case(),
    "clock_minutes_behind": Case(),
}


OF_TOKENS = frozenset({"tokens_expire", "secret_wanted_in_form"})
"""Those that show only where tokens are renewed."""


def cells() -> list[tuple[str, str]]:
    """Every fault with each source that can have it."""
    return [(name, source) for name in CASES for source in SOURCES if source in FAULTS[name].platforms]


def make(name: str, source: str) -> Fault:
    """The fault as this matrix has it."""
    return fault_of(source, name, **CASES[name].parameters)
