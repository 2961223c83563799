"""Wake-ups for the workers, sent by a thread of its own: no request ever waits for Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread


class Waker:
    """Tells, soon after it was called, which partitions moved; calls while a hint is on its way become the next one."""

    def __init__(self, publish: Callable[[Sequence[int]], object]) -> None:
        self._publish = publish
        self._moved: SimpleQueue[Sequence[int] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="waker", daemon=True)
        self._thread.start()

    def __call__(self, partitions: Sequence[int]) -> None:
        """Say that these partitions moved, and go on at once."""
        self._moved.put(partitions)

    def close(self) -> None:
        """Send what is waiting, and end."""
        self._moved.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._moved.get()) is not None:
            moved, more = self._with_all_others(set(first))
            self._publish(sorted(moved))
            if not more:
                return

    def _with_all_others(self, moved: set[int]) -> tuple[set[int], bool]:
        """Take what else is waiting; false says that this was the last."""
        while True:
            try:
                partitions = self._moved.get_nowait()
            except Empty:
                return moved, True
            if partitions is None:
                return moved, False
            moved.update(partitions)
