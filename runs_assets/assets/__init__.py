"""The assets and checks that Dagster shows, around the plain functions that do the work."""
