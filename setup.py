"""Says at installation where the project does not work; everything else is in pyproject.toml."""

import os
import sys

from setuptools import setup

if os.name == "nt":
    sys.exit("runs_assets does not work on Windows: use WSL or a container (see README.md).")
setup()
