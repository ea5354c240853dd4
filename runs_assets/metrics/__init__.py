"""What the runs of a day amount to: pure functions from tables to tables, and the thin assets around them."""
