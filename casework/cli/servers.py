"""Commands that need the database and Redis."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
import psycopg
from psycopg_pool import PoolTimeout

from casework import wiring
from casework.config import Settings
from casework.errors import CaseworkError
from casework.local import ServerFailed
from casework.log.migrations import UnsuitableServer


def with_servers(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command settings that name both servers, and show its errors as sentences."""

    @wraps(command)
    @click.pass_obj
    def connected(settings: Settings, /, **options: Any) -> Any:
        try:
            with wiring.with_servers(settings) as complete:
                return command(complete, **options)
        except (CaseworkError, ServerFailed, UnsuitableServer) as error:
            raise click.ClickException(str(error)) from None
        except psycopg.errors.UndefinedTable:
            raise click.ClickException("The database has no log yet: casework migrate, or demo, makes it.") from None
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise click.ClickException(f"The database does not answer ({type(error).__name__}).") from None

    return connected
