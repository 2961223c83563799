"""What a round's report looks like: the documented form of :class:`casework.selection.report.Report`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate
from msgspec import inspect

from api.schemas import described
from casework.selection.report import Report

_PLAIN: Mapping[type[inspect.Type], Callable[..., fields.Field[Any]]] = {
    inspect.BoolType: fields.Boolean,
    inspect.DateTimeType: fields.AwareDateTime,
    inspect.DateType: fields.Date,
    inspect.FloatType: fields.Float,
    inspect.IntType: fields.Integer,
    inspect.StrType: fields.String,
    inspect.UUIDType: fields.UUID,
}


@cache
def schema_of(kind: type) -> type[ma.Schema]:
    """Return the schema of a struct of the report, and of all in it: what it says of itself is what is documented."""
    told = inspect.type_info(kind)
    assert isinstance(told, inspect.StructType)
    name = "RoundReport" if kind is Report else f"Report{kind.__name__}"
    inside = {each.name: _field(each.type) for each in told.fields}
    return type(name, (ma.Schema,), {"__doc__": kind.__doc__, "__module__": __name__, **inside})


def _field(told: inspect.Type, **options: Any) -> fields.Field[Any]:
    options.setdefault("required", True)
    match told:
        case inspect.UnionType(types=types):
            [inner] = [each for each in types if not isinstance(each, inspect.NoneType)]
            return _field(inner, **options, allow_none=True)
        case inspect.LiteralType(values=values):
            return fields.String(**options, validate=validate.OneOf(values))
        case inspect.VarTupleType(item_type=item):
            return fields.List(_field(item), **options)
        case inspect.StructType(cls=kind):
            return fields.Nested(schema_of(kind), **options, **described((kind.__doc__ or "").partition("\n")[0]))
    return _PLAIN[type(told)](**options)


ReportAnswer = schema_of(Report)
