"""Keeping a platform's limit on requests over all the clients that ask it at the same time."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock


@dataclass
class Pace:
    """At most so many requests within any span of time: `most` has the number by the span's seconds.

    Threads may share it. It asks no clock: instants are seconds of whatever clock its users share.
    """

    most: Mapping[float, int]

    def __post_init__(self) -> None:
        self._sent: deque[float] = deque(maxlen=max(self.most.values()))
        self._lock = Lock()

    def wait_seconds(self, now: float) -> float:
        """How long the next request has to wait from `now` on; it counts as sent after that."""
        with self._lock:
            free = (self._sent[-most] + seconds for seconds, most in self.most.items() if len(self._sent) >= most)
            sent_at = max([now, *free])
            self._sent.append(sent_at)
        return sent_at - now
