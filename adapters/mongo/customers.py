"""The MongoDB store of customers."""

from __future__ import annotations

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.ordering.domain.customers import Customer
from dinerapp.ordering.ports.customers import CustomerFilter, Customers
from dinerapp.replication.ports.repository import Cursor, Page


class MongoCustomers(MongoStore[Customer], Customers):
    index_models = (newest_first(), newest_first("phone"), newest_first("email"))

    def page(self, filters: CustomerFilter, after: Cursor | None, limit: int) -> Page[Customer]:
        query: Document = {"phone": {"$ne": ""}}
        if filters.phone is not None:
            query["phone"]["$eq"] = filters.phone
        if filters.email is not None:
            query["email"] = {"$eq": filters.email}
        return self._newest_page(query, after, limit)
