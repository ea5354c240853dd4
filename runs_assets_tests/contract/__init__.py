"""The promise, kept or not: every fault of the sandbox against every source, and the files compared with the truth."""

import pytest

pytest.register_assert_rewrite("runs_assets_tests.contract.comparison", "runs_assets_tests.contract.scenario")
