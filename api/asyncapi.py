"""The streams' document: AsyncAPI 3, made from the schema of what is pulled and from the types of events."""

from __future__ import annotations

from typing import Any

from casework.domain.grants import GrantNarrowed, GrantRevoked
from casework.domain.leaves import event_types
from casework.streams.disclosure import TYPES

Content = dict[str, Any]

EVENT = "#/components/schemas/CloudEvent"


def document(openapi: Content) -> Content:
    """Return the document, of the application whose OpenAPI document this is."""
    names = sorted({*event_types(), GrantNarrowed.type_name, GrantRevoked.type_name})
    described = openapi["paths"]["/v1/subscriptions/{subscription_id}/stream"]["get"]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "casework", "version": openapi["info"]["version"], "description": described["description"]},
        "defaultContentType": "application/json",
        "channels": {
            "events": {
                "address": "/v1/subscriptions/{subscription_id}/stream",
                "description": "What a bureau is told under a grant, as server-sent events.",
                "parameters": {"subscription_id": {"description": "The subscription's id."}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
            }
        },
        "operations": {
            "stream": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "security": [{"$ref": "#/components/securitySchemes/bearer"}],
            }
        },
        "components": {
            "messages": {name: _message(name) for name in names},
            "schemas": {"CloudEvent": openapi["components"]["schemas"]["CloudEvent"]},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _message(name: str) -> Content:
    of_type = {"properties": {"type": {"const": TYPES + name}}}
    return {"name": TYPES + name, "payload": {"allOf": [{"$ref": EVENT}, of_type]}}
