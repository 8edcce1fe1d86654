"""FastAPI on SQLAlchemy's async engine. With MONGODB_URI set every order goes there as well."""

import hashlib
import hmac
import os
import re
from collections import Counter
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, model_validator
from pymongo import AsyncMongoClient, UpdateOne
from sqlalchemy import ForeignKey, Text, select
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

SECRET = os.environ["SECRET_KEY"].encode()
CURRENCY = "EUR"

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+asyncpg:")
)
new_session = async_sessionmaker(engine, expire_on_commit=False)
mongo = None
if "MONGODB_URI" in os.environ:
    client = AsyncMongoClient[dict[str, Any]](os.environ["MONGODB_URI"], w="majority", journal=True)
    mongo = client.get_default_database()
app = FastAPI()


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
            "id": self.id,
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
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    lines: Mapped[list["Line"]] = relationship(order_by="Line.position")

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
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
            "created_at": self.created_at,
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
            "item_id": self.item_id,
            "name": self.name,
            "quantity": self.quantity,
            "unit_price": self.unit_price,
            "options": self.options,
            "notes": self.notes,
            "total": self.total,
        }


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


class OptionOut(BaseModel):
    id: str
    name: str
    price: int


class OptionGroupOut(BaseModel):
    id: str
    name: str
    min: int
    max: int
    options: list[OptionOut]


class ItemOut(BaseModel):
    id: UUID
    slug: str
    name: str
    description: str
    position: int
    price: int
    station: str
    dietary: list[str]
    allergens: list[str]
    option_groups: list[OptionGroupOut]
    available: bool
    stock: int


class CategoryOut(BaseModel):
    name: str
    items: list[ItemOut]


class MenuOut(BaseModel):
    currency: str
    categories: list[CategoryOut]


class CustomerOut(BaseModel):
    name: str
    phone: str
    email: str | None


class FulfilmentOut(BaseModel):
    type: str
    table: str | None
    address: str | None


class LineOut(BaseModel):
    item_id: UUID
    name: str
    quantity: int
    unit_price: int
    options: list[OptionOut]
    notes: str | None
    total: int


class OrderOut(BaseModel):
    id: UUID
    status: str
    customer: CustomerOut
    fulfilment: FulfilmentOut
    items: list[LineOut]
    notes: str | None
    tip: int
    subtotal: int
    total: int
    currency: str
    created_at: datetime


class PlacedOut(OrderOut):
    access_token: str


@app.get("/api/menu")
async def read_menu() -> MenuOut:
    async with new_session() as session:
        query = select(MenuItem).order_by(MenuItem.category, MenuItem.position)
        groups = groupby(await session.scalars(query), key=lambda item: item.category)
        return MenuOut(
            currency=CURRENCY,
            categories=[
                CategoryOut(name=name, items=[ItemOut(**item.as_dict()) for item in items])
                for name, items in groups
            ],
        )


@app.get("/api/orders/{order_id}")
async def read_order(order_id: UUID, authorization: Annotated[str, Header()] = "") -> OrderOut:
    if not hmac.compare_digest(authorization.removeprefix("Bearer "), token_of(order_id)):
        raise HTTPException(403)
    async with new_session() as session:
        order = await session.get(Order, order_id, options=[selectinload(Order.lines)])
        if order is None:
            raise HTTPException(404)
        return OrderOut(**order.as_dict())


@app.post("/api/orders", status_code=201)
async def place_order(
    wanted: OrderIn, request: Request, idempotency_key: Annotated[str | None, Header()] = None
) -> PlacedOut:
    body_hash = hashlib.sha256(await request.body()).hexdigest()
    async with new_session() as session:
        order = await made(session, wanted, idempotency_key, body_hash)
        session.add(order)
        try:
            await session.commit()
        except IntegrityError:
            await session.rollback()
            return await placed_before(session, idempotency_key, body_hash)
    if mongo is not None:
        await copy_to_mongo(order)
    return PlacedOut(**order.as_dict(), access_token=token_of(order.id))


async def made(session: AsyncSession, wanted: OrderIn, key: str | None, body_hash: str) -> Order:
    ids = {one.item_id for one in wanted.items}
    query = select(MenuItem).where(MenuItem.id.in_(ids)).order_by(MenuItem.id).with_for_update()
    menu = {item.id: item for item in await session.scalars(query)}
    lines = [
        line_of(menu.get(one.item_id), one, position) for position, one in enumerate(wanted.items)
    ]
    subtotal = sum(line.total for line in lines)
    return Order(
        id=uuid4(),
        idempotency_key=key,
        body_hash=body_hash,
        status="pending",
        customer_name=wanted.customer.name,
        customer_phone=re.sub(r"[ ()./-]", "", wanted.customer.phone),
        customer_email=wanted.customer.email,
        fulfilment=wanted.fulfilment.type,
        table_name=wanted.fulfilment.table,
        address=wanted.fulfilment.address,
        notes=wanted.notes,
        tip=wanted.tip,
        subtotal=subtotal,
        total=subtotal + wanted.tip,
        currency=CURRENCY,
        created_at=datetime.now(UTC),
        lines=lines,
    )


def line_of(item: MenuItem | None, wanted: LineIn, position: int) -> Line:
    if item is None:
        raise HTTPException(422, "not on the menu")
    if not item.available or item.stock < wanted.quantity:
        raise HTTPException(409, f"not enough {item.name} left")
    item.stock -= wanted.quantity
    options = chosen(item, wanted.options)
    unit_price = item.price + sum(option["price"] for option in options)
    return Line(
        position=position,
        item_id=item.id,
        name=item.name,
        quantity=wanted.quantity,
        unit_price=unit_price,
        options=options,
        notes=wanted.notes,
        total=unit_price * wanted.quantity,
    )


def chosen(item: MenuItem, ids: list[str]) -> list[dict[str, Any]]:
    known = {option["id"]: option for group in item.option_groups for option in group["options"]}
    if len(set(ids)) < len(ids) or not known.keys() >= set(ids):
        raise HTTPException(422, f"{item.name} has no such options")
    for group in item.option_groups:
        if not group["min"] <= sum(o["id"] in ids for o in group["options"]) <= group["max"]:
            raise HTTPException(422, f"{item.name}: too few or too many of {group['name']}")
    return [known[option_id] for option_id in ids]


async def placed_before(session: AsyncSession, key: str | None, body_hash: str) -> PlacedOut:
    query = select(Order).where(Order.idempotency_key == key).options(selectinload(Order.lines))
    order = (await session.scalars(query)).one()
    if order.body_hash != body_hash:
        raise HTTPException(422, "the key was used for another order")
    return PlacedOut(**order.as_dict(), access_token=token_of(order.id))


async def copy_to_mongo(order: Order) -> None:
    assert mongo is not None
    document = OrderOut(**order.as_dict()).model_dump(mode="json", exclude={"id"})
    await mongo.orders.insert_one({"_id": str(order.id), **document})
    taken = Counter[str]()
    for line in order.lines:
        taken[str(line.item_id)] += line.quantity
    await mongo.menu_items.bulk_write(
        [UpdateOne({"_id": key}, {"$inc": {"stock": -much}}) for key, much in taken.items()]
    )


def token_of(order_id: UUID) -> str:
    return hmac.new(SECRET, f"order {order_id}".encode(), hashlib.sha256).hexdigest()
