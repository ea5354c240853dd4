"""Ask the sandbox what its pipelines are called, before their days are read: so that each day is shown with names.

    python -m runs_assets.demo.names

A real project asks with every refresh of the verdicts.
"""

from runs_assets.accounts import SOURCES
from runs_assets.days import utc_now
from runs_assets.settings import project_settings
from runs_assets.storage.layout import Layout
from runs_assets.verdicts.refresh import ask_about_failures


def main() -> None:
    """Ask each source; what goes wrong is printed, into the demo's log."""
    layout = Layout(project_settings().data)
    for source in SOURCES:
        ask_about_failures(source, layout, utc_now, print)


if __name__ == "__main__":
    main()
