"""The two ways in which an attempt can fail without being final; the transport decides what becomes of them."""


class TransientError(Exception):
    """An attempt failed in a way that may pass with time.

    `wait_seconds` is what the server asked for; `refused` means that the connection was refused.
    """

    def __init__(self, what: str, *, wait_seconds: float | None = None, refused: bool = False) -> None:
        super().__init__(what)
        self.wait_seconds = wait_seconds
        self.refused = refused


class UnexpectedBodyError(Exception):
    """Raised by a parser for a 2xx body that is not the documented JSON."""
