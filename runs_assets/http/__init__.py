"""Talking to an API over HTTP: retries, deadlines, authentication, redaction. Knows no source and no Dagster."""
