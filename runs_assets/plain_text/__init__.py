"""Text that is safe to keep and to show: without secrets, on one line, cut to size. Anybody may use it."""
