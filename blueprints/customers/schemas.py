"""Customers as staff see them."""

from __future__ import annotations

from blueprints.http.fields import Email, Phone, RequestSchema, Text
from blueprints.http.record_schemas import page_schema, schema_of
from blueprints.http.responses import PageQuery
from dinerapp.ordering.domain.customers import CUSTOMERS


class CustomersQuery(PageQuery):
    """Filters for customers."""

    phone = Phone(1, 40, load_default=None)
    email = Text(1, 254, load_default=None, metadata={"example": "ada@example.org"})


class CustomerChanges(RequestSchema):
    """The fields of a customer that can be changed; all are optional. The telephone number
    identifies the customer and cannot."""

    name = Text(1, 200, metadata={"example": "Ada"})
    email = Email(allow_none=True)
    notes = Text(0, 2000, metadata={"example": "sits by the window"})


KnownCustomerOut = schema_of(
    CUSTOMERS,
    "KnownCustomerOut",
    "A person who has ordered.",
    hide=("erased_at",),
    about={
        "phone": {"description": "in international format", "example": "+49301234567"},
        "name": {"example": "Ada"},
        "email": {"example": "ada@example.org"},
        "notes": {"description": "for staff"},
        "first_seen": {"description": "their first order"},
        "last_seen": {"description": "the day of their latest order"},
    },
)
CustomerPage = page_schema(KnownCustomerOut, "CustomerPage")
