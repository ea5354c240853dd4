"""Several machines: what Dagster's processes need there, and the files that start them."""
