"""The golden cases of DOMAIN 8.4, what was settled between pages (RULES A), and bands and unknowns (RULES F)."""

import pytest

from tests.domain.given import (
    ADULTS,
    BAO,
    INSURANCES,
    MEI,
    arrived,
    assessed,
    born,
    collective,
    count,
    delivered,
    given,
    given_household,
    knowing,
    needs,
    person,
    seen,
    works,
)

TODAY = "2013-06-30"

COUPLE = [
    *(phrase for who in ("li", "wang") for phrase in given("HLT-REC", who, id=f"record of {who}")),
    *(phrase for who in ("li", "wang") for phrase in given("SSI-CARD", who, id=f"card of {who}")),
    *(phrase for who in ("li", "wang") for phrase in given("FPL-FILE", who, id=f"file of {who}")),
    *(delivered("FPL-OFFER", who) for who in ("li", "wang")),
    *(phrase for code in INSURANCES for phrase in given(code, "li", at="acme", id=f"{code} of li")),
    *(phrase for code in INSURANCES[:2] for phrase in given(code, "wang", at="bolt", id=f"{code} of wang")),
    works("li", "acme", "2013-01-01"),
    works("wang", "bolt", "2013-01-01"),
    *given("EMP-CONTRACT", "li", at="acme"),
    needs("JOB", "wang", "2013-01-30"),
    delivered("EMP-GUIDE", "wang", "2013-02-10"),
    needs("HOUSING"),
    delivered("COM-VISIT"),
    delivered("CUL-FIT", "wang"),
]
CHILDREN = [
    *given("EDU-COMP", "mei", at="school", fee_free=True, ownership="public", mixed_class=True),
    *(phrase for who in ("mei", "bao") for phrase in given("HLT-REC", who, id=f"record of {who}")),
    *given("SSI-CARD", "mei", id="card of mei"),
    *given("SSI-MED", "mei", id="SSI-MED of mei", scheme="resident"),
    delivered("HLT-VAC", "bao", vaccine="JE", dose=2),
    delivered("HLT-VAC", "bao", vaccine="MenAC", dose=1),
]


def scores(assessment):
    levels = {code: (level.score, level.band) for code, level in assessment.levels.items()}
    return {**levels, "overall": (assessment.overall.score, assessment.overall.band)}


def counts(assessment):
    return {code: (r.num, r.den) for code, r in assessment.indicators.items() if r.state == "known"}


def test_golden_case_1_a_couple_with_a_pupil_and_a_child_without_a_place():
    family = arrived(*ADULTS, MEI, BAO)
    household = given_household(family, *COUPLE, *CHILDREN)

    assessment = assessed(household, TODAY, knowing(collective("acme")))

    assert counts(assessment) == {
        "SCH1": (1, 1),
        "SCH2": (0, 1),
        "SCH3": (1, 1),
        "WRK1": (1, 2),
        "WRK3": (1, 1),
        "WRK5": (1, 2),
        "COM1": (4, 4),
        "COM2": (1, 2),
        "COM3": (2, 2),
        "COM5": (1, 1),
        "CIT1": (8, 12),
        "CIT2": (3, 4),
        "CIT3": (0, 1),
        "CIT5": (1, 1),
    }
    assert {code for code, r in assessment.indicators.items() if r.state == "not_applicable"} == {
        *("WRK2", "WRK4", "COM4", "CIT4"),
    }
    assert scores(assessment) == {
        "school": (7500, "B"),
        "workplace": (6429, "C"),
        "community": (8235, "B"),
        "city": (5880, "C"),
        "overall": (6951, "C"),
    }


def test_golden_case_2_the_same_couple_without_children():
    household = given_household(arrived(*ADULTS), *COUPLE)

    assessment = assessed(household, TODAY, knowing(collective("acme")))

    assert counts(assessment)["CIT1"] == (7, 10)
    assert counts(assessment)["CIT2"] == (2, 2)
    assert assessment.indicators["COM2"].state == "not_applicable"
    assert scores(assessment) == {
        "school": (None, "NA"),
        "workplace": (6429, "C"),
        "community": (10000, "A"),
        "city": (6444, "C"),
        "overall": (7455, "B"),
    }


@pytest.mark.parametrize(("month", "expected"), [("2006-08", (0, 1)), ("2006-09", "not_applicable")])
def test_a1_ages_run_from_the_last_day_of_the_birth_month_so_that_the_cut_off_of_31_august_is_exact(month, expected):
    household = given_household(arrived(person("li"), person("mei", month)))

    assert count(household, "SCH1", "2013-06-30") == expected


def test_a1_a_newborn_counts_from_the_day_of_the_report():
    household = given_household(born(month="2013-03", on="2013-04-20"))

    assert count(household, "COM1", "2013-04-19") == (0, 1)
    assert count(household, "COM1", "2013-04-20") == (0, 2)


def test_a2_a_live_household_whose_feeds_closed_the_last_month_is_not_without_data():
    household = given_household()

    assert assessed(household, "2013-06-29", feeds()).overall.band == "D"


def test_a3_a_household_that_was_not_found_stays_counted():
    household = given_household(seen("absent"), seen("unknown"), seen("moved"))

    assert count(household, "COM5", TODAY) == (0, 1)


def test_a7_a_maternal_need_and_services_that_no_numerator_names_change_nothing():
    plain, more = (
        given_household(),
        given_household(
            *(
                needs("MATERNAL"),
                delivered("SSI-COUNTER", business="register"),
                delivered("LIV-CHARITY", kind="poverty"),
            ),
            *(delivered("FPL-EDU"), delivered("HLT-INF"), *given("SSI-UBEN")),
        ),
    )

    assert counts(assessed(plain, TODAY)) == counts(assessed(more, TODAY))


def feeds(*, but=(), month="2013-05"):
    """All feeds closed for a month, some of them only for the month before and the one after."""
    return knowing(**{name: ["2013-04", "2013-06"] if name in but else [month] for name in FED})


@pytest.mark.parametrize(
    ("on", "state"),
    [("2013-06-14", "known"), ("2013-06-15", "unknown"), ("2013-07-14", "unknown"), ("2013-07-15", "known")],
)
def test_f1_the_month_that_ended_15_days_before_must_be_closed_and_exactly_that(on, state):
    household, facts = given_household(), knowing(HLTH_HLT=["2013-04", "2013-06"])

    assert assessed(household, on, facts).indicators["COM1"].state == state


@pytest.mark.parametrize(
    "facts", [knowing(), knowing(HLTH_HLT=["2013-06"])], ids=["never closed", "closed first later"]
)
def test_f2_where_no_feed_was_due_everything_is_known(facts):
    assert assessed(given_household(), TODAY, facts).indicators["COM1"].state == "known"


FED = {
    "EDUB_EDU": {"SCH1", "SCH2", "SCH3"},
    "HRSS_EMP": {"WRK1", "WRK2", "WRK3", "WRK4", "WRK5"},
    "HLTH_HLT": {"COM1", "COM2"},
    "PFP_FPL": {"COM3"},
    "CIV_LIV": {"COM4"},
    "HRSS_SSH": {"CIT1", "CIT2", "CIT4"},
    "HSG_SSH": {"CIT3"},
    "CRPT_CUL": {"CIT5"},
}


@pytest.mark.parametrize("feed", FED)
def test_f3_each_indicator_waits_for_its_own_feed(feed):
    family = arrived(*ADULTS, MEI, BAO)
    wanting = [needs(need, on="2013-03-01") for need in ("TRAINING", "STARTUP", "LOW_INCOME", "INS_TRANSFER")]
    household = given_household(family, *COUPLE, *CHILDREN, *wanting)

    assessment = assessed(household, TODAY, feeds(but=[feed]))

    assert {code for code, result in assessment.indicators.items() if result.state == "unknown"} == FED[feed]


def test_f4_nothing_due_is_not_applicable_though_the_feed_be_missing():
    assessment = assessed(given_household(), TODAY, feeds(but=["EDUB_EDU"]))

    assert assessment.indicators["SCH1"].state == "not_applicable"
    assert (assessment.indicators["SCH1"].num, assessment.indicators["SCH1"].den) == (0, 0)


def test_f4_what_is_unknown_is_reported_without_counts():
    result = assessed(given_household(), TODAY, feeds(but=["HLTH_HLT"])).indicators["COM1"]

    assert (result.state, result.num, result.den) == ("unknown", 0, 0)


def test_f4_where_nobody_knows_the_pupils_nobody_knows_whose_place_is_free():
    household = given_household(arrived(person("li"), MEI))

    assert assessed(household, TODAY).indicators["SCH3"].state == "not_applicable"
    assert assessed(household, TODAY, feeds(but=["EDUB_EDU"])).indicators["SCH3"].state == "unknown"


def test_f6_a_level_is_the_weighted_mean_of_what_is_known():
    household = given_household(*given("SSI-CARD"), delivered("CUL-FIT"))

    assessment = assessed(household, TODAY, feeds(but=["CRPT_CUL"]))

    city = assessment.levels["city"]
    assert (city.score, city.band, city.known_weight, city.applicable_weight) == (2727, "D", 55, 70)


def test_f6_a_level_of_which_nothing_is_known_has_no_score_and_band_u():
    household = given_household(works(since="2013-01-01"))

    assessment = assessed(household, TODAY, feeds(but=["HRSS_EMP"]))

    workplace = assessment.levels["workplace"]
    assert (workplace.score, workplace.band, workplace.known_weight, workplace.applicable_weight) == (None, "U", 0, 50)


def test_f7_the_overall_leaves_unknown_levels_out_and_floors_each_at_one():
    household = given_household(seen(), works(since="2013-01-01"))

    assessment = assessed(household, TODAY, feeds(but=["HRSS_EMP"]))

    assert [assessment.levels[level].score for level in ("community", "city")] == [2727, 0]
    assert assessment.overall.score == 522  # the root of 27.27… times the floor of 1


def test_f8_below_three_fifths_of_the_weights_the_band_is_u_and_the_figures_are_shown():
    household = given_household(seen(), works(since="2013-01-01"))

    assessment = assessed(household, TODAY, feeds(but=["HRSS_SSH", "HLTH_HLT"]))

    overall = assessment.overall
    assert (overall.known_weight, overall.applicable_weight) == (95, 175)
    assert (overall.band, overall.score) == ("U", 368)
    assert [assessment.levels[level].band for level in ("workplace", "community", "city")] == ["D", "U", "U"]


def test_f8_exactly_three_fifths_is_enough():
    household = given_household(arrived(person("li", "1990-03"), MEI, BAO))

    assessment = assessed(household, TODAY, feeds(but=["EDUB_EDU"]))

    assert assessment.levels["school"].band == "U"
    assert (assessment.overall.known_weight, assessment.overall.applicable_weight) == (155, 255)
    assert assessment.overall.band == "D"


def test_f9_a_needs_every_level_at_60():
    served = [
        *(phrase for who in ("li", "mei") for phrase in given("HLT-REC", who, id=f"record of {who}")),
        *(phrase for who in ("li", "mei") for phrase in given("SSI-CARD", who, id=f"card of {who}")),
        *(phrase for code in INSURANCES for phrase in given(code, at="acme")),
        *given("SSI-MED", "mei", id="SSI-MED of mei", scheme="resident"),
        *given("EDU-COMP", "mei", at="school", fee_free=True, ownership="public", mixed_class=True),
        *(*given("FPL-FILE"), delivered("FPL-OFFER"), seen(), delivered("CUL-FIT")),
        *(works(since="2013-01-01"), *given("EMP-CONTRACT", at="acme")),
    ]
    household = given_household(arrived(person("li"), MEI), *served)
    weak = given_household(arrived(person("li"), MEI), *served, needs("TRAINING"))

    best, held_back = assessed(household, TODAY, knowing(collective("acme"))), assessed(weak, TODAY)

    assert (best.overall.score, best.overall.band) == (10000, "A")
    assert (held_back.levels["workplace"].score, held_back.overall.score) == (5714, 8694)
    assert held_back.overall.band == "B"


def test_f9_without_any_applicable_indicator_there_is_no_score():
    assessment = assessed(given_household(arrived(person("li", migrant=False))), TODAY)

    assert (assessment.overall.score, assessment.overall.band) == (None, "NA")
