"""The lines of `casework assess --json`, and that docs/assess-format.md describes them."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from casework.assessing import answer, assess_lines
from casework.assessing.commands import COMMANDS, FactsLine, MemberLine
from casework.assessing.entries import RegistryEntry
from casework.assessing.lines import Line
from casework.domain import catalogue, codes
from casework.domain.corrections import DATES
from tests.domain.random_households import line

DOCUMENT = (Path(__file__).parents[2] / "docs" / "assess-format.md").read_text("utf-8")
LI = {"person_id": "li", "relation": "head", "sex": "male", "born_on": "1997-03-15", "migrant": True}
ARRIVAL = {
    "command": "register_household",
    "occurred_on": "2013-01-05",
    "recorded_at": "2013-01-07T09:30:00+08:00",
    "community": "410105001001",
    "head": "li",
    "members": [LI],
}
WORK = {"command": "start_employment", "employment_id": 1, "person_id": "li", "kind": "employee", "unit_id": "acme"}


def asked(*commands, **fields):
    line = {"as_of": "2013-06-30", "commands": [ARRIVAL, *commands]} | fields
    return json.loads(answer(json.dumps(line).encode()))


def test_a_household_is_assessed():
    answered = asked(id=7)

    assert answered["id"] == 7
    assert (answered["status"], answered["settled"], answered["community"]) == ("assessed", False, "410105001001")
    assert answered["indicators"]["COM1"] == {"state": "known", "num": 0, "den": 1, "holds_until": None}
    assert answered["levels"]["school"] == {
        "score": None,
        "band": "NA",
        "completeness": {"known": 0, "applicable": 0},
    }
    assert answered["overall"]["score"] == "1.00"
    assert answered["next_change_on"] == "2015-03-31"


def test_a_household_without_commands_has_not_arrived():
    assert json.loads(answer(b'{"as_of": "2013-06-30", "commands": []}'))["status"] == "not_arrived"


def test_a_household_that_was_not_yet_known_has_not_arrived():
    assert asked(known_at="2013-01-06")["status"] == "not_arrived"
    assert asked(known_at="2013-01-07")["status"] == "assessed"


def test_what_never_changes_says_so():
    assert asked(known_at="2013-01-06")["next_change_on"] is None


def test_what_is_optional_may_be_null():
    head = {"command": "change_head", "occurred_on": "2013-06-01", "person_id": "li", "minor": None}
    fact = {"unit_id": "acme", "fact": "UF-FUND", "from": "2013-01-01", "items": None}

    assert asked(head, policy=None, registry=[fact])["status"] == "assessed"
    assert asked(policy=None, registry=None, known_at=None, id=None)["status"] == "assessed"


def test_an_answer_names_its_line_though_it_cannot_be_read():
    assert json.loads(answer(b'{"id": 7, "as_of": "soon", "commands": []}'))["id"] == 7


def test_a_refused_command_ends_its_household_and_says_which_rule():
    moved = {"command": "move_household", "occurred_on": "2013-02-01", "to_community": "410105001001"}

    assert asked(moved, {"command": "nonsense"}, id="x") == {
        "id": "x",
        "refused": 1,
        "rule": "move-to-same-place",
        "message": "The household already lives in that community.",
    }


@pytest.mark.parametrize(
    ("rule", "command"),
    [
        ("unknown-command", {"command": "forget"}),
        ("unknown-command", {}),
        ("unknown-command", 7),
        ("malformed-command", {"command": "verify_residence", "occurred_on": "2013-02-01"}),
        ("malformed-command", {"command": "verify_residence", "outcome": "present"}),
        ("malformed-command", {"command": "verify_residence", "outcome": 1, "occurred_on": "2013-02-01"}),
        ("malformed-command", {"command": "verify_residence", "outcome": "present", "occurred_on": "2013-02-30"}),
        ("malformed-command", {"command": "verify_residence", "outcome": "present", "occurred_on": "1899-12-31"}),
        ("malformed-command", {"command": "verify_residence", "outcome": "present", "on": "2013-02-01"}),
        ("malformed-instant", ARRIVAL | {"recorded_at": "yesterday"}),
        ("malformed-instant", ARRIVAL | {"recorded_at": "9999-12-31T23:59:59Z"}),
        ("unknown-code", {"command": "verify_residence", "outcome": "lost", "occurred_on": "2013-02-01"}),
        ("date-mismatch", ARRIVAL | {"arrived_on": "2013-01-04"}),
        ("household-exists", ARRIVAL),
        ("under-working-age", WORK | {"from": "2013-03-14"}),
    ],
)
def test_what_is_wrong_with_a_command_is_its_rule(rule, command):
    answered = asked(command)

    assert (answered["refused"], answered["rule"]) == (1, rule)


def test_a_command_before_the_household_is_there_is_refused():
    answered = json.loads(
        answer(json.dumps({"as_of": "2013-06-30", "commands": [WORK | {"from": "2013-06-01"}]}).encode())
    )

    assert (answered["refused"], answered["rule"]) == (0, "not-found")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"commands": []}',
        b'{"as_of": "soon", "commands": []}',
        b'{"as_of": "2013-06-30", "commands": [], "colour": "red"}',
        b'{"as_of": "2013-06-30", "commands": [], "policy": "1999.1"}',
        b'{"as_of": "2013-06-30", "commands": [], "known_at": "later"}',
        b'{"as_of": "2013-06-30", "commands": [], "registry": [{"month": "2013-05"}]}',
        b'{"as_of": "2013-06-30", "commands": [], "registry": [{"bureau": "NASA", "area": "EDU", "month": "2013-05"}]}',
        b'{"as_of": "2013-06-30", "commands": [], "registry": [{"bureau": "EDUB", "area": "EDU", "month": "2013-13"}]}',
        b'{"as_of": "2013-06-30", "commands": [], "registry": [{"unit_id": 1, "fact": "X", "from": "2013-01-01"}]}',
        b'{"as_of": "2013-06-30", "commands": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ],
)
def test_a_line_that_cannot_be_read_is_answered_as_malformed(text):
    assert set(json.loads(answer(text))) == {"malformed"}


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_field_of_every_command_may_hold_anything_and_is_answered(name):
    fields = [field.encode_name for field in msgspec.structs.fields(COMMANDS[name].struct)]
    odd: list[object] = [
        None,
        "",
        0,
        -1,
        10**30,
        True,
        [],
        {},
        "\u0000",
        "0001-01-01",
        "9999-12-31",
        "2013-02-01",
        ["x"],
        [{}],
        {"a": 1},
    ]

    for field in fields:
        for value in odd:
            assert (
                "status" in (got := asked({"command": name, "occurred_on": "2013-02-01", field: value}))
                or "rule" in got
            )


WANG = {"person_id": "wang", "relation": "spouse", "sex": "female", "born_on": "1985-03-15", "migrant": True}
COUPLE = ARRIVAL | {"members": [LI, WANG]}
NEED = {"command": "record_need", "need_id": "n", "need": "HOUSING", "result": "present", "occurred_on": "2013-02-01"}
WENT = {"person_id": "wang", "relation": "head"}
SPLIT = {
    "command": "split_household",
    "split_on": "2013-03-01",
    "new_household": "hers",
    "members": [WENT],
    "head": "wang",
}
MERGE = {"command": "merge_households", "from_household": "hers", "merged_on": "2013-03-01"}


def several(*commands, households, as_of="2013-06-30"):
    line = {"as_of": as_of, "commands": list(commands), "households": households}
    return json.loads(answer(json.dumps(line).encode()))


def of_house(household, *commands):
    return [command | {"household": household} for command in commands]


def test_both_households_of_a_split_are_assessed():
    told = of_house("his", COUPLE, NEED, SPLIT | {"needs": ["n"], "community": "410102001001"})
    found = several(*told, households=["his", "hers", "nobody's"])["households"]

    assert [each["household"] for each in found] == ["his", "hers", "nobody's"]
    assert [(each["status"], each["community"]) for each in found] == [
        *(("assessed", "410105001001"), ("assessed", "410102001001"), ("not_arrived", None)),
    ]
    assert [each["indicators"]["CIT3"]["den"] for each in found[:2]] == [0, 1]
    assert several(*told, households=["hers"], as_of="2013-02-28")["households"][0]["status"] == "not_arrived"


def test_households_are_merged_and_go_apart_again():
    other = ARRIVAL | {"head": "wang", "members": [WANG | {"relation": "head"}]}
    unmerge = {"command": "unmerge_households", "to_household": "hers", "unmerged_on": "2013-05-01"}
    apart = [*of_house("his", ARRIVAL), *of_house("hers", other, NEED)]
    related = MERGE | {"relations": [{"person_id": "wang", "relation": "spouse"}]}

    one = several(*apart, *of_house("his", related), households=["his", "hers"])["households"]
    again = several(*apart, *of_house("his", related, unmerge), households=["his", "hers"])["households"]

    assert [each["status"] for each in one] == ["assessed", "merged_away"]
    assert (one[0]["indicators"]["COM1"]["den"], one[0]["indicators"]["CIT3"]["den"]) == (2, 1)
    assert again == several(*apart, households=["his", "hers"])["households"]


def test_a_file_opens_again():
    closed = {"command": "close_household", "reason": "left_city", "occurred_on": "2013-03-01"}
    again = {"command": "reopen_household", "community": "410105001001", "occurred_on": "2013-05-01"}

    assert (asked(closed)["status"], asked(closed, again)["status"]) == ("closed", "assessed")


@pytest.mark.parametrize(
    ("rule", "commands"),
    [
        ("not-found", of_house("hers", NEED)),
        ("not-found", [MERGE]),
        ("merge-with-itself", of_house("hers", ARRIVAL, MERGE)),
        ("household-exists", [*of_house("hers", ARRIVAL), SPLIT]),
        ("new-head-needed", [SPLIT | {"members": [{"person_id": "li", "relation": "head"}], "head": "li"}]),
        ("member-twice", [SPLIT | {"members": [WENT, WENT]}]),
        ("need-of-person", [NEED | {"need": "JOB", "person_id": "li"}, SPLIT | {"needs": ["n"]}]),
    ],
)
def test_what_is_wrong_with_two_households_is_its_rule(rule, commands):
    found = several(COUPLE, *commands, households=["hers"])

    assert (found["refused"], found["rule"]) == (len(commands), rule)


def test_today_is_the_date_in_shanghai_of_the_recording():
    seen = {"command": "verify_residence", "outcome": "present", "occurred_on": "2013-02-02"}

    assert asked(seen | {"recorded_at": "2013-02-01T15:59:59Z"})["rule"] == "date-in-future"
    assert asked(seen | {"recorded_at": "2013-02-01T16:00:00"})["status"] == "assessed"
    assert asked(seen | {"recorded_at": "2013-02-02"})["status"] == "assessed"
    assert asked(seen)["indicators"]["COM5"]["num"] == 1


def test_an_instant_that_goes_back_counts_as_the_one_before():
    seen = {"command": "verify_residence", "outcome": "present", "occurred_on": "2013-01-06"}

    answered = asked(seen | {"recorded_at": "2013-01-06T12:00:00Z"}, known_at="2013-01-07T01:29:59Z")

    assert answered["status"] == "not_arrived"


@pytest.mark.parametrize("unit", ["acme", "01386b2a-6aef-7226-b63c-5ab791b7584a", 41])
def test_a_unit_is_the_same_in_commands_and_registry_however_it_is_written(unit):
    fact = {"unit_id": unit, "fact": "UF-COLL", "from": "2013-04-01", "recorded_at": "2013-06-08T09:00:00+08:00"}
    work = WORK | {"from": "2013-04-01", "unit_id": unit}

    assert asked(work, registry=[fact])["indicators"]["WRK5"]["num"] == 1
    assert asked(work, registry=[fact], known_at="2013-06-07")["indicators"]["WRK5"]["num"] == 0
    assert asked(work, registry=[fact | {"occurred_on": "2013-07-01"}])["indicators"]["WRK5"]["num"] == 0


def test_an_entry_without_an_instant_is_known_from_its_day_or_from_the_start():
    closing = {"bureau": "HLTH", "area": "HLT", "month": "2013-04"}

    assert asked(registry=[closing])["indicators"]["COM1"]["state"] == "unknown"
    assert asked(registry=[closing], known_at="2013-01-07")["indicators"]["COM1"]["state"] == "unknown"
    dated = closing | {"occurred_on": "2013-05-08"}
    assert asked(registry=[dated], known_at="2013-05-07")["indicators"]["COM1"]["state"] == "known"


def test_any_text_is_an_id_and_the_unit_of_a_correction_too():
    asked_for = {"command": "request_service", "occurred_on": "2013-02-01", "episode_id": "编号一", "person_id": "li"}
    request = asked_for | {"service": "EMP-CONTRACT", "unit_id": "acme", "override_reason": "hardship"}
    contract = {"kind": "open", "signed_on": "2013-02-01", "contract_ref": "in the vault"}
    grant = {"command": "grant_service", "occurred_on": "2013-02-01", "episode_id": "编号一", "evidence": contract}
    change = {"path": "unit_id", "old": "acme", "new": "bolt"}
    correction = {
        "command": "correct_service",
        "occurred_on": "2013-03-01",
        "episode_id": "编号一",
        "changes": [change],
    }
    works = WORK | {"from": "2013-04-01", "unit_id": "bolt"}

    answered = asked(request, grant, correction | {"reason": "entry_error"}, works)

    assert answered["indicators"]["WRK1"]["num"] == 1


def test_lines_are_answered_in_their_order_whatever_the_number_of_processes():
    lines = [json.dumps({**line(seed), "id": seed}).encode() for seed in range(250)]
    lines.insert(100, b"\n")

    alone, together = list(assess_lines(lines)), list(assess_lines(iter(lines), processes=2))

    assert [json.loads(text)["id"] for text in alone] == list(range(250))
    assert together == alone


def test_few_lines_start_no_processes():
    assert list(assess_lines([b"", b"{"], processes=2)) == list(assess_lines([b"{"]))


def rows(start, stop="\n\n"):
    """A table of the document, by the names in its first column."""
    table = DOCUMENT[DOCUMENT.index(start) :]
    table = table[: table.index(stop)]
    return {found: text for text in table.splitlines() for found in re.findall(r"^\| `([\w-]+)`", text)}


def test_the_document_has_every_command_with_every_field():
    documented = rows("| command | its own date |")

    assert set(documented) == set(COMMANDS)
    for name, command in COMMANDS.items():
        fields = {field.encode_name for field in msgspec.structs.fields(command.struct)}
        shared = {field.encode_name for field in msgspec.structs.fields(command.struct.__bases__[0])}
        assert set(re.findall(r"`(\w+)`", documented[name])) == (fields - shared) | {name, command.own_date}


def test_the_document_marks_what_is_required():
    documented = rows("| command | its own date |")

    for name, command in COMMANDS.items():
        _, _, _, required, optional, _ = documented[name].split("|")
        for field in msgspec.structs.fields(command.struct):
            if field.name != command.own_date and f"`{field.encode_name}`" in required + optional:
                assert (f"`{field.encode_name}`" in required) == field.required


@pytest.mark.parametrize(
    "struct", [Line, FactsLine, MemberLine, RegistryEntry, COMMANDS["void_service"].struct.__bases__[0]]
)
def test_the_document_has_every_field_of_lines_members_facts_and_entries(struct):
    assert [f.encode_name for f in msgspec.structs.fields(struct) if f"`{f.encode_name}`" not in DOCUMENT] == []


def test_the_document_has_every_code():
    listed = {
        name: set(re.findall(r"`(\w+)`", text)) for name, text in re.findall(r"^\| \*(\w+)\* \|(.*)$", DOCUMENT, re.M)
    }
    expected = {name: {row.code for row in rows} for name, rows in codes.code_lists().items() if name in listed}
    expected |= {"needs": {need.code for need in codes.needs()}, "bureaus": {bureau.code for bureau in codes.bureaus()}}

    assert listed == expected
    assert set(re.findall(r"(?<!\*)\*(\w+)\*(?!\*)", DOCUMENT)) <= set(listed) | {"services"}


def test_the_document_has_every_service_with_its_evidence():
    documented = rows("| service | kind |")

    assert set(documented) == set(catalogue.services())
    for code, service in catalogue.services().items():
        shown = {name: star == "*" for name, star in re.findall(r"`(\w+)`(\*?)", documented[code].split("|", 5)[5])}
        assert shown == {name: field.required for name, field in service.evidence.items()}
        assert documented[code].split("|")[4].strip() == (
            "required" if service.needs_unit else "optional" if service.unit else "–"
        )


def test_the_document_has_every_path_of_a_correction():
    assert [path for path in (*DATES, "unit_id") if f"`{path}`" not in DOCUMENT] == []
