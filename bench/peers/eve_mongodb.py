"""Eve on MongoDB: the schema is the API, hooks do what a schema cannot say."""

import hashlib
import hmac
import os
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from eve import Eve
from flask import Request, abort, current_app, jsonify, make_response, request

SECRET = os.environ["SECRET_KEY"].encode()
CURRENCY = "EUR"

UUID_URL = 'regex("[a-f0-9-]{36}")'
COMPUTED = {"readonly": True}
OPTION = {
    "type": "dict",
    "schema": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "price": {"type": "integer"},
    },
}
MENU_ITEM = {
    "_id": {"type": "string"},
    "category": {"type": "string"},
    "slug": {"type": "string", "unique": True},
    "name": {"type": "string"},
    "description": {"type": "string"},
    "position": {"type": "integer"},
    "price": {"type": "integer"},
    "station": {"type": "string"},
    "dietary": {"type": "list"},
    "allergens": {"type": "list"},
    "option_groups": {
        "type": "list",
        "schema": {
            "type": "dict",
            "schema": {
                "id": {"type": "string"},
                "name": {"type": "string"},
                "min": {"type": "integer"},
                "max": {"type": "integer"},
                "options": {"type": "list", "schema": OPTION},
            },
        },
    },
    "available": {"type": "boolean"},
    "stock": {"type": "integer"},
}
CUSTOMER = {
    "name": {"type": "string", "required": True, "minlength": 1, "maxlength": 200},
    "phone": {"type": "string", "required": True, "regex": r"\+?[0-9 ()./-]{5,40}"},
    "email": {"type": "string", "nullable": True, "regex": r"[^@\s]+@[^@\s]+"},
}
FULFILMENT = {
    "type": {
        "type": "string",
        "required": True,
        "oneof": [
            {"allowed": ["pickup"]},
            {"allowed": ["dine_in"], "dependencies": ["table"]},
            {"allowed": ["delivery"], "dependencies": ["address"]},
        ],
    },
    "table": {"type": "string", "nullable": True, "minlength": 1, "maxlength": 50},
    "address": {"type": "string", "nullable": True, "minlength": 1, "maxlength": 500},
}
LINE = {
    "item_id": {"type": "string", "required": True, "minlength": 36, "maxlength": 36},
    "quantity": {"type": "integer", "required": True, "min": 1, "max": 1000},
    "options": {
        "type": "list",
        "maxlength": 50,
        "default": [],
        "schema": {"type": "string", "minlength": 1, "maxlength": 64},
    },
    "notes": {"type": "string", "nullable": True, "maxlength": 500},
}
ORDER = {
    "_id": {"type": "string"},
    "customer": {"type": "dict", "required": True, "schema": CUSTOMER},
    "fulfilment": {"type": "dict", "required": True, "schema": FULFILMENT},
    "items": {
        "type": "list",
        "required": True,
        "minlength": 1,
        "maxlength": 200,
        "schema": {"type": "dict", "schema": LINE},
    },
    "tip": {"type": "integer", "min": 0, "max": 10**9, "default": 0},
    "notes": {"type": "string", "nullable": True, "maxlength": 1000},
    "status": COMPUTED,
    "subtotal": COMPUTED,
    "total": COMPUTED,
    "currency": COMPUTED,
    "created_at": COMPUTED,
    "idempotency_key": COMPUTED,
    "body_hash": COMPUTED,
}
app = Eve(
    settings={
        "MONGO_URI": os.environ["MONGODB_URI"],
        "MONGO_WRITE_CONCERN": {"w": "majority"},
        "URL_PREFIX": "api",
        "RENDERERS": ["eve.render.JSONRenderer"],
        "PAGINATION_LIMIT": 100,
        "BANDWIDTH_SAVER": False,
        "DOMAIN": {
            "menu": {
                "schema": MENU_ITEM,
                "datasource": {"source": "menu_items"},
                "resource_methods": ["GET"],
                "item_url": UUID_URL,
            },
            "orders": {
                "schema": ORDER,
                "resource_methods": ["POST"],
                "item_methods": ["GET"],
                "item_url": UUID_URL,
                "bulk_enabled": False,
            },
        },
    }
)


def only_with_its_token(req: Request, lookup: dict[str, Any]) -> None:
    given = req.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given, token_of(lookup["_id"])):
        abort(403)


def once_per_key(req: Request) -> None:
    key = req.headers.get("Idempotency-Key")
    known = key and collection("orders").find_one({"idempotency_key": key})
    if not known:
        return
    if known["body_hash"] != hashlib.sha256(req.get_data()).hexdigest():
        refuse("the key was used for another order", 422)
    abort(make_response(jsonify(known | {"access_token": token_of(known["_id"])}), 201))


def fill_in(orders: list[dict[str, Any]]) -> None:
    for order in orders:
        order["_id"] = str(uuid4())
        order["idempotency_key"] = request.headers.get("Idempotency-Key")
        order["body_hash"] = hashlib.sha256(request.get_data()).hexdigest()
        order["status"] = "pending"
        order["customer"]["phone"] = re.sub(r"[ ()./-]", "", order["customer"]["phone"])
        price(order)
        order["currency"] = CURRENCY
        order["created_at"] = datetime.now(UTC)
        take_stock(order)


def price(order: dict[str, Any]) -> None:
    ids = list({line["item_id"] for line in order["items"]})
    menu = {item["_id"]: item for item in collection("menu_items").find({"_id": {"$in": ids}})}
    for line in order["items"]:
        item = menu.get(line["item_id"]) or refuse("not on the menu", 422)
        if not item["available"]:
            refuse(f"{item['name']} is not available", 409)
        line["name"] = item["name"]
        line["options"] = chosen(item, line.get("options", []))
        line["unit_price"] = item["price"] + sum(option["price"] for option in line["options"])
        line["total"] = line["unit_price"] * line["quantity"]
    order["subtotal"] = sum(line["total"] for line in order["items"])
    order["total"] = order["subtotal"] + order["tip"]


def chosen(item: dict[str, Any], ids: list[str]) -> list[dict[str, Any]]:
    groups = item["option_groups"]
    known = {option["id"]: option for group in groups for option in group["options"]}
    if len(set(ids)) < len(ids) or not known.keys() >= set(ids):
        refuse(f"{item['name']} has no such options", 422)
    for group in groups:
        if not group["min"] <= sum(o["id"] in ids for o in group["options"]) <= group["max"]:
            refuse(f"{item['name']}: too few or too many of {group['name']}", 422)
    return [known[option_id] for option_id in ids]


def take_stock(order: dict[str, Any]) -> None:
    wanted = Counter[str]()
    for line in order["items"]:
        wanted[line["item_id"]] += line["quantity"]
    items, taken = collection("menu_items"), []
    for item_id, quantity in wanted.items():
        enough = {"_id": item_id, "stock": {"$gte": quantity}}
        if items.update_one(enough, {"$inc": {"stock": -quantity}}).matched_count:
            taken.append((item_id, quantity))
            continue
        for taken_id, back in taken:
            items.update_one({"_id": taken_id}, {"$inc": {"stock": back}})
        refuse("not enough left", 409)


def add_token(order: dict[str, Any]) -> None:
    order["access_token"] = token_of(order["_id"])


def with_token(_req: Request, response: Any) -> None:
    if response.status_code == 201 and "access_token" not in response.json:
        body = response.json
        add_token(body)
        response.data = jsonify(body).data


def refuse(reason: str, status: int) -> Any:
    abort(make_response(jsonify(error=reason), status))


def collection(name: str) -> Any:
    return current_app.data.driver.db[name]  # type: ignore[attr-defined]


def token_of(order_id: str) -> str:
    return hmac.new(SECRET, f"order {order_id}".encode(), hashlib.sha256).hexdigest()


app.on_pre_GET_orders += only_with_its_token
app.on_pre_POST_orders += once_per_key
app.on_insert_orders += fill_in
app.on_post_POST_orders += with_token
