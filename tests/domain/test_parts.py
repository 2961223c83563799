"""Which edits collide and which merely come together."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from casework.domain.aggregate import Event
from casework.domain.events.livelihood import NeedCleared
from casework.domain.events.membership import HeadChanged, MemberFactsRecorded, MemberLeft
from casework.domain.events.residence import HouseholdClosed, HouseholdMoved, ResidenceVerified
from casework.domain.events.services import ServiceDelivered, ServiceEnded, ServiceGranted
from casework.domain.parts import collide
from casework.domain.state import MemberFacts

DAY, ONE, OTHER = date(2013, 9, 1), UUID(int=1), UUID(int=2)

moved = HouseholdMoved(occurred_on=DAY, from_community="a", to_community="b")
closed = HouseholdClosed(occurred_on=DAY, reason="dissolved")
verified = ResidenceVerified(occurred_on=DAY, outcome="present")
delivered = ServiceDelivered(occurred_on=DAY, episode_id=ONE, service="COM-HALL")
granted = ServiceGranted(occurred_on=DAY, episode_id=ONE, decided_by="HRSS", valid_from=DAY)
ended = ServiceEnded(occurred_on=DAY, episode_id=ONE, reason="withdrawn")
ended_other = ServiceEnded(occurred_on=DAY, episode_id=OTHER, reason="withdrawn")
told = MemberFactsRecorded(occurred_on=DAY, person_id=ONE, facts=MemberFacts())
told_other = MemberFactsRecorded(occurred_on=DAY, person_id=OTHER, facts=MemberFacts())
head = HeadChanged(occurred_on=DAY, person_id=ONE)
head_left = MemberLeft(occurred_on=DAY, person_id=OTHER, reason="left_city", new_head=ONE)
cleared = NeedCleared(occurred_on=DAY, need_id=ONE, reason="met")


@pytest.mark.parametrize(
    ("mine", "since"),
    [(moved, moved), (granted, ended), (told, told), (head, head_left), (verified, verified), (cleared, cleared)],
)
def test_edits_of_one_part_collide(mine: Event, since: Event):
    assert collide([mine], [since])
    assert collide([since], [mine])


@pytest.mark.parametrize(
    ("mine", "since"),
    [(moved, delivered), (ended, ended_other), (told, told_other), (verified, moved), (head, moved), (cleared, ended)],
)
def test_edits_of_different_parts_do_not(mine: Event, since: Event):
    assert not collide([mine], [since])
    assert not collide([since], [mine])


@pytest.mark.parametrize("other", [moved, delivered, told, head])
def test_closing_collides_with_everything(other: Event):
    assert collide([closed], [other])
    assert collide([other], [closed])
    assert not collide([closed], [])
