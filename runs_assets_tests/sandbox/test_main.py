"""The command as a user runs it: a process of its own."""

import signal
import subprocess
import sys
from itertools import takewhile

import httpx
import pytest

from runs_assets.sandbox import Sandbox

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
        lines = [next(process.stdout).rstrip("\n") for _ in range(5)]
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


def ask_both(settings: dict[str, str]) -> list[httpx.Response]:
    cloudcruise, key = settings["CLOUDCRUISE_BASE_URL"], settings["CLOUDCRUISE_API_KEY"]
    productsup, token = settings["PRODUCTSUP_CDE_BASE_URL"], settings["PRODUCTSUP_CDE_TOKEN"]
    with httpx.Client(trust_env=False) as client:
        return [
            client.get(f"{cloudcruise}/runs", headers={"cc-key": key}),
            client.get(f"{productsup}/runs", headers={"Authorization": f"Bearer {token}"}),
        ]
