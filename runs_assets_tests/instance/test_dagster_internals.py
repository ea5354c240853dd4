"""What the project uses of Dagster's private modules is still there, and is used in one file alone."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

import runs_assets

ROOT = Path(runs_assets.__file__).parent
INTERNALS = ROOT / "instance" / "dagster_internals.py"
ATTRIBUTES = {
    "AssetCheckExecutionRecordStatus": ["SUCCEEDED", "FAILED"],
    "AssetCheckExecutionsTable": ["delete", "c.run_id"],
    "BulkActionsFilter": ["statuses", "created_after"],
    "BulkActionStatus": ["REQUESTED", "CANCELING", "FAILING"],
    "CheckRunHealthResult": ["status", "msg"],
    "PartitionBackfill": ["job_name", "partition_names", "asset_selection", "asset_backfill_data"],
    "SqlEventLogStorage": ["index_connection", "get_asset_check_execution_history"],
    "SqliteEventLogStorage": ["path_for_shard"],
    "UnresolvedAssetJobDefinition": ["name"],
    "WorkerStatus": ["RUNNING", "FAILED"],
}


def is_private(module: str) -> bool:
    """Of dagster-celery, an extra, there is nothing to import but its modules."""
    return module.startswith(("dagster.", "dagster_")) and not module.startswith("dagster_celery.")


def private_imports(path: Path) -> Iterator[tuple[str, str]]:
    """The private modules of Dagster that a file imports, and what from them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.ImportFrom) and is_private(node.module or ""):
            yield from ((node.module or "", alias.name) for alias in node.names)


def moved(what: str) -> str:
    return f"dagster {dg.__version__} moved {what}: adapt instance/dagster_internals.py"


def attribute(value: object, path: str) -> object:
    for name in path.split("."):
        value = getattr(value, name)
    return value


@pytest.mark.parametrize(("module", "name"), list(private_imports(INTERNALS)))
def test_what_is_used_is_still_there(module: str, name: str) -> None:
    try:
        value = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        pytest.fail(moved(f"{module}.{name}"))
    fields = getattr(value, "__dataclass_fields__", {})
    for path in ATTRIBUTES[name]:
        try:
            assert path in fields or attribute(value, path) is not None
        except AttributeError:
            pytest.fail(moved(f"{module}.{name}.{path}"))


@pytest.mark.parametrize("path", [path for path in ROOT.rglob("*.py") if path != INTERNALS])
def test_no_other_file_imports_a_private_module(path: Path) -> None:
    assert list(private_imports(path)) == []
