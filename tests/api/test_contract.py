"""The whole interface against its own document: thousands of made-up requests, none of which may surprise it."""

from __future__ import annotations

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
from casework.config import Settings
from casework.tokens import make_token

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
EXAMPLES = of_hypothesis(
    max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def operations(app: Flask) -> dict[str, Any]:
    """Every operation of the document, by its id."""
    schema = schemathesis.openapi.from_dict(app.extensions["openapi"])
    schema.app = app
    found = [result.ok() for result in schema.get_all_operations()]
    return {operation.definition.raw["operationId"]: operation for operation in found}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
@pytest.mark.parametrize("action", sorted(RIGHTS))
def test_no_request_surprises_the_interface(
    action: str, mode: GenerationMode, operations: dict[str, Any], settings: Settings
):
    role = "supervisor" if "supervisor" in RIGHTS[action] else "operator"
    headers = {"Authorization": f"Bearer {make_token(settings, role=role, sub='tester-1')}"}

    @given(case=operations[action].as_strategy(generation_mode=mode))
    @EXAMPLES
    def answers_as_documented(case: Case) -> None:
        impatient = {"Prefer": "wait=0"} if "min_position" in (case.query or {}) else {}
        response = case.call(headers=headers | impatient)
        assert response.status_code != 500
        case.validate_response(response, checks=CHECKS)

    answers_as_documented()


def test_every_right_belongs_to_an_operation(operations: dict[str, Any]):
    assert set(operations) == set(RIGHTS)
