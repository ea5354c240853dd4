import pytest

from runs_assets.sandbox import FixedHistory
from runs_assets_tests.sandbox.asking import Asker, run, runs_a_minute_apart
from runs_assets_tests.seeds import PRODUCTSUP_EXAMPLE


def serve(ask: Asker, *rows: dict[str, object]) -> None:
    ask.sandbox.productsup.history = FixedHistory.of(rows)


SEED_ROW = PRODUCTSUP_EXAMPLE[0]


def test_the_documented_example_is_answered_in_its_envelope(ask: Asker) -> None:
    serve(ask, SEED_ROW)
    answer = ask.productsup()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "data": [SEED_ROW],
        "metadata": {"from": 0, "limit": 100, "count": 1, "total": 1, "next": None},
        "message": "successful operation",
        "resource": "run",
    }


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "Basic x", "sandbox-productsup-token"])
def test_a_wrong_or_missing_token_is_unauthorized(ask: Asker, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = ask.client.get(f"{ask.sandbox.productsup_url}/runs", headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {"message": "You have to be authorized to access this resource."}


def test_a_known_token_without_the_right_is_forbidden(ask: Asker) -> None:
    answer = ask.productsup(token=ask.sandbox.productsup.forbidden_token)
    assert answer.status_code == 403
    assert answer.json() == {"message": "Access denied for user."}


def test_an_accepted_token_can_be_replaced_while_the_server_runs(ask: Asker) -> None:
    ask.sandbox.productsup.token = "another"
    assert ask.productsup(token="sandbox-productsup-token").status_code == 401
    assert ask.productsup(token="another").status_code == 200


def test_rows_come_newest_first(ask: Asker) -> None:
    serve(
        ask,
        run("old", "2026-03-18T09:00:00+00:00"),
        run("new", "2026-03-18T11:00:00+00:00"),
        run("between, in another offset", "2026-03-18T11:00:00+01:00"),
    )
    assert ask.run_ids() == ["new", "between, in another offset", "old"]


def test_from_and_limit_cut_a_page_and_the_metadata_tell_it(ask: Asker) -> None:
    serve(ask, *runs_a_minute_apart(5))
    answer = ask.productsup({"from": 1, "limit": 2}).json()
    assert [row["id"] for row in answer["data"]] == ["1", "2"]
    assert answer["metadata"] == {"from": 1, "limit": 2, "count": 2, "total": 5, "next": None}


def test_the_last_page_is_short_and_what_follows_is_empty(ask: Asker) -> None:
    serve(ask, *runs_a_minute_apart(5))
    assert ask.run_ids({"from": 4, "limit": 2}) == ["4"]
    answer = ask.productsup({"from": 5, "limit": 2}).json()
    assert answer["data"] == []
    assert answer["metadata"] == {"from": 5, "limit": 2, "count": 0, "total": 5, "next": None}


def test_the_limit_defaults_to_100(ask: Asker) -> None:
    serve(ask, *(run(str(n), "2026-03-18T10:00:00+00:00") for n in range(101)))
    assert len(ask.run_ids()) == 100


def test_a_large_limit_is_clamped_and_the_metadata_tell_the_clamped_value(ask: Asker) -> None:
    serve(ask, *(run(str(n), "2026-03-18T10:00:00+00:00") for n in range(1200)))
    metadata = ask.productsup({"limit": 5000}).json()["metadata"]
    assert metadata == {"from": 0, "limit": 1000, "count": 1000, "total": 1200, "next": None}
    ask.sandbox.productsup.max_page_size = 7
    metadata = ask.productsup({"limit": 5000}).json()["metadata"]
    assert metadata == {"from": 0, "limit": 7, "count": 7, "total": 1200, "next": None}
    assert len(ask.run_ids()) == 7


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"from": "-1"}, {"from": "This value should be either positive or zero."}),
        ({"from": "x"}, {"from": "This value should be of type integer."}),
        ({"from": "1.5"}, {"from": "This value should be of type integer."}),
        ({"limit": "0"}, {"limit": "This value should be positive."}),
        ({"limit": "-5"}, {"limit": "This value should be positive."}),
        ({"limit": ""}, {"limit": "This value should be of type integer."}),
        (
            {"from": "-1", "limit": "x"},
            {
                "from": "This value should be either positive or zero.",
                "limit": "This value should be of type integer.",
            },
        ),
    ],
)
def test_a_bad_offset_or_limit_is_refused_by_name(
    ask: Asker, query: dict[str, str | int], errors: dict[str, str]
) -> None:
    answer = ask.productsup(query)
    assert answer.status_code == 400
    assert answer.json() == {"message": "Bad request.", "errors": errors}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "wanted"),
        ("connector-id", "connector-2"),
        ("connector-version", "2.0.0"),
        ("site-id", 1002),
        ("state", "failed"),
        ("process-id", "p"),
    ],
)
def test_each_filter_picks_its_runs_and_counts_only_them(ask: Asker, name: str, value: str | int) -> None:
    wanted = run("wanted", "2026-03-18T10:00:00+00:00", {name: value})
    serve(ask, run("newer", "2026-03-18T11:00:00+00:00"), wanted, run("older", "2026-03-18T09:00:00+00:00"))
    answer = ask.productsup({name: value}).json()
    assert answer["data"] == [wanted]
    assert answer["metadata"]["total"] == 1
    assert ask.run_ids({name: value, "from": 1}) == []


def test_filters_are_combined(ask: Asker) -> None:
    serve(
        ask,
        run("a", "2026-03-18T10:00:00+00:00", {"state": "failed"}),
        run("b", "2026-03-18T09:00:00+00:00", {"state": "failed", "site-id": 1002}),
    )
    assert ask.run_ids({"state": "failed", "site-id": 1002}) == ["b"]
    assert ask.run_ids({"state": "finished", "site-id": 1002}) == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/run"), ("GET", "/token"), ("POST", "/runs")])
def test_an_unknown_path_is_not_found(ask: Asker, method: str, path: str) -> None:
    answer = ask.client.request(method, ask.sandbox.productsup_url + path)
    assert answer.status_code == 404
    assert answer.json() == {"message": "Not found."}
