"""The data folder: where each day's files are, how they are written, merged, locked and read back."""
