"""What the report is to those who do not write it."""

DESCRIPTION = "What is wrong now and all that is known of each pipeline, as one page for a browser."
PAGE = "index.html"
VERSION = "1"
"""Of what the report holds."""
