"""Splits, merges, the way back from a merge, and reopening (DOMAIN 8.2 commands 5 to 7; RULES C4, C5, G4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from casework.domain.events.corrections import Change
from casework.domain.events.livelihood import NeedRecorded
from casework.domain.events.regrouping import HouseholdSplit
from casework.domain.events.residence import HouseholdRegistered
from casework.domain.household import Household
from casework.domain.residence import By
from casework.errors import CaseworkError
from tests.domain.given import (
    ADULTS,
    BAO,
    COMMUNITY,
    ELSEWHERE,
    LATER,
    MEI,
    Phrase,
    agreed,
    arrived,
    asked,
    assessed,
    born,
    cleared,
    closed,
    corrected,
    count,
    day,
    delivered,
    died,
    ended,
    given,
    headed_by,
    joined,
    left,
    moved,
    named,
    needs,
    person,
    refusal,
    requested,
    say,
    seen,
    told,
    voided,
    works,
)
from tests.domain.regrouped import again, merge, split, state, unmerge

STORY: list[Phrase] = [
    *(works("wang", "acme", "2012-06-01"), *given("EMP-CONTRACT", "wang", "2012-06-01", at="acme")),
    *(needs("JOB", "wang", "2012-05-01"), delivered("EMP-GUIDE", "wang", "2012-05-10")),
    *(*given("SSI-CARD", "wang"), *given("SSI-CARD", "li", id="card of li")),
    *(needs("HOUSING"), *given("HSG-PUB")),
]
ALL = ("SCH1", "WRK1", "WRK3", "COM1", "CIT1", "CIT2", "CIT3")


def family(name: str, *told: Phrase | list[Phrase]) -> Household:
    """A household by a name, of whom the first phrase says who arrived."""
    household = Household(named(name))
    tell(household, *told)
    return household


def tell(household: Household, *told: Phrase | list[Phrase]) -> None:
    """Give commands to a household, which keeps their events to be folded again."""
    for some in told:
        for phrase in some if isinstance(some, list) else [some]:
            getattr(household, phrase.command)(LATER, **phrase.fields)


def lis() -> Household:
    """Li and Wang with two children, and their story."""
    return family("lis", arrived(*ADULTS, MEI, BAO), STORY)


def zhaos() -> Household:
    """Zhao, who lives alone elsewhere."""
    return family(
        "zhaos",
        arrived(person("zhao"), on="2013-01-01", community=ELSEWHERE),
        given("SSI-CARD", "zhao", id="card of zhao"),
    )


def total(code: str, on: str, *households: Household) -> tuple[int, int]:
    """What households count together."""
    counts = [count(each, code, on) for each in households]
    known = [each for each in counts if isinstance(each, tuple)]
    return sum(num for num, _ in known), sum(den for _, den in known)


def refused(act: Callable[[], Any]) -> str | None:
    try:
        act()
    except CaseworkError as error:
        return error.code
    return None


def test_a_split_tells_both_streams_whole_what_is_theirs():
    source = lis()

    new = split(source, "wang", "mei", episodes=["HSG-PUB"])

    told, arrival = source.pending[-1].event, new.pending[0].event
    assert isinstance(told, HouseholdSplit)
    assert (told.new_household, told.members) == (new.id, (named("wang"), named("mei")))
    assert isinstance(arrival, HouseholdRegistered)
    assert (arrival.origin, arrival.from_household, arrival.head) == ("split", source.id, named("wang"))
    assert new.episodes[named("SSI-CARD")].terms[0].origin == (source.id, 8)
    assert state(again(new)) == state(new)
    assert state(again(source)) == state(source)


def test_what_households_count_is_the_same_before_and_after_a_split():
    source, whole = lis(), lis()

    new = split(source, "wang", "mei", on="2013-06-01", episodes=["HSG-PUB"])

    for on in ("2013-05-31", "2013-06-01", "2013-10-20"):
        for code in ALL[:-1]:
            assert total(code, on, source, new) == total(code, on, whole), (code, on)
    assert assessed(new, "2013-05-31").status == "not_arrived"
    assert new.community == COMMUNITY


@pytest.mark.parametrize(
    "late",
    [
        works("wang", "bolts", "2013-04-01"),
        needs("TRAINING", "wang", "2013-04-01"),
        told("wang", "2013-04-01", education="college"),
        requested("EDU-PRE", "wang", "2013-04-01"),
        delivered("EMP-GUIDE", "wang", "2013-04-01"),
    ],
    ids=lambda phrase: phrase.command,
)
def test_what_is_told_late_of_who_split_off_is_told_where_they_are(late: Phrase):
    source = lis()
    new = split(source, "wang", on="2013-06-01")

    assert refusal(source, late) == "moved-with-person"
    assert refusal(new, late) is None


def test_residence_in_the_city_is_kept_by_who_splits_off():
    new = split(lis(), "wang", "mei", on="2013-06-01")

    assert count(new, "SCH1", "2013-06-01") == (0, 1)


def test_a_service_of_the_household_goes_along_where_it_is_named_and_else_stays():
    stays, goes = lis(), lis()

    without, having = split(stays, "wang"), split(goes, "wang", episodes=["HSG-PUB"])

    assert [count(each, "CIT3", "2013-06-01") for each in (stays, without)] == [(1, 1), "not_applicable"]
    assert [count(goes, "CIT3", on) for on in ("2013-05-31", "2013-06-01")] == [(1, 1), (0, 1)]
    assert named("HSG-PUB") in having.episodes
    assert refusal(goes, ended("HSG-PUB", "2013-07-01")) == "record-moved"
    assert refusal(goes, requested("HSG-PUB", on="2013-07-01", id="another home")) is None
    assert refusal(having, ended("HSG-PUB", "2013-07-01")) is None


def test_a_need_of_the_household_goes_along_where_it_is_named_and_else_stays():
    source, whole = lis(), lis()

    new = split(source, "wang", episodes=["HSG-PUB"], needs=["HOUSING"], on="2013-06-01")

    asked = ("2013-05-31", "2013-06-01")
    assert [count(source, "CIT3", on) for on in asked] == [(1, 1), "not_applicable"]
    assert count(new, "CIT3", "2013-06-01") == (1, 1)
    for on in asked:
        assert total("CIT3", on, source, new) == total("CIT3", on, whole)
    assert new.needs[named("HOUSING")].origin == (source.id, 11)
    assert state(again(source)) == state(source)
    assert refusal(source, cleared("HOUSING", on="2013-07-01")) == "record-moved"
    assert refusal(source, needs("HOUSING", on="2013-07-02", id="another need")) is None
    assert refusal(new, needs("HOUSING", on="2013-07-02", id="a third")) == "need-open"
    assert refusal(new, cleared("HOUSING", on="2013-07-03")) is None


def test_a_need_of_the_household_since_a_merge_goes_back_along_where_it_is_named():
    source, target = lis(), zhaos()
    merge(source, target)
    tell(target, needs("LOW_INCOME", on="2013-07-01"), given("LIV-DIBAO", on="2013-07-02"))

    unmerge(target, source, episodes=["LIV-DIBAO"], needs=["LOW_INCOME"])

    assert [count(each, "COM4", "2013-09-01") for each in (source, target)] == [(1, 1), "not_applicable"]
    assert refusal(target, cleared("LOW_INCOME", on="2013-09-02")) == "record-moved"
    assert state(again(source))["people"] == source.people


@pytest.mark.parametrize("way", ["split", "merge", "unmerge"])
def test_what_somebody_answered_and_agreed_to_travels_with_them(way: str):
    source, target = lis(), zhaos()
    holder = target if way == "unmerge" else source
    if way == "unmerge":
        merge(source, target)
    tell(holder, agreed("wang", "survey", "2013-06-01"), asked("2013-06-01", "wang"))
    told = holder.version

    if way == "split":
        receiver = split(source, "wang", on="2013-09-01")
    elif way == "merge":
        merge(source, target, on="2013-09-01")
        receiver = target
    else:
        unmerge(target, source, on="2013-09-01")
        receiver = source

    surveys = receiver.people[named("wang")].surveys
    assert [(each.on, each.answers, each.origin) for each in surveys] == [
        (day("2013-06-01"), {"q1": "often", "q2": 4, "q3": True}, (holder.id, told))
    ]
    assert receiver.people[named("wang")].consents[0].scope == "survey"
    assert refusal(receiver, asked("2013-06-01", "wang", q1="never")) == "survey-told"
    assert state(again(receiver))["people"] == receiver.people


def test_what_went_with_a_split_comes_back_with_a_merge():
    source = lis()
    new = split(source, "wang", episodes=["HSG-PUB"])

    merge(new, source, on="2013-08-01")

    asked = ("2013-05-31", "2013-07-31", "2013-08-01")
    assert [count(source, "CIT3", on) for on in asked] == [(1, 1), (0, 1), (1, 1)]
    assert [count(source, "WRK1", on) for on in asked] == [(1, 1), "not_applicable", (1, 1)]
    assert refusal(source, ended("HSG-PUB", "2013-08-02")) is None


@pytest.mark.parametrize(
    ("rule", "names", "changed"),
    [
        ("nobody-stays", ["li", "wang", "mei", "bao", "newcomer"], {"on": "2013-07-01"}),
        ("new-head-needed", ["li", "bao"], {}),
        ("head-not-a-member", ["li"], {"new_head": "zhao"}),
        ("head-not-a-member", ["wang"], {"new_head": "wang"}),
        ("person-unknown", ["zhao"], {}),
        ("before-arrival", ["wang"], {"on": "2011-12-31"}),
        ("left-before-joining", ["newcomer"], {"on": "2013-06-01"}),
        ("date-in-future", ["wang"], {"on": "2020-01-02"}),
        ("back-dated-too-far", ["wang"], {"on": "2013-06-01", "by": By(today=date(2019, 1, 1))}),
        ("episode-of-person", ["wang"], {"episodes": ["SSI-CARD"]}),
        ("episode-unknown", ["wang"], {"episodes": ["nothing"]}),
        ("need-of-person", ["wang"], {"needs": ["JOB"]}),
        ("need-unknown", ["wang"], {"needs": ["nothing"]}),
    ],
)
def test_a_split_that_cannot_be_is_refused(rule: str, names: list[str], changed: dict[str, Any]):
    source = lis()
    tell(source, joined(person("newcomer"), on="2013-07-01"))

    assert refused(lambda: split(source, *names, **changed)) == rule


def test_a_closed_household_is_not_split():
    source = lis()
    tell(source, closed(on="2013-05-01"))

    assert refused(lambda: split(source, "wang")) == "household-closed"


def test_what_households_count_is_the_same_before_and_after_a_merge():
    source, target = lis(), zhaos()
    apart = lis(), zhaos()

    merge(source, target, on="2013-06-01")

    for on in ("2013-05-31", "2013-06-01", "2013-10-20"):
        for code in ALL:
            assert total(code, on, source, target) == total(code, on, *apart), (code, on)
    assert [assessed(source, on).status for on in ("2013-05-31", "2013-06-01")] == ["assessed", "merged_away"]
    assert state(again(source)) == state(source)
    assert state(again(target)) == state(target)


def test_services_of_the_household_count_in_the_other_from_the_day_of_the_merge():
    source, target = lis(), zhaos()
    tell(source, delivered("COM-VISIT", on="2013-05-20"))

    merge(source, target, on="2013-06-01")

    for code in ("CIT3", "COM5"):
        before, after = count(target, code, "2013-05-31"), count(target, code, "2013-06-01")
        assert before in ("not_applicable", (0, 1)), code
        assert after == (1, 1), code
    assert assessed(target, "2013-05-30").next_change_on == day("2013-06-01")


@pytest.mark.parametrize(
    "phrase",
    [seen(), moved("410105001003"), closed(), joined(person("x")), ended("SSI-CARD"), left("wang"), needs("TRAINING")],
    ids=lambda phrase: phrase.command,
)
def test_what_was_merged_away_takes_nothing_more_and_says_where_it_went(phrase: Phrase):
    source, target = lis(), zhaos()
    merge(source, target)

    with pytest.raises(CaseworkError) as refused:
        tell(source, phrase)

    assert refused.value.code == "household-merged-away"
    assert refused.value.values == {"merged_into": target.id}
    assert str(target.id) in refused.value.sentence("zh")


def test_neither_a_split_nor_a_merge_nor_a_reopening_follows_a_merge():
    source, target, third = lis(), zhaos(), family("third", arrived(person("qian")))
    merge(source, target)

    for act in (
        lambda: split(source, "wang"),
        lambda: merge(source, third),
        lambda: merge(third, source),
        lambda: tell(source, reopened()),
    ):
        assert refused(act) == "household-merged-away"


@pytest.mark.parametrize(
    ("rule", "on", "by"),
    [
        ("before-arrival", "2012-12-31", LATER),
        ("date-in-future", "2020-01-02", LATER),
        ("back-dated-too-far", "2013-06-01", By(today=date(2019, 1, 1))),
    ],
)
def test_a_merge_that_cannot_be_is_refused(rule: str, on: str, by: By):
    assert refused(lambda: merge(lis(), zhaos(), on=on, by=by)) == rule


def test_a_household_is_not_merged_with_itself_nor_with_a_closed_one():
    source, gone = lis(), zhaos()
    tell(gone, closed(on="2013-05-01"))

    assert refused(lambda: merge(source, source)) == "merge-with-itself"
    assert refused(lambda: merge(source, gone)) == "household-closed"
    assert refused(lambda: merge(gone, lis())) == "household-closed"


def test_two_episodes_of_an_exclusive_service_both_stay_and_are_named():
    source, target = lis(), family("zhaos", arrived(person("zhao")), given("HSG-PUB", id="home of zhao"))

    merge(source, target)

    assert target.taken_in[source.id].duplicates == (named("HSG-PUB"),)
    assert {named("HSG-PUB"), named("home of zhao")} <= target.episodes.keys()
    assert refusal(target, ended("HSG-PUB", "2013-06-02")) is None
    assert refusal(target, requested("HSG-PUB", on="2013-06-03", id="third")) == "service-open"


def test_a_record_that_is_known_by_the_same_id_in_both_is_not_lost():
    same_card = family("zhaos", arrived(person("zhao")), given("SSI-CARD", "zhao"))
    same_home = family("qians", arrived(person("qian")), given("HSG-PUB"))

    assert refused(lambda: merge(lis(), same_card)) == "record-twice"
    assert refused(lambda: merge(lis(), same_home)) == "record-twice"


def test_a_merge_is_undone_as_if_it_had_never_been():
    source, target, apart = lis(), zhaos(), (lis(), zhaos())
    merge(source, target, on="2013-06-01")
    of_li = [ended("card of li", "2013-07-01"), cleared("HOUSING", on="2013-07-02"), *given("HLT-REC", "bao")]
    of_li += [works("li", "other", "2013-07-01"), died("mei", "2013-08-01"), left("bao", "2013-08-02", "left_city")]
    of_zhao = [seen(on="2013-07-03"), delivered("COM-VISIT", on="2013-07-04"), joined(person("qian"), "2013-07-05")]
    of_zhao += [moved("410105001003", "2013-07-06"), works("zhao", "acme", "2013-07-01")]
    for phrase in (*of_li, *of_zhao):
        tell(target, phrase)
    for household, phrases in zip(apart, (of_li, of_zhao), strict=True):
        tell(household, *phrases)

    unmerge(target, source, on="2013-09-01")

    for on in ("2013-05-31", "2013-06-15", "2013-07-15", "2013-09-01", "2013-10-20"):
        for one, other in zip((source, target), apart, strict=True):
            mine, theirs = assessed(one, on), assessed(other, on)
            assert {code: (r.num, r.den, r.state) for code, r in mine.indicators.items()} == {
                code: (r.num, r.den, r.state) for code, r in theirs.indicators.items()
            }, on
            assert (mine.status, mine.community) == (theirs.status, theirs.community)
    assert (source.closed_on, source.merged_into, source.head) == (None, None, named("li"))
    assert {person.person_id for person in source.members} == {named("li"), named("wang")}
    assert state(again(source))["people"] == source.people


def test_what_went_back_is_told_where_it_belongs():
    source, target = lis(), zhaos()
    merge(source, target)

    unmerge(target, source)

    assert refusal(target, ended("SSI-CARD", "2013-09-02")) == "moved-with-person"
    assert refusal(target, ended("HSG-PUB", "2013-09-02")) == "record-moved"
    assert refusal(target, works("wang", "other", "2013-09-02")) == "person-left"
    assert refusal(source, ended("SSI-CARD", "2013-09-02")) is None
    assert refusal(source, voided("HSG-PUB", "2013-09-02")) is None
    assert refusal(source, corrected("EMP-CONTRACT", "evidence.kind", "open", "fixed", "2013-09-03")) is None
    assert refusal(target, needs("HOUSING", on="2013-09-03", id="of zhao")) is None


def test_who_and_what_came_since_goes_along_where_it_is_named():
    source, target = lis(), zhaos()
    merge(source, target, on="2013-06-01")
    tell(target, born("baby", on="2013-07-31", month="2013-07", mother="wang"))
    tell(target, delivered("COM-HALL", on="2013-07-01", id="at the hall"), *given("SSI-CARD", "baby", id="of baby"))

    unmerge(target, source, members=["baby"], episodes=["at the hall"])

    assert count(source, "CIT2", "2013-09-01") == (3, 5)
    assert [count(each, "COM5", "2013-09-01") for each in (source, target)] == [(1, 1), (0, 1)]
    assert source.people[named("baby")].spells[0].resident_since == day("2013-07-31")
    assert refusal(source, ended("of baby", "2013-09-02")) is None


def test_a_newborn_goes_with_the_mother_who_goes_though_nobody_names_it():
    source, target = lis(), family("target", arrived(person("zhao", sex="female"), on="2012-02-01"))
    merge(source, target, on="2013-06-01")
    tell(target, born("baby", on="2013-07-31", month="2013-07", mother="wang"))
    tell(target, born("other", on="2013-07-31", month="2013-07", mother="zhao"))

    unmerge(target, source)

    assert [named("baby") in {p.person_id for p in each.members} for each in (source, target)] == [True, False]
    assert [named("other") in {p.person_id for p in each.members} for each in (source, target)] == [False, True]
    assert state(again(source)) == state(source)


def test_a_merge_can_be_undone_and_done_again():
    source, target = lis(), zhaos()
    for _ in range(2):
        merge(source, target, on="2013-06-01")
        unmerge(target, source, on="2013-06-02")
    merge(source, target, on="2013-07-01")

    assert [count(target, "CIT2", on) for on in ("2013-06-30", "2013-07-01")] == [(1, 1), (3, 5)]
    assert [count(source, "CIT2", on) for on in ("2013-06-30", "2013-07-01")] == [(2, 4), "merged_away"]
    assert state(again(target)) == state(target)


def test_a_merge_into_what_is_merged_on_is_undone_step_by_step():
    source, target, third = lis(), zhaos(), family("third", arrived(person("qian")))
    merge(source, target, on="2013-06-01")
    merge(target, third, on="2013-07-01")
    tell(third, ended("SSI-CARD", "2013-08-01"))
    assert refused(lambda: unmerge(target, source)) == "household-merged-away"
    assert refused(lambda: unmerge(third, source)) == "not-merged"

    unmerge(third, target, on="2013-09-01")
    unmerge(target, source, on="2013-09-01")

    assert [count(each, "CIT2", "2013-09-01") for each in (source, target, third)] == [(1, 4), (1, 1), (0, 1)]


def gone_on(target: Household) -> None:
    split(target, "wang", on="2013-07-01")


def home_given_away(target: Household) -> None:
    tell(target, joined(person("qian"), "2013-06-15"))
    split(target, "qian", on="2013-07-01", episodes=["HSG-PUB"])


def left_alone(target: Household) -> None:
    tell(target, headed_by("li", "2013-06-02"), left("zhao", "2013-07-01", "left_city"))


def all_gone(target: Household) -> None:
    tell(target, *(left(name, "2013-07-01", "left_city") for name in ("li", "wang", "mei", "bao")))


@pytest.mark.parametrize(
    ("rule", "meanwhile", "changed"),
    [
        ("merged-people-elsewhere", gone_on, {}),
        ("merged-records-elsewhere", home_given_away, {}),
        ("unmerge-leaves-nobody", left_alone, {}),
        ("unmerge-leaves-nobody", all_gone, {}),
        ("new-head-needed", lambda target: tell(target, headed_by("li", "2013-06-02")), {}),
        ("head-not-a-member", lambda target: tell(target, headed_by("li", "2013-06-02")), {"new_head": "wang"}),
        ("new-head-needed", lambda target: tell(target, died("li", "2013-07-01")), {}),
        ("head-not-a-member", lambda target: tell(target, died("li", "2013-07-01")), {"head": "zhao"}),
        ("unmerged-before-merge", lambda target: None, {"on": "2013-05-31"}),
        ("person-not-a-member", lambda target: None, {"members": ["zhao"]}),
        ("member-twice", lambda target: None, {"members": ["wang"]}),
        ("episode-of-person", lambda target: None, {"episodes": ["SSI-CARD"]}),
        ("need-of-person", lambda target: None, {"needs": ["JOB"]}),
        ("date-in-future", lambda target: None, {"on": "2020-01-02"}),
        ("back-dated-too-far", lambda target: None, {"by": By(today=date(2019, 1, 1))}),
    ],
)
def test_a_merge_that_can_no_longer_be_undone_is_not(
    rule: str, meanwhile: Callable[[Household], object], changed: dict[str, Any]
):
    source, target = lis(), zhaos()
    merge(source, target, on="2013-06-01")
    meanwhile(target)

    assert refused(lambda: unmerge(target, source, **changed)) == rule


def test_a_new_head_is_named_where_the_old_one_died_meanwhile():
    source, target = lis(), zhaos()
    merge(source, target)
    tell(target, died("li", "2013-07-01"))

    unmerge(target, source, head="wang")

    assert source.head == named("wang")
    assert count(source, "CIT2", "2013-09-01") == (1, 3)


def reopened(on: str = "2013-06-01", community: str = COMMUNITY) -> Phrase:
    return say("reopen_household", reopened_on=day(on), community=community)


def test_a_household_that_opens_again_counts_again_from_that_day():
    household = lis()
    tell(household, closed(on="2013-03-01"), reopened("2013-06-01", ELSEWHERE))

    asked = ("2013-02-28", "2013-03-01", "2013-05-31", "2013-06-01")
    assert [assessed(household, on).status for on in asked] == ["assessed", "closed", "closed", "assessed"]
    assert [assessed(household, on).community for on in asked] == [COMMUNITY, None, None, ELSEWHERE]
    assert assessed(household, "2013-03-10").next_change_on == day("2013-06-01")
    assert count(household, "WRK1", "2013-06-01") == (0, 1)  # the job went on, the contract ended with the closing
    assert state(again(household)) == state(household)


def test_residence_begins_anew_with_a_reopening():
    household = lis()
    tell(household, closed(on="2013-03-01"), reopened("2013-06-01"))

    asked = ("2013-02-28", "2013-06-01", "2013-06-30", "2013-07-01")
    assert [count(household, "SCH1", on) for on in asked] == [(0, 1), "not_applicable", "not_applicable", (0, 1)]


def test_who_gained_local_hukou_settles_until_the_file_opens_again():
    household = lis()
    tell(household, closed("gained_local_hukou", "2013-03-01"), reopened("2013-06-01"))

    asked = ("2013-03-01", "2013-05-31", "2013-06-01")
    assert [(a.status, a.settled) for a in (assessed(household, on) for on in asked)] == [
        *(("assessed", True), ("assessed", True), ("assessed", False)),
    ]


def test_what_was_registered_in_error_counts_from_its_reopening_alone():
    household = lis()
    tell(household, closed("registered_in_error", "2013-03-01"))
    assert assessed(household, "2012-06-01").status == "closed"

    tell(household, reopened("2013-06-01"))

    assert [assessed(household, on).status for on in ("2012-06-01", "2013-06-01")] == ["closed", "assessed"]


def test_a_file_closes_and_opens_several_times():
    household = lis()
    tell(household, closed(on="2013-03-01"), reopened("2013-04-01"), closed(on="2013-05-01"))

    assert refusal(household, reopened("2013-04-30")) == "reopened-before-closing"
    assert refusal(household, seen(on="2013-05-02")) == "household-closed"
    assert [assessed(household, on).status for on in ("2013-03-31", "2013-04-01", "2013-05-01")] == [
        *("closed", "assessed", "closed"),
    ]


@pytest.mark.parametrize(
    ("rule", "told", "phrase", "by"),
    [
        ("household-open", [], reopened(), LATER),
        ("reopened-before-closing", [closed(on="2013-06-02")], reopened(), LATER),
        ("date-in-future", [closed()], reopened("2020-01-02"), LATER),
        ("back-dated-too-far", [closed()], reopened(), By(today=date(2019, 1, 1))),
    ],
)
def test_a_reopening_that_cannot_be_is_refused(rule: str, told: list[Phrase], phrase: Phrase, by: By):
    household = lis()
    tell(household, *told)

    assert refusal(household, phrase, by) == rule


def test_an_entry_is_not_voided_once_what_it_tells_went_and_came_back():
    source, target = lis(), zhaos()
    merge(source, target)
    unmerge(target, source)
    told = next(v for v, entry in enumerate(source.entries, 1) if isinstance(entry, NeedRecorded))

    void = say("void_entry", voided_on=day("2013-09-02"), voids=told, reason="never_happened")

    assert refusal(source, void) == "entry-carried"
    assert refusal(source, cleared("JOB", "mistaken", on="2013-09-02")) is None


def test_an_entry_of_a_need_that_went_back_is_voided_where_it_is():
    source, target = lis(), zhaos()
    merge(source, target)
    tell(target, needs("LOW_INCOME", on="2013-06-02"), cleared("HOUSING", on="2013-06-03"))
    entry = target.version
    unmerge(target, source)

    assert refusal(target, say("void_entry", voided_on=day("2013-09-02"), voids=entry, reason="never_happened")) == (
        "record-moved"
    )
    assert source.needs[named("HOUSING")].cleared_reason == "met"


def test_what_was_corrected_of_a_person_meanwhile_goes_back_with_them():
    source, target = lis(), zhaos()
    merge(source, target)
    change = Change("birth_month", "2005-04", "2005-05")
    fields = {"person_id": named("mei"), "changes": [change], "reason": "entry_error"}
    tell(target, say("correct_member_facts", corrected_on=day("2013-07-01"), **fields))

    unmerge(target, source)

    assert source.people[named("mei")].birth_month == "2005-05"
