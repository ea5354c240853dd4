"""What a platform knows beside its runs: what pipelines are called, and why runs failed."""
