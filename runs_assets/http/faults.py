"""The two ways in which an attempt can fail without being final; the transport decides what becomes of them."""


class TransientError(Exception):
    """An attempt failed in a way that waiting may heal.

    `wait_seconds` is what the server asked for; `refused` means that nobody listens at the address.
    """

    def __init__(self, what: str, *, wait_seconds: float | None = None, refused: bool = False) -> None:
        super().__init__(what)
        self.wait_seconds = wait_seconds
        self.refused = refused


class UnexpectedBodyError(Exception):
    """A parser's word for a 2xx body that is not the documented JSON."""
