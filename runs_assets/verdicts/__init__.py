"""Who is down, failing, worse, silent or hanging, since when: pure functions over the stored days, into tables."""
