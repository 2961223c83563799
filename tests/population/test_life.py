from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain, combinations, pairwise
from typing import Any
from uuid import UUID

import msgspec
import pytest

from casework.domain.aggregate import EVENT_TYPES
from casework.domain.assessment import Assessment, assess
from casework.domain.calendar import age_on, month_ends
from casework.domain.clock import Clock
from casework.domain.household import Household
from casework.domain.ids import PARTITIONS, partition_of
from casework.domain.indicators import INDICATORS
from casework.domain.policy import load_policy
from casework.domain.present import Present
from casework.domain.registry import Facts, Registry
from casework.log.append import Claim
from casework.log.codec import Metadata
from casework.population import rates
from casework.population.doubles import original_of
from casework.population.family import Member, household_id
from casework.population.office import City
from casework.population.timeline import timeline
from casework.population.told import Told
from casework.privacy.id_number import parse_id_number
from casework.privacy.matching import compare
from casework.privacy.persons import Persons
from casework.privacy.search import BLOCKS, KeyedHashes
from casework.privacy.vault import Vault
from tests.population.lives import SEED, UNTIL, Lived, NewCity, event_of, lived, recorded

REPEATED_OR_LATE = {
    "delivered-already",
    "employment-ended",
    "episode-ended",
    "household-closed",
    "lapsed-too-long",
    "moved-with-person",
    "need-not-open",
    "need-open",
    "not-eligible",
    "old-value-differs",
    "person-left",
    "renewal-not-later",
    "service-open",
    "voided",
}
"""What an office is refused that records something twice, or so late that the file says otherwise by then."""


@pytest.fixture(scope="module")
def facts(demo: City) -> Facts:
    told = timeline(demo.world, demo.span)
    return Registry().continued((position, recorded(each)) for position, each in enumerate(told, start=1)).facts


@pytest.fixture(scope="module")
def assessments(thousand: list[Lived], facts: Facts) -> list[Assessment]:
    days = (*month_ends(2014)[1::2], UNTIL)
    there = [life.household for life in thousand if life.told]
    return [assess(household, load_policy("2013.1"), day, facts) for household in there for day in days]


def everything_told(lives: list[Lived]) -> Iterator[Told]:
    return chain.from_iterable(life.told for life in lives)


def everybody(lives: list[Lived]) -> Iterator[Member]:
    for life in lives:
        yield from (*life.family.members, *life.family.births, *life.family.joins)


def test_the_same_seed_tells_the_same_life_byte_for_byte_whatever_the_keys_and_whoever_came_before(new_city, demo):
    other = new_city("demo")

    first = [lived(demo, number).told for number in (3, 4, 5)]
    again = [lived(other, number).told for number in (5, 4, 3)]

    assert [log(told) for told in first] == [log(told) for told in reversed(again)]


def log(told: list[Told]) -> list[tuple]:
    """Return what the log would hold of events: rows of the vault and keyed hashes are of one installation."""
    return [(each.at, each.stream_id, each.version, each.type, each.state, each.meta) for each in told]


def test_a_households_number_tells_its_partition():
    for number in range(0, 300, 7):
        assert partition_of(household_id(SEED, number)) == number % PARTITIONS


def test_a_life_is_recorded_in_order_and_ends_with_the_last_week(demo, thousand):
    for life in thousand:
        for file in (life.household, life.apart):
            mine = [each.version for each in life.told if each.stream_id == file.id]
            assert mine == list(range(1, file.version + 1))
        assert all(before.at <= after.at for before, after in pairwise(life.told))
        assert all(demo.span.begins <= each.at < demo.span.ends for each in life.told)


def test_nothing_is_recorded_before_it_happened(demo, thousand):
    for told in everything_told(thousand):
        assert event_of(told).occurred_on <= demo.span.day(told.at)


def test_the_events_fold_to_what_their_aggregate_remembers(thousand):
    for life in thousand:
        for file in (life.household, life.apart):
            folded = Household.fold(None, [recorded(each) for each in life.told if each.stream_id == file.id])

            assert folded is None or vars(folded) == vars(file)


NOT_MADE_UP = {
    "household.person-erased.v1",
    "household.id-number-released.v1",
    "household.transfer-requested.v1",
    "household.transfer-answered.v1",
}
"""People who were made up ask to be erased, and have no line in the ledger of erasures, which is no part of a log; one
office holds them all, and each has a number of their own."""


def test_every_event_that_a_household_can_have_occurs_in_the_first_thousand(thousand):
    told = {each.type for each in everything_told(thousand)}

    assert told == {name for name in EVENT_TYPES if name.startswith("household.")} - NOT_MADE_UP


def test_a_household_has_some_thirty_events(thousand):
    events = sum(len(life.told) for life in thousand)

    assert 27 <= events / len(thousand) <= 37


def test_every_indicator_is_met_and_missed_in_the_first_thousand(assessments):
    num, den = Counter[str](), Counter[str]()
    for assessment in assessments:
        for code, result in assessment.indicators.items():
            num[code] += result.num
            den[code] += result.den

    assert set(den) == set(load_policy("2013.1").indicators)
    assert all(0 < num[code] < den[code] for code in den)


def test_what_only_units_count_is_met_and_missed_too(thousand, facts):
    for code in ("K03B", "K03D", "NEEDS"):
        met = set()
        for life in thousand:
            here = Present(life.household, load_policy("2013.1"), UNTIL, facts)
            met |= {count.met for count in INDICATORS[code](here, Clock(UNTIL))}
        assert met == {True, False}, code


def test_school_levels_are_high_and_those_of_workplace_and_city_low(assessments):
    of_today = [a for a in assessments if a.as_of == UNTIL and a.is_assessed]
    mean = {level: _mean(a.levels[level].score for a in of_today) for level in of_today[0].levels}

    assert mean["school"] > 80 > 60 > mean["community"] > mean["workplace"] > mean["city"]
    assert 15 < _mean(a.overall.score for a in of_today) < 45


def _mean(scores: Iterator[int | None]) -> float:
    known = [score / 100 for score in scores if score is not None]
    return sum(known) / len(known)


def test_base_rates_are_those_of_the_country(assessments):
    """DOMAIN 7.3: contracts 43.9 %, employer-paid injury insurance 24 %, school 99 %, kindergarten 83 to 91 %."""
    rate = {}
    for code in ("WRK1", "SCH1", "SCH2"):
        counts = [a.indicators[code] for a in assessments if a.is_assessed]
        rate[code] = sum(c.num for c in counts) / sum(c.den for c in counts)

    assert rate["WRK1"] == pytest.approx(0.44, abs=0.08)
    assert rate["SCH1"] > 0.93
    assert 0.78 < rate["SCH2"] < 0.95


def test_households_are_as_large_and_as_restless_as_planned(demo, thousand):
    """DOMAIN 7.2, for lives of which on average some 1.6 years are told."""
    types = Counter(each.type for each in everything_told(thousand))
    years = sum((UNTIL - min(UNTIL, life.family.opened_on)).days for life in thousand) / 365
    size = sum(len(life.family.members) for life in thousand) / len(thousand)

    assert size == pytest.approx(2.4, abs=0.15)
    assert types["household.moved.v1"] / years == pytest.approx(rates.MOVES, abs=0.04)
    assert types["household.closed.v1"] / years == pytest.approx(rates.LEAVES, abs=0.04)
    assert types["household.member-born.v1"] / years == pytest.approx(0.025, abs=0.012)


def test_one_household_in_a_hundred_splits_and_one_takes_another_in(thousand):
    types = Counter(each.type for each in everything_told(thousand))

    assert 5 <= types["household.split.v1"] <= 20
    assert 5 <= types["household.merged-in.v1"] <= 20
    assert 0 < types["household.unmerged.v1"] < types["household.merged-in.v1"] / 2
    assert 5 <= types["household.reopened.v1"] <= types["household.closed.v1"] / 5


def test_people_have_their_say_over_what_is_held_of_them(thousand):
    told = [each for each in everything_told(thousand) if each.type.startswith("household.consent-given")]
    born = {member.id: member.born_on for member in everybody(thousand)}
    given = [event_of(each) for each in told]
    types = Counter(each.type for each in everything_told(thousand))

    assert {event.scope for event in given} == set(rates.CONSENTS)
    assert {event.by is not None for event in given} == {True, False}
    assert all((age_on(born[event.person_id], event.occurred_on) < 14) == (event.by is not None) for event in given)
    assert 0 < types["household.consent-withdrawn.v1"] < len(given) / 4
    assert 0 < types["household.erasure-requested.v1"] < 20


def test_a_search_for_duplicates_finds_all_who_have_two_files_and_hardly_anybody_else(demo, thousand):
    originals = {number: original_of(SEED, number) for number in range(len(thousand))}
    doubles = {
        frozenset({thousand[number].family.head.id, thousand[original].family.head.id})
        for number, original in originals.items()
        if original is not None
    }
    profiles = {member.id: member.profile for member in everybody(thousand)}
    hashes = KeyedHashes(demo.keys)
    blocks: dict[tuple[str, bytes], set[UUID]] = {}
    for person_id, profile in profiles.items():
        for key in hashes.search_keys(person_id, msgspec.to_builtins(profile)):
            if key.kind in BLOCKS:
                blocks.setdefault((key.kind, key.hash), set()).add(person_id)

    pairs = {frozenset(pair) for people in blocks.values() for pair in combinations(people, 2)}
    found = {pair for pair in pairs if compare(*(profiles[each] for each in pair)).is_probable}

    assert len(thousand) * rates.DOUBLES / 3 < len(doubles) < len(thousand) * rates.DOUBLES * 2
    assert found >= doubles
    assert len(found - doubles) <= len(thousand) / 300  # by chance, of the same name and nearly of one birthday


def test_who_has_two_files_has_no_number_in_the_second_and_comes_after_the_first(thousand):
    for number, life in enumerate(thousand):
        original = original_of(SEED, number)
        if original is not None:
            first, again = thousand[original].family, life.family
            assert (again.head.sex, again.head.born) == (first.head.sex, first.head.born)
            assert (again.head.profile.id_number, again.members) == (None, [again.head])
            assert (original < number, first.opened_on <= again.opened_on) == (True, True)


def test_both_files_of_a_split_or_a_merge_are_told_of_it_at_once(thousand):
    for life in thousand:
        others = [each for each in life.told if each.stream_id == life.apart.id]
        of_both = Counter(Metadata.decode(each.meta).command_id for each in life.told)
        shared = [each for each in others if of_both[Metadata.decode(each.meta).command_id] == 2]

        assert {each.type for each in shared} == {event_of(each).type_name for each in others} & {
            *("household.merged-away.v1", "household.restored.v1"),
            *(["household.registered.v1"] if life.apart.origin == "split" else []),
        }


def test_some_entries_are_corrected_voided_and_late(demo, thousand):
    services = [each for each in everything_told(thousand) if each.type.startswith("household.service-")]
    types = Counter(each.type for each in services)

    assert types["household.service-corrected.v1"] / len(services) == pytest.approx(0.02, abs=0.005)
    assert types["household.service-voided.v1"] / len(services) == pytest.approx(0.005, abs=0.002)
    assert late_share(demo, thousand) == pytest.approx(0.08, abs=0.025)


def late_share(demo: City, lives: list[Lived]) -> float:
    """Return which share of what happened after the file was opened was recorded over 30 days later."""
    delays = [
        demo.span.day(each.at) - event_of(each).occurred_on
        for life in lives
        for each in life.told
        if event_of(each).occurred_on > life.family.opened_on
    ]
    return sum(delay > timedelta(30) for delay in delays) / len(delays)


def test_feeds_repeat_themselves_and_nothing_comes_of_it(thousand):
    fed = sum(Metadata.decode(each.meta).source is not None for each in everything_told(thousand))
    refused = sum((life.refused for life in thousand), Counter[str]())
    repeated = sum(life.unchanged for life in thousand) + refused["delivered-already"] + refused["renewal-not-later"]

    assert 0.005 < repeated / fed < 0.015
    assert set(refused) <= REPEATED_OR_LATE
    assert refused.total() < fed / 50


def test_no_event_holds_what_names_a_person(thousand):
    for life in thousand:
        written = b"\n".join(part for each in life.told for part in (each.state, each.meta))
        profiles = [member.profile for member in everybody([life])]
        secrets = [secret for profile in profiles for secret in (profile.name, profile.phone, profile.id_number)]

        assert written.isascii()
        assert not any(secret.encode() in written for secret in secrets if secret)
        assert b"born_on" not in written


def test_id_numbers_are_made_up_and_nobody_shares_one(thousand):
    numbers = [member.profile.id_number for member in everybody(thousand) if member.profile.id_number]
    told = [parse_id_number(number, today=UNTIL, synthetic=True) for number in numbers]

    assert len(set(numbers)) == len(numbers) > len(list(everybody(thousand))) / 2
    assert {number.county for number in told} == {"419999"}


def test_what_names_a_person_is_in_the_vault_and_can_be_found(demo, thousand):
    life = thousand[0]
    sealed = {row.commitment: row for each in life.told for row in each.vault}
    registered = event_of(life.told[0])
    vault = Vault(demo.keys)

    assert len(registered.members) == len(life.family.members)
    for member, truth in zip(registered.members, life.family.members, strict=True):
        fields = vault.open(sealed[member.commitment])
        assert (fields["name"], fields["born_on"]) == (truth.profile.name, truth.profile.born_on.isoformat())
        assert any(key.subject_id == truth.id and key.kind == "name" for key in life.told[0].search_keys)


def test_claims_are_held_by_those_who_are_there_and_by_nobody_else(demo, thousand):
    for life in thousand:
        held: dict[Claim, Any] = {}
        for each in life.told:
            held = {claim: file for claim, file in held.items() if claim.subject_id not in each.released}
            held |= {claim: each.stream_id for claim in each.claims if claim.kind != "source"}

        files = [file for file in (life.household, life.apart) if not file.closed_on]
        there = [(file.id, person.person_id) for file in files for person in file.members]
        assert held == {claim: file for file, person in there for claim in _claims(demo, life, person)}


def _claims(demo: City, life: Lived, person_id):
    numbers = {member.id: member.profile.id_number for member in everybody([life])}
    persons = Persons(Vault(demo.keys), KeyedHashes(demo.keys), synthetic=True)
    return persons.claims(person_id, numbers[person_id])


def test_who_recorded_an_event_and_where_stands_beside_it(demo, thousand):
    metas = [Metadata.decode(each.meta) for each in everything_told(thousand)]

    assert {meta.role for meta in metas} == {"caseworker", "bureau", "service"}
    assert all(meta.community is not None and meta.command_id is not None for meta in metas)
    assert all((meta.source is None) == (meta.role != "service") for meta in metas)
    assert len({(meta.source, meta.source_ref) for meta in metas if meta.source}) == sum(
        m.source is not None for m in metas
    )
    assert {meta.unit for meta in metas if meta.role == "bureau"} <= {agency.id for agency in demo.world.agencies}
    assert any(meta.restricted for meta in metas)


def test_a_tiny_city_is_lived_in_too(new_city: NewCity):
    city = new_city("tiny")

    told = [each for number in range(30) for each in lived(city, number).told]

    assert {event_of(each).community for each in told if each.type == "household.registered.v1"} <= set(
        city.world.communities
    )
