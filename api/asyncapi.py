"""The streams' document: AsyncAPI 3, made from the schema of what is pulled and from the fields of events."""

from __future__ import annotations

from typing import Any

from casework.streams.disclosure import TYPES
from casework.streams.shapes import data_of, kinds, told_types
from casework.streams.tail import EPOCH_CHANGED, GRANT_ENDED, SUBSCRIPTION_CLOSED, TOKEN_EXPIRED
from casework.streams.webhooks.messages import CHALLENGE, MEDIA

Content = dict[str, Any]

EVENT = "#/components/schemas/CloudEvent"
KIND = "#/components/schemas/{}"
_TEXT = {"type": "string"}


def document(openapi: Content) -> Content:
    """Return the document, of the application whose OpenAPI document this is."""
    described = openapi["paths"]["/v1/subscriptions/{subscription_id}/stream"]["get"]
    event = openapi["components"]["schemas"]["CloudEvent"]
    events = {name: _event(name) for name in told_types()}
    signs, hooks = _signs(), _hooks(event["properties"])
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "casework", "version": openapi["info"]["version"], "description": described["description"]},
        "defaultContentType": "application/json",
        "channels": {
            "events": {
                "address": "/v1/subscriptions/{subscription_id}/stream",
                "description": "What a bureau is told under a grant, as server-sent events; `id` is the cursor.",
                "parameters": {"subscription_id": {"description": "The subscription's id."}},
                "messages": _named([*events, *signs]),
            },
            "webhook": {
                "address": None,
                "description": "The same, posted to the endpoint that a bureau has set, by Standard Webhooks: "
                f"`full` as the events themselves ({MEDIA['full']}), or `thin`.",
                "messages": _named([*events, *hooks]),
            },
        },
        "operations": {
            "stream": _sending("events", {"security": [{"$ref": "#/components/securitySchemes/bearer"}]}),
            "post": _sending("webhook", {}),
        },
        "components": {
            "messages": {**events, **signs, **hooks},
            "schemas": {"CloudEvent": event, **kinds()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _event(name: str) -> Content:
    of_type = {"properties": {"type": {"const": TYPES + name}, "data": data_of(name, KIND)}}
    return {"name": TYPES + name, "payload": {"allOf": [{"$ref": EVENT}, of_type]}}


def _signs() -> Content:
    """What a stream says of itself, as events of these names."""
    reasons = [GRANT_ENDED, SUBSCRIPTION_CLOSED, TOKEN_EXPIRED, EPOCH_CHANGED, "restart"]
    return {
        "lagging": _message("lagging", "Events were taken too slowly; the stream ends.", {}),
        "ended": _message("ended", "Nothing more comes, and the stream ends.", {"reason": {"enum": reasons}}),
    }


def _hooks(event: Content) -> Content:
    """What is posted besides whole events; the headers of the first are those of every message."""
    thin = {name: event[name] for name in ("id", "type", "subject", "sequence")}
    thin["cursor"] = {**_TEXT, "description": "After it the event is given: pull from here to read it."}
    challenge = {"type": {"const": CHALLENGE}, "challenge": {**_TEXT, "description": "To be given back in the answer."}}
    headers = _object(dict.fromkeys(("webhook-id", "webhook-timestamp", "webhook-signature"), _TEXT))
    return {
        "thin": {**_message("thin", "That something happened.", thin), "headers": headers},
        "challenge": {**_message(CHALLENGE, "Whether this is wanted here.", challenge), "headers": headers},
    }


def _message(name: str, summary: str, properties: Content) -> Content:
    return {"name": name, "summary": summary, "payload": _object(properties)}


def _object(properties: Content) -> Content:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _named(names: list[str]) -> Content:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _sending(channel: str, more: Content) -> Content:
    return {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}, **more}
