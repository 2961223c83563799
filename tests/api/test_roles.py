"""Who may do what: the table of rights, held against every endpoint in every role."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from werkzeug.routing import Rule

from api.auth import PUBLIC, RIGHTS
from casework.tokens import ROLES
from tests.api.conftest import DeskOf

SOME_ID = str(UUID(int=7 << 76 | 2 << 62))
WITHOUT_RIGHTS = {"static"}


def rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint not in PUBLIC | WITHOUT_RIGHTS]


def path(rule: Rule) -> str:
    """A path of the rule to something that is not there."""
    kinds = {name: type(rule._converters[name]).__name__ for name in rule.arguments}
    values = {name: SOME_ID if kind == "UUIDConverter" else "x" for name, kind in kinds.items()}
    built = rule.build(values)
    assert built is not None
    return built[1]


def test_every_endpoint_has_its_row_and_every_row_its_endpoint(app: Flask):
    assert {rule.endpoint for rule in rules(app)} == set(RIGHTS)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_no_further_than_its_rows(app: Flask, desk: DeskOf, role: str):
    strange: dict[str, Any] = {}
    claims = {"bureau": "HRSS"} if role == "bureau" else {}
    for rule in rules(app):
        client = desk(role, **claims)
        verb = client.get if "GET" in (rule.methods or ()) else lambda each, client=client: client.post(each, {})
        status = verb(path(rule)).status
        if (status == 403) == (role in RIGHTS[rule.endpoint]):
            strange[rule.endpoint] = status

    assert strange == {}
