"""The commands on real databases, as an operator types them."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psycopg
import pytest
import structlog
from click.testing import CliRunner, Result
from pymongo import MongoClient

from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.errors import NotAuthenticated
from dinerapp.demo import menu
from dinerapp.ordering.container import OrderingServices
from dinerapp.replication import conflicts
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.ports.replica import OutboxEntry
from dinerapp.replication.record import utc_now
from dinerapp.replication.version import StoreId
from dinerapp.runtime.administration import await_catching_up, bootstrap, open_application
from dinerapp.runtime.backends import backends_of
from dinerapp.runtime.commands import main
from dinerapp.runtime.settings import Settings, describe_settings
from tests.contracts.samples import run_concurrently
from tests.factories import at, menu_item
from tests.servers.control import RealServer, server_folder

ROOT = Path(__file__).parents[2]
NO_MONGO = "mongodb://127.0.0.1:9/diner"
NOWHERE = "postgresql://diner:hunter2-hunter2@127.0.0.1:9/diner"
Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def urls(fresh_postgres_url: str, fresh_mongo_url: str) -> dict[str, str]:
    return {"DATABASE_URL": fresh_postgres_url, "MONGODB_URI": fresh_mongo_url}


def command(*words: str, input: str | None = None, **environment: str) -> Result:
    cleared = dict.fromkeys(
        (name for name, _, _ in describe_settings() if name in os.environ), None
    )
    done = CliRunner().invoke(main, words, input=input, env={**cleared, **environment})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def run(urls: dict[str, str]) -> Run:
    """A command on two new databases."""
    return lambda *words, **more: command(*words, **{**urls, **more})


@pytest.fixture
def settings(urls: dict[str, str]) -> Settings:
    return replace(Settings.from_environment(urls), relay_in_workers=False)


def test_help_tells_of_every_command_and_every_setting() -> None:
    shown = command("--help")
    assert shown.exit_code == 0
    assert {"up", "migrate", "relay", "copy"} <= set(shown.output.split())
    assert all(name in shown.output for name, _, _ in describe_settings())


def test_a_bad_setting_is_one_sentence() -> None:
    shown = command("status", PORT="eighty")
    assert shown.exit_code == 2
    assert shown.output == "Error: PORT='eighty' cannot be used; accepted: 1 to 65535\n"


def test_without_a_database_the_way_on_is_named() -> None:
    shown = command("status")
    assert shown.exit_code == 2
    assert "python -m dinerapp up" in shown.output


def test_a_database_that_cannot_be_reached_is_named_without_its_password(
    fresh_mongo_url: str,
) -> None:
    for words in (("migrate",), ("consistency",), ("parked",)):
        shown = command(*words, DATABASE_URL=NOWHERE, MONGODB_URI=fresh_mongo_url)
        assert shown.exit_code == 1
        assert "postgresql" in shown.output
        assert "hunter2" not in shown.output
        assert "Traceback" not in shown.output


def test_migrate_says_what_it_did_and_may_be_repeated(run: Run) -> None:
    for _ in range(2):
        shown = run("migrate")
        assert shown.exit_code == 0
        assert re.search(r"postgresql: up to date \(PostgreSQL \d+", shown.output)
        assert re.search(r"mongodb: up to date \(MongoDB \d+", shown.output)


def test_migrate_makes_the_collections_and_indexes_of_the_kinds_that_are_placed_there(
    run: Run, fresh_mongo_url: str
) -> None:
    assert run("migrate", PLACEMENT="coupons=postgresql").exit_code == 0
    with MongoClient[dict[str, Any]](fresh_mongo_url) as client:
        database = client.get_default_database()
        assert "unique_invite_code" in database["servers"].index_information()
        assert "coupons" not in database.list_collection_names()


def test_the_demo_menu_is_added_once_and_what_was_removed_stays_removed(
    run: Run, settings: Settings
) -> None:
    number = len(menu.DISHES)
    assert f"{number} of {number} dishes added\n" in run("seed", "--size", "menu").output
    with open_application(settings) as diner:
        assert diner.of(OrderingServices).kitchen.board(None).orders == []
        dish = diner.of(OrderingServices).menu.all()[0]
        diner.repositories["menu_items"].delete(replace(dish, op_id="1" * 32))
    assert f"0 of {number} dishes added\n" in run("seed", "--size", "menu").output
    with open_application(settings) as diner:
        assert len(diner.of(OrderingServices).menu.all()) == number - 1


def test_a_restaurant_brings_its_own_menu(run: Run, settings: Settings, tmp_path: Path) -> None:
    own = tmp_path / "menu.toml"
    own.write_text(
        '[[category]]\nslug = "soups"\nname = "Soups"\n'
        '[[category.dish]]\nslug = "goulash"\nname = "Goulash"\nprice = 7.90\n'
    )
    words = ("seed", "--size", "menu", "--menu", str(own))
    assert "1 of 1 dishes added\n" in run(*words).output
    assert "0 of 1 dishes added\n" in run(*words).output
    with open_application(settings) as diner:
        assert [(item.name, item.price) for item in diner.of(OrderingServices).menu.all()] == [
            ("Goulash", 790)
        ]


def test_a_mistake_in_a_menu_is_one_line_before_anything_is_connected(tmp_path: Path) -> None:
    bad = tmp_path / "menu.toml"
    bad.write_text('[[category]]\nslug = "a"\nname = "A"\n[[category.dish]]\nslug = "goulash"\n')
    shown = command("seed", "--size", "menu", "--menu", str(bad), DATABASE_URL=NOWHERE)
    assert shown.exit_code == 2
    assert shown.output == f"Error: {bad}: dish 'goulash': name is missing\n"
    shown = command("seed", "--menu", str(bad), DATABASE_URL=NOWHERE)
    assert (shown.exit_code, "--menu requires --size menu" in shown.output) == (2, True)


def test_a_week_of_orders_comes_with_seed_and_both_databases_are_equal(run: Run) -> None:
    assert "210 of 210 orders added\n" in run("seed").output
    again = run("seed")
    assert "0 of 4 coupons added\n0 of 210 orders added\n" in again.output
    assert run("consistency", "--deep").exit_code == 0
    assert run("status").exit_code == 0


def test_a_large_house_is_seeded_with_figures_and_without_debts(run: Run) -> None:
    large = ("seed", "--size", "large", "--items", "40", "--orders", "600")
    added = run(*large)
    assert added.output.startswith("40 of 40 items added\n600 of 600 orders added\n")
    assert run(*large).output.startswith("0 of 40 items added\n0 of 600 orders added\n")
    status = json.loads(run("status", "--json").output)
    assert [one["owed"] for one in status["connections"][:2]] == [0, 0]
    assert run("consistency", "--deep").exit_code == 0


def test_a_large_house_says_which_database_is_missing(run: Run) -> None:
    shown = run("seed", "--size", "large", "--orders", "10", DATABASE_URL=NOWHERE)
    assert shown.exit_code == 1
    assert shown.output.startswith("Error: postgresql: ")
    assert "it resumes where it stopped" in shown.output
    assert "hunter2" not in shown.output


@pytest.mark.parametrize(
    "words", [("--orders", "5"), ("--size", "week", "--items", "5"), ("--size", "huge")]
)
def test_a_size_that_is_none_is_wrong_usage(words: tuple[str, ...]) -> None:
    shown = command("seed", *words, DATABASE_URL=NOWHERE)
    assert (shown.exit_code, "large" in shown.output) == (2, True)


def test_status_is_healthy_with_both_and_a_problem_with_one_of_them(run: Run) -> None:
    both = run("status", "--json")
    assert both.exit_code == 0
    shown = json.loads(both.output)
    assert shown["status"] == "healthy"
    assert [one["state"] for one in shown["connections"]] == ["up", "up", "up"]
    assert shown["open_conflicts"] == 0
    one = run("status", DATABASE_URL=NOWHERE)
    assert one.exit_code == 1
    assert "PostgreSQL is down" in one.output
    assert "hunter2" not in one.output


def test_differences_are_found_and_repaired(run: Run, settings: Settings) -> None:
    run("seed", "--size", "menu")
    with psycopg.connect(str(settings.database_url), autocommit=True) as database:
        database.execute("DELETE FROM menu_items WHERE id IN (SELECT id FROM menu_items LIMIT 2)")
    found = run("consistency", "--kind", "menu_items", "--json")
    assert found.exit_code == 1
    [check] = json.loads(found.output)["items"]
    assert (check["kind"], len(check["differing"])) == ("menu_items", 2)
    repaired = run("consistency", "--repair")
    assert repaired.exit_code == 0
    assert "menu_items\t0\t0\t2" in repaired.output
    assert run("consistency", "--deep").exit_code == 0


def test_an_unknown_kind_is_wrong_usage(run: Run) -> None:
    shown = run("consistency", "--kind", "desserts")
    assert shown.exit_code == 2
    assert "menu_items" in shown.output


def test_a_database_that_was_added_later_is_filled(run: Run, fresh_postgres_url: str) -> None:
    alone = {"DATABASE_URL": fresh_postgres_url}
    assert command("seed", "--size", "menu", **alone).exit_code == 0
    shown = run("copy", "--to", "mongodb")
    assert shown.exit_code == 0
    assert f"menu_items\t{len(menu.DISHES)}\t0" in shown.output
    assert run("consistency", "--deep").exit_code == 0


def test_a_conflict_is_shown_and_resolved(run: Run, settings: Settings) -> None:
    with open_application(settings) as diner:
        dish = diner.repositories["menu_items"].save(menu_item(name="Soup"))
        other = replace(dish, name="Stew")
        found = conflicts.from_states("menu_items", dish, other, "source_priority", at())
        diner.repositories["conflicts"].save(found)
    assert found.id in run("conflicts").output
    assert run("conflicts", "--resolve", found.id).exit_code == 2
    resolved = run("conflicts", "--resolve", found.id, "--take", "take_other")
    assert resolved.output == f"{found.id} is resolved: take_other\n"
    assert run("conflicts").output == "no conflicts\n"
    assert "resolved" in run("conflicts", "--all").output
    with open_application(settings) as diner:
        assert diner.of(OrderingServices).menu.get(dish.id).item.name == "Stew"


def test_what_is_parked_is_shown_and_tried_again(run: Run, settings: Settings) -> None:
    run("seed", "--size", "menu")
    with open_application(settings) as diner:
        pair = diner.replication.pairs["menu_items"]
        dish = diner.of(OrderingServices).menu.all()[0]
        _park(pair.store_of(StoreId.MONGODB), dish)
    shown = run("parked")
    assert shown.exit_code == 1
    assert f"{dish.id}\tpostgresql\t1" in shown.output
    assert run("parked", "--retry").output == "records to be retried: 1\n"
    assert run("parked").output == "no parked records\n"


def _park(store: Any, record: Any) -> None:
    changed = record.with_changes(op_id=new_op_id(), now=utc_now(), description="too much")
    accepted = store.accept(
        changed, [OutboxEntry(StoreId.POSTGRESQL, utc_now(), undelivered=False)]
    )
    shipped = accepted.id, accepted.version
    store.reschedule(StoreId.POSTGRESQL, shipped, "refused", utc_now(), give_up=True)


PASSWORD = "correct horse battery"


def test_accounts_are_made_and_shown_and_their_passwords_are_not(
    run: Run, settings: Settings
) -> None:
    add = ("users", "add", "--email", "Ada@Example.org", "--role", "waiter", "--name", "Ada")
    made = run(*add, DINER_PASSWORD=PASSWORD)
    assert (made.exit_code, "ada@example.org is now waiter" in made.output) == (0, True)
    again = run(*add, DINER_PASSWORD=PASSWORD)
    assert (again.exit_code, "already has an account" in again.output) == (1, True)
    assert run("users", "add", "--email", "chef@example.org", "--role", "chef", input=PASSWORD)
    shown = run("users", "list").output
    assert "ada@example.org\tAda\twaiter\tyes" in shown
    assert "chef@example.org\tchef\tchef\tyes" in shown
    assert "chef@example.org" not in run("users", "list", "--role", "waiter").output
    assert PASSWORD not in made.output + shown
    assert "argon2" not in made.output + shown
    with open_application(settings) as diner:
        assert (
            diner.of(AccountServices).accounts.login("chef@example.org", PASSWORD).user.role
            == "chef"
        )


def test_a_forgotten_password_is_replaced_and_ends_all_logins(run: Run, settings: Settings) -> None:
    email = ("--email", "ada@example.org")
    assert run("users", "password", *email, DINER_PASSWORD=PASSWORD).exit_code == 1
    run("users", "add", *email, "--role", "admin", DINER_PASSWORD="a forgotten one")
    with open_application(settings) as diner:
        refresh = (
            diner.of(AccountServices)
            .accounts.login("ada@example.org", "a forgotten one")
            .refresh_token
        )
    assert run("users", "password", *email, DINER_PASSWORD=PASSWORD).exit_code == 0
    with open_application(settings) as diner:
        assert diner.of(AccountServices).accounts.login("ada@example.org", PASSWORD)
        with pytest.raises(NotAuthenticated):
            diner.of(AccountServices).accounts.refresh(refresh)


@pytest.mark.parametrize("password", ["short", "x" * 201, ""])
def test_a_password_that_is_none_is_wrong_usage(password: str) -> None:
    add = ("users", "add", "--email", "a@b.de", "--role", "chef")
    shown = command(*add, input=password, DATABASE_URL=NOWHERE)
    assert (shown.exit_code, "10 to 200" in shown.output) == (2, True)


@pytest.mark.parametrize("email", ["ada", "ada@", "ada@b"])
def test_an_address_that_is_none_is_wrong_usage(email: str) -> None:
    shown = command("users", "add", "--email", email, "--role", "chef", DATABASE_URL=NOWHERE)
    assert (shown.exit_code, "must be an e-mail address" in shown.output) == (2, True)


def test_an_account_can_be_made_while_a_database_is_away(run: Run) -> None:
    add = ("users", "add", "--email", "a@b.de", "--role", "admin")
    made = run(*add, input=PASSWORD, DATABASE_URL=NOWHERE)
    assert (made.exit_code, "a@b.de is now admin" in made.output) == (0, True)
    assert "a@b.de" in run("users", "list").output


def test_the_first_admin_is_made_once_however_many_try(settings: Settings) -> None:
    bootstrap(settings)
    with open_application(settings) as one, open_application(settings) as other:
        await_catching_up(one)
        await_catching_up(other)
        assert one.of(AccountServices).accounts.add_first_admin() is None
    assert bootstrap(settings).admin is None


def test_of_many_who_bring_up_one_restaurant_one_gets_the_password(settings: Settings) -> None:
    migrated = backends_of(settings)
    for backend in migrated:
        backend.database.open()
        backend.database.prepare()
        backend.database.close()
    made = [one for one in run_concurrently([partial(bootstrap, settings)] * 3) if one.admin]
    assert len(made) == 1
    user, password = made[0].admin
    with open_application(settings) as diner:
        assert diner.of(AccountServices).accounts.login(user.email, password).user.id == user.id


def test_no_first_admin_is_made_where_nobody_knows_whether_there_is_one(
    settings: Settings,
) -> None:
    bootstrap(settings)
    for unreachable in (
        replace(settings, database_url=NOWHERE),
        replace(settings, mongodb_uri=NO_MONGO),
    ):
        brought = bootstrap(unreachable)
        assert brought.admin is None


def test_on_new_databases_of_which_one_is_away_the_first_admin_waits(settings: Settings) -> None:
    brought = bootstrap(replace(settings, database_url=NOWHERE))
    assert (brought.admin, brought.admin_unknown) == (None, True)
    assert bootstrap(settings).admin is not None


@dataclass
class Running:
    """A command in a process of its own."""

    process: subprocess.Popen[str]
    log: Path

    def wait_for(self, words: str, seconds: float = 60) -> str:
        give_up = time.monotonic() + seconds
        while words not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < give_up, self.log.read_text()
            time.sleep(0.05)
        return self.log.read_text()

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        return self.process.wait(40), self.log.read_text()


@contextmanager
def running(log: Path, *words: str, **environment: str) -> Iterator[Running]:
    kept = {name: value for name, value in os.environ.items() if name not in dict(_names())}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dinerapp", *words],
            cwd=ROOT,
            env={**kept, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        yield Running(process, log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(40)


def _names() -> Iterator[tuple[str, None]]:
    return ((name, None) for name, _, _ in describe_settings())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _sent(shown: str, path: str) -> Any:
    """What comes of a printed curl line."""
    [printed] = re.findall(rf"curl -s \S+{path} .*?-d '.*?'$", shown, re.DOTALL | re.MULTILINE)
    words = shlex.split(printed.replace("\\\n", " "))
    headers = dict(word.split(": ") for before, word in pairwise(words) if before == "-H")
    return _asked(words[2], words[words.index("-d") + 1].encode(), headers)


def _asked(url: str, body: bytes | None, headers: dict[str, str]) -> Any:
    with urlopen(Request(url, body, headers)) as answer:  # noqa: S310 our own address
        return json.load(answer)


def test_up_serves_takes_the_printed_order_and_finds_it_again() -> None:
    port = _free_port()
    with server_folder() as folder:
        data = ("up", "--data", str(folder))
        with running(folder / "first.log", *data, PORT=str(port)) as diner:
            shown = diner.wait_for("Ctrl-C stops")
            order, granted = (_sent(shown, path) for path in ("/api/orders", "/api/auth/login"))
            assert granted["user"]["role"] == "admin"
            busy = command("up", PORT=str(port))
            assert busy.exit_code == 1
            assert f"port {port} on 127.0.0.1 is in use" in busy.output
            code, shown = diner.end(signal.SIGINT)
            assert (code, shown.splitlines()[-1]) == (0, "Stopped")
            assert "Traceback" not in shown
        assert (folder / "secret_key").stat().st_mode & 0o777 == 0o600
        with running(folder / "second.log", *data, PORT=str(port)) as diner:
            shown = diner.wait_for("Ctrl-C stops")
            assert "demo dishes added" not in shown
            assert "/api/auth/login" not in shown
            for token in (granted["access_token"], order["access_token"]):
                url = f"http://127.0.0.1:{port}/api/orders/{order['id']}"
                found = _asked(url, None, {"Authorization": f"Bearer {token}"})
                assert found["code"] == order["code"]
            code, shown = diner.end(signal.SIGTERM)
            assert (code, shown.splitlines()[-1]) == (0, "Stopped")


def test_a_relay_ships_until_it_is_told_to_stop(
    tmp_path: Path, urls: dict[str, str], settings: Settings
) -> None:
    command("seed", "--size", "menu", **urls)
    with running(tmp_path / "relay.log", "relay", **urls, CONSISTENCY_EVERY="1") as relay:
        relay.wait_for("relay_started")
        with open_application(settings) as diner:
            dish = diner.of(OrderingServices).menu.all()[0]
            store = diner.replication.pairs["menu_items"].store_of(StoreId.MONGODB)
            _owe(store, dish)
            _until(lambda: store.backlog(StoreId.POSTGRESQL).waiting == 0)
        relay.wait_for("consistency_checked")
        code, shown = relay.end(signal.SIGTERM)
    assert code == 0
    assert "relay_stopped" in shown
    assert all(json.loads(line) for line in shown.splitlines())


def _owe(store: Any, record: Any) -> None:
    changed = record.with_changes(op_id=new_op_id(), now=utc_now(), description="new")
    store.accept(changed, [OutboxEntry(StoreId.POSTGRESQL, utc_now(), undelivered=False)])


def _until(done: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 15
    while not done():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_up_uses_the_databases_that_are_named_and_adds_a_week_if_asked_to(
    tmp_path: Path, fresh_postgres_url: str, postgres_server: RealServer
) -> None:
    port = str(_free_port())
    data = ("up", "--week", "--data", str(tmp_path / "var"))
    with running(tmp_path / "log", *data, PORT=port, DATABASE_URL=fresh_postgres_url) as diner:
        shown = diner.wait_for("Ctrl-C stops")
        with urlopen(f"http://127.0.0.1:{port}/api/health") as answer:
            assert "MongoDB is not configured" in json.load(answer)["message"]
        diner.end(signal.SIGTERM)
    assert "its data is in" not in shown
    assert "58 demo dishes added\n210 demo orders added\n" in shown
    assert postgres_server.embedded.running
