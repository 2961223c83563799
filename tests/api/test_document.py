"""The OpenAPI document against the API itself: Schemathesis sends what the document allows and what it does not."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from casework.config import Settings
from casework.tokens import make_token

EXAMPLES = 8
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

# One test for all operations: the document needs the application, which pytest has not made yet when it collects.


@pytest.fixture(scope="module")
def document(app: Flask) -> Any:
    return schemathesis.openapi.from_wsgi("/v1/openapi.json", app)


@pytest.fixture(scope="module")
def headers(settings: Settings) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token(settings, role='supervisor', sub='supervisor-1')}"}


def test_no_answer_is_undeclared_or_an_error_of_ours(document: Any, headers: dict[str, str]):
    wrong: dict[str, str] = {}
    operations = [result.ok() for result in document.get_all_operations()]
    for operation in operations:
        try:
            exercise(operation, headers)
        except Exception as error:
            wrong[operation.label] = str(error)[:2000]

    assert wrong == {}
    assert len(operations) > 40


def exercise(operation: Any, headers: dict[str, str]) -> None:
    """Send so many cases of one operation."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case: Case) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    check()
