"""What a platform tells beside its runs: what pipelines are called, and why runs failed."""
