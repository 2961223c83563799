"""The armed places of ``casework/faults.py``."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from casework import faults
from casework.faults import InjectedFault, fault, parse
from tests.processes import stands_still


def test_an_unarmed_place_does_nothing():
    fault("rows-written")


def test_an_armed_place_raises(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(faults, "_armed", parse("rows-written=raise"))

    fault("claimed")
    with pytest.raises(InjectedFault):
        fault("rows-written")


def test_a_place_can_act_the_third_time_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(faults, "_armed", parse("claimed=raise@3, rows-written=sleep:0"))

    fault("claimed")
    fault("claimed")
    fault("rows-written")
    with pytest.raises(InjectedFault):
        fault("claimed")
    fault("claimed")


def test_a_place_kills_its_process():
    program = "from casework.faults import fault; fault('here')"

    done = subprocess.run([sys.executable, "-c", program], env={"CASEWORK_FAULT": "here=kill"}, check=False)

    assert done.returncode == -9


def test_a_place_stops_its_process_until_it_is_let_go_on():
    program = "from casework.faults import fault; fault('here')"
    with subprocess.Popen([sys.executable, "-c", program], env={"CASEWORK_FAULT": "here=stop"}) as process:
        stood_still = stands_still(process)
        process.send_signal(signal.SIGCONT)

    assert (stood_still, process.returncode) == (True, 0)


def test_what_is_not_understood_is_an_error():
    with pytest.raises(ValueError, match="explode"):
        parse("here=explode")
