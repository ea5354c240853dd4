"""Facts that hold of a source's stored days while all is well, judged on all days in reach, and shown as checks."""
