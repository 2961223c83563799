"""Functions that run as their owner mean what they were written to mean, whatever a caller puts before it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from casework.domain.ids import uuid7
from casework.log.migrations import birth
from tests.log.given import Db, stream_in

TYPES = ["uuid", "text", "bytea", "timestamptz"]
STREAM, OTHER = stream_in(3), stream_in(7)

BATCH = (
    "ROW(ARRAY['{id}']::pg_catalog.uuid[], ARRAY[{version}]::int[], ARRAY['a.v1']::pg_catalog.text[],"
    " ARRAY['']::pg_catalog.bytea[], ARRAY['']::pg_catalog.bytea[])::casework.batch"
)
BESIDE = (
    "ROW(ARRAY['{id}']::pg_catalog.uuid[], ARRAY['person']::pg_catalog.text[], ARRAY['k']::pg_catalog.text[],"
    " ARRAY['s']::pg_catalog.bytea[], ARRAY[pg_catalog.repeat('c', 32)]::pg_catalog.bytea[],"
    " ARRAY['{id}']::pg_catalog.uuid[], ARRAY['name']::pg_catalog.text[], ARRAY['h']::pg_catalog.bytea[],"
    " ARRAY['claim']::pg_catalog.bytea[], ARRAY['person']::pg_catalog.text[], ARRAY['{stream}']::pg_catalog.uuid[],"
    " ARRAY['{id}']::pg_catalog.uuid[], ARRAY['{id}']::pg_catalog.uuid[])::casework.beside"
)


def batch(stream_id: object, version: int) -> str:
    return BATCH.format(id=stream_id, version=version)


def beside() -> str:
    return BESIDE.format(id=uuid7(), stream=STREAM).replace("'claim'", f"'{uuid7().hex}'")


CALLS = {
    "append_event": f"casework.append_event(3::smallint, '{STREAM}', 1, 'a.v1', '', '')",
    "append_events": f"casework.append_events(3::smallint, {batch(STREAM, 1)}, {beside()})",
    "append_to_two": f"casework.append_to_two(3::smallint, {batch(STREAM, 1)}, 7::smallint, {batch(OTHER, 1)},"
    f" {beside()})",
    "append_simulated": f"casework.append_simulated(3::smallint, {batch(STREAM, 1)},"
    f" ARRAY['2013-01-01']::pg_catalog.timestamptz[], {beside()})",
    "create_view_set": "casework.create_view_set('2013.1', 1)",
    "retire_view_set": "casework.retire_view_set('view_1')",
    "drop_view_set": "casework.drop_view_set('view_1')",
}

TRAP = """
CREATE FUNCTION evil.trap() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'trapped as %', current_user USING ERRCODE = 'CW666';
END $$"""

# Every function and operator of the catalogue whose name a function of ours holds, with the same signature.
FUNCTIONS = """
SELECT DISTINCT p.proname, pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid)
FROM pg_proc AS p
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND p.proname = ANY (%s)
  AND pg_get_function_result(p.oid) !~ '"any"|internal|cstring|trigger|handler|TABLE'
  AND pg_get_function_identity_arguments(p.oid) !~ '"any"|internal|cstring|VARIADIC'"""
OPERATORS = """
SELECT o.oprname, format_type(o.oprleft, NULL), format_type(o.oprright, NULL), format_type(o.oprresult, NULL)
FROM pg_operator AS o
WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprleft <> 0 AND o.oprname ~ '^[-<>=&|+*/]+$'
  AND ARRAY[o.oprleft, o.oprright] <@ ARRAY[
      'int2', 'int4', 'int8', 'text', 'uuid', 'bytea', 'timestamptz', 'bool', 'name', 'anyarray', 'anycompatiblearray',
      'anycompatible', 'anynonarray', 'anyelement']::regtype[]::oid[]"""


def words(admin: Db) -> list[str]:
    """All names in our functions."""
    sources = admin.execute("SELECT prosrc FROM pg_proc WHERE pronamespace = 'casework'::regnamespace").fetchall()
    return sorted({word for (source,) in sources for word in re.findall("[a-z_]+", source)})


def lay_traps(admin: Db) -> int:
    """Make a schema whose functions and operators hide the catalogue's; return how many."""
    admin.execute("CREATE SCHEMA evil")
    admin.execute("GRANT USAGE ON SCHEMA evil TO PUBLIC")
    admin.execute(TRAP)
    functions = admin.execute(FUNCTIONS, (words(admin),)).fetchall()
    for name, arguments, result in functions:
        _trap(admin, sql.Identifier("evil", name), arguments, result)
    operators = admin.execute(OPERATORS).fetchall()
    for number, (name, left, right, result) in enumerate(operators):
        function = sql.Identifier("evil", f"operator_{number}")
        _trap(admin, function, f"{left}, {right}", result)
        made = "CREATE OPERATOR evil.{} (FUNCTION = {}, LEFTARG = {}, RIGHTARG = {})"
        parts = (sql.SQL(name), function, sql.SQL(left), sql.SQL(right))
        admin.execute(sql.SQL(made).format(*parts))
    return len(functions) + len(operators)


def _trap(admin: Db, function: sql.Identifier, arguments: str, result: str) -> None:
    made = "CREATE FUNCTION {} ({}) RETURNS {} LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.trap(); END $$"
    admin.execute(sql.SQL(made).format(function, sql.SQL(arguments), sql.SQL(result)))


@pytest.fixture
def caller(database_url: str, admin: Db) -> Iterator[Db]:
    """The application, after somebody got hold of its connection and put names of theirs before all others."""
    birth(database_url, synthetic=True)
    assert lay_traps(admin) > 100
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute("CREATE TEMP TABLE opened (at int)")  # before the role is taken on: others may be let to
        db.execute("GRANT casework_app TO CURRENT_USER")
        for name in TYPES:
            made = "CREATE DOMAIN pg_temp.{0} AS pg_catalog.{0} CHECK (evil.trap())"
            db.execute(sql.SQL(made).format(sql.Identifier(name)))
        db.execute("SET role = casework_app")
        db.execute("SET search_path = evil, pg_catalog")
        yield db


def test_the_traps_work(caller: Db) -> None:
    for expression in ("1 = 2", "octet_length('a'::bytea)", "'a' || 'b'", f"'{STREAM}'::uuid"):
        with pytest.raises(psycopg.Error, match="trapped as casework_app"):
            caller.execute("SELECT " + expression)


@pytest.mark.parametrize("name", CALLS)
def test_no_name_of_a_callers_is_used_by_a_function_that_runs_as_its_owner(caller: Db, name: str) -> None:
    assert caller.execute(f"SELECT {CALLS[name]}").fetchone() is not None


def test_every_function_that_runs_as_its_owner_is_tried_here(admin: Db) -> None:
    definer = "SELECT proname FROM pg_proc WHERE pronamespace = 'casework'::regnamespace AND prosecdef"

    assert {name for (name,) in admin.execute(definer)} == CALLS.keys()
