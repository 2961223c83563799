"""``casework demo``: the whole system on a log of synthetic households."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from casework import figures, round_status, tokens, wiring
from casework.application import Casework
from casework.config import Settings
from casework.local.process import dying_with_us
from casework.log.reading import Db
from casework.past_round import tell_past_round
from casework.projections import reading
from casework.projections.months import MonthRun
from casework.stopping import StopEvent, set_on_signals
from casework.terminal import count_months, fill, progress_bar, screen, wide_console

READY_SECONDS = 60
STOP_SECONDS = 10
POLL_SECONDS = 0.2
RESTART_SECONDS = 1.0
ROLES = ("caseworker", "supervisor", "bureau", "auditor", "selection", "operator", "service")


def run_demo(settings: Settings, *, once: bool, as_json: bool, households: int, with_round: bool) -> int:
    """Fill the log, start everything on it, and show it; return the exit status.

    With a round, the city is the part of it whose units are large enough to be ranked.
    """
    wiring.prepare(settings, synthetic=True)
    loaded = fill(settings, profile="exemplars" if with_round else "demo", households=households)
    screen.print(f"{loaded.events} events added, {loaded.present} there before.")
    with wiring.closing_casework(settings) as casework, running(settings):
        year = tell_round(settings) if with_round else None
        catch_up(casework)
        if year is not None:
            show_round(casework, settings, year)
        elif with_round:
            screen.print("No unit is large and good enough for a seat: the round has no list. Take more households.")
        if once:
            return show_once(casework, as_json=as_json)
        show_addresses(settings)
        stay()
    return 0


def tell_round(settings: Settings) -> int | None:
    """Tell the round of the year before, or go on with it; its year, or None where nobody reached a seat."""

    def count(db: Db, run: MonthRun) -> None:
        count_months(settings, db, run)

    with wiring.closing_casework(settings) as casework:
        return tell_past_round(casework, count)


def show_round(casework: Casework, settings: Settings, year: int) -> None:
    """Say how a round came out, and where it is read."""
    output = Console(soft_wrap=True)
    for line in round_status.lines(casework.round(year), casework.today):
        output.print(line, highlight=False)
    output.print(f"\nWhat the public sees: {_api(settings)}/v1/rounds/{year}/list/report?format=html")
    output.print(f"What the office sees: casework round report {year} --output report.html")


@contextmanager
def running(settings: Settings) -> Iterator[None]:
    """API, streams, workers and beat as processes of their own, begun again when they die, stopped in the end."""
    _refuse_taken_port(settings, settings.api_port, "CASEWORK_API_PORT")
    _refuse_taken_port(settings, settings.streams_port, "CASEWORK_STREAMS_PORT")
    programs = {
        "api": ["api.serve"],
        "streams": ["api.serve_streams"],
        "beat": ["workers.run", "beat"],
        "worker-long": ["workers.run", "long"],
        "worker-webhooks": ["workers.run", "webhooks"],
    }
    programs |= {f"worker-{number}": ["workers.run", "drains"] for number in range(1, settings.workers + 1)}
    commands = {name: wiring.command_line(module, *rest) for name, (module, *rest) in programs.items()}
    started: dict[str, subprocess.Popen[bytes]] = {}
    over = Event()
    try:
        for name, command in commands.items():
            started[name] = _start(settings, name, command)
        _await_api(settings, started["api"])
        watch = Thread(target=_keep_alive, args=(settings, commands, started, over), daemon=True)
        watch.start()
        yield
        over.set()
        watch.join()
    finally:
        over.set()
        for program in started.values():
            program.terminate()
        for program in started.values():
            _await_end(program)


def _keep_alive(
    settings: Settings, commands: dict[str, list[str]], started: dict[str, subprocess.Popen[bytes]], over: Event
) -> None:
    """Start again whatever has died."""
    while not over.wait(RESTART_SECONDS):
        for name, program in started.items():
            if program.poll() is not None:
                screen.print(f"{name} has died and is started again; see {_log_of(settings, name)}.")
                started[name] = _start(settings, name, commands[name])


def catch_up(casework: Casework) -> None:
    """Wait until the views have reached the heads; ClickException where an earlier version made them."""
    pause = Event()
    with progress_bar() as bar:
        task = bar.add_task("views", total=None)
        while True:
            rows = next(iter(reading.status(casework.pool).values()), None)
            if rows is None:
                raise click.ClickException(
                    "Earlier views: run `casework rebuild` beside `casework work` and `casework beat`."
                )
            head = sum(row.head for row in rows)
            behind = sum(row.lag for row in rows)
            bar.update(task, completed=head - behind, total=head)
            waiting = [row for row in rows if row.lag or row.registry_lag or row.as_of < casework.today]
            if not waiting:
                return
            _refuse_paused([row.paused for row in waiting if row.paused])
            pause.wait(POLL_SECONDS)


def show_once(casework: Casework, *, as_json: bool) -> int:
    """Show the figures, and compare every view row with a fresh replay; status 0 says that all are equal."""
    found = figures.collect(casework)
    with screen.status("Comparing every view row with a fresh replay"):
        found["verified"] = figures.check(casework)
    output = wide_console()
    for table in (_sizes(found), _bands(found), _households(found), _units(found)):
        output.print(table)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    return 1 if found["verified"]["differences"] or not found["verified"]["households"] else 0


def show_addresses(settings: Settings) -> None:
    """Say where the API answers, with a token for each role."""
    output = Console(soft_wrap=True)
    output.print(f"\nThe API answers at {_api(settings)}/v1, its pages to read are at {_api(settings)}/docs")
    output.print(f"Subscriptions are streamed at http://{settings.api_host}:{settings.streams_port}/v1\n")
    for role in ROLES:
        bureau = "HRSS" if role == "bureau" else None
        output.print(f"[bold]{role}[/bold]\n{tokens.make_token(settings, role=role, bureau=bureau)}\n")
    output.print("Ctrl-C ends it; the data stays.")


def stay() -> None:
    """Wait for Ctrl-C or a stop signal."""
    over = StopEvent()
    set_on_signals(over)
    over.wait()


def _start(settings: Settings, name: str, command: list[str]) -> subprocess.Popen[bytes]:
    folder = settings.data_dir / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f"{name}.log").open("ab") as file:
        return subprocess.Popen(
            dying_with_us("TERM", command),
            env=wiring.environment(settings),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def _await_api(settings: Settings, program: subprocess.Popen[bytes]) -> None:
    pause, ends = Event(), monotonic() + READY_SECONDS
    while not _answers(f"{_api(settings)}/healthz"):
        if program.poll() is not None or monotonic() > ends:
            raise click.ClickException(f"The API did not start; see {_log_of(settings, 'api')}.")
        pause.wait(POLL_SECONDS)


def _refuse_taken_port(settings: Settings, port: int, variable: str) -> None:
    """Another server there would be taken for ours."""
    try:
        socket.create_server((settings.api_host, port)).close()
    except OSError as error:
        where = f"{settings.api_host}:{port} ({error.strerror})"
        raise click.ClickException(f"The API cannot listen at {where}: set {variable}.") from None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _await_end(program: subprocess.Popen[bytes]) -> None:
    try:
        program.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def _refuse_paused(reasons: list[str]) -> None:
    if reasons:
        raise click.ClickException(f"A partition's views are paused: {reasons[0]}")


def _api(settings: Settings) -> str:
    return f"http://{settings.api_host}:{settings.api_port}"


def _log_of(settings: Settings, name: str) -> Path:
    return settings.data_dir / "logs" / f"{name}.log"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _sizes(found: dict[str, Any]) -> Table:
    table = _table("The log", "what", "how much")
    for name in ("households", "events", "as_of", "policy"):
        table.add_row(name, str(found[name]))
    verified = found["verified"]
    compared = f"{verified['households']} households, {verified['unit_totals']} totals"
    table.add_row("view rows compared with a replay", compared)
    table.add_row("differences", str(len(verified["differences"])))
    return table


def _bands(found: dict[str, Any]) -> Table:
    bands = sorted({band for counts in found["bands"].values() for band in counts}, key="ABCDUNA".index)
    table = _table("Households by band", "level", *bands)
    for level, counts in found["bands"].items():
        table.add_row(level, *(str(counts.get(band, 0)) for band in bands))
    return table


def _households(found: dict[str, Any]) -> Table:
    table = _table("Three households", "household", "level", "score", "band", "met of eligible", "missing first")
    for each in found["shown"]:
        table.add_row(each["id"], "overall", each["overall"], each["band"], "", "", style="bold")
        for code, level in each["levels"].items():
            counts = ", ".join(f"{name} {count}" for name, count in level["indicators"].items())
            first = [" or ".join(gap["codes"]) for gap in each["missing"] if gap["level"] == code][:2]
            table.add_row("", code, level["score"] or "-", level["band"], counts, "; ".join(first))
    return table


def _units(found: dict[str, Any]) -> Table:
    levels = ("school", "workplace", "community", "city")
    table = _table("Five units", "unit", "kind", "households", "employees", "overall", "band", *levels)
    for each in found["units"]:
        scores = (each["levels"][level] or "-" for level in levels)
        sizes = (str(each["households"]), str(each["employees"]))
        table.add_row(each["name"], each["kind"], *sizes, each["overall"] or "-", each["band"], *scores)
    return table
