"""`python -m runs_assets_tests.golden`: write the golden rows that the independent recomputation finds."""

from runs_assets.verdicts.tables import VERDICT_TABLES
from runs_assets_tests.golden.files import write
from runs_assets_tests.golden.verdict_inputs import verdict_history
from runs_assets_tests.verdicts.plain import verdicts_of


def main() -> None:
    """Replace the golden files; that of `failure_reasons`, which is not recomputed, is kept by hand."""
    rows = verdicts_of(verdict_history())
    for table in VERDICT_TABLES:
        if table.name in rows:
            write(table.name, table.version, rows[table.name])


if __name__ == "__main__":
    main()
