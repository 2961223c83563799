"""Replay never refuses, and what is replayed from stored bytes is what was decided."""

from hypothesis import given, settings
from hypothesis import strategies as st

from casework.domain.assessment import assess
from casework.domain.household import Household, fold
from casework.domain.policy import load_policy
from casework.log.codec import EventMapper
from tests.domain.folded import folded, told_household

POLICY = load_policy("2013.1")
seeds = st.integers(0, 10**6)


def state(household):
    """All that a household remembers, but for what it has not handed over."""
    return {name: value for name, value in vars(household).items() if name != "pending"}


def stored_and_read(recorded):
    mapper = EventMapper()
    return [mapper.to_domain_event(mapper.to_stored_event(event)) for event in recorded]


@settings(max_examples=150, deadline=None)
@given(seed=seeds)
def test_replay_of_the_stored_events_gives_the_same_household(seed):
    household = told_household(seed)

    replayed = fold(None, stored_and_read(household.pending))

    assert replayed is not None
    assert state(replayed) == state(household)


@settings(max_examples=100, deadline=None)
@given(seed=seeds)
def test_replay_gives_the_same_assessment(seed):
    household, facts, as_of = folded(seed)
    replayed = fold(None, stored_and_read(household.pending))

    assert replayed is not None
    assert assess(replayed, POLICY, as_of, facts) == assess(household, POLICY, as_of, facts)


@settings(max_examples=100, deadline=None)
@given(seed=seeds, cut=st.floats(0, 1))
def test_every_beginning_of_a_stream_folds_and_goes_on_to_the_same_household(seed, cut):
    household, facts, as_of = folded(seed)
    events = household.pending
    known = int(len(events) * cut)

    begun = Household.fold(None, events[:known])
    if begun is not None:
        assess(begun, POLICY, as_of, facts)
    whole = Household.fold(begun, events[known:])

    assert whole is not None
    assert state(whole) == state(household)


@settings(max_examples=100, deadline=None)
@given(seed=seeds)
def test_an_assessment_changes_nothing_of_the_household(seed):
    household, facts, as_of = folded(seed)
    before = repr(state(household))

    assess(household, POLICY, as_of, facts)

    assert repr(state(household)) == before
