"""The whole interface against its own document: thousands of made-up requests, none of which may surprise it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as of_hypothesis
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from api.auth import RIGHTS
from casework.application import Casework
from casework.config import Settings
from casework.domain.registry import unit_id
from casework.tokens import make_token
from tests.api.conftest import DeskOf, arrived
from tests.api.test_subscriptions import subscribed
from tests.given import by

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
EXAMPLES = of_hypothesis(
    max_examples=13, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def operations(app: Flask) -> dict[str, Any]:
    """Every operation of the document, by its id."""
    schema = schemathesis.openapi.from_dict(app.extensions["openapi"])
    schema.app = app
    found = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    return {operation.definition.raw["operationId"]: operation for operation in found}


@pytest.fixture(scope="module")
def known(desk: DeskOf, casework: Casework) -> dict[str, str]:
    """The ids of a household and of what is in it, and of a nomination, so that requests get as far as the rules."""
    clerk = desk("supervisor")
    household = arrived(clerk)
    person = clerk.get(f"/v1/households/{household}").json["members"][0]["person_id"]
    asked = {"service": "SSI-CARD", "person_id": person, "requested_on": "2013-02-01"}
    episode = clerk.edit(household, "services", asked).json["events"][0]["episode_id"]
    housing = {"need": "HOUSING", "result": "present", "assessed_on": "2013-02-01"}
    need = clerk.edit(household, "needs", housing).json["events"][0]["need_id"]
    work = {"person_id": person, "kind": "employee", "unit_id": "emp-1", "from": "2013-02-01"}
    employment = clerk.edit(household, "employments", work).json["events"][0]["employment_id"]
    nomination = nominated(casework)
    return {
        "year": "2013",
        "nomination_id": nomination,
        "household_id": household,
        "person_id": person,
        "episode_id": episode,
        "need_id": need,
        "employment_id": employment,
        "unit": "emp-1",
        "code": "EDU-COMP",
        "version": "2013.1",
        "entry": "2",
        "bureau": "EDUB",
        "area": "EDU",
        "scope": "publication",
        "subscription_id": subscribed(desk, "of-contract", "HRSS", start="now").rpartition("/")[2],
    }


def nominated(casework: Casework) -> str:
    """A round that takes nominations, and one of a bureau with its plan."""
    operator, early = by("operator"), date(2013, 1, 1)
    casework.register_unit(operator, registered_on=early, code="HRSS", kind="bureau", name_zh="人社局")
    casework.report_unit_fact(unit_id("HRSS"), operator, reported_on=early, fact="UF-PLAN", from_=early)
    casework.open_round(by("selection"), year=2013)
    candidate: dict[str, Any] = {"kind": "K03_EMPLOYER", "unit": unit_id("emp-1")}
    outcome = casework.nominate(2013, by("bureau", bureau="HRSS"), **candidate)
    return str(outcome.events[0]["nomination_id"])


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
@pytest.mark.parametrize("action", sorted(RIGHTS))
def test_no_request_surprises_the_interface(
    action: str, mode: GenerationMode, operations: dict[str, Any], known: dict[str, str], settings: Settings
):
    role = next(
        each for each in ("supervisor", "operator", "selection", "bureau", "panelist") if each in RIGHTS[action]
    )
    token = make_token(settings, role=role, sub="tester-1", bureau="HRSS" if role == "bureau" else None)
    headers = {"Authorization": f"Bearer {token}"}

    @given(case=operations[action].as_strategy(generation_mode=mode))
    @EXAMPLES
    def answers_as_documented(case: Case) -> None:
        if mode is GenerationMode.POSITIVE:
            _point_at(case, known)
        impatient = {"Prefer": "wait=0"} if "min_position" in (case.query or {}) else {}
        response = case.call(headers=headers | impatient)
        assert response.status_code != 500
        case.validate_response(response, checks=CHECKS)

    answers_as_documented()


def test_every_right_belongs_to_an_operation(operations: dict[str, Any]):
    assert set(operations) == set(RIGHTS)


def _point_at(case: Case, known: dict[str, str]) -> None:
    """Let a request be about what is there, in the path and, where it names a person, in the body."""
    for name in case.path_parameters or {}:
        if name in known:
            case.path_parameters[name] = known[name]
    if "wait" in (case.query or {}):
        case.query["wait"] = 0
    if isinstance(case.body, dict) and "person_id" in case.body:
        case.body["person_id"] = known["person_id"]
    if {"household_id", "unit", "year"} & (case.path_parameters or {}).keys() and case.method == "POST":
        case.headers["If-Match"] = '"999999"' if case.headers.get("If-Match") == '"0"' else '"1"'
