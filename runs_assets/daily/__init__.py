"""The tables of a source's UTC day that are built from its raw file, without asking the API."""
