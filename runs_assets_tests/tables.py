"""The table of assets in the README, from the tables' declarations: `python -m runs_assets_tests.tables` writes it."""

from collections.abc import Iterator

from runs_assets.assets.daily import RAW_RUNS_DESCRIPTION
from runs_assets.daily.tables import DAILY_TABLES
from runs_assets.report.published import DESCRIPTION, PAGE
from runs_assets.storage.layout import RAW_RUNS, RUNS_REPORT
from runs_assets.verdicts.tables import VERDICT_TABLES
from runs_assets_tests.readme import write

MODULE = "runs_assets_tests.tables"


def asset_table() -> str:
    """Markdown: a line for each asset, with its files and what it holds."""
    return "\n".join(["| asset | file | what it holds |", "|---|---|---|", *_daily(), *_verdicts()])


def _daily() -> Iterator[str]:
    yield _line(f"<source>/{RAW_RUNS}", f"{RAW_RUNS}/source=<source>/date=<day>/part-0.jsonl.zst", RAW_RUNS_DESCRIPTION)
    for table in DAILY_TABLES:
        file = f"{table.name}/source=<source>/date=<day>/part-0.parquet"
        yield _line(f"<source>/{table.name}", file, table.description)


def _verdicts() -> Iterator[str]:
    for table in VERDICT_TABLES:
        yield _line(table.name, f"{table.name}/part-0.parquet", table.description)
    yield _line(RUNS_REPORT, f"{RUNS_REPORT}/{PAGE}", DESCRIPTION)


def _line(asset: str, file: str, description: str) -> str:
    return f"| `{asset}` | `{file}` | {description} |"


if __name__ == "__main__":
    write(MODULE, asset_table())
