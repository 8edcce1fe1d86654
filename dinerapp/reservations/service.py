"""Areas and tables, and reserving them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from dinerapp.accounts.domain.permissions import Caller, Permission
from dinerapp.accounts.errors import NotPermitted
from dinerapp.accounts.services.record_tokens import RecordTokens
from dinerapp.ordering.domain.customers import PhoneIdentity
from dinerapp.ordering.domain.slots import SlotPolicy
from dinerapp.ordering.errors import SoldOut
from dinerapp.replication import saving
from dinerapp.replication.errors import (
    Exhausted,
    InvalidRequest,
    NotFound,
    RuleViolation,
    StaleReadSet,
)
from dinerapp.replication.identity import Operation, short_code
from dinerapp.replication.managed_records import ManagedRecords
from dinerapp.replication.ports.repository import Cursor, Page, ReadVersion
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult
from dinerapp.reservations.model import (
    OVER,
    RESERVATIONS,
    TABLES,
    Area,
    DiningTable,
    Reservation,
    Stage,
    half_hours,
)
from dinerapp.reservations.port import Areas, Reservations, Tables

STARTS_AT, TABLE_ID, PARTY_SIZE = "starts_at", "table_id", "party_size"
DAYS_AHEAD = 60
MAX_DISTANCE = timedelta(days=366)
LONGEST_STAY = timedelta(hours=6)
MAX_AT_ONCE = 10_000


class ReservationService:
    """Use cases for reservations. They start at the slots of the policy, every half hour."""

    def __init__(
        self,
        areas: Areas,
        tables: Tables,
        reservations: Reservations,
        policy: SlotPolicy,
        tokens: RecordTokens,
        phones: PhoneIdentity,
    ) -> None:
        self._reservations, self._policy, self._phones = reservations, policy, phones
        self.tokens = tokens
        self.areas = ManagedRecords(areas, check_removal=self._require_empty)
        self.tables = ManagedRecords(
            tables, check=self._area_of, check_removal=self._require_unreserved
        )

    def add(
        self, operation: Operation, fields: Mapping[str, Any], caller: Caller
    ) -> WriteResult[Reservation]:
        """Reserves the table that staff named, or the smallest free one that is large enough."""
        starts_at, party_size = fields[STARTS_AT], fields[PARTY_SIZE]
        plans = caller.may(Permission.CHANGE_RESERVATIONS)
        if TABLE_ID in fields and not plans:
            raise InvalidRequest("only staff may choose the table", field=TABLE_ID)
        derived: dict[str, Any] = {"phone": self._phones.phone(fields["phone"])}
        derived |= {"status": Stage.CONFIRMED} if plans else {"user_id": caller.user_id}
        derived["code"] = short_code(operation.record_id)

        def create() -> Reservation:
            self._require_start(starts_at, caller)
            named = [self._table(fields[TABLE_ID])] if TABLE_ID in fields else None
            for table in named or self._free_tables(party_size, [starts_at])[starts_at]:
                place = {TABLE_ID: table.id, "ends_at": table.end_of(starts_at)}
                made = saving.new_record(Reservation, operation, **{**fields, **derived, **place})
                made = replace(made, op_id=operation.op_id_with_outcome(table.id))
                try:
                    return self._save(made, table)
                except SoldOut:
                    if named:
                        raise
            raise SoldOut("no table is free at that time for a party of this size", field=STARTS_AT)

        return saving.create_idempotently(self._reservations, operation, create)

    def change(
        self,
        reservation_id: str,
        operation: Operation,
        fields: Mapping[str, Any],
        caller: Caller,
        if_match: str | None,
    ) -> WriteResult[Reservation]:
        """Moves a reservation, takes it a step further, or both. Only staff may move it."""
        self.get(reservation_id, caller)
        is_moved = not fields.keys().isdisjoint({TABLE_ID, STARTS_AT, PARTY_SIZE})
        if is_moved and not caller.may(Permission.CHANGE_RESERVATIONS):
            raise NotPermitted("only staff may move reservations")
        if "reason" in fields and "status" not in fields:
            raise InvalidRequest("a reason needs a status", field="reason")
        tables: list[DiningTable] = []

        def change(found: Reservation) -> Reservation:
            changed, status, now = found, fields.get("status", found.status), utc_now()
            if is_moved:
                starts_at = fields.get(STARTS_AT, found.starts_at)
                self._require_start(starts_at, caller)
                table = self._table(fields.get(TABLE_ID, found.table_id))
                party_size = fields.get(PARTY_SIZE, found.party_size)
                changed = found.at_table(table, starts_at, party_size, operation.op_id)
                tables[:] = [table]
            if status is not found.status:
                changed = changed.with_status(status, caller.role, fields.get("reason"), now)
            if changed is found:
                return found
            return changed.with_changes(op_id=operation.op_id, now=now)

        return saving.update_and_confirm(
            self._reservations,
            reservation_id,
            operation.op_id,
            change,
            if_match,
            lambda changed: self._save(changed, *tables),
        )

    def get(self, reservation_id: str, caller: Caller) -> Reservation:
        """One reservation. NotFound if the caller may not see it."""
        sees = Permission.SEE_RESERVATIONS
        return self.tokens.get_own(self._reservations, reservation_id, caller, sees)

    def look_up(self, phone: str, code: str) -> Reservation:
        """The latest reservation with this code under a phone number, however that is typed."""
        known = {"phone": self._phones.phone(phone), "code": code.upper()}
        found = self._reservations.page(None, 1, **known)
        if not found.items:
            raise NotFound(RESERVATIONS.name, code)
        return found.items[0]

    def page(
        self, query: Mapping[str, Any], after: Cursor | None, limit: int, caller: Caller
    ) -> Page[Reservation]:
        """Staff: those of a business day, earliest first. Others: their own, newest first."""
        if not caller.may(Permission.SEE_RESERVATIONS):
            return self._reservations.page(after, limit, user_id=caller.user_id or "")
        day = self._policy.span_of(query["date"] or self._today())
        return self._reservations.page_by(STARTS_AT, day.begin, day.end, after, limit)

    def free(self, day: date | None, party_size: int) -> Mapping[datetime, int]:
        """The number of free tables for a party at each time of a business day; today by
        default."""
        now = utc_now()
        latest = now + timedelta(days=self._policy.days_ahead)
        slots = self._policy.slots_of(day or self._today())
        starts = [start for start in slots if now < start <= latest]
        return {
            start: len(tables) for start, tables in self._free_tables(party_size, starts).items()
        }

    def _free_tables(
        self, party_size: int, starts: Sequence[datetime]
    ) -> Mapping[datetime, Sequence[DiningTable]]:
        """For each time the free tables that are large enough, the smallest first."""
        if not starts:
            return {}
        found = self._between(starts[0] - LONGEST_STAY, starts[-1] + LONGEST_STAY)
        taken = {key for each in found for key in RESERVATIONS.reservations(each)}
        tables = [each for each in self.tables.all() if each.active and each.seats >= party_size]
        tables.sort(key=lambda table: (table.seats, table.name))

        def is_free(table: DiningTable, start: datetime) -> bool:
            return taken.isdisjoint(half_hours(table.id, start, table.end_of(start)))

        return {start: [each for each in tables if is_free(each, start)] for start in starts}

    def _between(self, begin: datetime, end: datetime, **equal: str) -> Sequence[Reservation]:
        found = self._reservations.page_by(STARTS_AT, begin, end, None, MAX_AT_ONCE, **equal)
        return found.items

    def _today(self) -> date:
        return self._policy.calendar.business_day(utc_now())

    def _table(self, table_id: str) -> DiningTable:
        table = self.tables.named(table_id, TABLE_ID)
        if not table.active:
            raise RuleViolation("the table is out of service", field=TABLE_ID)
        return table

    def _require_start(self, starts_at: datetime, caller: Caller) -> None:
        now = utc_now()
        if abs(starts_at - now) > MAX_DISTANCE:
            raise InvalidRequest("must be within a year", field=STARTS_AT)
        if self._policy.start_of(starts_at) != starts_at:
            raise InvalidRequest("must be on the hour or half past", field=STARTS_AT)
        if not caller.may(Permission.CHANGE_RESERVATIONS):
            self._policy.require_bookable(starts_at, now)

    def _save(self, reservation: Reservation, *tables: DiningTable) -> Reservation:
        """Unless a table has been changed or deleted since it was read."""
        read_set = [ReadVersion(TABLES.name, table.id, table.version) for table in tables]
        try:
            return self._reservations.save(reservation, read_set)
        except Exhausted:
            raise SoldOut("the table is taken at that time", field=TABLE_ID) from None
        except StaleReadSet:
            raise SoldOut("the table has just been changed; try again", field=TABLE_ID) from None

    def _area_of(self, table: DiningTable) -> Area:
        return self.areas.named(table.area_id, "area_id")

    def _require_empty(self, area: Area) -> None:
        number = sum(table.area_id == area.id for table in self.tables.all())
        if number:
            raise RuleViolation(f"{area.name} still has tables ({number}); delete them first")

    def _require_unreserved(self, table: DiningTable) -> None:
        now = utc_now()
        coming = self._between(now - LONGEST_STAY, now + MAX_DISTANCE, table_id=table.id)
        number = sum(each.status not in OVER for each in coming)
        if number:
            raise RuleViolation(f"{table.name} still has reservations ({number}); move them first")
