"""A benchmark of speed and memory, run by hand: `python -m runs_assets_tests.benchmark`. See `__main__.py`."""
