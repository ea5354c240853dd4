"""Servers of object storage on loopback, for the tests with the marker `cluster`."""
