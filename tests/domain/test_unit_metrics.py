"""The metrics of units: every formula of DOMAIN 8.6, as RULES U make it exact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from math import prod
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.domain.codes import codes
from casework.domain.evaluation import AgencyCounts, ProviderCounts, SchoolCounts, UnitYear
from casework.domain.kinds import round_kinds
from casework.domain.measured import UnitMetric, hundredths
from casework.domain.metrics import WIDTH
from casework.domain.policy import Kind, Policy
from casework.domain.registry import unit_id
from casework.domain.scoring import Ratio
from casework.domain.unit_events import UnitEntryVoided
from casework.domain.unit_metrics import measure
from tests.domain.given_units import (
    CITY,
    POLICY,
    SPRING,
    YEAR,
    Told,
    closed,
    fact,
    kind,
    literal_ten,
    month,
    months,
    moved,
    registry,
    unit,
    with_goals,
)

DISTRICT = "410105"
ALL_APPLIES = (100, 100, 100, 100)


def measures(
    of: str | Kind,
    years: Mapping[str, UnitYear],
    *told: Told,
    city: tuple[Told, ...] = CITY,
    policy: Policy = POLICY,
) -> dict[str, Any]:
    """What the units of a kind are measured at, by code."""
    by_id = {unit_id(code): year for code, year in years.items()}
    wanted = of if isinstance(of, Kind) else kind(of)
    return {each.code: each for each in measure(wanted, by_id, registry(*city, *told), policy, YEAR)}


def shown(scores: Mapping[str, Fraction | None]) -> dict[str, int | None]:
    return {code: None if score is None else hundredths(score) for code, score in scores.items()}


# Golden case 1 of DOMAIN 8.4: summed up over households alike, a unit's rates are a household's.
GOLDEN = {
    "SCH1": (1, 1), "SCH2": (0, 1), "SCH3": (1, 1), "WRK1": (1, 2), "WRK3": (1, 1), "WRK5": (1, 2),
    "COM1": (4, 4), "COM2": (1, 2), "COM3": (2, 2), "COM5": (1, 1),
    "CIT1": (8, 12), "CIT2": (3, 4), "CIT3": (0, 1), "CIT5": (1, 1),
    "NEEDS": (1, 4),
}  # fmt: skip


def golden(households: int = 400) -> UnitYear:
    counts = {code: (num * households, den * households) for code, (num, den) in GOLDEN.items()}
    return months(counts, households=households, applicable=ALL_APPLIES)


def test_alone_in_its_kind_a_unit_is_at_its_own_rates():
    """The pooled rate is its own, so that shrinkage changes nothing: the levels are those of golden case 1."""
    found = measures("K01", {DISTRICT: golden()})[DISTRICT]

    assert shown(found.levels) == {"school": 7500, "workplace": 6429, "community": 8235, "city": 5880}
    assert shown(found.parts) == {"levels": 6951, "facts": 0}
    assert found.metric == found.parts["levels"] * Fraction(8, 10)
    assert hundredths(found.metric) == 5561
    assert (found.size, found.not_ranked) == (400, None)


def test_the_balance_of_levels_is_exact_to_twelve_decimals():
    found = measures("K01", {DISTRICT: golden()})[DISTRICT]
    product = prod(level for level in found.levels.values() if level is not None)

    balanced, step = found.parts["levels"], Fraction(1, 10**12)
    assert balanced is not None
    assert balanced.denominator <= 10**12
    assert (balanced - step / 2) ** 4 < product < (balanced + step / 2) ** 4


def test_a_level_with_nothing_applicable_is_left_out_and_one_at_nothing_counts_as_the_floor():
    without_school = {code: cell for code, cell in GOLDEN.items() if not code.startswith("SCH")}
    school_at_zero = {**GOLDEN, "SCH1": (0, 1), "SCH3": (0, 1)}

    left_out = measures("K01", {DISTRICT: months(without_school, households=400)})[DISTRICT]
    floored = measures("K01", {DISTRICT: months(school_at_zero, households=400)})[DISTRICT]

    assert left_out.levels["school"] is None
    assert hundredths(left_out.parts["levels"]) == 6777
    assert floored.levels["school"] == 0
    assert hundredths(floored.parts["levels"]) == 2362


def test_a_goal_below_one_is_reached_sooner_and_never_exceeded():
    years = {DISTRICT: months({"COM1": (40, 100), "COM2": (90, 100)}, households=400)}

    found = measures("K01", years, policy=with_goals(Ratio(4, 5)))[DISTRICT]

    assert found.levels["community"] == Fraction(25 * 50 + 30 * 100, 55)


def test_rates_are_shrunk_to_those_of_the_kind_with_a_twelfth_of_the_sums():
    years = {DISTRICT: months({"COM1": (300, 400)}, households=400), "410122": months({"COM1": (0, 20)}, households=20)}

    found = measures("K01", years)
    large, small = (found[code].indicators["COM1"] for code in (DISTRICT, "410122"))

    assert (large.num, large.den, large.n) == (3600, 4800, 400)
    assert large.mu == small.mu == Fraction(300, 420)
    assert large.m == small.m
    assert small.shrunk == small.m * small.mu / (20 + small.m)
    assert 0 < found["410122"].levels["community"] < found[DISTRICT].levels["community"] < 75


def test_a_unit_that_was_there_for_part_of_the_year_has_that_much_less_to_count():
    half = UnitYear((month(),) * 6 + (month({"COM1": (30, 40)}, households=400),) * 6)

    found = measures("K01", {DISTRICT: half})[DISTRICT]

    assert (found.indicators["COM1"].n, found.size) == (20, 200)
    assert set(found.indicators) == {"COM1"}


def test_facts_weigh_a_fifth_in_the_plain_mean_of_those_that_apply():
    """Of the eleven facts of a district the school points are left out where there is no new-type community."""
    told = [
        unit("410122001001", "community", "410122"),
        fact("410122", "TPAY"),
        fact("410122", "CHILDSYS", "care", "rescue"),
    ]

    found = measures("K01", {"410122": golden()}, *told)["410122"]

    assert found.facts["UF-SCHPOINT"] is None
    assert found.parts["facts"] == 100 * Fraction(3, 2) / 10
    assert found.metric == Fraction(8, 10) * found.parts["levels"] + Fraction(2, 10) * 15


def test_a_township_is_measured_by_four_facts():
    found = measures("K02", {"410105001": golden()}, fact("410105001001", "COMHALL"))["410105001"]

    assert found.facts == {"UF-EMPNET": 0, "UF-COMHALL": Fraction(1, 2), "UF-FPST": 0, "UF-CULFAC": 0}
    assert found.parts["facts"] == Fraction(100, 8)
    assert found.above == unit_id(DISTRICT)


EMPLOYER = unit("acme", "employer", DISTRICT)


def test_an_employer_is_measured_by_contracts_insurance_the_collective_contract_and_training():
    counts = {"WRK1": (20, 40), "K03B": (60, 200), "K03D": (10, 40), "WRK5": (40, 40)}

    found = measures("K03", {"acme": months(counts, employees=40)}, EMPLOYER, fact("acme", "COLL", since=SPRING))[
        "acme"
    ]

    assert found.parts == {"contract": 50, "insurance": 30, "collective": 50, "training": 25}
    assert found.metric == Fraction(35 * 50 + 35 * 30 + 15 * 50 + 15 * 25, 100)
    assert (found.size, found.not_ranked, found.completeness, found.coverage) == (40, None, None, None)
    assert set(found.indicators) == {"contract", "insurance", "training"}


AGENCY = unit("hall", "agency", "410105001")
COUNTED = AgencyCounts(
    decided_in_time=90, decided=110, overdue=10, ended_direct=40, ended=50, answered_in_time=6, referrals_due=8,
    faulted=12, episodes=120, served=60,
)  # fmt: skip


def agency(counts: AgencyCounts = COUNTED, *told: Told, area: int = 80) -> Any:
    years = {"hall": UnitYear((), agency=counts), "410105001": months(households=area)}
    return measures("K04", years, AGENCY, *told)["hall"]


def test_an_agency_is_measured_by_five_parts():
    found = agency()

    assert found.parts == {"in_time": 75, "one_stop": 80, "referrals_in_time": 75, "without_fault": 90, "reach": 75}
    assert found.metric == 79
    assert (found.size, found.not_ranked) == (120, None)
    assert found.indicators["in_time"].n == 120  # counted by events, not by month ends


def test_a_part_of_an_agency_without_anything_to_count_is_left_out():
    found = agency(COUNTED._replace(answered_in_time=0, referrals_due=0), area=0)

    assert (found.parts["referrals_in_time"], found.parts["reach"]) == (None, None)
    assert found.metric == Fraction(75 + 80 + 90, 3)


def test_an_agency_reaches_no_more_than_its_whole_area_and_has_no_more_faults_than_episodes():
    found = agency(COUNTED._replace(served=500, faulted=130))

    assert (found.parts["reach"], found.parts["without_fault"]) == (100, 0)


def test_an_agencys_area_is_that_of_whoever_administers_it_at_each_month_end():
    years = {
        "hall": UnitYear((), agency=COUNTED),
        "410105001": months(households=80),
        "410105002": months(households=160),
    }

    found = measures("K04", years, AGENCY, moved("hall", "410105002", SPRING))["hall"]

    assert found.parts["reach"] == 50


def test_a_training_provider_is_measured_by_four_parts():
    counts = ProviderCounts(
        completed=30,
        enrolled=40,
        certified=15,
        completers=30,
        employed=8,
        unemployed_at_entry=10,
        with_need=20,
        trainees=40,
    )

    found = measures("K05", {"p": UnitYear((), provider=counts)}, unit("p", "training_provider", DISTRICT))["p"]

    assert found.parts == {"completed": 75, "certified": 50, "employed": 80, "with_need": 50}
    assert found.metric == Fraction(25 * 75 + 25 * 50 + 35 * 80 + 15 * 50, 100)
    assert (found.size, found.not_ranked) == (30, None)


def test_persons_are_not_measured():
    assert measures("K06", {DISTRICT: golden()}) == {}


def test_a_community_is_measured_by_two_levels_in_the_plain_mean_and_its_own_facts():
    found = measures("K07", {"410105001002": golden(60)}, fact("410105001002", "FITSITE"))["410105001002"]

    assert shown(found.levels) == {"school": 7500, "community": 8235}
    assert found.parts["levels"] == (found.levels["school"] + found.levels["community"]) / 2
    assert found.facts["UF-SCHPOINT"] is None  # it is not of the new type
    assert found.parts["facts"] == 25
    assert found.not_ranked is None


def test_a_school_is_measured_by_five_parts_of_which_the_record_tells_two_together():
    year = months({"SCH3": (30, 40), "SCH1": (40, 40)}, pupils=40)._replace(school=SchoolCounts(9, 10, 19, 20))

    found = measures(
        "K08", {"s": year}, unit("s", "school", DISTRICT), fact("s", "SCHSTD", "books", "ict", "teachers", since=SPRING)
    )["s"]

    assert found.parts == {"admitted": 90, "fee_free": 75, "mixed_class": 75, "kept": 95, "standard": 25}
    assert (found.metric, found.size) == (72, 40)


def test_a_unit_is_not_ranked_for_one_reason_and_its_figures_are_still_there():
    little_known = months(GOLDEN, households=300, known=(59, 59, 59, 59), applicable=ALL_APPLIES)
    just_known = months(GOLDEN, households=300, known=(60, 60, 60, 60), applicable=ALL_APPLIES)

    def district(year: UnitYear, *told: Told) -> Any:
        return measures("K01", {DISTRICT: year}, *told)[DISTRICT]

    assert [district(each).not_ranked for each in (golden(299), golden(300), little_known, just_known)] == [
        "too_small",
        None,
        "incomplete",
        None,
    ]
    assert district(golden(299)).metric == district(golden(300)).metric
    assert district(golden(), closed(DISTRICT, date(2013, 9, 30))).not_ranked == "unit_closed"
    assert district(golden(), closed(DISTRICT, date(2013, 10, 1))).not_ranked is None


def test_a_unit_whose_making_was_taken_back_is_not_measured():
    told = unit("works", "employer", DISTRICT, on=SPRING)
    back = ("works", UnitEntryVoided(occurred_on=SPRING, voids=1, reason="entry_error"))

    assert [measures("K03", {}, *some).keys() for some in ([told], [told, back])] == [{"works"}, set()]


def test_a_large_unit_of_which_nothing_was_counted_is_not_ranked():
    kind_without_size = msgspec.structs.replace(kind("K05"), min_size=0)

    found = measures(kind_without_size, {}, unit("p", "training_provider", DISTRICT))["p"]

    assert (found.metric, found.not_ranked, found.weakest) == (None, "nothing_counted", None)


def test_every_reason_has_a_label():
    assert [row.code for row in codes("not_ranked_reasons")] == [
        "unit_closed",
        "too_small",
        "incomplete",
        "nothing_counted",
    ]


def test_units_come_in_the_order_of_their_codes_and_none_from_before_or_after_the_year():
    told = [
        unit("410101", "zone", "4101"),
        unit("410199", "district", "4101", on=date(2013, 10, 1)),
        unit("410100", "district", "4101"),
        closed("410100", date(2012, 10, 1)),
    ]

    assert list(measures("K01", {DISTRICT: golden()}, *told)) == ["410101", DISTRICT, "410122"]


def test_the_literal_ten_measure_each_of_their_units_against_its_like():
    counties, _, districts, *_ = round_kinds(literal_ten())
    years = {DISTRICT: golden(), "410122": months({"COM1": (1, 4)}, households=400)}

    assert list(measures(counties, years)) == ["410122"]
    assert list(measures(districts, years)) == [DISTRICT]
    assert measures(districts, years)[DISTRICT].indicators["COM1"].mu == 1


def test_needs_are_covered_as_far_as_they_are_assessed():
    found = measures("K01", {DISTRICT: golden()})[DISTRICT]

    assert found.coverage == Ratio(4800, 19200)
    assert found.completeness is not None


def test_rates_have_their_wilson_interval_at_the_effective_size():
    found = measures("K01", {DISTRICT: months({"COM1": (285, 300), "COM5": (300, 300)}, households=300)})[DISTRICT]

    low, high = found.indicators["COM1"].low, found.indicators["COM1"].high
    assert (round(low, -2), round(high, -2)) == (919200, 969500)
    assert found.indicators["COM5"].high == 1_000_000


def test_the_weakest_level_is_as_sure_as_the_smallest_of_its_indicators():
    """Wilson for p = 0.5 and n = 20 is [0.2993, 0.7007]."""
    counts = {"SCH1": (20, 20), "WRK1": (200, 400), "WRK3": (10, 20), "COM1": (400, 400), "CIT2": (400, 400)}

    found = measures("K01", {DISTRICT: months(counts, households=400)})[DISTRICT]

    assert found.weakest is not None
    assert (found.weakest.code, found.weakest.low) == ("workplace", 299298)


def test_the_weakest_part_is_one_that_has_a_size():
    found = measures("K03", {"acme": months({"WRK1": (20, 40), "K03B": (100, 200)}, employees=40)}, EMPLOYER)["acme"]

    assert found.parts["collective"] == 0
    assert found.weakest is not None
    assert found.weakest.code == "contract"


def some_year(random: Random) -> UnitYear:
    counts = {}
    for code in POLICY.indicators:
        den = random.choice([0, 1, 5, 300])
        counts[code] = (random.randint(0, den), den)
    return UnitYear(tuple(month(counts, households=random.randint(0, 900)) for _ in range(12)))


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(list(POLICY.indicators)))
def test_more_met_never_lowers_a_metric(random: Random, code: str):
    own, other = some_year(random), some_year(random)
    place = list(POLICY.indicators).index(code)
    num, den = WIDTH - 42 + place, WIDTH - 21 + place
    better = UnitYear(
        tuple((*each[:num], min(each[num] + random.randint(0, 3), each[den]), *each[num + 1 :]) for each in own.months)
    )

    before = measures("K01", {DISTRICT: own, "410122": other})[DISTRICT].metric
    after = measures("K01", {DISTRICT: better, "410122": other})[DISTRICT].metric

    assert before is None or after >= before


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_what_is_given_changes_nothing(random: Random):
    years = {DISTRICT: some_year(random), "410122": some_year(random)}
    told = [*CITY, fact("410105001001", "COMHALL"), fact("410122", "TPAY", since=SPRING)]

    def measured(of_city: list[Told], of_years: Mapping[str, UnitYear]) -> list[UnitMetric]:
        return list(measures("K01", of_years, city=tuple(of_city)).values())

    shuffled = random.sample(told[: len(CITY)], len(CITY)) + told[len(CITY) :]
    assert measured(told, years) == measured(shuffled, dict(reversed(years.items())))


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_units_of_another_kind_never_move_a_metric(random: Random):
    own = {DISTRICT: some_year(random), "410122": some_year(random)}
    others = {"410105001": some_year(random), "acme": some_year(random), "hall": UnitYear((), agency=COUNTED)}

    assert measures("K01", own) == measures("K01", own | others, EMPLOYER, AGENCY)
