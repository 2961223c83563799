"""Clients that give commands while something breaks, as good clients do: the same again until it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from threading import Event, Thread
from uuid import UUID, uuid4

import psycopg

from casework.application import Casework
from casework.errors import Unavailable
from casework.outcome import Context, Outcome
from tests.faults.amounts import within
from tests.given import by, casework_on, person, registered

AWAY = (Unavailable, psycopg.OperationalError, psycopg.InterfaceError)
"""What the API answers with 503: the same request may work in a moment."""

Command = Callable[[Context], Outcome]


class Client(Thread):
    """One of them: it registers households of its own and visits them, so that a conflict can only be a false one."""

    def __init__(self, casework: Casework, *, pause: float = 0) -> None:
        super().__init__()
        self.casework = casework
        self.pause = pause
        self.stopped = Event()
        self.answers: dict[UUID, Outcome] = {}
        self.tries = 0
        self.failure: Exception | None = None

    def goes_on(self, seconds: float) -> bool:
        """Wait until the client has got another answer; raise what ended it, should it have ended."""
        answered = len(self.answers)
        happened = within(seconds, lambda: self.failure or len(self.answers) > answered)
        if self.failure:
            raise self.failure
        return happened

    def run(self) -> None:
        """Work until asked to stop."""
        try:
            while not self.stopped.wait(self.pause):
                self.register_and_visit()
        except Exception as error:
            self.failure = error

    def register_and_visit(self) -> None:
        """Register a household, and then visit it."""
        household = self.give(partial(register, self.casework, uuid4())).id
        self.give(partial(visit, self.casework, household))

    def give(self, command: Command) -> Outcome:
        """Give a command until it is answered, and note the answer."""
        context = by(key=uuid4().hex, body=b"1")
        assert context.command_id is not None
        while (outcome := self.answer(command, context)) is None:
            self.stopped.wait(0.02)
        self.answers[context.command_id] = outcome
        return outcome

    def answer(self, command: Command, context: Context) -> Outcome | None:
        """The answer, or None where the system says to try again."""
        self.tries += 1
        try:
            return command(context)
        except AWAY:
            return None


def register(casework: Casework, person_id: UUID, context: Context) -> Outcome:
    """Open the file of somebody who arrived alone: one event, with a profile and claims beside it."""
    return registered(casework, person(person_id=person_id), context=context)


def visit(casework: Casework, household: UUID, context: Context) -> Outcome:
    """One event of a household, as often as it is told, and nothing beside it."""
    return casework.give(household, "verify_residence", context, verified_on=date(2013, 9, 1), outcome="present")


@contextmanager
def two_processes(database_url: str, folder: Path) -> Iterator[list[Casework]]:
    """The commands twice, as two processes of the API have them: each keeps what it saw last."""
    opened = [casework_on(database_url, folder / "keys") for _ in range(2)]
    yield [next(each) for each in opened]
    for each in opened:
        next(each, None)


@contextmanager
def working(casework: Casework, number: int, *, pause: float = 0.02) -> Iterator[list[Client]]:
    """So many clients at work; after the block all have had their last answer, and none met an error."""
    clients = [Client(casework, pause=pause) for _ in range(number)]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.stopped.set()
        for client in clients:
            client.join()
    assert [client.failure for client in clients if client.failure] == []


def answers_of(clients: Sequence[Client]) -> dict[UUID, Outcome]:
    """All answers that they got."""
    return {command: answer for client in clients for command, answer in client.answers.items()}
