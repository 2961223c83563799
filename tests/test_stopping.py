"""A stop may be asked for in the middle of anything."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from casework import stopping
from casework.stopping import StopEvent, set_on_signals


@pytest.fixture
def stop() -> StopEvent:
    return StopEvent()


def test_it_is_waited_for_no_longer_than_is_said(stop: StopEvent):
    assert not stop.wait(0.01)
    assert not stop.is_set()


def test_whoever_waits_is_woken(stop: StopEvent):
    threading.Timer(0.05, stop.set).start()

    assert stop.wait(30)
    assert stop.wait()
    assert stop.is_set()


@pytest.mark.parametrize("interrupted", ["wait", "set"])
def test_it_may_be_set_in_the_middle_of_its_own_steps(stop: StopEvent, interrupted: str):
    """As a signal handler would, between any two lines."""

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename == stopping.__file__ and frame.f_code.co_name == interrupted and event == "line":
            sys.settrace(None)
            stop.set()
            sys.settrace(trace)
        return trace

    sys.settrace(trace)
    try:
        getattr(stop, interrupted)()
    finally:
        sys.settrace(None)

    assert stop.wait(0)


def test_two_signals_at_once_are_one_stop(stop: StopEvent):
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    set_on_signals(stop)
    try:
        for number in before:
            os.kill(os.getpid(), number)
        assert stop.wait(30)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
