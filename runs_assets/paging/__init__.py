"""Reading a list page by page so that nothing is lost. Pure: what to ask next follows from the pages alone."""
