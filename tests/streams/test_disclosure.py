"""What a bureau is told of an event: the envelope, the transforms, and each reason to be told nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from casework.domain.events.corrections import Change, MemberFactsCorrected
from casework.domain.events.membership import IdNumberReleased, MemberFactsRecorded
from casework.domain.events.services import ServiceGranted
from casework.domain.events.transfers import TransferAnswered, TransferRequested
from casework.domain.household import Household
from casework.domain.leaves import leaves
from casework.domain.registry import unit_id
from casework.domain.sight import with_voided
from casework.domain.state import MemberFacts
from casework.log.codec import Metadata
from casework.log.reading import LoggedEvent
from casework.privacy.keys import KeyRing
from casework.privacy.own_ids import OwnIds
from casework.streams.context import Context
from casework.streams.disclosure import Compiled, Envelope, Happened, disclose
from tests.domain.given import (
    BAO,
    COMMUNITY,
    ELSEWHERE,
    MEI,
    Phrase,
    arrived,
    closed,
    delivered,
    given,
    given_household,
    joined,
    moved,
    named,
    needs,
    person,
    referred,
    requested,
    say,
    seen,
    told,
    voided_entry,
    when,
)
from tests.domain.test_consents import agreed, erased, to_be_erased, took_back
from tests.streams.canaries import city
from tests.streams.given import grant, recorded

TODAY = date(2013, 10, 20)
AT = datetime(2013, 10, 20, 4, 5, 6, 999999, tzinfo=UTC)
EVENT, COMMAND, CAUSE = named("event"), named("command"), named("cause")
CONSENT = ("cross_bureau", "consent")
OWN = ("service", "statutory_duty")
CITY = city()

Ask = Callable[..., list[Envelope]]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.open(tmp_path_factory.mktemp("keys") / "keys", create=True)


@pytest.fixture
def tells(keys: KeyRing) -> Ask:
    """Ask what a grant to a bureau tells of a household's whole story."""

    def ask(household: Household, bureau: str = "EDUB", basis: tuple[str, str] = OWN, **said: Any) -> list[Envelope]:
        given = {name: said.pop(name) for name in ("erased", "today", "restricted") if name in said}
        asked = Compiled(grant(bureau, *basis, **said), OwnIds(keys, bureau), CITY, TODAY)
        context = context_of(household, **{name: given[name] for name in given if name != "restricted"})
        return [
            envelope
            for happened in story(household, restricted=given.get("restricted", False))
            if (envelope := disclose(happened, asked, context)) is not None
        ]

    return ask


def context_of(household: Household, erased: Any = (), today: date = TODAY) -> Context:
    told = [recorded(household.id, version, event) for version, event in enumerate(household.entries, 1)]
    ids = {version: named(f"event {version}") for version in range(1, household.version + 1)}
    return Context(household, with_voided(household, told), household.people, set(erased), today, ids)


def story(household: Household, restricted: bool = False) -> list[Happened]:
    """All events of a household, each recorded where it lived then."""
    community, entries = COMMUNITY, []
    for version, event in enumerate(household.entries, 1):
        community = getattr(event, "to_community", community)
        meta = Metadata(
            event_id=EVENT,
            actor="somebody",
            community=unit_id(community),
            restricted=restricted,
            correlation_id=COMMAND,
            causation_id=CAUSE,
            traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )
        logged = LoggedEvent(version, version, event.type_name, b"", AT, meta)
        entries.append(Happened(household.id, logged, event))
    return entries


def types(envelopes: list[Envelope]) -> list[str]:
    return [each.type.removeprefix("cn.zhengzhou.integration.household.").removesuffix(".v1") for each in envelopes]


def schooled(*more: Any) -> Household:
    """A pupil with a place at a school."""
    return given_household(arrived(MEI, person("li")), *given("EDU-COMP", "mei", at="school-1", grade=3), *more)


def test_an_envelope_is_a_cloudevent_whose_ids_are_the_bureaus_own(tells: Ask, keys: KeyRing):
    household = schooled()

    envelope = tells(household)[-1]

    own = OwnIds(keys, "EDUB")
    plain = msgspec.to_builtins(envelope)
    assert {name: plain[name] for name in plain if name != "data"} == {
        "specversion": "1.0",
        "id": own.encode(EVENT),
        "source": "//integration.zhengzhou.cn/casework",
        "type": "cn.zhengzhou.integration.household.service-granted.v1",
        "subject": own.encode(household.id),
        "time": "2013-10-20T04:05:06Z",
        "datacontenttype": "application/json",
        "partitionkey": own.encode(household.id),
        "policyver": "some-grant.1",
        "occurredon": "2013-03-01",
        "correlationid": own.encode(COMMAND),
        "causationid": own.encode(CAUSE),
    }
    assert plain["data"] == {
        "episode_id": own.encode(named("EDU-COMP")),
        "decided_by": "EDUB",
        "unit_id": "school-1",
        "evidence": {"grade": 3},
    }
    assert own.decode(UUID(envelope.subject)) == household.id


def test_the_official_sdk_reads_every_envelope(tells: Ask):
    household = schooled(
        joined(BAO), told("li", education="college"), needs("JOB"), requested("HSG-PUB"), referred("HSG-PUB"), moved()
    )

    envelopes = tells(household, "HRSS", ("cross_bureau", "statutory_duty"))

    assert len(envelopes) == household.version
    for number, envelope in enumerate(envelopes, 1):
        envelope.sequence = str(number)
        event = JSONFormat().read(CloudEvent, msgspec.json.encode(envelope))
        assert event.get_extension("sequence") == str(number)
        assert event.get_data() == envelope.data


@pytest.mark.parametrize(
    ("field", "transform", "shown"),
    [
        ("birth_month", "keep", "2005-04"),
        ("birth_month", "year", "2005"),
        ("birth_month", "mask", "***"),
        ("birth_month", None, None),
        ("sex", "keep", "male"),
        ("sex", "mask", "***"),
        ("sex", "pseudonym", ("sex", "male")),
        ("facts.migrant", "keep", True),
        ("facts.migrant", "pseudonym", ("facts.migrant", "true")),
        ("facts.student.from", "keep", "2013-02-01"),
        ("facts.student.from", "year", "2013"),
        ("facts.student.from", "pseudonym", ("facts.student.from", "2013-02-01")),
        ("person_id", "keep", named("mei")),
        ("person_id", "pseudonym", named("mei")),
        ("person_id", "mask", "***"),
    ],
)
def test_each_transform_of_a_member_taken_in(tells: Ask, keys: KeyRing, field: str, transform: str | None, shown: Any):
    own = OwnIds(keys, "EDUB")
    household = given_household(joined(person("mei", "2005-04", student=("2013-02-01",))))

    [envelope] = tells(
        household, types=("household.member-joined.v1",), fields={field: transform} if transform is not None else {}
    )

    expected = (
        own.token(*shown) if isinstance(shown, tuple) else own.encode(shown) if isinstance(shown, UUID) else shown
    )
    inside: Any = envelope.data.get("member")
    for name in field.split("."):
        inside = inside and inside[name]
    assert inside == expected
    assert envelope.occurredon is None
    assert msgspec.json.encode(envelope.data).count(b'":') == (0 if shown is None else 2 + field.count("."))


@pytest.mark.parametrize(
    ("field", "transform", "shown"),
    [
        ("unit_id", "keep", "school-1"),
        ("unit_id", "mask", "***"),
        ("evidence.grade", "keep", {"grade": 3}),
        ("evidence.grade", "mask", {"grade": "***"}),
        ("valid_to", "keep", "2013-07-15"),
        ("valid_to", "year", "2013"),
    ],
)
def test_each_transform_of_a_grant(tells: Ask, field: str, transform: str, shown: Any):
    household = given_household(arrived(MEI), *given("EDU-COMP", "mei", at="school-1", grade=3, valid_to="2013-07-15"))

    [envelope] = tells(household, types=("household.service-granted.v1",), fields={field: transform})

    assert envelope.data == {field.partition(".")[0]: shown}


def test_a_token_is_the_same_for_the_same_value_within_a_bureau_alone(keys: KeyRing):
    ours, theirs = OwnIds(keys, "EDUB"), OwnIds(keys, "HRSS")

    tokens = [ours.token("sex", "male"), theirs.token("sex", "male"), ours.token("relation", "male")]

    assert ours.token("sex", "male") == tokens[0]
    assert len(set(tokens)) == 3


def test_the_day_is_told_as_the_grant_says(tells: Ask):
    household = given_household(seen(on="2013-03-01"))
    asked = {"types": ("household.residence-verified.v1",)}

    days = [tells(household, **asked, fields={"occurred_on": how})[0].occurredon for how in ("keep", "year", "mask")]

    assert days == ["2013-03-01", "2013", "***"]


def test_a_unit_that_nobody_knows_is_not_told(tells: Ask):
    household = given_household(arrived(MEI), *given("EDU-COMP", "mei", at="school-of-elsewhere"))

    granted = tells(household, types=("household.service-granted.v1",), fields={"unit_id": "keep"})

    assert [each.data for each in granted] == [{}]


def test_types_areas_and_divisions_that_are_not_named_are_not_told(tells: Ask):
    household = schooled(needs("JOB"), *given("EMP-TRAIN", at="acme"), moved(ELSEWHERE), seen())
    statute = ("cross_bureau", "statutory_duty")

    by_type = tells(household, basis=statute, types=("household.need-recorded.v1",))
    by_area = tells(household, basis=statute, areas=("EDU",))
    here, there = (tells(household, basis=statute, divisions=(code,)) for code in ("410105", "410102"))

    assert types(by_type) == ["need-recorded"]
    assert types(by_area) == ["registered", "service-requested", "service-granted", "moved", "residence-verified"]
    assert types(here)[-1] == types(there)[0] == "moved"  # a move is told on both sides
    assert types(there)[1:] == ["residence-verified"]
    assert len(here) + len(there) == household.version + 1


def test_a_grant_is_told_under_between_its_days_alone(tells: Ask):
    household, days = given_household(seen()), {"from_": date(2013, 10, 1), "to": date(2013, 10, 31)}

    told_on = [
        len(tells(household, today=date(2013, month, day), **days)) for month, day in ((9, 30), (10, 31), (11, 1))
    ]

    assert told_on == [0, 2, 0]


def test_a_bureau_is_told_of_its_own_services_and_of_those_referred_to_it(tells: Ask):
    household = given_household(
        arrived(MEI, person("li")),
        requested("EDU-COMP", "mei"),
        requested("EMP-TRAIN"),
        requested("HSG-PUB"),
        referred("HSG-PUB", to="EDUB"),
    )

    own = tells(household, basis=OWN, areas=("EDU",))

    assert types(own) == ["registered", "service-requested", "service-requested", "service-referred"]
    assert [each.data.get("service") for each in own[1:3]] == ["EDU-COMP", "HSG-PUB"]


def test_another_bureaus_records_of_a_person_need_their_consent(tells: Ask):
    household = given_household(requested("EMP-TRAIN"), needs("JOB"))
    before = tells(household, basis=CONSENT)

    when(household, agreed(scope="publication"))
    other_scope = tells(household, basis=CONSENT)
    when(household, agreed(scope="cross_bureau", on="2013-03-02"))
    agreed_to = tells(household, basis=CONSENT)
    when(household, took_back(scope="cross_bureau", on="2013-09-01"))
    after = tells(household, basis=CONSENT)
    by_statute = tells(household, basis=("cross_bureau", "statutory_duty"))

    assert (types(before), types(other_scope)) == ([], [])
    assert types(agreed_to)[:3] == ["registered", "service-requested", "need-recorded"]
    assert types(after) == ["consent-withdrawn"]  # whoever relied on it must hear of it
    assert len(by_statute) == household.version


def test_consent_that_ran_out_is_none(tells: Ask):
    household = given_household(requested("EMP-TRAIN"), agreed(scope="cross_bureau", until="2013-10-20"))

    counts = [len(tells(household, basis=CONSENT, today=date(2013, 10, day))) for day in (20, 21)]

    assert counts == [3, 0]


def test_publication_rests_on_consent_even_of_a_bureaus_own_services(tells: Ask):
    household = schooled()
    publication = ("publication", "consent")

    before = tells(household, basis=publication)
    when(household, agreed("mei", born="2005-04-11", by="li"))
    agreed_to = tells(household, basis=publication)

    assert before == []
    assert types(agreed_to) == ["registered", "service-requested", "service-granted", "consent-given"]
    assert [len(agreed_to[0].data["members"]), "head" in agreed_to[0].data] == [1, True]


def test_for_the_household_as_a_whole_its_head_consents(tells: Ask):
    household = given_household(arrived(person("li"), person("wang")), requested("HSG-PUB"), seen())

    when(household, agreed("wang", scope="cross_bureau"))
    by_another = tells(household, basis=CONSENT)
    when(household, agreed("li", scope="cross_bureau"))
    by_the_head = tells(household, basis=CONSENT)

    assert types(by_another) == ["registered", "consent-given"]
    assert [member["person_id"] for member in by_another[0].data["members"]] == [by_another[1].data["person_id"]]
    assert "head" not in by_another[0].data
    assert len(by_the_head) == household.version


@pytest.mark.parametrize(
    ("phrase", "bureau"),
    [
        (delivered("HLT-PSY"), "HLTH"),
        (needs("PSYCH"), "HLTH"),
        (requested("FPL-FILE"), "PFP"),
        (told("li", pregnancy=("2013-01-01",)), "PFP"),
        (told("li", disability="mental"), "CIV"),
    ],
)
def test_what_is_restricted_goes_to_its_own_bureau_whatever_the_grant_says(tells: Ask, phrase: Phrase, bureau: str):
    household, statute = given_household(phrase), ("cross_bureau", "statutory_duty")

    for_others, for_its_own = (tells(household, each, statute) for each in ("EDUB", bureau))

    assert (types(for_others), len(for_its_own)) == (["registered"], 2)


def test_a_restricted_service_is_not_told_to_whom_it_was_referred(tells: Ask):
    household = given_household(requested("FPL-FILE"), referred("FPL-FILE", to="CIV"))

    assert types(tells(household, "CIV", ("cross_bureau", "statutory_duty"))) == ["registered"]


def test_what_was_restricted_when_it_was_recorded_stays_so(tells: Ask):
    household = given_household(requested("EMP-TRAIN"))

    told_of = tells(household, "EDUB", ("cross_bureau", "statutory_duty"), restricted=True)

    assert types(told_of) == ["registered"]


def test_restricted_facts_are_left_out_of_what_is_told(tells: Ask):
    household = given_household(joined(person("mei", "1990-04", disability="mental", education="college")))

    for_schools, for_welfare = (
        tells(household, bureau, ("cross_bureau", "statutory_duty"))[-1].data["member"]["facts"]
        for bureau in ("EDUB", "CIV")
    )

    assert for_schools == {"migrant": True, "education": "college"}
    assert for_welfare == {"migrant": True, "education": "college", "disability": "mental"}


def test_facts_and_corrections_of_which_no_field_is_granted_are_not_told(tells: Ask):
    household = given_household(told("li", education="college"))
    told_of = MemberFactsCorrected(
        occurred_on=date(2013, 3, 2),
        person_id=named("li"),
        changes=(Change("education", "college", "bachelor"), Change("birth_month", "1980-03", "1981-04")),
        reason="entry_error",
        corrects=2,
    )
    household.entries.append(told_of)

    without = tells(household, fields={"person_id": "keep"})
    with_one = tells(household, fields={"birth_month": "year"})

    assert types(without) == ["registered"]
    assert [each.data for each in with_one[1:]] == [
        {"changes": [{"path": "birth_month", "old": "1980", "new": "1981"}]}
    ]


def test_a_restricted_fact_is_left_out_of_a_correction_of_others(tells: Ask):
    household = given_household(told("li", education="college", disability="mental"))
    changes = (Change("education", "college", "bachelor"), Change("disability", "mental", "visual"))
    household.entries.append(
        MemberFactsCorrected(
            occurred_on=date(2013, 3, 2), person_id=named("li"), changes=changes, reason="entry_error", corrects=2
        )
    )

    for_schools, for_welfare = (
        tells(household, bureau, ("cross_bureau", "statutory_duty"))[-1].data["changes"] for bureau in ("EDUB", "CIV")
    )

    assert [change["path"] for change in for_schools] == ["education"]
    assert [change["path"] for change in for_welfare] == ["education", "disability"]


def test_dates_of_a_service_are_corrected_as_the_days_they_are(tells: Ask):
    household = schooled(
        say(
            "correct_service",
            corrected_on=date(2013, 4, 1),
            episode_id=named("EDU-COMP"),
            changes=[
                Change("granted_on", "2013-03-01", "2013-02-27"),
                Change("unit_id", str(unit_id("school-1")), str(unit_id("410105"))),
                Change("evidence.grade", 3, 4),
            ],
            reason="entry_error",
        )
    )

    data = tells(household, fields={"occurred_on": "year", "unit_id": "keep"})[-1].data

    assert data["changes"] == [
        {"path": "granted_on", "old": "2013", "new": "2013"},
        {"path": "unit_id", "old": "school-1", "new": "410105"},
    ]


def test_a_voided_entry_is_told_to_whom_the_entry_was(tells: Ask, keys: KeyRing):
    household = given_household(needs("PSYCH"), needs("JOB"), voided_entry(2), voided_entry(3))
    statute = ("cross_bureau", "statutory_duty")

    for_schools, for_health = (tells(household, bureau, statute) for bureau in ("EDUB", "HLTH"))

    assert types(for_schools) == ["registered", "need-recorded", "entry-voided"]
    assert types(for_health) == ["registered", "need-recorded", "need-recorded", "entry-voided", "entry-voided"]
    assert for_schools[-1].data["voids"] == OwnIds(keys, "EDUB").encode(named("event 3"))


def test_the_voiding_of_a_type_that_is_not_told_is_not_told(tells: Ask):
    household = given_household(needs("JOB"), voided_entry(2))

    told_of = tells(household, "HRSS", types=("household.entry-voided.v1",))

    assert told_of == []


def test_only_services_that_may_be_told_of_are_named_where_a_file_is_closed(tells: Ask):
    household = given_household(
        arrived(MEI, person("li")),
        *(requested("EDU-COMP", "mei"), requested("EMP-TRAIN"), requested("FPL-FILE")),
        closed(),
    )
    statute = ("cross_bureau", "statutory_duty")

    told_of = [
        tells(household, basis=OWN),
        tells(household, basis=statute),
        tells(household, "PFP", statute),
        tells(household, "PFP", statute, areas=("FPL",)),
    ]

    assert [len(each[-1].data["ended_episodes"]) for each in told_of] == [1, 2, 3, 1]


def test_of_somebody_erased_only_that_is_told_also_where_they_never_lived(tells: Ask, keys: KeyRing):
    household = given_household(arrived(person("li"), MEI), needs("JOB"), *given("EDU-COMP", "mei", at="school-1"))
    when(household, to_be_erased("li"), erased("li"))

    told_of = tells(household, "HRSS", ("cross_bureau", "statutory_duty"))
    far_away = tells(household, "HRSS", divisions=("410102",), types=("household.moved.v1",), fields={})

    assert types(told_of) == ["registered", "service-requested", "service-granted", "person-erased"]
    assert len(told_of[0].data["members"]) == 1
    assert "head" not in told_of[0].data
    assert [each.data for each in far_away] == [{"person_id": OwnIds(keys, "HRSS").encode(named("li"))}]


def test_whoever_was_erased_in_another_file_is_not_told_of_here(tells: Ask):
    household = given_household(arrived(person("li"), MEI), needs("JOB"))

    assert types(tells(household, "HRSS", erased=[named("li")])) == ["registered"]
    assert tells(household, "HRSS", erased=[named("li"), named("mei")]) == []


def test_an_event_of_a_record_that_the_household_does_not_have_is_not_told(tells: Ask):
    household = given_household()
    household.entries.append(
        ServiceGranted(occurred_on=date(2013, 3, 1), episode_id=named("nowhere"), decided_by="EDUB")
    )

    assert types(tells(household, basis=("cross_bureau", "statutory_duty"))) == ["registered"]


def test_what_offices_ask_of_each_other_is_told_to_no_bureau(tells: Ask):
    household = given_household()
    household.entries += [
        TransferRequested(
            occurred_on=date(2013, 3, 1),
            transfer_id=named("asked"),
            person_id=named("li"),
            to_community="410102001001",
            due_on=date(2013, 3, 22),
        ),
        TransferAnswered(occurred_on=date(2013, 3, 2), transfer_id=named("asked"), answer="declined"),
        IdNumberReleased(
            occurred_on=date(2013, 3, 3),
            person_id=named("li"),
            reason="wrong_id_number",
            commitment=b"",
            profile_commitment=b"",
        ),
    ]

    for bureau in ("HRSS", "PFP", "LOCAL"):
        assert types(tells(household, bureau, ("cross_bureau", "statutory_duty"))) == ["registered"]


def test_surveys_are_told_to_no_bureau(tells: Ask):
    household = given_household(agreed(scope="survey"))
    when(
        household,
        say(
            "record_survey",
            surveyed_on=date(2013, 3, 2),
            person_id=named("li"),
            instrument="integration",
            version="1",
            answers={"q1": "often"},
        ),
    )

    for bureau in ("HLTH", "PFP", "LOCAL"):
        assert types(tells(household, bureau, ("cross_bureau", "statutory_duty"))) == ["registered", "consent-given"]


def test_a_field_that_a_grant_does_not_know_of_is_never_told(tells: Ask):
    household = given_household()
    facts = MemberFacts(education="college")
    household.entries.append(
        MemberFactsRecorded(occurred_on=date(2013, 3, 1), person_id=named("li"), facts=facts, commitment=b"x" * 32)
    )
    fields = {"commitment": "keep", "carried": "keep", "facts": "keep", "facts.unheard_of": "keep"}

    assert [each.data for each in tells(household, fields=fields)] == [{}]
    assert "facts" not in leaves()
