"""Who is down, flaky, degraded, silent or hanging, since when: pure functions over the stored days, into tables."""
