"""The report: what is on the page, and how it is written."""
