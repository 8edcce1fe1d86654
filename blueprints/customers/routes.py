"""/api/customers"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.customers.schemas import (
    CustomerChanges,
    CustomerPage,
    CustomersQuery,
    KnownCustomerOut,
)
from blueprints.customers.views import customer_view
from blueprints.http.blueprint import Blueprint
from blueprints.http.responses import (
    PageQuery,
    delete_response,
    if_match,
    operation,
    page_response,
    parse_cursor,
    record_response,
    write_response,
)
from blueprints.http.services import services_of
from blueprints.orders.schemas import OrderPage
from blueprints.orders.views import order_view
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.ports.customers import CustomerFilter

services = services_of(OrderingServices)

blp = Blueprint(
    "customers", __name__, url_prefix="/api/customers", description="People who have ordered"
)


@blp.get("")
@blp.allows(Permission.SEE_CUSTOMERS)
@blp.arguments(CustomersQuery, location="query")
@blp.response(200, CustomerPage)
def list_customers(query: dict[str, Any]) -> Response:
    """Customers, newest first

    A telephone number or an e-mail address finds its customer however it is typed.
    """
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = services().customers.page(CustomerFilter(**query), parse_cursor(cursor), limit)
    return page_response(found, customer_view)


@blp.get("/<uuid:customer_id>")
@blp.allows(Permission.SEE_CUSTOMERS)
@blp.reads(KnownCustomerOut)
def read_customer(customer_id: UUID) -> Response:
    """One customer"""
    customer = services().customers.get(str(customer_id))
    return record_response(customer, customer_view(customer))


@blp.patch("/<uuid:customer_id>")
@blp.allows(Permission.CHANGE_CUSTOMERS)
@blp.arguments(CustomerChanges)
@blp.changes(KnownCustomerOut)
def change_customer(fields: dict[str, Any], customer_id: UUID) -> Response:
    """Correct a name or an e-mail address, or add notes for staff

    The customer's next order updates the name and the address again.
    """
    op = operation(f"customers.change {customer_id}")
    result = services().customers.change(str(customer_id), op, fields, if_match())
    return write_response(result, customer_view(result.record))


@blp.get("/<uuid:customer_id>/orders")
@blp.allows(Permission.SEE_CUSTOMERS)
@blp.arguments(PageQuery, location="query")
@blp.response(200, OrderPage)
def list_orders(query: dict[str, Any], customer_id: UUID) -> Response:
    """A customer's orders, newest first"""
    found = services().customers.orders(
        str(customer_id), parse_cursor(query["cursor"]), query["limit"]
    )
    return page_response(found, order_view)


@blp.delete("/<uuid:customer_id>")
@blp.allows(Permission.ERASE_CUSTOMERS)
@blp.removes()
def erase_customer(customer_id: UUID) -> Response:
    """Erase a customer

    Deletes everything personal for good, from both databases: the customer; the name, telephone
    number, addresses, notes and reasons in all their orders, including open ones; and the messages
    sent from an account that placed those orders. The orders stay for the books, with their
    amounts, and the messages stay as deleted ones. Thousands of orders take a while; if there is
    no response, repeat the request: it resumes where it stopped, and has finished when it
    returns 204.
    """
    op = operation(f"customers.erase {customer_id}")
    return delete_response(services().customers.erase(str(customer_id), op, if_match()))
