"""Named places in the code where a test can make a process die, stop, raise or sleep.

``CASEWORK_FAULT`` arms them: ``rows-written=kill``, ``claimed=raise``, ``committed=sleep:2.5``, and ``claimed=stop``
for a process that stands still until it gets SIGCONT; several with commas, and ``rows-written=kill@3`` acts only the
third time. Nothing is armed in ordinary work, where a place costs one dictionary look-up.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from time import sleep

Action = Callable[[], None]


class InjectedFault(RuntimeError):
    """What an armed place raises."""


def fault(name: str) -> None:
    """Do here what the environment armed, if anything."""
    action = _armed.get(name)
    if action is not None:
        action()


def parse(armed: str) -> dict[str, Action]:
    """Read ``CASEWORK_FAULT``; ValueError for what it does not understand."""
    places = (place.partition("=") for place in armed.split(",") if place)
    return {name.strip(): _counted(action.strip()) for name, _, action in places}


def _counted(action: str) -> Action:
    what, _, which = action.partition("@")
    act, times = _action(what), int(which or 0)
    passed = 0

    def count() -> None:
        nonlocal passed
        passed += 1
        if passed == times or not times:
            act()

    return count


def _action(what: str) -> Action:
    verb, _, value = what.partition(":")
    match verb:
        case "kill":
            return lambda: os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            return lambda: os.kill(os.getpid(), signal.SIGSTOP)
        case "raise":
            return _raise
        case "sleep":
            return lambda: sleep(float(value))
        case _:
            raise ValueError(f"CASEWORK_FAULT knows kill, stop, raise and sleep:<seconds>, not {verb!r}.")


def _raise() -> None:
    raise InjectedFault("This fault was asked for by CASEWORK_FAULT.")


_armed = parse(os.environ.get("CASEWORK_FAULT", ""))
