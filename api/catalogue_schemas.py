"""What is answered about the catalogue and policies."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.household_schemas import Coded


class Eligibility(ma.Schema):
    """Who may receive a service without an override reason."""

    min_age = fields.Integer(required=True, allow_none=True)
    max_age = fields.Integer(required=True, allow_none=True)
    age_at = fields.String(required=True)
    need = fields.String(required=True, allow_none=True)
    employment = fields.String(required=True, allow_none=True)
    insured = fields.String(required=True, allow_none=True)
    pregnancy = fields.Boolean(required=True)


class Giver(ma.Schema):
    """Which units give a service."""

    label = fields.String(required=True)
    kinds = fields.List(fields.String(), required=True)
    required = fields.Boolean(required=True)


class Evidence(ma.Schema):
    """A field of a service's evidence."""

    name = fields.String(required=True)
    label = fields.String(required=True)
    type = fields.String(required=True)
    required = fields.Boolean(required=True)
    vault = fields.Boolean(required=True)
    values = fields.List(fields.Nested(Coded), required=True, allow_none=True)


class ServiceAnswer(Coded):
    """A service of the catalogue."""

    area = fields.String(required=True)
    kind = fields.String(required=True)
    beneficiary = fields.String(required=True)
    lead = fields.List(fields.String(), required=True)
    others = fields.List(fields.String(), required=True)
    restricted = fields.Boolean(required=True)
    eligibility = fields.Nested(Eligibility, required=True)
    unit = fields.Nested(Giver, required=True, allow_none=True)
    evidence = fields.List(fields.Nested(Evidence), required=True)
    validity = fields.String(required=True, allow_none=True)
    max_decision_days = fields.Integer(required=True)
    effective_from = fields.Date(required=True)
    effective_to = fields.Date(required=True, allow_none=True)
    plan_lines = fields.List(fields.Integer(), required=True)


class ServiceList(ma.Schema):
    """Services."""

    items = fields.List(fields.Nested(ServiceAnswer), required=True)


class NeedRow(Coded):
    """A need that can be assessed."""

    beneficiary = fields.String(required=True)
    area = fields.String(required=True)
    restricted = fields.Boolean(required=True)
    min_age = fields.Integer(required=True, allow_none=True)
    max_age = fields.Integer(required=True, allow_none=True)


class NeedList(ma.Schema):
    """Needs."""

    items = fields.List(fields.Nested(NeedRow), required=True)


class CodeList(ma.Schema):
    """A list of codes."""

    list = fields.String(required=True)
    codes = fields.List(fields.Nested(Coded), required=True)


class CodeLists(ma.Schema):
    """Every list of codes."""

    items = fields.List(fields.Nested(CodeList), required=True)


class BureauRow(Coded):
    """A bureau of the plan, and who holds the role."""

    kind = fields.String(required=True)
    areas = fields.List(fields.String(), required=True)
    holder = fields.String(required=True)


class BureauList(ma.Schema):
    """Bureaus."""

    items = fields.List(fields.Nested(BureauRow), required=True)


class UnitFactRow(Coded):
    """A fact that units report."""

    area = fields.String(required=True, allow_none=True)
    of_new_type = fields.Boolean(required=True)
    carriers = fields.List(fields.String(), required=True)
    items = fields.List(fields.Nested(Coded), required=True)
    max_months = fields.Integer(required=True, allow_none=True)
    plan_lines = fields.List(fields.Integer(), required=True)


class UnitFactList(ma.Schema):
    """Facts of units."""

    items = fields.List(fields.Nested(UnitFactRow), required=True)


class PolicyBrief(ma.Schema):
    """A published policy."""

    version = fields.String(required=True)
    label = fields.String(required=True)
    effective_from = fields.Date(required=True)
    effective_to = fields.Date(required=True, allow_none=True)
    supersedes = fields.String(required=True, allow_none=True)
    sha256 = fields.String(required=True)


class PolicyRow(PolicyBrief):
    """A policy, and whether it is in force today."""

    in_force = fields.Boolean(required=True)


class PolicyList(ma.Schema):
    """Policies."""

    items = fields.List(fields.Nested(PolicyRow), required=True)


class PolicyIndicator(ma.Schema):
    """An indicator of a policy."""

    indicator = fields.String(required=True)
    label = fields.String(required=True)
    eligible = fields.String(required=True)
    met_when = fields.String(required=True)
    weight = fields.Integer(required=True)
    goal = fields.Float(required=True)
    feed = fields.String(required=True, allow_none=True)
    plan_lines = fields.List(fields.Integer(), required=True)


class PolicyLevel(ma.Schema):
    """A level of a policy."""

    level = fields.String(required=True)
    label = fields.String(required=True)
    plan_lines = fields.List(fields.Integer(), required=True)
    indicators = fields.List(fields.Nested(PolicyIndicator), required=True)


class Band(ma.Schema):
    """A band and where it begins."""

    band = fields.String(required=True)
    from_ = fields.Float(required=True, data_key="from")
    label = fields.String(required=True)


class PolicyAnswer(PolicyBrief):
    """A policy with its levels, weights and bands."""

    levels = fields.List(fields.Nested(PolicyLevel), required=True)
    bands = fields.List(fields.Nested(Band), required=True)
    completeness_min = fields.Float(required=True)
    small_n = fields.Integer(required=True)
