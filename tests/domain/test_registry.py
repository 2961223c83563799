"""Units and their facts, feeds and policies (RULES G14, F2, G16): what is recorded, refused, and answered by date."""

from datetime import date
from typing import Any

import pytest

from casework.domain.aggregate import Recorded
from casework.domain.ids import REGISTRY, partition_of
from casework.domain.registry import (
    POLICY_ID,
    Feed,
    FeedClosed,
    PolicyActivated,
    PolicyLog,
    Registry,
    Unit,
    UnitClosed,
    UnitFactReported,
    UnitParentChanged,
    UnitRegistered,
    feed_id,
    unit_id,
)
from casework.domain.residence import By
from casework.errors import CaseworkError
from tests.domain.given import knowing
from tests.domain.rounds.given import given_round

TODAY = By(today=date(2013, 6, 30))
MARCH, APRIL, MAY = date(2013, 3, 1), date(2013, 4, 1), date(2013, 5, 1)


def given_unit(code="acme", kind="employer", **details):
    unit = Unit(unit_id(code))
    unit.register(TODAY, registered_on=MARCH, code=code, kind=kind, name_zh="甲", **details)
    unit.collect_events()
    return unit


def given_feed(*months):
    feed = Feed(feed_id("EDUB", "EDU"))
    for month in months:
        feed.close_month(TODAY, closed_on=TODAY.today, bureau="EDUB", area="EDU", month=month)
    return feed


def rule_of(error):
    return error.errors[0].code if error.errors else error.code


def events(aggregate):
    return [recorded.event for recorded in aggregate.collect_events()]


def test_the_ids_of_units_feeds_and_policies_lead_to_the_registry():
    assert {partition_of(id) for id in (unit_id("410105"), feed_id("EDUB", "EDU"), POLICY_ID)} == {REGISTRY}


def test_a_unit_is_registered_once():
    unit = Unit(unit_id("acme"))
    particulars: dict[str, Any] = {
        "registered_on": MARCH,
        "code": "acme",
        "kind": "employer",
        "name_zh": "甲",
        "uscc": None,
    }

    unit.register(TODAY, **particulars)
    unit.register(TODAY, **particulars)

    assert events(unit) == [UnitRegistered(occurred_on=MARCH, code="acme", kind="employer", name_zh="甲")]
    assert [unit.is_active(on) for on in (date(2013, 2, 28), MARCH)] == [False, True]


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("unit-registered", {"name_zh": "乙"}),
        ("date-in-future", {"registered_on": date(2013, 7, 1)}),
    ],
)
def test_a_unit_is_not_registered_with_other_particulars_or_before_its_day(rule, changed):
    particulars: dict[str, Any] = {
        "registered_on": MARCH,
        "code": "acme",
        "kind": "employer",
        "name_zh": "甲",
    } | changed

    with pytest.raises(CaseworkError) as refused:
        given_unit().register(TODAY, **particulars)

    assert rule_of(refused.value) == rule


@pytest.mark.parametrize(
    ("rule", "particulars"),
    [
        ("unit-code-differs", {"code": "bolt", "kind": "employer"}),
        ("unknown-code", {"code": "acme", "kind": "castle"}),
        ("unknown-code", {"code": "acme", "kind": "employer", "tier": "attic"}),
    ],
)
def test_a_unit_has_the_code_of_its_stream_and_a_known_kind(rule, particulars):
    with pytest.raises(CaseworkError) as refused:
        Unit(unit_id("acme")).register(TODAY, registered_on=MARCH, name_zh="甲", **particulars)

    assert rule_of(refused.value) == rule


def test_a_fact_is_reported_once():
    unit = given_unit()

    for _ in range(2):
        unit.report_fact(TODAY, reported_on=APRIL, fact="UF-COLL", from_=MARCH, to=MAY)

    assert events(unit) == [UnitFactReported(occurred_on=APRIL, fact="UF-COLL", from_=MARCH, to=MAY)]


@pytest.mark.parametrize(
    ("rule", "fact"),
    [
        ("date-in-future", {"reported_on": date(2013, 7, 1)}),
        ("ends-before-start", {"from_": APRIL, "to": MARCH}),
        ("unit-fact-unknown", {"fact": "UF-MOON"}),
        ("unit-fact-of-others", {"fact": "UF-COMHALL"}),
        ("unit-fact-items", {"items": ("roof",)}),
    ],
)
def test_a_fact_that_cannot_be_is_refused(rule, fact):
    with pytest.raises(CaseworkError) as refused:
        given_unit().report_fact(TODAY, **{"reported_on": APRIL, "fact": "UF-COLL", "from_": MARCH} | fact)

    assert rule_of(refused.value) == rule


def test_a_closed_unit_reports_what_was_before():
    unit = given_unit()
    unit.apply(UnitClosed(occurred_on=MAY))

    unit.report_fact(TODAY, reported_on=APRIL, fact="UF-COLL", from_=MARCH)
    with pytest.raises(CaseworkError, match="closed"):
        unit.report_fact(TODAY, reported_on=MAY, fact="UF-COLL", from_=APRIL)


def test_an_unknown_unit_reports_nothing():
    with pytest.raises(CaseworkError, match="no such unit"):
        Unit(unit_id("acme")).report_fact(TODAY, reported_on=APRIL, fact="UF-COLL", from_=MARCH)


def test_a_month_is_closed_once_and_the_first_is_the_earliest():
    feed = given_feed("2013-05", "2013-04", "2013-05")

    assert [event.month for event in events(feed)] == ["2013-05", "2013-04"]
    assert (feed.first, feed.months) == ("2013-04", {"2013-04", "2013-05"})


def test_a_month_is_missed_from_the_day_on_which_the_first_that_is_not_closed_is_required():
    assert given_feed("2013-04", "2013-05").state_on(date(2013, 6, 30), days=15) == (True, date(2013, 7, 15))
    for_ever = knowing(EDUB_EDU=["9999-11", "9999-12"]).feed("EDUB/EDU")
    assert for_ever is not None
    assert for_ever.state_on(MAY, days=15) == (True, None)


@pytest.mark.parametrize(
    ("rule", "closing"),
    [
        ("month-not-over", {"month": "2013-06"}),
        ("month-malformed", {"month": "2013-00"}),
        ("date-in-future", {"closed_on": date(2013, 7, 1)}),
        ("feed-differs", {"area": "HLT"}),
    ],
)
def test_a_month_that_cannot_be_closed_is_refused(rule, closing):
    said = {"closed_on": TODAY.today, "bureau": "EDUB", "area": "EDU", "month": "2013-05"} | closing

    with pytest.raises(CaseworkError) as refused:
        Feed(feed_id("EDUB", "EDU")).close_month(TODAY, **said)

    assert rule_of(refused.value) == rule


@pytest.mark.parametrize(("bureau", "area"), [("NASA", "EDU"), ("EDUB", "SPACE")])
def test_a_feed_is_of_a_bureau_and_an_area_that_there_are(bureau, area):
    with pytest.raises(CaseworkError) as refused:
        Feed(feed_id(bureau, area)).close_month(TODAY, closed_on=MAY, bureau=bureau, area=area, month="2013-03")

    assert rule_of(refused.value) == "unknown-code"


def test_a_policy_is_put_in_force_once_and_never_with_other_contents():
    log = PolicyLog(POLICY_ID)

    log.activate(TODAY, activated_on=MARCH, version="2013.1", sha256="a")
    log.activate(TODAY, activated_on=APRIL, version="2013.1", sha256="a")

    assert events(log) == [PolicyActivated(occurred_on=MARCH, version="2013.1", sha256="a")]
    with pytest.raises(CaseworkError, match="other contents"):
        log.activate(TODAY, activated_on=APRIL, version="2013.1", sha256="b")


def registered(code, kind="community", on=MARCH, **place):
    return Recorded(unit_id(code), 1, UnitRegistered(occurred_on=on, code=code, kind=kind, name_zh=code, **place))


def moved(code, on, **place):
    return Recorded(unit_id(code), 2, UnitParentChanged(occurred_on=on, **place))


TREE = [
    registered("4101", "city"),
    registered("410105", "district", parent=unit_id("4101")),
    registered("zone", "zone", parent=unit_id("4101")),
    registered("410105001", "township", parent=unit_id("410105")),
    registered("410105001001", parent=unit_id("410105001")),
]


def given_registry(*more):
    return Registry().fold(enumerate([*TREE, *more], start=1))


def test_the_units_above_are_those_of_the_day():
    registry = given_registry(moved("410105001", APRIL, parent=unit_id("410105"), managed_by=unit_id("zone")))

    def above(on):
        names = {unit_id(code): code for code in ("4101", "410105", "zone", "410105001")}
        return [names[unit] for unit in registry.ancestors(unit_id("410105001001"), on)]

    assert above(date(2013, 3, 31)) == ["410105001", "410105", "4101"]
    assert above(APRIL) == ["410105001", "zone", "4101"]


def test_units_that_stand_in_a_ring_have_an_end():
    registry = given_registry(moved("4101", APRIL, parent=unit_id("410105001")))

    assert len(registry.ancestors(unit_id("410105001001"), APRIL)) == 3


def test_a_unit_has_nothing_above_it_that_is_not_there_or_below_it():
    registry = given_registry(
        registered("loop", "township", parent=unit_id("loop")),
        registered("early", "township", parent=unit_id("late")),
        Recorded(unit_id("410105001001"), 2, UnitClosed(occurred_on=MAY)),
    )

    def refusal(unit, above, on=APRIL):
        try:
            registry.check_above(unit_id(unit), unit_id(above), on)
        except CaseworkError as error:
            return error.code
        return None

    assert refusal("new", "410105") is None
    assert refusal("new", "new") == refusal("late", "early") == "unit-above-itself"
    assert refusal("new", "nowhere") == refusal("new", "late") == "unit-unknown"
    assert refusal("new", "410105", date(2013, 2, 28)) == refusal("new", "410105001001", MAY) == "unit-not-active"
    assert registry.ancestors(unit_id("loop"), APRIL) == []


def test_a_unit_that_was_closed_is_active_to_the_day_before():
    registry = given_registry(Recorded(unit_id("410105001001"), 2, UnitClosed(occurred_on=MAY)))
    unit = registry.unit("410105001001")

    assert unit is not None
    assert [unit.is_active(on) for on in (date(2013, 4, 30), MAY)] == [True, False]
    assert registry.unit("nowhere") is None


CONTRACT = Recorded(unit_id("acme"), 2, UnitFactReported(occurred_on=APRIL, fact="UF-COLL", from_=MARCH))
PLAN = Recorded(unit_id("410105"), 2, UnitFactReported(occurred_on=APRIL, fact="UF-PLAN", from_=MARCH))
CLOSING = Recorded(feed_id("EDUB", "EDU"), 1, FeedClosed(occurred_on=MAY, bureau="EDUB", area="EDU", month="2013-04"))


def test_an_assessment_is_told_of_collective_contracts_and_closed_months():
    facts = given_registry(registered("acme", "employer"), CONTRACT, PLAN, CLOSING).facts
    feed = facts.feed("EDUB/EDU")

    assert facts.contracts == {unit_id("acme"): (CONTRACT.event,)}
    assert feed is not None
    assert feed.months == {"2013-04"}
    assert facts.feed("HLTH/HLT") is None


def test_a_registry_goes_on_without_changing_for_those_who_read_it():
    before = given_registry(registered("acme", "employer"))
    more = [moved("410105001", APRIL, parent=unit_id("zone")), CONTRACT, CLOSING]

    after = before.continued(enumerate(more, start=7))
    next_month = FeedClosed(occurred_on=MAY, bureau="EDUB", area="EDU", month="2013-05")
    again = after.continued([(10, Recorded(CLOSING.originator_id, 2, next_month))])

    assert (before.position, after.position, again.position) == (6, 9, 10)
    assert before.facts.contracts == {}
    assert before.facts.feed("EDUB/EDU") is None
    assert before.ancestors(unit_id("410105001"), MAY)[0] == unit_id("410105")
    assert after.ancestors(unit_id("410105001"), MAY)[0] == unit_id("zone")
    first, second = after.facts.feed("EDUB/EDU"), again.facts.feed("EDUB/EDU")
    assert first is not None
    assert second is not None
    assert (first.months, second.months) == ({"2013-04"}, {"2013-04", "2013-05"})


def test_rounds_are_no_units_and_are_left_out():
    unit, story = given_unit(), given_round("closed").collect_events()
    registered = [Recorded(unit.id, 1, UnitRegistered(occurred_on=MARCH, code="acme", kind="employer", name_zh="甲"))]

    registry = Registry().fold(enumerate([*story, *registered], 1))
    later = registry.continued([(registry.position + 1, story[-1])])

    assert set(registry.units) == set(later.units) == {unit.id}
    assert registry.position == len(story) + 1
    assert later.position == len(story) + 2
