"""What stops the demo: its message is all that the person sees."""


class DemoError(Exception):
    """The demo cannot go on. The message says what happened and where to look."""
