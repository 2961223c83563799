"""Policy 2013.1: every number of DOMAIN 8.4 to 8.7 and RULES B to G, and that its file never changes."""

import json
from datetime import date
from hashlib import sha256
from importlib.resources import files

import msgspec
import pytest

from casework.domain import catalogue
from casework.domain.calendar import add_months
from casework.domain.policy import Policy, load_policy, parse_draft, parse_policy, policy_in_force, policy_versions
from casework.errors import NotFound

DIGEST_OF_2013_1 = "77a3e3e6c1fdf8e0a3da827eb2e42b8cd7a551446faca77e569fc36e6c982795"


@pytest.fixture
def policy() -> Policy:
    return load_policy("2013.1")


def content(version: str) -> bytes:
    return files("casework.data").joinpath("policies", f"{version}.json").read_bytes()


def test_the_published_file_never_changes(policy):
    assert policy.sha256 == sha256(content("2013.1")).hexdigest() == DIGEST_OF_2013_1


def test_policies_are_found_by_version_and_by_day(policy):
    assert policy_versions() == ("2013.1",)
    assert policy_in_force(date(2012, 10, 1)) is policy
    assert policy_in_force(date(2040, 1, 1)) is policy
    with pytest.raises(NotFound, match="on this date"):
        policy_in_force(date(2012, 9, 30))
    for unknown in ("2013.2", "../codes", ""):
        with pytest.raises(NotFound, match="of this version"):
            load_policy(unknown)


def test_a_draft_with_a_misspelt_number_is_no_policy():
    draft = content("2013.1").replace(b'"guide_months"', b'"guide_month"')

    with pytest.raises(msgspec.ValidationError, match="guide_month"):
        parse_policy(draft)


def test_a_draft_has_a_digest_of_its_own(policy):
    draft = parse_policy(content("2013.1").replace(b'"guide_months": 6', b'"guide_months": 9'))

    assert draft.windows.guide_months == 9
    assert draft.sha256 != policy.sha256


def test_a_policy_cannot_be_altered(policy):
    with pytest.raises(AttributeError):
        policy.floor = 2


@pytest.mark.parametrize(
    ("level", "weights"),
    [
        ("school", {"SCH1": 50, "SCH2": 25, "SCH3": 25}),
        ("workplace", {"WRK1": 40, "WRK2": 20, "WRK3": 20, "WRK4": 10, "WRK5": 10}),
        ("community", {"COM1": 25, "COM2": 30, "COM3": 15, "COM4": 15, "COM5": 15}),
        ("city", {"CIT1": 40, "CIT2": 15, "CIT3": 20, "CIT4": 10, "CIT5": 15}),
    ],
)
def test_each_level_weighs_its_indicators(policy, level, weights):
    found = next(each for each in policy.levels if each.code == level)

    assert {code: policy.indicators[code].weight for code in found.indicators} == weights
    assert all(policy.indicators[code].level == level for code in found.indicators)
    assert sum(weights.values()) == 100


def test_the_four_levels_hold_the_eighteen_indicators_in_order(policy):
    assert [level.code for level in policy.levels] == ["school", "workplace", "community", "city"]
    assert [code for level in policy.levels for code in level.indicators] == list(policy.indicators)
    assert len(policy.indicators) == 18
    assert all(indicator.goal == (1, 1) for indicator in policy.indicators.values())


def test_the_feed_of_each_indicator_is_that_of_rule_f3(policy):
    assert {code: indicator.feed for code, indicator in policy.indicators.items()} == {
        **dict.fromkeys(["SCH1", "SCH2", "SCH3"], "EDUB/EDU"),
        **dict.fromkeys(["WRK1", "WRK2", "WRK3", "WRK4", "WRK5"], "HRSS/EMP"),
        **dict.fromkeys(["COM1", "COM2"], "HLTH/HLT"),
        "COM3": "PFP/FPL",
        "COM4": "CIV/LIV",
        "COM5": None,
        **dict.fromkeys(["CIT1", "CIT2", "CIT4"], "HRSS/SSH"),
        "CIT3": "HSG/SSH",
        "CIT5": "CRPT/CUL",
    }


def test_every_feed_is_that_of_a_bureau_with_a_duty_in_the_area(policy):
    areas = {bureau.code: bureau.areas for bureau in catalogue.bureaus()}

    for indicator in policy.indicators.values():
        if indicator.feed is not None:
            bureau, area = indicator.feed.split("/")
            assert area in areas[bureau]


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("SCH2", (33,)),
        ("WRK3", (41,)),
        ("WRK4", (43,)),
        ("COM4", (65, 67)),
        ("CIT2", (51, 53)),
        ("CIT5", (89,)),
    ],
)
def test_each_indicator_names_its_plan_lines(policy, code, lines):
    assert policy.indicators[code].plan_lines == lines


def test_bands_are_cut_on_hundredths(policy):
    assert policy.bands == (("A", 8500), ("B", 7000), ("C", 5000), ("D", 0))
    assert policy.weakest_level_for_a == 6000
    assert (policy.floor, policy.completeness_min, policy.small_n) == (1, (3, 5), 5)
    assert policy.band_labels["D"]["zh"] == "服务未到位"
    assert list(policy.band_labels) == ["A", "B", "C", "D", "U", "NA"]


def test_ages_are_those_of_rules_c_and_e(policy):
    assert msgspec.structs.asdict(policy.ages) == {
        "adult": 16,
        "elder": 60,
        "retirement_male": 60,
        "retirement_female": 55,
        "preschool_from": 3,
        "compulsory_from": 6,
        "compulsory_below": 15,
        "family_planning_from": 18,
        "family_planning_below": 50,
        "child_welfare_below": 18,
    }


def test_grace_and_windows_are_those_of_rules_c6_d_and_e(policy):
    assert msgspec.structs.asdict(policy.grace) == {
        "resident_days": 30,
        "job_days": 30,
        "transfer_working_days": 45,
    }
    assert msgspec.structs.asdict(policy.windows) == {
        "training_months": 24,
        "guide_months": 6,
        "collective_contract_months": 36,
        "offer_months": 12,
        "contact_months": 12,
        "culture_months": 12,
        "insurance_months": 3,
        "employer_training_months": 12,
        "coverage_months": 12,
    }
    assert policy.feed_days == 15
    assert (policy.recording.backdating_days, policy.recording.renewal_grace_days) == (400, 90)


def test_insurances_by_class_of_person(policy):
    assert policy.insurances.employee == ("SSI-PEN", "SSI-MED", "SSI-INJ", "SSI-UNE", "SSI-MAT")
    assert policy.insurances.other_adult == ("SSI-PEN", "SSI-MED")
    assert policy.insurances.medical_only == ("SSI-MED",)
    assert policy.employee_kinds == ("employee", "dispatched")
    assert policy.equal_ownership == ("public", "purchased_place")
    assert policy.include_local_hukou is False


def test_needs_keep_a_tail_but_for_chronic_and_psychiatric_care(policy):
    without_tail = {code for code, tail in policy.need_tails.items() if not tail}

    assert without_tail == {"CHRONIC", "PSYCH"}
    assert all(tail == {"met": 12, "lapsed": 6} for tail in policy.need_tails.values() if tail)
    assert tuple(policy.need_tails) == policy.covered_needs == tuple(need.code for need in catalogue.needs())


def test_vaccinations_fall_due_by_the_schedule(policy):
    due = {
        milestone.deadline_months: " ".join(f"{dose.vaccine}{dose.dose}" for dose in milestone.doses)
        for milestone in policy.health.vaccinations
    }

    assert due == {
        3: "BCG1",
        12: "HepB3 OPV3 DTaP3 MR1 JE1",
        18: "MenA2",
        24: "DTaP4 MMR1 HepA1",
        36: "JE2",
        48: "MenAC1",
        60: "OPV4",
        78: "DT1 MenAC2",
    }


def test_every_vaccine_that_is_due_can_be_recorded(policy):
    fields = catalogue.services()["HLT-VAC"].evidence

    for milestone in policy.health.vaccinations:
        for dose in milestone.doses:
            assert dose.vaccine in (fields["vaccine"].codes or ())
            assert fields["dose"].clean(dose.dose) == dose.dose


def test_visits_open_and_fall_due_by_the_schedule(policy):
    health = policy.health

    assert [(v.opens_months, v.deadline_months) for v in health.child_visits] == [
        *[(0, 2), (3, 5), (6, 8), (8, 10), (12, 14), (18, 20)],
        *[(24, 26), (30, 32), (36, 39), (48, 51), (60, 63), (72, 75)],
    ]
    assert [(v.opens_days, v.deadline_days) for v in health.antenatal] == [
        *[(0, 91), (112, 147), (147, 175), (196, 259), (259, 287)]
    ]
    assert [(v.opens_days, v.deadline_days) for v in health.postnatal] == [(0, 28), (28, 56)]
    assert (health.child_below, health.pregnancy_days, health.postnatal_days) == (7, 301, 90)
    assert (health.elder_from, health.elder_months, health.follow_up_months) == (65, 12, 3)


def test_default_terms_are_those_of_the_catalogue(policy):
    start = date(2013, 10, 15)

    for code, months in policy.validity_months.items():
        service = catalogue.services()[code]
        last = service.valid_to(start, {"updated_on": start.isoformat()})
        assert last == add_months(start, months)
    assert policy.windows.insurance_months == 3
    assert {row.grace_days for row in catalogue.services().values()} == {policy.recording.renewal_grace_days}


def test_six_kinds_are_active_and_three_are_extensions_of_the_project(policy):
    kinds = policy.selection.kinds

    assert [kind.code[:3] for kind in kinds] == [f"K0{n}" for n in range(1, 10)]
    assert [kind.code[:3] for kind in kinds if kind.active] == ["K01", "K02", "K03", "K04", "K05", "K06"]
    assert [kind.code[:3] for kind in kinds if kind.project_extension] == ["K07", "K08", "K09"]
    assert [kind.min_size for kind in kinds] == [300, 100, 20, 100, 20, None, 50, 20, None]
    assert all(sum(kind.parts.values()) == 100 for kind in kinds[:8])
    assert kinds[8].parts == {}


def test_the_facts_of_each_kind_exist(policy):
    facts = [fact for kind in policy.selection.kinds for fact in kind.facts]

    assert set(facts) <= set(catalogue.unit_facts())
    assert [len(kind.facts) for kind in policy.selection.kinds] == [11, 4, 0, 0, 0, 0, 5, 0, 0]


def test_the_selection_counts_with_the_numbers_of_rules_u(policy):
    selection = policy.selection

    assert (selection.seats, selection.quota, selection.final_floor) == (30, "total_30_equal", 7000)
    assert (selection.panel.share, selection.panel.members_min) == ((3, 10), 5)
    assert (selection.shrinkage, selection.completeness_min) == ((5, 500), (3, 5))
    assert (selection.draws.count, selection.draws.weight_concentration) == (2000, 50)
    assert (selection.draws.interval, selection.draws.borderline) == ((50, 950), (350, 650))
    assert (selection.calendar.opens, selection.calendar.nominations_to) == ("10-01", "10-31")
    assert [ground.code for ground in selection.veto_grounds if not ground.active] == [
        "family_planning_target",
        "public_order",
    ]


def test_a_draft_whose_parts_came_in_another_order_is_read_in_the_published_one():
    sorted_by_name = json.dumps({**json.loads(content("2013.1")), "version": "2099.1"}, sort_keys=True).encode()

    draft = parse_draft(sorted_by_name)

    published = load_policy("2013.1")
    assert [list(kind.parts) for kind in draft.selection.kinds] == [
        list(kind.parts) for kind in published.selection.kinds
    ]
