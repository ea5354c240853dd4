"""What people see, in a real browser: Dagster's pages on the demo's story."""
