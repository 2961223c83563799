"""Commands on the household and its members (DOMAIN 8.2, 1 to 4 and 8 to 13): what each records, and refuses."""

from datetime import date

import pytest

from casework.domain.events.membership import (
    HeadChanged,
    MemberBorn,
    MemberDied,
    MemberFactsRecorded,
    MemberJoined,
    MemberLeft,
)
from casework.domain.events.residence import HouseholdClosed, HouseholdMoved, HouseholdRegistered, ResidenceVerified
from casework.domain.household import Household
from casework.domain.residence import By
from casework.errors import CaseworkError
from tests.domain.given import (
    ADULTS,
    COMMUNITY,
    ELSEWHERE,
    MEI,
    arrived,
    born,
    closed,
    day,
    delivered,
    died,
    ended,
    given,
    given_household,
    granted,
    headed_by,
    joined,
    left,
    moved,
    named,
    needs,
    person,
    refusal,
    requested,
    seen,
    stopped,
    told,
    when,
    works,
)

COUPLE = arrived(*ADULTS)
CLERK = By(today=date(2013, 3, 1))
SUPERVISOR = CLERK._replace(supervisor=True)


def test_registering_records_who_came_when_and_where():
    household = Household(named("household"))

    [event] = when(household, arrived(*ADULTS, on="2012-01-01"))

    assert event == HouseholdRegistered(
        occurred_on=day("2012-01-01"), community=COMMUNITY, head=named("li"), members=ADULTS
    )
    assert {p.person_id for p in household.members} == {named("li"), named("wang")}
    assert (household.head, household.community) == (named("li"), COMMUNITY)


@pytest.mark.parametrize(
    ("rule", "phrase"),
    [
        ("member-twice", arrived(person("li"), person("li"))),
        ("date-in-future", arrived(on="2020-01-02")),
        ("born-later", arrived(person("li"), person("baby", "2012-02"), on="2012-01-31")),
        ("resident-since-later", arrived(person("li", since="2012-01-02"), on="2012-01-01")),
        ("unknown-code", arrived(person("li", sex="unknown"))),
        ("month-malformed", arrived(person("li", born="2012-13"))),
        ("ends-before-start", arrived(person("li", student=("2012-01-02", "2012-01-01")))),
    ],
)
def test_registering_is_refused_by_its_rule(rule, phrase):
    assert refusal(Household(named("household")), phrase) == rule


def test_a_household_has_members_from_the_start_and_one_of_them_is_its_head():
    nobody = arrived()._replace(fields=arrived().fields | {"members": ()})
    stranger = arrived()._replace(fields=arrived().fields | {"head": named("stranger")})

    assert refusal(Household(named("household")), nobody) == "household-without-members"
    assert refusal(Household(named("household")), stranger) == "head-not-a-member"


def test_a_household_is_registered_once():
    assert refusal(given_household(), arrived()) == "household-exists"


def test_verifying_records_what_was_found():
    assert when(given_household(), seen("absent")) == [
        ResidenceVerified(occurred_on=day("2013-03-01"), outcome="absent")
    ]


def test_moving_records_from_where_to_where():
    household = given_household()

    assert when(household, moved(ELSEWHERE, source=COMMUNITY)) == [
        HouseholdMoved(occurred_on=day("2013-03-01"), from_community=COMMUNITY, to_community=ELSEWHERE)
    ]
    assert household.community == ELSEWHERE


def test_closing_ends_open_services():
    asked, closing = requested("SSI-CARD"), closed("left_city")
    household = given_household(asked, *given("HLT-REC"), *given("FPL-FILE"), ended("FPL-FILE"))

    assert when(household, closing) == [
        HouseholdClosed(
            occurred_on=day("2013-03-01"), reason="left_city", ended_episodes=(named("SSI-CARD"), named("HLT-REC"))
        )
    ]
    assert household.episodes[named("HLT-REC")].ended_reason == "moved"


def test_closing_for_another_reason_withdraws_and_for_local_hukou_ends_nothing():
    dissolved = given_household(*given("HLT-REC"), closed("dissolved"))
    settled = given_household(*given("HLT-REC"), closed("gained_local_hukou"))

    assert dissolved.episodes[named("HLT-REC")].ended_reason == "withdrawn"
    assert settled.episodes[named("HLT-REC")].ended_on is None


def test_joining_records_the_member():
    household = given_household()

    assert when(household, joined(MEI)) == [MemberJoined(occurred_on=day("2013-03-01"), member=MEI)]
    assert household.people[named("mei")].stays_on(day("2013-03-01"))


def test_who_left_may_join_again():
    household = given_household(COUPLE, left("wang", "2013-02-01"))

    when(household, joined(ADULTS[1], on="2013-03-01"))

    stays = [household.people[named("wang")].stays_on(day(on)) for on in ("2013-01-31", "2013-02-01", "2013-03-01")]
    assert stays == [True, False, True]


def test_a_birth_records_the_child_and_its_mother():
    [event] = when(given_household(COUPLE), born(month="2013-02", on="2013-03-01", mother="wang"))

    assert event == MemberBorn(occurred_on=day("2013-03-01"), member=person("baby", "2013-02"), mother=named("wang"))


def test_leaving_records_why_and_who_is_head_now():
    household = given_household(COUPLE)

    assert when(household, left("li", new_head=named("wang"))) == [
        MemberLeft(occurred_on=day("2013-03-01"), person_id=named("li"), reason="moved_out", new_head=named("wang"))
    ]
    assert household.head == named("wang")


def test_a_death_ends_what_was_the_persons_alone():
    household = given_household(COUPLE, works("wang"), *given("SSI-CARD", "wang"), *given("HSG-PUB"))

    assert when(household, died("wang", "2013-04-01")) == [
        MemberDied(occurred_on=day("2013-04-01"), person_id=named("wang"))
    ]
    card, home = household.episodes[named("SSI-CARD")], household.episodes[named("HSG-PUB")]
    assert (card.ended_on, card.ended_reason, home.ended_on) == (day("2013-04-01"), "deceased", None)
    assert household.employments[named("wang at acme")].to == day("2013-03-31")


def test_the_last_member_may_die():
    household = given_household()

    when(household, died("li"))

    assert household.members == []


def test_another_head_is_recorded_and_the_same_again_changes_nothing():
    household = given_household(arrived(*ADULTS, MEI))

    assert when(household, headed_by("mei", minor=True)) == [
        HeadChanged(occurred_on=day("2013-03-01"), person_id=named("mei"), minor=True)
    ]
    assert when(household, headed_by("mei")) == []


def test_somebody_may_be_head_from_the_very_day_on_which_they_are_16():
    household = given_household(COUPLE, joined(person("mei", "1997-03")))

    assert refusal(household, headed_by("mei", "2013-03-09", born="1997-03-10")) == "head-is-minor"
    assert refusal(household, headed_by("mei", "2013-03-10", born="1997-03-10")) is None


def test_facts_are_recorded_as_they_are_told():
    [event] = when(given_household(), told(education="college", student=("2013-01-01",)))

    assert isinstance(event, MemberFactsRecorded)
    assert (event.facts.education, event.facts.student and event.facts.student.from_, event.facts.migrant) == (
        "college",
        day("2013-01-01"),
        None,
    )


def test_facts_may_be_told_of_the_time_before_a_member_joined():
    assert when(given_household(joined(MEI)), told("mei", on="2012-09-01", student=("2012-09-01",)))


@pytest.mark.parametrize(
    ("rule", "story", "phrase"),
    [
        ("unknown-code", [], seen("happy")),
        ("before-arrival", [], seen(on="2011-12-31")),
        ("move-from-elsewhere", [], moved(ELSEWHERE, source="410103002003")),
        ("move-to-same-place", [], moved(COMMUNITY)),
        ("move-before-last-move", [], moved(ELSEWHERE, "2011-12-31")),
        ("move-before-last-move", [moved(ELSEWHERE, "2013-02-01")], moved(COMMUNITY, "2013-01-31")),
        ("unknown-code", [], closed("weather")),
        ("closed-before-arrival", [], closed(on="2011-12-31")),
        ("person-already-a-member", [], joined(person("li"))),
        ("person-already-a-member", [left("wang", "2013-03-01")], joined(person("wang"), on="2013-02-28")),
        ("born-later", [], joined(person("mei", "2013-04"), on="2013-03-31")),
        ("resident-since-later", [], joined(person("mei", "2005-04", since="2013-03-02"))),
        ("unknown-code", [], joined(person("mei", "2005-04", education="wise"))),
        ("mother-not-a-member", [], born(mother="stranger")),
        ("mother-not-a-member", [left("wang", "2013-03-01")], born(mother="wang")),
        ("born-later", [], born(month="2013-04", on="2013-03-31")),
        ("person-already-a-member", [born()], born()),
        ("person-unknown", [], left("stranger")),
        ("person-not-a-member", [left("wang", "2013-02-01")], left("wang")),
        ("left-before-joining", [joined(MEI)], left("mei", "2013-02-28")),
        ("new-head-needed", [], left("li")),
        ("head-not-a-member", [], left("li", new_head=named("li"))),
        ("head-not-a-member", [], left("wang", new_head=named("stranger"))),
        ("last-member", [left("wang")], left("li")),
        ("unknown-code", [], left("wang", reason="bored")),
        ("move-to-same-household", [], left("wang", to_household=named("household"))),
        ("new-head-needed", [], died("li")),
        ("person-not-a-member", [died("wang")], died("wang")),
        ("person-not-a-member", [], headed_by("stranger")),
        ("head-is-minor", [joined(MEI)], headed_by("mei", born="2005-04-09")),
        ("resident-since-of-newborn", [], born(since="2013-03-01")),
        ("person-unknown", [], told("stranger", migrant=True)),
        ("person-left", [left("wang", "2013-03-01")], told("wang", on="2013-03-01", migrant=True)),
        ("nothing-recorded", [], told()),
        ("unknown-code", [], told(marital="complicated")),
        ("ends-before-start", [], told(pregnancy=("2013-03-01", "2013-02-28"))),
    ],
)
def test_a_command_on_members_is_refused_by_its_rule(rule, story, phrase):
    household = given_household(COUPLE, *story)

    assert refusal(household, phrase) == rule


RECENT_ONLY = [
    *(seen(on="2012-01-02"), moved(on="2012-01-02"), closed(on="2012-01-02")),
    *(born(month="2012-01", on="2012-01-02"), left("wang", "2012-01-02"), died("wang", "2012-01-02")),
    headed_by("wang", "2012-01-02"),
]


@pytest.mark.parametrize("phrase", RECENT_ONLY, ids=lambda phrase: phrase.command)
def test_what_happened_400_days_ago_needs_a_supervisor(phrase):
    last_day = phrase._replace(fields=phrase.fields | {next(iter(phrase.fields)): day("2012-01-26")})

    assert refusal(given_household(COUPLE), phrase, by=CLERK) == "back-dated-too-far"
    assert refusal(given_household(COUPLE), phrase, by=SUPERVISOR) is None
    assert refusal(given_household(COUPLE), last_day, by=CLERK) is None


HISTORY = [
    *(joined(MEI, on="2006-01-01"), told(on="2006-01-01", migrant=True), works(since="2006-01-01")),
    *(needs("JOB", on="2006-01-01"), requested("SSI-CARD", on="2006-01-01"), delivered("CUL-FIT", on="2006-01-01")),
]


@pytest.mark.parametrize("phrase", HISTORY, ids=lambda phrase: phrase.command)
def test_history_is_told_however_long_ago(phrase):
    assert refusal(given_household(), phrase, by=CLERK) is None


ANY = [
    *(seen(), moved(), closed(), joined(MEI), born(), left("wang"), died("wang"), headed_by("wang")),
    *(told(migrant=True), works(at="bolt"), stopped(), needs("JOB"), requested("SSI-PEN"), delivered("CUL-FIT")),
]


@pytest.mark.parametrize("phrase", ANY, ids=lambda phrase: phrase.command)
def test_nothing_is_recorded_before_it_happened(phrase):
    household = given_household(COUPLE, works(since="2012-02-01"))

    assert refusal(household, phrase, by=CLERK._replace(today=date(2013, 2, 28))) == "date-in-future"


@pytest.mark.parametrize("phrase", ANY, ids=lambda phrase: phrase.command)
def test_nothing_more_is_recorded_of_a_closed_household(phrase):
    household = given_household(COUPLE, works(since="2012-02-01"), closed(on="2013-02-01"))

    assert refusal(household, phrase) == "household-closed"


SETTLING = [
    *(stopped(), granted("SSI-CARD"), delivered("CUL-FIT"), ended("HLT-REC")),
    *(seen(), joined(MEI), needs("JOB"), requested("SSI-PEN"), works(at="bolt")),
]


@pytest.mark.parametrize("phrase", SETTLING, ids=lambda phrase: phrase.command)
def test_after_local_hukou_jobs_and_services_go_on_to_the_end_of_the_evaluation_year(phrase):
    asked, job = requested("SSI-CARD", on="2012-02-01"), works(since="2012-02-01")
    story = (COUPLE, job, asked, *given("HLT-REC", on="2012-03-01"))
    in_the_year = given_household(*story, closed("gained_local_hukou", "2013-02-01"))
    a_year_later = given_household(*story, closed("gained_local_hukou", "2012-09-30"))

    goes_on = phrase.command in ("end_employment", "grant_service", "record_delivery", "end_service")
    assert refusal(in_the_year, phrase) == (None if goes_on else "household-closed")
    assert refusal(a_year_later, phrase) == "household-closed"


def test_a_refused_command_records_nothing():
    household = given_household()
    version = household.version

    with pytest.raises(CaseworkError):
        when(household, moved(COMMUNITY))

    assert (household.collect_events(), household.version) == ([], version)
