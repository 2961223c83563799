"""Being asked to stop, by a signal or by another thread."""

from __future__ import annotations

import os
import select
import signal
from threading import Event


class StopEvent(Event):
    """An event that a signal handler may set.

    Handlers run in the middle of anything, also of this event's own ``wait`` or ``set``, where the lock of an ordinary
    event would be waited for by the one who holds it. A pipe has none: once written, it can be read for good.
    """

    def __init__(self) -> None:
        super().__init__()
        self._asked = False
        self._readable, self._writable = os.pipe()
        os.set_blocking(self._writable, False)

    def is_set(self) -> bool:
        """Whether it was asked for."""
        return self._asked

    def set(self) -> None:
        """Ask for it; once is enough."""
        if not self._asked:
            self._asked = True
            os.write(self._writable, b"\0")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is asked for, for so many seconds at most; return whether it was."""
        waiting = select.poll()
        waiting.register(self._readable, select.POLLIN)
        return bool(self._asked or waiting.poll(None if timeout is None else 1000 * timeout))


def set_on_signals(stop: Event) -> None:
    """Let SIGTERM and SIGINT set a flag and nothing else."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
