"""What can go wrong with the log's database, as errors of ours that the library's callers know too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from eventsourcing import persistence

from casework.errors import Invalid, Refused, Unavailable, VersionConflict


class StreamConflict(VersionConflict, persistence.IntegrityError):
    """The events do not follow the last one of their stream: somebody else appended meanwhile."""


class LogUnavailable(Unavailable, persistence.OperationalError):
    """The database is away, busy or full. An append may have been committed all the same: send it again."""


class EventTooLarge(Invalid, persistence.DataError):
    """An event with its metadata is over 64 kB."""

    default_code = "event-too-large"


class PersonErased(Refused, persistence.DataError):
    """Something was to be kept of somebody who was erased."""

    default_code = "person-erased"


_PERSON_ERASED = "CW002"  # raised by vault.refuse_erased

_LIBRARY_ERRORS: tuple[tuple[type[psycopg.Error], type[persistence.PersistenceError]], ...] = (
    (psycopg.errors.ReadOnlySqlTransaction, LogUnavailable),  # a primary that has become a standby
    (psycopg.OperationalError, LogUnavailable),
    (psycopg.InterfaceError, LogUnavailable),
    (psycopg.DataError, persistence.DataError),
    (psycopg.IntegrityError, persistence.IntegrityError),
    (psycopg.InternalError, persistence.InternalError),
    (psycopg.ProgrammingError, persistence.ProgrammingError),
    (psycopg.NotSupportedError, persistence.NotSupportedError),
    (psycopg.DatabaseError, persistence.DatabaseError),
    (psycopg.Error, persistence.PersistenceError),
)


def translated(error: psycopg.Error) -> persistence.PersistenceError:
    """Return the error that callers of the log know for one of the driver's."""
    if error.sqlstate == _PERSON_ERASED:
        return PersonErased()
    for theirs, ours in _LIBRARY_ERRORS:
        if isinstance(error, theirs):
            return ours() if ours is LogUnavailable else ours(str(error))
    raise AssertionError(error)


@contextmanager
def translating() -> Iterator[None]:
    """Raise the driver's errors as the errors that callers of the log know."""
    try:
        yield
    except psycopg.Error as error:
        raise translated(error) from error
