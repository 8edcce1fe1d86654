"""One seed's world: servers, processes, network and clients, from the first order to the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from dinerapp.ordering.domain.menu import MenuItem
from dinerapp.replication.ports.replica import FollowerTarget
from dinerapp.replication.version import StoreId
from tests import factories
from tests.simulation.clock import SimulatedClock, simulated_time
from tests.simulation.history import EventLog
from tests.simulation.network import Network
from tests.simulation.oracle import IntendedOperation, Oracle
from tests.simulation.plan import ScheduledFault, SimulationPlan
from tests.simulation.process import PLACES, Environment, SimulatedProcess, SimulatedServers
from tests.simulation.promises import check_promises
from tests.simulation.scheduler import Scheduler, Violation
from tests.simulation.stores import PoisonedStore

MAX_SECONDS = 40.0
QUIET_SECONDS = 60.0


class Simulation:
    """Everything there is in a simulation."""

    def __init__(self, plan: SimulationPlan, *, keep_history: bool = False) -> None:
        self.plan = plan
        self.rng = random.Random(f"world {plan.seed}")
        self.clock = SimulatedClock()
        self.scheduler = Scheduler(self.rng, self.clock, plan.restlessness)
        self.history = EventLog(self.scheduler, kept=keep_history)
        self.network = Network(self.scheduler, self.rng, self.history, plan.fault_rates)
        self.oracle = Oracle()
        self.servers = SimulatedServers.empty()
        self.poison = PoisonedStore(plan.poison)
        self.processes: list[SimulatedProcess | None] = [None] * plan.processes
        self._starts = 0
        self._environment = Environment(self.servers, self.network, self.oracle, self.poison)

    def run(self) -> None:
        """Raises Violation when a promise is broken."""
        with simulated_time(self.clock):
            try:
                self._live()
            finally:
                self.scheduler.close()

    def any_process(self) -> SimulatedProcess | None:
        """One of those that run."""
        running = [process for process in self.processes if process is not None]
        return self.rng.choice(running) if running else None

    def _live(self) -> None:
        from tests.simulation.clients import KnownIds, SimulatedClient

        known = KnownIds()
        self._stock(known.items)
        for number in range(self.plan.processes):
            self._start(number)
        for fault in self.plan.faults:
            self._schedule(fault)
        if self.plan.poison is not None and self.plan.cured is not None:
            self.scheduler.at(self.plan.cured, self._cure)
        clients = [
            self.scheduler.spawn(f"client {number}", SimulatedClient(f"c{number}", self, known).run)
            for number in range(self.plan.clients)
        ]
        self.scheduler.run(lambda: not any(c.alive for c in clients), MAX_SECONDS)
        self._heal()
        self.scheduler.run(lambda: not any(c.alive for c in clients), 3 * MAX_SECONDS)
        if not self.scheduler.run(self._is_quiet, self.clock.seconds + QUIET_SECONDS):
            raise Violation("P4 convergence", f"never drained: {self._unsettled()}")
        check_promises(self.oracle, self.servers, self.poison)

    def _stock(self, items: list[str]) -> None:
        """A menu that both servers have, unless one of them is still missing."""
        for number in range(2):
            limit = self.rng.choice((None, 2, 4))
            record_id = f"00000000-0000-7000-8000-00000000000{number}"
            op_id = f"{number}" * 32
            item = factories.menu_item(
                id=record_id, op_id=op_id, stock_limit=limit, slug=f"dish {number}"
            )
            self._put_everywhere(item)
            items.append(record_id)

    def _put_everywhere(self, item: MenuItem) -> None:
        op = IntendedOperation(item.op_id, "stocked", "menu_items", item.id)
        self.oracle.record_intent(op)
        present = [place for place in PLACES[::-1] if place is not self.plan.missing]
        state = self.servers.stores[present[0], "menu_items"].accept(item)
        self.oracle.record_accept(present[0], state, None)
        for place in present[1:]:
            self.servers.stores[place, "menu_items"].deliver([state])
            self.oracle.record_state(place, state)
        if self.plan.missing is None:
            for database in self.servers.databases.values():
                database.joined = True
            self.oracle.record_acknowledgement(op, "the world", 0.0)

    def _start(self, number: int) -> None:
        self._starts += 1
        process = SimulatedProcess(
            f"p{number}.{self._starts}", self._environment, self.plan.intervals
        )
        self.processes[number] = process
        self.history.note("%s starts", process.name)
        for name, loop in process.loops():
            self.scheduler.spawn(name, loop, home=process)

    def _kill(self, number: int) -> None:
        process = self.processes[number]
        if process is not None:
            self.history.note("%s is killed", process.name)
            self.processes[number] = None
            self.scheduler.kill(process)

    def _restart(self, number: int) -> None:
        if self.processes[number] is None:
            self._start(number)

    def _schedule(self, fault: ScheduledFault) -> None:
        begin = getattr(self, f"_begin_{fault.kind}")
        end = getattr(self, f"_end_{fault.kind}")
        for moment, word, do in ((fault.start, "begin", begin), (fault.end, "end", end)):
            self.scheduler.at(moment, partial(self._log_and_run, f"{word}: {fault}", do, fault))

    def _log_and_run(
        self, text: str, do: Callable[[ScheduledFault], None], fault: ScheduledFault
    ) -> None:
        self.history.note("%s", text)
        do(fault)

    def _begin_outage(self, fault: ScheduledFault) -> None:
        self.network.crash(fault.place)

    def _end_outage(self, fault: ScheduledFault) -> None:
        self.network.down.discard(fault.place)

    def _begin_freeze(self, fault: ScheduledFault) -> None:
        self.network.frozen.add(fault.place)

    def _end_freeze(self, fault: ScheduledFault) -> None:
        self.network.frozen.discard(fault.place)

    def _begin_cut(self, fault: ScheduledFault) -> None:
        process = self.processes[fault.process % self.plan.processes]
        if process is not None:
            self.network.cut.add((process.name, fault.place))

    def _end_cut(self, fault: ScheduledFault) -> None:
        for link in [link for link in self.network.cut if link[1] is fault.place]:
            self.network.cut.discard(link)

    def _begin_kill(self, fault: ScheduledFault) -> None:
        self._kill(fault.process % self.plan.processes)

    def _end_kill(self, fault: ScheduledFault) -> None:
        self._restart(fault.process % self.plan.processes)

    def _cure(self) -> None:
        """The refusing store is mended, and an operator has parked records tried again."""
        self.history.note("the poison is cured")
        self.poison.place = None
        self._retry_parked()

    def _retry_parked(self) -> None:
        for place in PLACES:
            for store in self.servers.at(place):
                for to in (_beside(place), FollowerTarget.FOLLOWERS):
                    store.retry_dead_letters(to, self.clock.now())

    def _heal(self) -> None:
        self.history.note("everything is healed")
        self.network.heal()
        for number in range(self.plan.processes):
            self._restart(number)
        if self.plan.cured is not None:
            self._cure()

    def _is_quiet(self) -> bool:
        if self.network.calls_in_flight:
            return False
        if not all(process and process.has_recovered() for process in self.processes):
            return False
        if self.poison.place is None:
            self._retry_parked()
        return not self._outbox_entries()

    def _outbox_entries(self) -> int:
        return sum(
            store.backlog(to).waiting
            for place in PLACES
            for store in self.servers.at(place)
            for to in (_beside(place), FollowerTarget.FOLLOWERS)
        )

    def _unsettled(self) -> str:
        states = [
            f"{p.name} {b.name} {b.state} ({b.reason})"
            for p in self.processes
            if p
            for b in p.store_healths.values()
        ]
        return f"{self._outbox_entries()} debts, {self.network.calls_in_flight} under way, {states}"


def _beside(store_id: StoreId) -> StoreId:
    return PLACES[1 - PLACES.index(store_id)]
