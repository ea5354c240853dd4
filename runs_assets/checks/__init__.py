"""Facts that hold of a source's stored days while all is well."""
