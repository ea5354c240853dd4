"""Formulas, each with its source. They know nothing of runs."""
