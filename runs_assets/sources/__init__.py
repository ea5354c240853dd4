"""The platforms whose runs are read, one folder each, and what they share."""
