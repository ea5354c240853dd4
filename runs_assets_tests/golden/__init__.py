"""The rows that each table has for a small input, so that no output changes while its version stays the same."""
