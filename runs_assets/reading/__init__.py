"""From a client's pages to the raw files: every run that the API showed, stored once, in its latest state."""
