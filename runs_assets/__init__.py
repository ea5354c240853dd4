"""A complete, current history of the runs of automation platforms, as Dagster assets."""
