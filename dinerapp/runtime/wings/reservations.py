"""The wing of reservations."""

from __future__ import annotations

from blueprints.reservations.routes import areas, blp, tables
from dinerapp.accounts.services.record_tokens import RecordTokens
from dinerapp.ordering.domain.slots import SlotPolicy
from dinerapp.replication.erasure import data_of_documents
from dinerapp.replication.events import lifecycle_topics
from dinerapp.reservations.model import Reservation, events_of
from dinerapp.reservations.port import Areas, Reservations, Tables
from dinerapp.reservations.service import DAYS_AHEAD, STARTS_AT, ReservationService
from dinerapp.runtime.kind_row import KindRow
from dinerapp.runtime.wing import BuiltWing, Wing, WingContext
from dinerapp.runtime.wings.ordering import phone_identity
from dinerapp.webhooks.domain.event_sources import EventSource


def _build(context: WingContext) -> BuiltWing:
    calendar = context.settings.calendar
    service = ReservationService(
        context.repository(Areas),
        context.repository(Tables),
        context.repository(Reservations),
        SlotPolicy(calendar=calendar, minutes=30, days_ahead=DAYS_AHEAD, field=STARTS_AT),
        RecordTokens(context.secret, "reservation"),
        phone_identity(context),
    )
    return BuiltWing(service)


RESERVATIONS = Wing(
    name="reservations",
    kinds=tuple(KindRow.documents(port) for port in (Areas, Tables, Reservations)),
    blueprints=(areas, tables, blp),
    build=_build,
    event_sources=(EventSource(Reservations.kind, lifecycle_topics("reservation"), events_of),),
    personal_data=lambda context: [
        data_of_documents(context.repository(Reservations), Reservation.redacted)
    ],
)
