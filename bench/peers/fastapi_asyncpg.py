"""FastAPI on raw asyncpg. With MONGODB_URI set every order goes there as well."""

import hashlib
import hmac
import json
import os
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import asyncpg
from fastapi import FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, model_validator
from pymongo import AsyncMongoClient, UpdateOne

SECRET = os.environ["SECRET_KEY"].encode()
CURRENCY = "EUR"

INSERT_ORDER = """
INSERT INTO orders (id, idempotency_key, body_hash, status, customer_name, customer_phone,
                    customer_email, fulfilment, table_name, address, notes, tip, subtotal, total,
                    currency, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (idempotency_key) DO NOTHING RETURNING id
"""
INSERT_LINE = """
INSERT INTO order_items (order_id, position, item_id, name, quantity, unit_price, options, notes,
                         total)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CustomerIn(Strict):
    name: Annotated[StrictStr, Field(min_length=1, max_length=200)]
    phone: Annotated[StrictStr, Field(pattern=r"^\+?[0-9 ()./-]{5,40}$")]
    email: Annotated[StrictStr, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None


class FulfilmentIn(Strict):
    type: Literal["dine_in", "pickup", "delivery"]
    table: Annotated[StrictStr, Field(min_length=1, max_length=50)] | None = None
    address: Annotated[StrictStr, Field(min_length=1, max_length=500)] | None = None

    @model_validator(mode="after")
    def check(self) -> "FulfilmentIn":
        needed = {"dine_in": "table", "delivery": "address"}.get(self.type)
        if needed and not getattr(self, needed):
            raise ValueError(f"{needed} is needed")
        return self


class LineIn(Strict):
    item_id: UUID
    quantity: Annotated[StrictInt, Field(ge=1, le=1000)]
    options: Annotated[
        list[Annotated[StrictStr, Field(min_length=1, max_length=64)]], Field(max_length=50)
    ] = []
    notes: Annotated[StrictStr, Field(max_length=500)] | None = None


class OrderIn(Strict):
    customer: CustomerIn
    fulfilment: FulfilmentIn
    items: Annotated[list[LineIn], Field(min_length=1, max_length=200)]
    tip: Annotated[StrictInt, Field(ge=0, le=10**9)] = 0
    notes: Annotated[StrictStr, Field(max_length=1000)] | None = None


class Option(BaseModel):
    id: str
    name: str
    price: int


class OptionGroup(BaseModel):
    id: str
    name: str
    min: int
    max: int
    options: list[Option]


class Item(BaseModel):
    id: UUID
    slug: str
    name: str
    description: str
    position: int
    price: int
    station: str
    dietary: list[str]
    allergens: list[str]
    option_groups: list[OptionGroup]
    available: bool
    stock: int


class Category(BaseModel):
    name: str
    items: list[Item]


class Menu(BaseModel):
    currency: str
    categories: list[Category]


class Customer(BaseModel):
    name: str
    phone: str
    email: str | None


class Fulfilment(BaseModel):
    type: str
    table: str | None
    address: str | None


class Line(BaseModel):
    item_id: UUID
    name: str
    quantity: int
    unit_price: int
    options: list[Option]
    notes: str | None
    total: int


class Order(BaseModel):
    id: UUID
    status: str
    customer: Customer
    fulfilment: Fulfilment
    items: list[Line]
    notes: str | None
    tip: int
    subtotal: int
    total: int
    currency: str
    created_at: datetime


class Placed(Order):
    access_token: str


async def prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
    )


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.mongo = None
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], init=prepare) as pool:
        app.state.pool = pool
        if "MONGODB_URI" in os.environ:
            client = AsyncMongoClient[dict[str, Any]](
                os.environ["MONGODB_URI"], w="majority", journal=True
            )
            app.state.mongo = client.get_default_database()
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/api/menu")
async def read_menu() -> Menu:
    rows = await app.state.pool.fetch("SELECT * FROM menu_items ORDER BY category, position")
    return Menu(
        currency=CURRENCY,
        categories=[
            Category(name=name, items=[item_of(row) for row in items])
            for name, items in groupby(rows, key=lambda row: row["category"])
        ],
    )


@app.get("/api/orders/{order_id}")
async def read_order(order_id: UUID, authorization: Annotated[str, Header()] = "") -> Order:
    if not hmac.compare_digest(authorization.removeprefix("Bearer "), token_of(order_id)):
        raise HTTPException(403)
    async with app.state.pool.acquire() as connection:
        row = await connection.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
        if row is None:
            raise HTTPException(404)
        return Order(**await with_lines(connection, row))


@app.post("/api/orders", status_code=201)
async def place_order(
    wanted: OrderIn, request: Request, idempotency_key: Annotated[str | None, Header()] = None
) -> Placed:
    body_hash = hashlib.sha256(await request.body()).hexdigest()
    async with app.state.pool.acquire() as connection:
        async with connection.transaction():
            order = await placed(connection, wanted, idempotency_key, body_hash)
        if order is None:
            return await placed_before(connection, idempotency_key, body_hash)
    if app.state.mongo is not None:
        await copy_to_mongo(order)
    return order


async def placed(
    connection: asyncpg.Connection, wanted: OrderIn, key: str | None, body_hash: str
) -> Placed | None:
    """None when there is an order with this key."""
    rows = await connection.fetch(
        "SELECT * FROM menu_items WHERE id = ANY ($1) ORDER BY id FOR UPDATE",
        list({one.item_id for one in wanted.items}),
    )
    menu = {row["id"]: row for row in rows}
    lines = [line_of(menu.get(one.item_id), one) for one in wanted.items]
    taken = Counter[UUID]()
    for line in lines:
        taken[line.item_id] += line.quantity
    for item_id, quantity in taken.items():
        if menu[item_id]["stock"] < quantity:
            raise HTTPException(409, f"not enough {menu[item_id]['name']} left")
    order = made(wanted, lines)
    new = await connection.fetchval(
        INSERT_ORDER,
        order.id,
        key,
        body_hash,
        order.status,
        order.customer.name,
        order.customer.phone,
        order.customer.email,
        order.fulfilment.type,
        order.fulfilment.table,
        order.fulfilment.address,
        order.notes,
        order.tip,
        order.subtotal,
        order.total,
        order.currency,
        order.created_at,
    )
    if new is None:
        return None
    await connection.executemany(
        INSERT_LINE,
        [
            (
                order.id,
                position,
                line.item_id,
                line.name,
                line.quantity,
                line.unit_price,
                [option.model_dump() for option in line.options],
                line.notes,
                line.total,
            )
            for position, line in enumerate(lines)
        ],
    )
    await connection.executemany(
        "UPDATE menu_items SET stock = stock - $2 WHERE id = $1", sorted(taken.items())
    )
    return order


def made(wanted: OrderIn, lines: list[Line]) -> Placed:
    order_id = uuid4()
    subtotal = sum(line.total for line in lines)
    return Placed(
        id=order_id,
        status="pending",
        customer=Customer(
            name=wanted.customer.name,
            phone=re.sub(r"[ ()./-]", "", wanted.customer.phone),
            email=wanted.customer.email,
        ),
        fulfilment=Fulfilment(**wanted.fulfilment.model_dump()),
        items=lines,
        notes=wanted.notes,
        tip=wanted.tip,
        subtotal=subtotal,
        total=subtotal + wanted.tip,
        currency=CURRENCY,
        created_at=datetime.now(UTC),
        access_token=token_of(order_id),
    )


def line_of(item: asyncpg.Record | None, wanted: LineIn) -> Line:
    if item is None:
        raise HTTPException(422, "not on the menu")
    if not item["available"]:
        raise HTTPException(409, f"{item['name']} is not available")
    options = chosen(item, wanted.options)
    unit_price = item["price"] + sum(option["price"] for option in options)
    return Line(
        item_id=item["id"],
        name=item["name"],
        quantity=wanted.quantity,
        unit_price=unit_price,
        options=options,
        notes=wanted.notes,
        total=unit_price * wanted.quantity,
    )


def chosen(item: asyncpg.Record, ids: list[str]) -> list[Any]:
    groups = item["option_groups"]
    known = {option["id"]: option for group in groups for option in group["options"]}
    if len(set(ids)) < len(ids) or not known.keys() >= set(ids):
        raise HTTPException(422, f"{item['name']} has no such options")
    for group in groups:
        if not group["min"] <= sum(o["id"] in ids for o in group["options"]) <= group["max"]:
            raise HTTPException(422, f"{item['name']}: too few or too many of {group['name']}")
    return [known[option_id] for option_id in ids]


async def placed_before(connection: asyncpg.Connection, key: str | None, body_hash: str) -> Placed:
    row = await connection.fetchrow("SELECT * FROM orders WHERE idempotency_key = $1", key)
    if row["body_hash"] != body_hash:
        raise HTTPException(422, "the key was used for another order")
    return Placed(**await with_lines(connection, row), access_token=token_of(row["id"]))


async def with_lines(connection: asyncpg.Connection, row: asyncpg.Record) -> dict[str, Any]:
    lines = await connection.fetch(
        "SELECT * FROM order_items WHERE order_id = $1 ORDER BY position", row["id"]
    )
    return {
        **row,
        "customer": {
            "name": row["customer_name"],
            "phone": row["customer_phone"],
            "email": row["customer_email"],
        },
        "fulfilment": {
            "type": row["fulfilment"],
            "table": row["table_name"],
            "address": row["address"],
        },
        "items": [dict(line) for line in lines],
    }


def item_of(row: asyncpg.Record) -> Item:
    return Item(**{**row, "available": row["available"] and row["stock"] > 0})


async def copy_to_mongo(order: Placed) -> None:
    document = order.model_dump(mode="json", exclude={"id", "access_token"})
    await app.state.mongo.orders.insert_one({"_id": str(order.id), **document})
    taken = Counter[str]()
    for line in order.items:
        taken[str(line.item_id)] += line.quantity
    await app.state.mongo.menu_items.bulk_write(
        [UpdateOne({"_id": key}, {"$inc": {"stock": -much}}) for key, much in taken.items()]
    )


def token_of(order_id: UUID) -> str:
    return hmac.new(SECRET, f"order {order_id}".encode(), hashlib.sha256).hexdigest()
