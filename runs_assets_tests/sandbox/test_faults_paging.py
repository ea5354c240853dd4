import pytest

from runs_assets.sandbox.faults.paging import CursorIgnored, LargeOffsetsRefused
from runs_assets_tests.sandbox.asking import PLATFORMS, Asker


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("next_is_number", 15),
        ("next_is_path", "/runs?from=15&limit=10"),
        ("next_is_url", "{base}/runs?from=15&limit=10"),
        ("next_is_foreign", "https://elsewhere.invalid/runs?from=15&limit=10"),
    ],
)
def test_next_says_where_the_next_page_is_and_is_null_on_the_last(ask: Asker, name: str, expected: object) -> None:
    ask.show("productsup", 20)
    ask.sandbox.switch_on("productsup", name)
    metadata = [ask.productsup({"from": start, "limit": 10}).json()["metadata"] for start in (5, 10, 15)]
    if isinstance(expected, str):
        expected = expected.format(base=ask.sandbox.productsup_url)
    assert [page["next"] for page in metadata] == [expected, None, None]
    assert [page["from"] for page in metadata] == [5, 10, 15]


def test_a_refusal_and_a_token_pass_through_unchanged(ask: Asker) -> None:
    ask.sandbox.switch_on("productsup", "next_is_path")
    assert ask.productsup({"from": "-1"}).json()["message"] == "Bad request."
    assert ask.client.post(ask.sandbox.token_url).json() == {"error": "invalid_client"}


def test_cloudcruise_ignores_its_cursor(ask: Asker) -> None:
    ids = ask.show("cloudcruise", 5)
    assert ask.sessions(cursor="2026-03-18T11:58:00Z") == ids[2:]
    ask.sandbox.switch_on("cloudcruise", "cursor_ignored")
    assert ask.sessions(cursor="2026-03-18T11:58:00Z") == ids
    assert ask.sessions(cursor="2026-03-18T11:58:00Z", limit=2) == ids[:2]


@pytest.mark.parametrize(("is_denied", "told"), [(False, 0), (True, 3)])
def test_productsup_ignores_from_and_admits_it_or_not(ask: Asker, is_denied: bool, told: int) -> None:
    ids = ask.show("productsup", 5)
    ask.sandbox.switch_on("productsup", CursorIgnored(is_denied=is_denied))
    document = ask.productsup({"from": 3, "limit": 2}).json()
    assert [row["id"] for row in document["data"]] == ids[:2]
    assert document["metadata"] == {"from": told, "limit": 2, "count": 2, "total": 5, "next": None}


def test_a_page_without_runs_is_null(ask: Asker) -> None:
    for platform in PLATFORMS:
        ask.show(platform, 2)
        ask.sandbox.switch_on(platform, "null_pages")
    assert len(ask.cloudcruise().json()) == len(ask.productsup().json()["data"]) == 2
    assert ask.cloudcruise(cursor="2026-03-01T00:00:00Z").json() is None
    document = ask.productsup({"from": 2}).json()
    assert (document["data"], document["metadata"]["total"]) == (None, 2)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_page_without_runs_is_no_content(ask: Asker, platform: str) -> None:
    ask.show(platform, 2)
    ask.sandbox.switch_on(platform, "no_content")
    assert len(ask.rows(platform)) == 2
    answer = ask.list_runs(platform, {"from": 2, "cursor": "2026-03-01T00:00:00Z"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_what_lies_past_the_end_is_refused(ask: Asker) -> None:
    ask.show("productsup", 3)
    ask.sandbox.switch_on("productsup", "past_end_refused")
    assert len(ask.run_ids({"from": 2})) == 1
    assert [ask.productsup({"from": 3}).status_code for _ in range(8)] == [404, 404, 400, 400, 416, 416, 500, 500]


def test_a_page_that_ends_too_far_down_is_refused(ask: Asker) -> None:
    ask.show("productsup", 20)
    ask.sandbox.switch_on("productsup", LargeOffsetsRefused(most=10))
    assert [ask.productsup({"from": 5, "limit": limit}).status_code for limit in (5, 6)] == [200, 400]
