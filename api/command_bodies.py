"""What the bodies of all commands share."""

from __future__ import annotations

from api.fields import Body, Code, Part, Plain, Text
from api.schemas import described


class Nothing(Body):
    """Nothing more is asked than what the path says."""


class SourceBody(Body):
    """Where a feed's record comes from; it takes the place of an `Idempotency-Key`, also where one is sent."""

    system = Plain(40, pattern="[A-Za-z0-9][A-Za-z0-9._-]*", required=True)
    ref = Plain(100, pattern="[A-Za-z0-9][A-Za-z0-9._:/-]*", required=True)


class Command(Body):
    """What every command may carry."""

    source = Part(SourceBody, **described("For feeds (role `service`): taken once, for ever."))


class Remarked(Command):
    """A command with free text, which is sealed in the vault."""

    remark = Text(2000)


class Tried(Body):
    """A command that can be tried before it is given."""

    mode = Code(
        ("commit", "validate"),
        load_default="commit",
        **described("`validate` answers what it would change, by the same rules, and writes nothing."),
    )
