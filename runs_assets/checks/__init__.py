"""Facts that hold of a source's stored days while all is well, one module per asset on which they are shown."""
