"""A test message goes to each address, and what came of it is printed."""

import pytest

from runs_assets.cli import main
from runs_assets_tests.alerts.receiver import Receiver


def test_each_address_gets_one_labelled_message_whatever_its_tags(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.answers["bad"] = 500
    urls = [receiver.url("a"), receiver.url("ops", "ops,phone"), receiver.url("bad")]
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", " ".join(urls))
    assert main(["notify", "--test"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "Address 1: taken.",
        "Address 2 with the tags ops, phone: taken.",
        "Address 3: REFUSED, or not reached.",
    ]
    assert [body["title"] for _, body in receiver.got] == [f"TEST of runs-assets ({n} of 3)" for n in (1, 2, 3)]
    monkeypatch.setenv("RUNS_ASSETS_ALERT_URLS", receiver.url("a"))
    assert main(["notify", "--test"]) == 0


def test_without_an_address_there_is_nobody_to_send_it_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RUNS_ASSETS_ALERT_URLS", raising=False)
    assert main(["notify", "--test"]) == 1
    assert "RUNS_ASSETS_ALERT_URLS is not set" in capsys.readouterr().err
