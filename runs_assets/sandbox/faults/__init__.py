"""Named faults: the ways in which the real APIs, and the networks before them, have been seen to misbehave."""
