"""What-if sets: filled at a cut under another policy, never live, dropped after seven days."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest

from casework.domain.aggregate import EVENT_TYPES
from casework.domain.events.residence import ResidenceVerified
from casework.domain.ids import uuid7
from casework.domain.policy import Policy, load_policy, parse_draft
from casework.errors import Invalid, Refused
from casework.projections import reading, rebuild
from casework.projections.flipping import clean, drop_expired, flip
from casework.projections.sets import ViewSet
from tests.log.given import stream_in
from tests.projections.lives import EMPLOYERS, UNTIL, life
from tests.projections.simulated import Simulated


def draft(version: str = "2099.1", **changes: Any) -> bytes:
    """The policy in force with some numbers changed."""
    policy = json.loads(files("casework.data").joinpath("policies", "2013.1.json").read_bytes())
    return json.dumps({**policy, "version": version, **changes}).encode()


def what_if(log: Simulated, content: bytes) -> ViewSet:
    """Begin a set under a draft."""
    return rebuild.begin_what_if(log.engine, parse_draft(content), content)


@pytest.fixture
def tried(log: Simulated) -> ViewSet:
    """A set under a draft, at a cut after which more happened."""
    log.tell([event for seed in range(12) for event in life(uuid7(), seed)])
    log.report_contract(EMPLOYERS[0], UNTIL)
    log.drain()
    made = what_if(log, draft(feed_days=90))
    log.tell([event for seed in range(12, 30) for event in life(uuid7(), seed)])
    log.report_contract(EMPLOYERS[1], UNTIL)
    log.today += timedelta(30)
    return made


def test_a_set_shows_its_cut_under_the_draft_and_stays_there(log: Simulated, tried: ViewSet):
    log.drain(log.new_engine(filled=2))
    first = log.contents(tried.name)
    log.tell(life(uuid7(), 40))
    log.drain()

    assert log.contents(tried.name) == first
    assert len(first["household"]) == 12
    assert log.differences(tried) == []
    assert log.rows("SELECT DISTINCT registry_position, as_of FROM checkpoint", view=tried.name) == [(1, UNTIL)]


def test_a_paused_set_is_shown_and_goes_on_after_the_fix(log: Simulated, monkeypatch: pytest.MonkeyPatch):
    for seed in range(21):
        stream = life(stream_in(5), seed, steps=3)
        log.tell(stream)
        log.tell_poison(stream[0].originator_id, len(stream) + 1, "household.mended-in-a-draft.v1")
    made = what_if(log, draft())
    log.drain()
    paused = {name: [row.partition for row in rows if row.paused] for name, rows in reading.status(log.pool).items()}

    monkeypatch.setitem(EVENT_TYPES, "household.mended-in-a-draft.v1", ResidenceVerified)
    log.engine.unpark(5)
    log.drain()

    assert paused == {"view_1": [5], made.name: [5]}
    found = reading.status(log.pool)[made.name]
    assert {(row.paused, row.lag, row.registry_lag) for row in found} == {(None, 0, 0)}
    assert log.differences(made) == []


def test_another_process_reads_the_draft_beside_the_set(log: Simulated, tried: ViewSet):
    assert log.view(tried.name) == tried
    assert tried.policy.feed_days == 90


def test_begun_again_it_is_the_same_set(log: Simulated, tried: ViewSet):
    again = what_if(log, draft(feed_days=90))

    assert (again.name, rebuild.progress(log.engine, again).unfilled > 0) == (tried.name, True)
    log.drain()
    there = rebuild.progress(log.engine, again)
    assert (there.done, there.unfilled) == (there.total, 0)


def test_another_draft_needs_another_version(log: Simulated, tried: ViewSet):
    with pytest.raises(Refused, match="another draft of version"):
        what_if(log, draft(feed_days=91))

    assert what_if(log, draft("2099.2", feed_days=91)).name == "view_3"


def test_a_published_policy_can_be_tried_too(log: Simulated):
    log.tell(life(uuid7(), 1))
    made = rebuild.begin_what_if(log.engine, load_policy("2013.1"), None)
    log.drain()

    assert made.is_what_if
    assert log.contents(made.name) == log.contents("view_1")


def test_it_is_never_flipped(log: Simulated, tried: ViewSet):
    log.drain()

    with pytest.raises(Refused, match="never becomes the live one"):
        flip(log.engine, tried)
    assert rebuild.begin(log.engine, tried.policy).name != tried.name


def test_it_is_dropped_after_seven_days(log: Simulated, tried: ViewSet):
    young = clean(log.pool)
    assert (young.dropped, young.young, drop_expired(log.pool)) == ([], [tried.name], [])

    log.as_owner("UPDATE casework.view_set SET created_at = created_at - interval '8 days' WHERE state = 'what_if'")

    assert drop_expired(log.pool) == [tried.name]
    assert [view for view in ("view_1", tried.name) if is_there(log, view)] == ["view_1"]


def is_there(log: Simulated, view: str) -> bool:
    """Whether a set has tables."""
    return log.rows("SELECT to_regclass(%s) IS NOT NULL", f"{view}.household") == [(True,)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not a scoring policy"),
        (b'{"version": "2099.1"}', "missing required field"),
        (draft("draft"), "not like 2014.1"),
        (draft(levels=[]), "not those of the rules"),
    ],
)
def test_what_is_no_policy_is_refused(content: bytes, reason: str):
    with pytest.raises(Invalid, match=reason):
        parse_draft(content)


def test_a_draft_has_another_version_than_a_published_policy():
    with pytest.raises(Refused, match="is published"):
        parse_draft(draft("2013.1"))

    assert isinstance(parse_draft(draft()), Policy)
