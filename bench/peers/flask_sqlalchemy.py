"""Flask, SQLAlchemy and marshmallow. With MONGODB_URI set every order goes there as well."""

import hashlib
import hmac
import os
import re
from collections import Counter
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

from flask import Flask, abort, request
from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from pymongo import MongoClient, UpdateOne
from sqlalchemy import ForeignKey, Text, create_engine, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
    sessionmaker,
)

SECRET = os.environ["SECRET_KEY"].encode()
CURRENCY = "EUR"

engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))
new_session = sessionmaker(engine, expire_on_commit=False)
mongo = None
if "MONGODB_URI" in os.environ:
    client = MongoClient[dict[str, Any]](os.environ["MONGODB_URI"], w="majority", journal=True)
    mongo = client.get_default_database()
app = Flask(__name__)


class Base(DeclarativeBase):
    type_annotation_map = {list[Any]: JSONB, str: Text}  # noqa: RUF012


class MenuItem(Base):
    __tablename__ = "menu_items"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    category: Mapped[str]
    slug: Mapped[str]
    name: Mapped[str]
    description: Mapped[str]
    position: Mapped[int]
    price: Mapped[int]
    station: Mapped[str]
    dietary: Mapped[list[Any]]
    allergens: Mapped[list[Any]]
    option_groups: Mapped[list[Any]]
    available: Mapped[bool]
    stock: Mapped[int]

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "slug": self.slug,
            "name": self.name,
            "description": self.description,
            "position": self.position,
            "price": self.price,
            "station": self.station,
            "dietary": self.dietary,
            "allergens": self.allergens,
            "option_groups": self.option_groups,
            "available": self.available and self.stock > 0,
            "stock": self.stock,
        }


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str | None]
    body_hash: Mapped[str | None]
    status: Mapped[str]
    customer_name: Mapped[str]
    customer_phone: Mapped[str]
    customer_email: Mapped[str | None]
    fulfilment: Mapped[str]
    table_name: Mapped[str | None]
    address: Mapped[str | None]
    notes: Mapped[str | None]
    tip: Mapped[int]
    subtotal: Mapped[int]
    total: Mapped[int]
    currency: Mapped[str]
    created_at: Mapped[datetime]
    lines: Mapped[list["Line"]] = relationship(order_by="Line.position")

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "status": self.status,
            "customer": {
                "name": self.customer_name,
                "phone": self.customer_phone,
                "email": self.customer_email,
            },
            "fulfilment": {
                "type": self.fulfilment,
                "table": self.table_name,
                "address": self.address,
            },
            "items": [line.as_dict() for line in self.lines],
            "notes": self.notes,
            "tip": self.tip,
            "subtotal": self.subtotal,
            "total": self.total,
            "currency": self.currency,
            "created_at": self.created_at.astimezone(UTC).isoformat(),
        }


class Line(Base):
    __tablename__ = "order_items"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[UUID]
    name: Mapped[str]
    quantity: Mapped[int]
    unit_price: Mapped[int]
    options: Mapped[list[Any]]
    notes: Mapped[str | None]
    total: Mapped[int]

    def as_dict(self) -> dict[str, Any]:
        return {
            "item_id": str(self.item_id),
            "name": self.name,
            "quantity": self.quantity,
            "unit_price": self.unit_price,
            "options": self.options,
            "notes": self.notes,
            "total": self.total,
        }


class CustomerIn(Schema):
    name = fields.String(required=True, validate=validate.Length(1, 200))
    phone = fields.String(required=True, validate=validate.Regexp(r"^\+?[0-9 ()./-]{5,40}$"))
    email = fields.Email(load_default=None)


class FulfilmentIn(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["dine_in", "pickup", "delivery"]))
    table = fields.String(load_default=None, validate=validate.Length(1, 50))
    address = fields.String(load_default=None, validate=validate.Length(1, 500))

    @validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        needed = {"dine_in": "table", "delivery": "address"}.get(data["type"])
        if needed and not data[needed]:
            raise ValidationError("is needed", needed)


class LineIn(Schema):
    item_id = fields.UUID(required=True)
    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1000))
    options = fields.List(
        fields.String(validate=validate.Length(1, 64)),
        load_default=list,
        validate=validate.Length(0, 50),
    )
    notes = fields.String(load_default=None, validate=validate.Length(0, 500))


class OrderIn(Schema):
    customer = fields.Nested(CustomerIn, required=True)
    fulfilment = fields.Nested(FulfilmentIn, required=True)
    items = fields.List(fields.Nested(LineIn), required=True, validate=validate.Length(1, 200))
    tip = fields.Integer(load_default=0, strict=True, validate=validate.Range(0, 10**9))
    notes = fields.String(load_default=None, validate=validate.Length(0, 1000))


order_in = OrderIn()


class Unacceptable(Exception):
    """What cannot be ordered: a sentence and a status."""


@app.errorhandler(Unacceptable)
def unacceptable(error: Unacceptable) -> tuple[dict[str, Any], int]:
    reason, status = error.args
    return {"error": reason}, status


@app.get("/api/menu")
def read_menu() -> dict[str, Any]:
    with new_session() as session:
        query = select(MenuItem).order_by(MenuItem.category, MenuItem.position)
        groups = groupby(session.scalars(query), key=lambda item: item.category)
        return {
            "currency": CURRENCY,
            "categories": [
                {"name": name, "items": [item.as_dict() for item in items]}
                for name, items in groups
            ],
        }


@app.get("/api/orders/<uuid:order_id>")
def read_order(order_id: UUID) -> dict[str, Any]:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given, token_of(order_id)):
        abort(403)
    with new_session() as session:
        order = session.get(Order, order_id, options=[selectinload(Order.lines)])
        if order is None:
            abort(404)
        return order.as_dict()


@app.post("/api/orders")
def place_order() -> tuple[dict[str, Any], int]:
    try:
        wanted = order_in.load(request.get_json())
    except ValidationError as error:
        return {"errors": error.messages}, 422
    key = request.headers.get("Idempotency-Key")
    body_hash = hashlib.sha256(request.get_data()).hexdigest()
    with new_session() as session:
        order = made(session, wanted, key, body_hash)
        session.add(order)
        try:
            session.commit()
        except IntegrityError:
            session.rollback()
            return placed_before(session, key, body_hash), 201
    if mongo is not None:
        copy_to_mongo(order)
    return order.as_dict() | {"access_token": token_of(order.id)}, 201


def made(session: Session, wanted: dict[str, Any], key: str | None, body_hash: str) -> Order:
    ids = {line["item_id"] for line in wanted["items"]}
    query = select(MenuItem).where(MenuItem.id.in_(ids)).order_by(MenuItem.id).with_for_update()
    menu = {item.id: item for item in session.scalars(query)}
    lines = [
        line_of(menu.get(one["item_id"]), one, position)
        for position, one in enumerate(wanted["items"])
    ]
    subtotal = sum(line.total for line in lines)
    return Order(
        id=uuid4(),
        idempotency_key=key,
        body_hash=body_hash,
        status="pending",
        customer_name=wanted["customer"]["name"],
        customer_phone=re.sub(r"[ ()./-]", "", wanted["customer"]["phone"]),
        customer_email=wanted["customer"]["email"],
        fulfilment=wanted["fulfilment"]["type"],
        table_name=wanted["fulfilment"]["table"],
        address=wanted["fulfilment"]["address"],
        notes=wanted["notes"],
        tip=wanted["tip"],
        subtotal=subtotal,
        total=subtotal + wanted["tip"],
        currency=CURRENCY,
        created_at=datetime.now(UTC),
        lines=lines,
    )


def line_of(item: MenuItem | None, wanted: dict[str, Any], position: int) -> Line:
    if item is None:
        raise Unacceptable("not on the menu", 422)
    if not item.available or item.stock < wanted["quantity"]:
        raise Unacceptable(f"not enough {item.name} left", 409)
    item.stock -= wanted["quantity"]
    options = chosen(item, wanted["options"])
    unit_price = item.price + sum(option["price"] for option in options)
    return Line(
        position=position,
        item_id=item.id,
        name=item.name,
        quantity=wanted["quantity"],
        unit_price=unit_price,
        options=options,
        notes=wanted["notes"],
        total=unit_price * wanted["quantity"],
    )


def chosen(item: MenuItem, ids: list[str]) -> list[dict[str, Any]]:
    known = {option["id"]: option for group in item.option_groups for option in group["options"]}
    if len(set(ids)) < len(ids) or not known.keys() >= set(ids):
        raise Unacceptable(f"{item.name} has no such options", 422)
    for group in item.option_groups:
        if not group["min"] <= sum(o["id"] in ids for o in group["options"]) <= group["max"]:
            raise Unacceptable(f"{item.name}: too few or too many of {group['name']}", 422)
    return [known[option_id] for option_id in ids]


def placed_before(session: Session, key: str | None, body_hash: str) -> dict[str, Any]:
    query = select(Order).where(Order.idempotency_key == key).options(selectinload(Order.lines))
    order = session.scalars(query).one()
    if order.body_hash != body_hash:
        raise Unacceptable("the key was used for another order", 422)
    return order.as_dict() | {"access_token": token_of(order.id)}


def copy_to_mongo(order: Order) -> None:
    assert mongo is not None
    document = order.as_dict()
    mongo.orders.insert_one({"_id": document.pop("id"), **document})
    taken = Counter[str]()
    for line in order.lines:
        taken[str(line.item_id)] += line.quantity
    mongo.menu_items.bulk_write(
        [UpdateOne({"_id": key}, {"$inc": {"stock": -much}}) for key, much in taken.items()]
    )


def token_of(order_id: UUID) -> str:
    return hmac.new(SECRET, f"order {order_id}".encode(), hashlib.sha256).hexdigest()
