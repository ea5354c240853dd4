"""The command as a user runs it: a process of its own."""

import signal
import subprocess
import sys
from itertools import takewhile

import httpx
import pytest

from runs_assets.sandbox import Sandbox
from runs_assets.sandbox.faults import FAULTS

COMMAND = [sys.executable, "-W", "error", "-m", "runs_assets.sandbox"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_lines_for_an_env_file_serves_and_ends_quietly(number: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, "--port", "0", "--days", "2", "--volume", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [next(process.stdout).rstrip("\n") for _ in range(6)]
        settings = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
        answers = ask_both(settings)
        process.send_signal(number)
        assert process.wait(20) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")
    assert any("SIMULATED" in comment for comment in takewhile(lambda line: line.startswith("#"), lines))
    assert [answer.status_code for answer in answers] == [200, 200]


def test_a_taken_port_is_told_in_one_line(sandbox: Sandbox) -> None:
    port = sandbox.url.rsplit(":", 1)[1]
    ended = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_faults_can_be_on_from_the_start_and_the_greeting_tells_how_to_switch_them() -> None:
    arguments = [
        "--port",
        "0",
        "--days",
        "1",
        "--fault",
        "cloudcruise:server_errors",
        "--fault",
        "productsup:html_pages",
    ]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [next(process.stdout).rstrip("\n") for _ in range(6)]
        (faults,) = [line for line in lines if line.startswith("# Faults:")]
        url = faults.split()[3].removesuffix(";")
        cloudcruise, productsup = ask_both(dict(line.split("=", 1) for line in lines if not line.startswith("#")))
        shown = httpx.get(url, trust_env=False).json()
        process.terminate()
        assert process.wait(20) == 0
    assert cloudcruise.status_code == 500
    assert productsup.headers["content-type"].startswith("text/html")
    assert [fault["name"] for fault in shown["cloudcruise"] if fault["on"]] == ["server_errors"]
    assert [fault["name"] for fault in shown["productsup"] if fault["on"]] == ["html_pages"]


def test_the_faults_are_listed_with_their_platforms_and_sentences() -> None:
    ended = subprocess.run([*COMMAND, "--list-faults"], capture_output=True, text=True, check=True)
    assert "unsorted_list (cloudcruise, productsup)\n    The list is in no order.\n" in ended.stdout
    assert "next_is_path (productsup)\n" in ended.stdout
    assert ended.stdout.count("\n") == 2 * len(FAULTS)


def test_a_fault_that_does_not_exist_is_told_at_the_start_with_those_that_do() -> None:
    ended = subprocess.run([*COMMAND, "--fault", "cloudcruise:nope"], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "argument --fault: cloudcruise has no fault 'nope'; it has bodies_cut, " in ended.stderr


def ask_both(settings: dict[str, str]) -> list[httpx.Response]:
    cloudcruise, key = settings["CLOUDCRUISE_BASE_URL"], settings["CLOUDCRUISE_API_KEY"]
    productsup, token = settings["PRODUCTSUP_CDE_BASE_URL"], settings["PRODUCTSUP_CDE_TOKEN"]
    with httpx.Client(trust_env=False) as client:
        return [
            client.get(f"{cloudcruise}/runs", headers={"cc-key": key}),
            client.get(f"{productsup}/runs", headers={"Authorization": f"Bearer {token}"}),
        ]
