"""From raw rows to the columns that all sources share."""
