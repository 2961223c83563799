"""Every error that a caller of casework can meet.

An error has a stable code. Its sentences, in Chinese and English, stand in ``data/problems.json``,
which also feeds the API's documents and the tests. No error ever holds personal data.
"""

from __future__ import annotations

from functools import cache, partial
from importlib.resources import files
from typing import Any, ClassVar, NamedTuple

import msgspec


class Problem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the catalogue of errors: its HTTP status, and per language a title and a sentence."""

    status: int
    title: dict[str, str]
    detail: dict[str, str]


# Made at the import: msgspec 0.22 crashes where two threads at once are the first to read the same struct.
_decode = msgspec.json.Decoder(dict[str, Problem]).decode


@cache
def problems() -> dict[str, Problem]:
    """Return the catalogue of errors by code."""
    text = files("casework.data").joinpath("problems.json").read_bytes()
    return _decode(text)


class FieldError(NamedTuple):
    """One thing wrong with one field: a JSON pointer into the body, a code, and a sentence."""

    pointer: str
    code: str
    hint: str


class CaseworkError(Exception):
    """Something that a caller can meet; ``code`` names it for ever."""

    default_code: ClassVar[str] = "internal"

    def __init__(self, code: str | None = None, *, errors: tuple[FieldError, ...] = (), **values: Any) -> None:
        self.code = code or self.default_code
        self.errors = errors
        self.values = values
        super().__init__(self.sentence("en"))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it reach the parent of the process that raised it."""
        return partial(type(self), self.code, errors=self.errors, **self.values), (), self.__dict__

    @property
    def problem(self) -> Problem:
        """The catalogue's entry of this error."""
        return problems()[self.code]

    def sentence(self, language: str) -> str:
        """Say what happened, in ``zh`` or ``en``."""
        return self.problem.detail[language].format(**self.values)


class Refused(CaseworkError):
    """A rule of the domain refuses the command; ``code`` is the rule."""


class Invalid(CaseworkError):
    """The command or file is not well formed; ``errors`` point at what is wrong."""

    default_code = "invalid"


class NotFound(CaseworkError):
    """There is no such thing, or it is not yours to see."""

    default_code = "not-found"


class Forbidden(CaseworkError):
    """The caller is known, and may not do this."""

    default_code = "forbidden"


class VersionConflict(CaseworkError):
    """The stream has moved on since the caller looked at it."""

    default_code = "version-conflict"


class ClaimTaken(CaseworkError):
    """A person, ID number or feed reference is held already: by the stream ``held_by``."""

    default_code = "claim-taken"


class CommandReused(CaseworkError):
    """The same command id came before with another body."""

    default_code = "command-reused"


class Unavailable(CaseworkError):
    """Something we need is away or behind; the same request may work in ``retry_after`` seconds."""

    default_code = "unavailable"

    def __init__(self, code: str | None = None, *, retry_after: int = 1, **values: Any) -> None:
        super().__init__(code, **values)
        self.retry_after = retry_after
