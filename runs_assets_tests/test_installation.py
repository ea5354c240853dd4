"""What the installation says where the project does not work."""

import subprocess
import sys

from runs_assets_tests.readme import ROOT


def test_on_windows_it_says_where_it_works_instead() -> None:
    code = "import os, runpy, setuptools; os.name = 'nt'; runpy.run_path('setup.py')"
    built = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 1
    said = "runs_assets does not work on Windows: use WSL or a container (see README.md)."
    assert built.stderr.splitlines()[-1] == said
