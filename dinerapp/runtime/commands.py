"""`python -m dinerapp …`: the commands of operators."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from textwrap import shorten
from typing import Any

import click
import orjson
import structlog
from marshmallow import ValidationError

from adapters.embedded.errors import EmbeddedServerError
from blueprints.accounts.schemas import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH
from blueprints.http.fields import EMAIL_VALIDATOR
from blueprints.http.route_table import markdown_table, with_table
from blueprints.status.health import assess
from blueprints.status.schemas import HEALTHY
from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.domain.users import User
from dinerapp.accounts.ports.users import UserFilter
from dinerapp.accounts.services.accounts import NewAccount
from dinerapp.demo import coupons, large, menu
from dinerapp.demo.dishes import Course
from dinerapp.demo.menu_file import BadMenu, read
from dinerapp.demo.week import ORDER_COUNT
from dinerapp.ordering.container import OrderingServices
from dinerapp.replication.conflict_service import KEEP, TAKE_OTHER
from dinerapp.replication.conflicts import Conflict, ConflictState
from dinerapp.replication.errors import DinerError, DuplicateKey, NotFound, StoreFailure
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.connections import ConnectionStatus
from dinerapp.replication.ports.replica import DeadLetter, Target
from dinerapp.replication.record import utc_now
from dinerapp.replication.store_pair import StorePair
from dinerapp.replication.version import StoreId
from dinerapp.runtime import administration, seeding
from dinerapp.runtime.administration import (
    ComparisonReport,
    await_catching_up,
    open_application,
    open_with_all_stores_up,
    open_with_both_stores,
)
from dinerapp.runtime.app import create_app
from dinerapp.runtime.backends import NoDatabase, backends_of
from dinerapp.runtime.container import Application
from dinerapp.runtime.logs import SecretMask, configure_logging, connect_receivers
from dinerapp.runtime.processes import tune_gc
from dinerapp.runtime.secret import DEFAULT_DIRECTORY
from dinerapp.runtime.serving import serve
from dinerapp.runtime.settings import BadSetting, Settings, describe_settings
from dinerapp.runtime.terminal import progress, show_table

_log = structlog.get_logger(__name__)

EXIT_PROBLEM, EXIT_USAGE = 1, 2
MAX_ROWS = 50
_UNUSED_DATABASE_URL = "postgresql://nowhere"
"""It is never connected to: the routes do not depend on what is stored."""
MAX_DEFAULT_LENGTH = 30
MAX_REASON_LENGTH = 80
_STORE_NAMES = [place.value for place in administration.STORES]


class CommandFailed(click.ClickException):
    """Ends the command with a message of one sentence."""

    exit_code = EXIT_PROBLEM


class _CommandGroup(click.Group):
    """Reports errors in one sentence, and lists the settings in its help."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (BadSetting, NoDatabase, BadMenu) as exc:
            failure: Exception = click.ClickException(str(exc))
            failure.exit_code = EXIT_USAGE  # type: ignore[attr-defined]
        except (DinerError, EmbeddedServerError) as exc:
            failure = CommandFailed(SecretMask()(str(exc)))
        raise failure

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        with formatter.section("Settings (environment variables, with their defaults)"):
            formatter.write_dl(
                [
                    (_format_setting(name, default), meaning)
                    for name, default, meaning in describe_settings()
                ]
            )


def _format_setting(name: str, default: str) -> str:
    flag = default.lower() if default in ("True", "False") else default
    return f"{name}={flag}" if len(flag) < MAX_DEFAULT_LENGTH else name


@click.group(
    cls=_CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 success, 1 a problem was found, 2 wrong usage or settings.",
)
def main() -> None:
    """Dinerapp, a restaurant back end on PostgreSQL and MongoDB at once.

    Start with `python -m dinerapp up`.
    """


@main.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_DIRECTORY,
    show_default=True,
    help="directory of the databases and the secret key",
)
@click.option("--week", is_flag=True, help="add coupons and a week of demo orders, as `seed` does")
def up(data: Path, week: bool) -> None:
    """Serve on this machine, starting databases of its own if no URL is set.

    Starts PostgreSQL and MongoDB under --data unless DATABASE_URL or MONGODB_URI is set, migrates
    them, adds a demo menu if there is no menu, and serves until Ctrl-C. Demo orders are added
    with --week only.
    """
    serve(_quiet_settings(), data, click.echo, week=week)


@main.command()
def migrate() -> None:
    """Create or update tables, collections and indexes in every configured database."""
    failed, settings = False, _quiet_settings()
    for backend in backends_of(settings):
        name = backend.database.name
        try:
            server = administration.migrate_database(backend, settings.placement)
            click.echo(f"{name}: up to date ({server})")
        except StoreFailure as exc:
            failed = True
            click.echo(f"{name}: migration failed: {SecretMask()(exc.reason)}", err=True)
    _exit_on_problem(failed)


@main.command()
@click.option(
    "--size",
    type=click.Choice(["menu", "week", "large"]),
    default="week",
    show_default=True,
    help="what to add, see above",
)
@click.option(
    "--items",
    type=click.IntRange(1, 10_000),
    help="number of items for --size large; default: 1000",
)
@click.option(
    "--orders",
    type=click.IntRange(1, 10_000_000),
    help="number of orders for --size large; default: 100000",
)
@click.option(
    "--menu",
    "menu_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="for --size menu: your own menu as TOML instead of the demo menu",
)
def seed(size: str, items: int | None, orders: int | None, menu_file: Path | None) -> None:
    """Add demo data. Existing data is not added again, and removed data stays removed.

    \b
    menu   a demo menu, which `up` also adds to empty databases; or your own, with --menu
    week   the same, coupons, and a week of orders with payments, tills and tickets
    large  1,000 items and 100,000 orders for load tests, into all databases
           at once; if interrupted, the next run resumes where it stopped

    Demo orders count as sales and cannot be undone: never use `week` or `large` on the databases
    of a real restaurant.
    """
    if (items or orders) and size != "large":
        raise click.UsageError("--items and --orders require --size large")
    if menu_file and size != "menu":
        raise click.UsageError("--menu requires --size menu")
    own = read(menu_file) if menu_file else None
    began = time.monotonic()
    with open_application(seeding.with_long_deadlines(_quiet_settings())) as diner:
        match size:
            case "menu":
                _seed_menu(diner, own)
            case "week":
                _seed_week(diner)
            case "large":
                _seed_large(diner, items or large.ITEM_COUNT, orders or large.ORDER_COUNT)
    click.echo(f"{time.monotonic() - began:.1f} s")


def _seed_menu(application: Application, courses: Sequence[Course] | None) -> None:
    ordering = application.of(OrderingServices)
    if courses is None:
        added = menu.seed(ordering.menu, ordering.categories)
        _print_added(added, len(menu.DISHES), "dishes")
        return
    added = menu.seed_own(ordering.menu, ordering.categories, courses)
    _print_added(added, sum(len(course.dishes) for course in courses), "dishes")


def _seed_week(application: Application) -> None:
    with progress("orders") as report:
        added = seeding.seed_week(application, report)
    _print_added(added.items, len(menu.DISHES), "dishes")
    _print_added(added.coupons, len(coupons.coupon_fields(utc_now())), "coupons")
    _print_added(added.orders, ORDER_COUNT, "orders")


def _seed_large(application: Application, items: int, orders: int) -> None:
    try:
        with progress("orders") as report:
            added = seeding.seed_large(application, report, items, orders)
    except StoreFailure as exc:
        reason = SecretMask()(str(exc))
        raise CommandFailed(
            f"{reason}; run it again when the database is back, and it resumes where it stopped"
        ) from exc
    _print_added(added.items, items, "items")
    _print_added(added.orders, orders, "orders")


def _print_added(added: int, total: int, noun: str) -> None:
    click.echo(f"{added:,} of {total:,} {noun} added")


@main.command()
def relay() -> None:
    """Deliver outbox entries to the other database and send webhooks, until SIGTERM or Ctrl-C.

    For deployments with RELAY_IN_WORKERS=false. Also compares and repairs the databases every
    CONSISTENCY_EVERY seconds, if that is set.
    """
    settings = replace(Settings.from_environment(), relay_in_workers=True)
    configure_logging(settings)
    connect_receivers(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with open_application(settings) as diner:
        tune_gc()
        _log.info("relay_started", kinds=sorted(diner.replication.pairs))
        while not stop.wait(settings.consistency_every or None):
            administration.repair_on_schedule(diner)
    _log.info("relay_stopped")


@main.command()
@click.option(
    "--into",
    type=click.Path(exists=True, dir_okay=False, writable=True, path_type=Path),
    help="a page that ends with the table, such as docs/routes.md: write it there",
)
def routes(into: Path | None) -> None:
    """Show every route and who may use it, as a Markdown table."""
    table = markdown_table(create_app(Settings(database_url=_UNUSED_DATABASE_URL)))
    if into is None:
        click.echo(table, nl=False)
    else:
        into.write_text(with_table(into.read_text(), table))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def status(as_json: bool) -> None:
    """Show connections, undelivered records and open conflicts; exit 1 unless healthy."""
    with open_application(_quiet_settings()) as diner:
        await_catching_up(diner, seconds=5)
        found = diner.replication.connections.status_with_counts()
        verdict = assess(found)
        waiting = administration.count_open_conflicts(diner) if verdict.can_serve else None
    if as_json:
        items = [asdict(one) for one in found]
        _print_json({"status": verdict.status, "connections": items, "open_conflicts": waiting})
    else:
        show_table(_CONNECTION_COLUMNS, [_connection_row(one) for one in found])
        click.echo(f"{verdict.status}: {verdict.message}")
        click.echo(f"open conflicts: {'unknown' if waiting is None else waiting}")
    _exit_on_problem(verdict.status != HEALTHY)


@main.command()
@click.option("--kind", help="compare only this kind of record")
@click.option("--repair", is_flag=True, help="repair records that differ")
@click.option("--deep", is_flag=True, help="compare every record instead of stored digests")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def consistency(kind: str | None, repair: bool, deep: bool, as_json: bool) -> None:
    """Compare both databases; exit 1 if differences remain.

    Records that become equal during the comparison were still being delivered and do not count.
    """
    with open_with_both_stores(_quiet_settings()) as diner:
        await_catching_up(diner)
        checks = [_check_pair(diner, pair, deep, repair) for pair in _pairs(diner, kind)]
    if as_json:
        _print_json({"items": [asdict(check) for check in checks]})
    else:
        _show_checks(checks)
    _exit_on_problem(any(check.differing for check in checks))


@main.command()
@click.option("--resolve", metavar="ID", help="resolve this conflict")
@click.option("--take", type=click.Choice([KEEP, TAKE_OTHER]), help="how to resolve it")
@click.option("--all", "everything", is_flag=True, help="show resolved conflicts too")
def conflicts(resolve: str | None, take: str | None, everything: bool) -> None:
    """Show conflicts, or resolve one: keep the winner, or take the other side."""
    if (resolve is None) != (take is None):
        raise click.UsageError("--resolve and --take must be used together")
    with open_application(_quiet_settings()) as diner:
        await_catching_up(diner)
        if resolve is not None and take is not None:
            diner.replication.conflicts.resolve(resolve, take, Operation.without_key())
            click.echo(f"{resolve} is resolved: {take}")
            return
        found = diner.replication.conflicts.page(
            None if everything else ConflictState.OPEN, None, MAX_ROWS
        )
    if not found.items:
        click.echo("no conflicts")
        return
    show_table(_CONFLICT_COLUMNS, [_conflict_row(one) for one in found.items])
    if found.next_cursor is not None:
        click.echo(f"… the latest {MAX_ROWS} are shown")


@main.command()
@click.option("--to", type=click.Choice(_STORE_NAMES), required=True, help="the database to fill")
def copy(to: str) -> None:
    """Fill a database that was added later, then compare both; exit 1 unless they are equal.

    Set both DATABASE_URL and MONGODB_URI first. The diner can keep serving meanwhile.
    """
    place = StoreId(to)
    with open_with_both_stores(_quiet_settings()) as diner:
        with progress(f"copying to {to}") as report:
            administration.await_copy(diner, place, report)
        checks = [
            _check_pair(diner, pair, repair=True) for pair in diner.replication.pairs.values()
        ]
        rows = [
            (
                check.kind,
                administration.count_records(diner.replication.pairs[check.kind], place),
                len(check.differing),
            )
            for check in checks
        ]
    show_table(("kind", f"records in {to}", "differing"), rows)
    _exit_on_problem(any(check.differing for check in checks))


@main.command()
@click.option("--retry", is_flag=True, help="try to deliver them again")
def parked(retry: bool) -> None:
    """Show dead letters: records that a database or a follow-up, such as a webhook, kept refusing;
    exit 1 if there are any."""
    with open_with_all_stores_up(_quiet_settings()) as diner:
        if retry:
            click.echo(f"records to be retried: {administration.retry_dead_letters(diner)}")
            return
        found = administration.list_dead_letters(diner, MAX_ROWS)
    if not found:
        click.echo("no parked records")
        return
    show_table(_DEAD_LETTER_COLUMNS, [_dead_letter_row(target, one) for target, one in found])
    _exit_on_problem(True)


@main.group()
def users() -> None:
    """Add and list accounts, and reset passwords."""


def _validate_email(_context: click.Context, _option: click.Parameter, given: str) -> str:
    try:
        return EMAIL_VALIDATOR(given)
    except ValidationError as exc:
        raise click.BadParameter(str(exc.messages[0])) from exc


_EMAIL_OPTION = click.option(
    "--email", required=True, callback=_validate_email, help="the address the user logs in with"
)


@users.command("add")
@_EMAIL_OPTION
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--name", help="shown to others; default: the part of the address before the @")
def add_user(email: str, role: str, name: str | None) -> None:
    """Create an account in any role.

    The password is DINER_PASSWORD if that is set; otherwise it is asked for on a terminal, or read
    from the first line of standard input.
    """
    settings, password = _quiet_settings(), _new_password()
    new = NewAccount(email=email, name=name or email.partition("@")[0], password=password)
    with open_application(settings) as diner:
        await_catching_up(diner, seconds=5)
        try:
            done = diner.of(AccountServices).accounts.add(Operation.without_key(), new, Role(role))
        except DuplicateKey as exc:
            raise CommandFailed(f"{email} already has an account") from exc
    click.echo(f"{done.record.id} {done.record.email} is now {role}")


@users.command("list")
@click.option("--role", type=click.Choice([role.value for role in Role]), help="only this role")
def list_users(role: str | None) -> None:
    """List accounts, newest first."""
    wanted = UserFilter(role=Role(role) if role else None)
    with open_application(_quiet_settings()) as diner:
        await_catching_up(diner, seconds=5)
        found = diner.of(AccountServices).accounts.page(wanted, None, MAX_ROWS)
    show_table(_USER_COLUMNS, [_user_row(one) for one in found.items])
    if found.next_cursor is not None:
        click.echo(f"… the latest {MAX_ROWS} are shown")


@users.command("password")
@_EMAIL_OPTION
def reset_password(email: str) -> None:
    """Reset a user's password and log them out everywhere.

    The password is read as in `users add`.
    """
    settings, password = _quiet_settings(), _new_password()
    with open_application(settings) as diner:
        await_catching_up(diner, seconds=5)
        try:
            user = diner.of(AccountServices).accounts.reset_password(email, password)
        except NotFound as exc:
            raise CommandFailed(f"there is no account with the address {email}") from exc
    click.echo(f"{user.email} has a new password")


def _new_password() -> str:
    """Never an argument: arguments show up in the process list and in the shell's history."""
    password = os.environ.get("DINER_PASSWORD") or _read_password()
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        limits = f"{MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH}"
        raise click.UsageError(f"the password must be {limits} characters long")
    return password


def _read_password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


_USER_COLUMNS = ("id", "email", "name", "role", "active", "since")
_CONNECTION_COLUMNS = (
    "name", "engine", "role", "state", "latency ms", "owed", "parked", "follow-ups", "reason"
)  # fmt: skip
_CONFLICT_COLUMNS = ("id", "state", "about", "record", "when", "reason")
_DEAD_LETTER_COLUMNS = ("kind", "record", "refused by", "tries", "since", "reason")


def _connection_row(connection: ConnectionStatus) -> Sequence[object]:
    reason = shorten(SecretMask()(connection.reason), MAX_REASON_LENGTH, placeholder=" …")
    return (
        connection.name,
        connection.engine,
        connection.role,
        connection.state,
        connection.latency_ms,
        connection.owed,
        connection.parked,
        connection.follow_ups,
        reason,
    )


def _conflict_row(conflict: Conflict) -> Sequence[object]:
    when = conflict.created_at.isoformat(" ", "seconds")
    return (conflict.id, conflict.state, conflict.about, conflict.record_id, when, conflict.reason)


def _user_row(user: User) -> Sequence[object]:
    since = user.created_at.isoformat(" ", "seconds")
    return (user.id, user.email, user.name, user.role, "yes" if user.active else "no", since)


def _dead_letter_row(target: Target, dead_letter: DeadLetter) -> Sequence[object]:
    since = dead_letter.since.isoformat(" ", "seconds")
    return (
        dead_letter.kind,
        dead_letter.record_id,
        target,
        dead_letter.tries,
        since,
        dead_letter.reason,
    )


def _check_pair(
    application: Application, pair: StorePair[Any], deep: bool = False, repair: bool = False
) -> ComparisonReport:
    with progress(f"comparing {pair.kind_name}") as report:
        return administration.compare_pair(application, pair, report, deep=deep, repair=repair)


def _pairs(application: Application, kind: str | None) -> Sequence[StorePair[Any]]:
    if kind is not None and kind not in application.replication.pairs:
        known = ", ".join(sorted(application.replication.pairs))
        raise click.BadParameter(
            f"{kind!r} is not a kind of record in both databases; these are: {known}"
        )
    return [pair for name, pair in application.replication.pairs.items() if kind in (None, name)]


def _show_checks(checks: Sequence[ComparisonReport]) -> None:
    rows = [(one.kind, len(one.differing), one.on_their_way, one.repaired) for one in checks]
    show_table(("kind", "differing", "in delivery", "repaired"), rows)
    for check in checks:
        for each in check.differing[:MAX_ROWS]:
            click.echo(f"{check.kind} {each.record_id}: {each.one} / {each.other}")
        if len(check.differing) > MAX_ROWS:
            click.echo(f"… and {len(check.differing) - MAX_ROWS} more of {check.kind}")


def _quiet_settings() -> Settings:
    """For commands that people run: only errors are logged, to stderr."""
    settings = replace(Settings.from_environment(), relay_in_workers=False)
    configure_logging(replace(settings, log_level="error"), "stderr")
    return settings


def _print_json(value: object) -> None:
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())


def _exit_on_problem(problem: bool) -> None:
    if problem:
        raise SystemExit(EXIT_PROBLEM)
