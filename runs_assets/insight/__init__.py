"""Answers from the data folder alone: what is wrong now, which runs failed, and what is known of a pipeline."""
