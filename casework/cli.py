"""The operator's commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click
import psycopg
from click import Context as Run
from psycopg_pool import PoolTimeout

from casework import wiring
from casework.bulk.files import reseal
from casework.config import ConfigError, Settings
from casework.domain.calendar import shanghai_date
from casework.domain.codes import codes
from casework.errors import CaseworkError
from casework.local import ServerFailed
from casework.log.migrations import UnsuitableServer
from casework.outcome import Context
from casework.population import PROFILES
from casework.privacy.keys import KeyRing
from casework.streams.webhooks import signing
from casework.terminal import fill, progress_bar
from casework.tokens import ROLES

REVOCATIONS = [row.code for row in codes("grant_revocation_reasons")]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(run: Run) -> None:
    """Case management for the households that a city helps to reach its services."""
    try:
        run.obj = Settings.from_env()
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


class Instant(click.ParamType[datetime]):
    """An instant with its offset from UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: Run | None) -> datetime:
        """Return the instant."""
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            self.fail("Write an instant with its offset, such as 2014-03-01T09:00:00+08:00.", param, ctx)
        return at


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


@main.command()
@with_servers
def migrate(settings: Settings) -> None:
    """Bring the database to this program's schema."""
    for name in wiring.prepare(settings):
        click.echo(f"applied {name}")


@main.command()
@click.option("--streams", is_flag=True, help="Answer the streams of subscriptions, at a port of their own.")
@with_servers
def serve(settings: Settings, streams: bool) -> None:
    """Answer the HTTP API."""
    wiring.run_program("api.serve_streams" if streams else "api.serve", settings)


@main.command()
@click.option("--long", "kind", flag_value="long", help="Work on long jobs, each in a process of its own.")
@click.option("--webhooks", "kind", flag_value="webhooks", help="Send webhooks.")
@with_servers
def work(settings: Settings, kind: str | None) -> None:
    """Keep the views current."""
    wiring.run_program("workers.run", settings, kind or "drains")


@main.command()
@with_servers
def beat(settings: Settings) -> None:
    """Look every second for what waits; two may run."""
    wiring.run_program("workers.run", settings, "beat")


@main.command()
@with_servers
def duplicates(settings: Settings) -> None:
    """Compare everybody who may be in two files now, instead of tonight."""
    with wiring.closing_casework(settings) as casework, casework.pool.connection() as db, progress_bar() as bar:
        task, queued = bar.add_task("blocks of people compared", total=None), 0
        for found in casework.duplicates.look_at_all(db):
            queued += found
            bar.advance(task)
    click.echo(f"{queued} pairs were queued: see /v1/duplicates.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_servers
def status(settings: Settings, as_json: bool) -> None:
    """Show heads, checkpoints, lag and queues."""
    from casework import status as reporting

    reporting.show(settings, as_json=as_json)


@main.command()
@click.option("--policy", help="A published version, or with --what-if the file of a draft; default: the live one's.")
@click.option("--what-if", is_flag=True, help="Only to be looked at, for a week: never flipped.")
@click.option("--back", is_flag=True, help="Flip back to the views that were live before.")
@click.option("--clean", is_flag=True, help="Drop the views that are not live; not within 10 minutes of a flip.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
@with_servers
def rebuild(settings: Settings, back: bool, clean: bool, as_json: bool, **options: Any) -> None:
    """Compute the views anew beside the live ones, compare both, and flip; started again, it goes on.

    The workers fill them. Readers and writers see no gap.
    """
    from casework import rebuilding

    if back + clean + bool(options["policy"] or options["what_if"]) > 1:
        raise click.UsageError("--back and --clean stand alone.")
    if back:
        rebuilding.back(settings, as_json=as_json)
    elif clean:
        rebuilding.clean(settings, as_json=as_json)
    else:
        rebuilding.run(settings, as_json=as_json, **options)


@main.command()
@with_servers
def unpark(settings: Settings) -> None:
    """Try the households again that could not be computed, and the partitions that were paused."""
    from casework import status as reporting

    stay = reporting.unpark(settings)
    click.echo(
        "No household stays parked." if not stay else f"{stay} households stay parked; casework status says why."
    )


@main.group()
def verify() -> None:
    """Checks of what was computed against the log."""


@verify.command()
@click.option("--sample", type=click.IntRange(1), help="About so many households; default: all, and all totals.")
@click.option("--seed", default=0, help="Another seed takes another sample.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_servers
def views(settings: Settings, as_json: bool, **options: Any) -> None:
    """Replay households from the log and compare every row of the live views; fails at a difference."""
    from casework import status as reporting

    sys.exit(0 if reporting.verify_views(settings, as_json=as_json, **options) else 1)


@main.group()
def vault() -> None:
    """What names people."""


@vault.command()
@with_servers
def reconcile(settings: Settings) -> None:
    """Erase again whom the ledger of erasures says was erased, as after an older backup was restored."""
    with wiring.closing_casework(settings, reconciling=True) as casework:
        applied = casework.reconcile()
    click.echo(f"{applied} erasures applied again" if applied else "the vault lacks no erasure of the ledger")


@vault.command()
@click.option("--again", is_flag=True, help="Add no key: seal what others have sealed under older ones since.")
@with_servers
def rotate(settings: Settings, again: bool) -> None:
    """Add a master key, and seal the vault and the files that were uploaded again under it.

    It can be stopped and begun again (`--again`). Start the API and the workers again afterwards, copy the key to their
    machines before, and run it with `--again` until it seals nothing: then the older keys can go.
    """
    if not again:
        with wiring.closing_casework(settings):  # a vault that lacks erasures is not opened, and needs no key
            KeyRing.open(settings.keys_dir, create=False).rotate()
    with wiring.closing_casework(settings) as casework, casework.pool.connection() as db:
        vault = casework.persons.vault
        rows, files = sum(vault.rotate(db)), sum(reseal(db, vault))
        secrets = signing.reseal(db, vault)
    click.echo(
        f"{rows} rows of the vault, {files} parts of files and {secrets} secrets of webhooks"
        f" sealed under {vault.current_key}"
    )


@main.command()
@click.option("--role", required=True, type=click.Choice(ROLES), help="What the token allows.")
@click.option("--sub", default=None, help="Who the token is for; an opaque id.")
@click.option("--bureau", default=None, help="A bureau's code.")
@click.option("--unit", default=None, help="The code of the unit that they work for, such as a district.")
@click.option("--division", "divisions", multiple=True, default=("4101",), help="Codes; several are allowed.")
@click.option("--purpose", default="casework", help="For which purpose named persons are read.")
@click.option("--hours", default=12, type=click.IntRange(1, 8760), help="How long it holds.")
@click.pass_obj
def token(settings: Settings, /, **claims: Any) -> None:
    """Make a token for the API, signed with this installation's key."""
    from casework import tokens

    click.echo(tokens.make_token(settings, **claims))


@main.command()
@click.option("--profile", default="demo", type=click.Choice(sorted(PROFILES)), help="How large.")
@click.option("--households", type=click.IntRange(1), help="Only the first so many of the profile.")
@click.option("--seed", default=2013, help="The same seed makes the same events.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last simulated Sunday; default: the last one.")
@click.option("--resume", is_flag=True, help="Go on after a load that was cut short.")
@with_servers
def population(settings: Settings, until: Any, **options: Any) -> None:
    """Fill an empty log with synthetic households."""
    wiring.prepare(settings, synthetic=True)
    loaded = fill(settings, until=until.date() if until else None, **options)
    click.echo(f"{loaded.households} households: {loaded.events} events added, {loaded.present} there before")


@main.command()
@click.option("--household", type=click.UUID, help="A household's id.")
@click.option("--unit", help="A unit's code; a division is the communities that made it up on the day.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day that is asked about; default: today.")
@click.option("--known-at", type=Instant(), help="An instant, such as 2014-03-01T09:00:00+08:00; default: now.")
@click.option("--policy", default="2013.1", help="The version of the scoring policy.")
@click.option(
    "--tree",
    default="then",
    type=click.Choice(["then", "now"]),
    help="Whose boundaries add up a unit: those of the day, or the newest known.",
)
@with_servers
def replay(settings: Settings, as_of: Any, **options: Any) -> None:
    """Compute a household or a unit from the log alone, as it was on a day and as it was known at an instant."""
    if (options["household"] is None) == (options["unit"] is None):
        raise click.UsageError("Name a household or a unit.")
    from casework import replay as replaying

    replaying.show(settings, as_of=as_of.date() if as_of else shanghai_date(datetime.now(UTC)), **options)


@main.command()
@click.option("--year", type=click.IntRange(2000, 9000), required=True, help="1 October before it to its 30 September.")
@click.option("--known-at", type=Instant(), help="Default: 31 October 24:00 of the year, or now if that is to come.")
@click.option("--policy", help="A published version; default: the one in force at the year's end.")
@click.option("--workers", default=1, type=click.IntRange(1, 64), help="How many processes count here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
@with_servers
def months(settings: Settings, **options: Any) -> None:
    """Add up every unit at the twelve month ends of an evaluation year, from the log alone; started again, it goes on.

    Workers of long jobs help. The same log, year and policy give the same digest, however many count.
    """
    from casework import counting

    counting.run(settings, **options)


@main.command()
@click.option("--json", "as_json", is_flag=True, required=True, help="Lines of JSON in, lines of JSON out.")
@click.option("--processes", type=click.IntRange(1, 64), default=None, help="Default: one for each core.")
def assess(as_json: bool, processes: int | None) -> None:
    """Assess households given as lines of commands on standard input (docs/assess-format.md); needs no server."""
    from casework.assessing import assess_lines

    for answer in assess_lines(sys.stdin.buffer, processes=processes):
        sys.stdout.buffer.write(answer + b"\n")


@main.group()
def policy() -> None:
    """Scoring policies."""


@policy.command()
@click.argument("version")
@with_servers
def activate(settings: Settings, version: str) -> None:
    """Put a policy file in force from today."""
    from casework.domain.policy import load_policy

    with wiring.closing_casework(settings) as casework:
        context = Context(actor="operator", role="operator")
        file = load_policy(version)
        outcome = casework.activate_policy(context, activated_on=casework.today, version=version, sha256=file.sha256)
    click.echo(f"policy {version} is in force" if outcome.changed else f"policy {version} was in force already")


@main.group()
def grant() -> None:
    """What bureaus are told of households."""


@grant.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each.")
@with_servers
def list_grants(settings: Settings, as_json: bool) -> None:
    """Show every grant, and whether it is in force."""
    from casework import granting

    with wiring.closing_casework(settings) as casework:
        granting.show(casework.registry().grants.values(), casework.today, as_json=as_json)


@grant.command()
@click.argument("file", type=click.File("rb"))
@with_servers
def issue(settings: Settings, file: Any) -> None:
    """Issue the grant that FILE holds, as JSON; whoever is to be told more later gets another."""
    from casework import granting

    with wiring.closing_casework(settings) as casework:
        click.echo(granting.issue(casework, file.read()))


@grant.command()
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@with_servers
def narrow(settings: Settings, name: str, file: Any) -> None:
    """Tell less under a grant, at once: FILE holds, as JSON, the whole extent that is left."""
    from casework import granting

    with wiring.closing_casework(settings) as casework:
        click.echo(granting.narrow(casework, name, file.read()))


@grant.command()
@click.argument("name")
@click.option("--reason", required=True, type=click.Choice(REVOCATIONS), help="Why.")
@with_servers
def revoke(settings: Settings, name: str, reason: str) -> None:
    """Tell nothing more under a grant, at once."""
    with wiring.closing_casework(settings) as casework:
        context = Context(actor="operator", role="operator")
        outcome = casework.revoke_grant(context, name=name, revoked_on=casework.today, reason=reason)
    click.echo(f"grant {name} is revoked" if outcome.changed else f"grant {name} was revoked already")


@main.group(name="round")
def round_() -> None:
    """Yearly selection rounds."""


@round_.command(name="open")
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--approval-ref", help="The licence to award.")
@click.option("--also", multiple=True, help="A kind that is not active in the policy; several are allowed.")
@with_servers
def open_round(settings: Settings, year: int, **options: Any) -> None:
    """Open this year's round under the policy in force, before its nominations close."""
    with wiring.closing_casework(settings) as casework:
        casework.open_round(Context(actor="operator", role="operator"), year=year, **options)
    click.echo(f"The round of {year} is open.")


@round_.command(name="show")
@click.argument("year", type=click.IntRange(2012, 2199))
@with_servers
def show_round(settings: Settings, year: int) -> None:
    """Show how far a round has come."""
    from casework import round_status

    with wiring.closing_casework(settings) as casework:
        for line in round_status.lines(casework.round(year), casework.today):
            click.echo(line)


@round_.command(name="freeze")
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that count, this one included.")
@with_servers
def freeze_round(settings: Settings, year: int, workers: int) -> None:
    """Count the year as it was known on 31 October, measure every unit, and freeze it for the round."""
    from casework import selecting

    selecting.freeze(settings, year=year, workers=workers)


@round_.command(name="rank")
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that count what is not there.")
@with_servers
def rank_round(settings: Settings, year: int, workers: int) -> None:
    """Rank the candidates by the frozen figures and the panel's open scores."""
    from casework import selecting

    selecting.rank(settings, year=year, workers=workers)


@round_.command()
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that count, this one included.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_servers
def recompute(settings: Settings, year: int, workers: int, as_json: bool) -> None:
    """Do a round's figures and ranking again from the log alone; fails where they are not the same to the byte."""
    from casework import selecting

    if not selecting.recompute(settings, year=year, workers=workers, as_json=as_json):
        raise SystemExit(1)


@round_.command(name="report")
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--format", type=click.Choice(["json", "xlsx", "html"]), default="html", show_default=True)
@click.option("--language", "spoken", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option(
    "--output", type=click.Path(dir_okay=False, allow_dash=True), required=True, help="A file; - to print it."
)
@click.option("--public", is_flag=True, help="As the public sees it: the published list, small cells hidden.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that count what is not there.")
@with_servers
def report_round(settings: Settings, **options: Any) -> None:
    """Write a round's report: list, scores with their parts, who is not ranked, notice and decision."""
    from casework import selecting

    selecting.report(settings, **options)


@round_.command(name="what-if")
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--policy", required=True, help="The file of a draft, or a published version.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that count, this one included.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_servers
def what_if(settings: Settings, **options: Any) -> None:
    """Show who would stand otherwise under another policy, by the figures that were frozen, and why.

    Nothing of the round is changed.
    """
    from casework import selecting

    selecting.try_policy(settings, **options)


@round_.command()
@click.argument("year", type=click.IntRange(2012, 2199))
@click.option("--known-at", type=Instant(), help="An instant after the freeze; default: now.")
@click.option("--unit", help="The code of a unit that stands otherwise: all of its events, and nothing else.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that count, this one included.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; with --unit one for each event.")
@with_servers
def appeal(settings: Settings, **options: Any) -> None:
    """Show who stands otherwise by what became known since the freeze, and which events are responsible.

    Nothing of the round is changed: its authorities decide by vetoes, objections and revocations.
    """
    from casework import selecting

    selecting.appeal_round(settings, **options)


@main.command()
@click.option("--once", is_flag=True, help="Do all of it, show the figures, check every view row, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --once: the figures as one JSON object on the last line.")
@click.option("--households", default=1000, type=click.IntRange(1, 10_000), help="How many households.")
@click.option("--round", "with_round", is_flag=True, help="With a part of the city, and its selection of last year.")
@with_servers
def demo(settings: Settings, **options: Any) -> None:
    """Fill a log with synthetic households, and start everything on it."""
    if options["as_json"] and not options["once"]:
        raise click.UsageError("--json goes with --once.")
    if options["with_round"] and options["households"] > PROFILES["exemplars"].households:
        raise click.UsageError(f"--round has {PROFILES['exemplars'].households} households at most.")
    from casework.demo import run_demo

    sys.exit(run_demo(settings, **options))
