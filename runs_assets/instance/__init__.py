"""What Dagster's instance knows of runs and backfills, and how it is asked."""
