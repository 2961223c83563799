from datetime import date, timedelta

import pytest

from casework.domain.aggregate import Recorded
from casework.domain.calendar import last_of_month
from casework.domain.codes import unit_facts
from casework.domain.policy import load_policy
from casework.domain.registry import FeedClosed, PolicyActivated, Registry, UnitFactReported, UnitRegistered, unit_id
from casework.log.codec import EventCodec
from casework.population.office import City
from casework.population.timeline import FEEDS, timeline
from casework.population.told import Span, Told


@pytest.fixture(scope="module")
def told(demo: City) -> list[Told]:
    return list(timeline(demo.world, demo.span))


@pytest.fixture(scope="module")
def recorded(told: list[Told]) -> list[Recorded]:
    codec = EventCodec()
    return [Recorded(each.stream_id, each.version, codec.decode(each.type, each.state)) for each in told]


@pytest.fixture(scope="module")
def registry(recorded: list[Recorded]) -> Registry:
    return Registry().continued(enumerate(recorded, start=1))


def test_the_same_seed_tells_the_same_registry(demo, told):
    assert list(timeline(demo.world, demo.span)) == told


def test_what_is_recorded_never_goes_back_and_ends_with_the_last_week(demo, told):
    seconds = [each.at for each in told]

    assert seconds == sorted(seconds)
    assert demo.span.begins <= seconds[0] < seconds[-1] < demo.span.ends


def test_versions_follow_one_another_in_every_stream(told):
    last: dict = {}
    for each in told:
        assert each.version == last.get(each.stream_id, 0) + 1
        last[each.stream_id] = each.version


def test_the_registry_folds_and_every_community_has_all_above_it(demo, registry):
    above = registry.ancestors(unit_id("410105560001"), demo.span.until)

    assert above == [unit_id(code) for code in ("410105560", "zhengdong", "4101")]
    assert registry.policies.activated[0].sha256 == load_policy("2013.1").sha256


def test_bureaus_close_every_month_mostly_in_time(demo, recorded):
    closed = [each.event for each in recorded if isinstance(each.event, FeedClosed)]
    late = [event for event in closed if event.occurred_on - last_of_month(event.month) > timedelta(15)]

    assert {(event.bureau, event.area) for event in closed} == set(FEEDS)
    assert len(closed) >= len(FEEDS) * 23
    assert 0 < len(late) < len(closed) / 5
    assert all(event.occurred_on <= demo.span.until for event in closed)


def test_some_employers_have_collective_contracts_that_end(recorded):
    contracts = [e.event for e in recorded if isinstance(e.event, UnitFactReported) and e.event.fact == "UF-COLL"]

    assert len(contracts) > 100
    assert all(event.to is not None and event.to > event.from_ for event in contracts)
    assert min(event.to for event in contracts if event.to) < date(2014, 1, 1)


def test_every_kind_of_fact_is_reported(recorded):
    assert {e.event.fact for e in recorded if isinstance(e.event, UnitFactReported)} == set(unit_facts())


def test_weeks_that_begin_before_the_policy_have_it_and_all_units_from_their_first_day(demo):
    early = Span(date(2013, 11, 10))
    codec = EventCodec()

    told = timeline(demo.world, early)

    events = [codec.decode(each.type, each.state) for each in told]
    assert early.start < load_policy("2013.1").effective_from
    begun = [event for event in events if isinstance(event, PolicyActivated | UnitRegistered)]
    assert {event.occurred_on for event in begun} == {early.start}
    assert any(isinstance(event, FeedClosed) for event in events)
