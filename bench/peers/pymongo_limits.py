"""What MongoDB does for pymongo: python pymongo_limits.py insert|read url connections seconds"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain
from multiprocessing import Barrier, Pool
from typing import Any
from uuid import uuid4

from pymongo import MongoClient
from pymongo.collection import Collection

WORKERS = 2
ORDER = {
    "status": "pending",
    "customer": {"name": "Ada", "phone": "+49301234567", "email": None},
    "fulfilment": {"type": "pickup", "table": None, "address": None},
    "items": [
        {"item_id": "x" * 36, "name": "Pelmeni", "quantity": 2, "unit_price": 950, "total": 1900}
    ]
    * 4,
    "total": 7600,
    "currency": "EUR",
}

start: Any
"""The barrier of all processes, which `begin_together` sets."""


def worker(what: str, url: str, threads: int, seconds: float) -> list[float]:
    """How long each operation took."""
    client: MongoClient[dict[str, Any]] = MongoClient(url, w="majority", journal=True)
    orders = client.get_default_database().orders
    operation = {"insert": inserting, "read": reading}[what](orders)
    operation(0)
    start.wait()
    end = time.perf_counter() + seconds
    with ThreadPoolExecutor(threads) as pool:
        return list(chain(*pool.map(lambda _: repeated(operation, end), range(threads))))


def inserting(orders: Collection[dict[str, Any]]) -> Callable[[int], object]:
    return lambda _: orders.insert_one(
        {"_id": str(uuid4()), **ORDER, "created_at": datetime.now(UTC)}
    )


def reading(orders: Collection[dict[str, Any]]) -> Callable[[int], object]:
    ids = [each["_id"] for each in orders.find({}, {"_id": 1}).limit(1000)]
    return lambda number: orders.find_one({"_id": ids[number % len(ids)]})


def repeated(operation: Callable[[int], object], end: float) -> list[float]:
    taken: list[float] = []
    before = time.perf_counter()
    while before < end:
        operation(len(taken))
        after = time.perf_counter()
        taken.append(after - before)
        before = after
    return taken


def begin_together(barrier: Any) -> None:
    global start
    start = barrier


if __name__ == "__main__":
    what, url, connections, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    workers = min(WORKERS, connections)
    with Pool(workers, begin_together, (Barrier(workers),)) as pool:
        work = [(what, url, connections // workers, seconds)] * workers
        took = sorted(chain(*pool.starmap(worker, work, chunksize=1)))
    told = {
        "good": len(took),
        "microseconds": seconds * 1e6,
        "failed": 0,
        "p50": took[len(took) // 2] * 1e6,
        "p99": took[len(took) * 99 // 100] * 1e6,
    }
    print("measured", json.dumps(told))
