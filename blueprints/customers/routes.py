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

blp = Blueprint("customers", __name__, url_prefix="/api/customers", description="Who has ordered")


@blp.get("")
@blp.allows(Permission.SEE_CUSTOMERS)
@blp.arguments(CustomersQuery, location="query")
@blp.response(200, CustomerPage)
def list_customers(query: dict[str, Any]) -> Response:
    """Customers, newest first

    A number or an address finds its customer in whatever way it is typed.
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
    """Correct a name or an address, or leave notes for staff

    Name and address follow the customer's next order again.
    """
    op = operation(f"customers.change {customer_id}")
    done = services().customers.change(str(customer_id), op, fields, if_match())
    return write_response(done, customer_view(done.record))


@blp.get("/<uuid:customer_id>/orders")
@blp.allows(Permission.SEE_CUSTOMERS)
@blp.arguments(PageQuery, location="query")
@blp.response(200, OrderPage)
def list_orders(query: dict[str, Any], customer_id: UUID) -> Response:
    """What a customer has ordered, newest first"""
    found = services().customers.orders(
        str(customer_id), parse_cursor(query["cursor"]), query["limit"]
    )
    return page_response(found, order_view)


@blp.delete("/<uuid:customer_id>")
@blp.allows(Permission.ERASE_CUSTOMERS)
@blp.removes()
def erase_customer(customer_id: UUID) -> Response:
    """Forget a customer

    Everything personal is gone for good, from both databases: the customer, and name, number,
    addresses, notes and reasons in all their orders, those under way included, and what was said
    in rooms from an account that placed them. The orders stay for the books, with their amounts,
    and messages as deleted ones. It takes a while for thousands of orders; where no answer
    comes, repeat it: it goes on where it stopped, and is done when it answers 204.
    """
    op = operation(f"customers.erase {customer_id}")
    return delete_response(services().customers.erase(str(customer_id), op, if_match()))
