"""Where our time goes under load, by py-spy: by subsystem, the functions that take most, and as a
flame graph."""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.conditions import await_health
from bench.contenders import PEERS_BIN, RunningContender, all_contenders, start_contenders
from bench.dataset import fill
from bench.environment import running_servers
from bench.workloads import requests, verify
from bench.wrk import Measurement, run_load, write_requests

SECONDS, CONNECTIONS, ORDERS, RATE = 10, 8, 10_000, 200
TOP = 25
OTHER = "the rest"
SUBSYSTEMS = (
    ("JSON", ("/strict_json.py", "/json/")),
    ("marshmallow, webargs, flask-smorest", ("/marshmallow/", "/webargs/", "/flask_smorest/")),
    ("werkzeug", ("/werkzeug/",)),
    ("Flask, blinker", ("/flask/", "/blinker/")),
    ("web server", ("/granian/", "/gunicorn/", "concurrent/futures/", "/selectors.py")),
    ("psycopg", ("/psycopg/", "/psycopg_pool/", "/psycopg_binary/")),
    ("pymongo", ("/pymongo/", "/bson/", "/gridfs/")),
    (
        "logs and metrics",
        ("/structlog/", "/prometheus_client/", "runtime/logs.py", "runtime/metrics.py"),
    ),
    ("our adapters for PostgreSQL", ("adapters/postgres/",)),
    ("our adapters for MongoDB", ("adapters/mongo/",)),
    ("our composite and replication", ("adapters/fallback/", "dinerapp/replication/")),
    ("our bus and streams", ("adapters/bus/", "dinerapp/live/")),
    ("our wings", ("dinerapp/",)),
    ("our blueprints", ("blueprints/",)),
    ("granian's own threads, outside Python", ("granian_server dinerapp",)),
)  # fmt: skip
"""By what is in a file's path, the first that fits. Other files are their callers' business."""

Stack = tuple[Sequence[str], int]


def run(works: str, folder: Path) -> Iterator[str]:
    """One section for each kind of work, in Markdown; the flame graphs go into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with running_servers() as both:
        filled = fill(both, ORDERS)
        ours = [one for one in all_contenders(both) if one.is_ours]
        with start_contenders(ours, both.folder) as everybody:
            await_health(everybody[0])
            for work in works:
                one = next(each for each in everybody if work in each.subject.works)
                verify(one, work, filled)
                file = write_requests(requests(one, work, filled), both.folder / "requests")
                yield _profile(one, work, file, both.folder / "stacks", folder)


def parse_stacks(raw: str) -> list[Stack]:
    """Lines of `frame;frame;frame count`, outermost first."""
    lines = (line.rpartition(" ") for line in raw.splitlines() if line.strip())
    return [(tuple(stack.split(";")), int(count)) for stack, _, count in lines]


def by_subsystem(stacks: Iterable[Stack]) -> Counter[str]:
    """Samples by what they were in: of the innermost frame that any subsystem knows."""
    found: Counter[str] = Counter()
    for frames, count in stacks:
        known = (_subsystem(frame) for frame in reversed(frames))
        found[next((name for name in known if name), OTHER)] += count
    return found


def by_function(stacks: Iterable[Stack]) -> Counter[str]:
    """Samples by the innermost function."""
    found: Counter[str] = Counter()
    for frames, count in stacks:
        found[frames[-1].rpartition(":")[0] + ")"] += count
    return found


def _profile(one: RunningContender, work: str, file: Path, stacks_file: Path, folder: Path) -> str:
    shots: list[Measurement] = []
    seconds = 2 * SECONDS + 6
    load = threading.Thread(
        target=lambda: shots.append(run_load(one.port, file, CONNECTIONS, seconds))
    )
    load.start()
    _record(one, "raw", stacks_file, "--full-filenames")
    _record(one, "flamegraph", folder / f"flames-{work}.svg")
    load.join()
    stacks = parse_stacks(stacks_file.read_text())
    return "\n".join(_markdown(work, shots[0], stacks))


def _record(one: RunningContender, how: str, file: Path, *more: str) -> None:
    subprocess.run(
        [
            str(PEERS_BIN / "py-spy"), "record", "--pid", str(one.process.pid), "--subprocesses",
            "--duration", str(SECONDS), "--rate", str(RATE), "--format", how, "--nonblocking",
            "--output", str(file), *more,
        ],
        check=True, capture_output=True,
    )  # fmt: skip


def _markdown(work: str, shot: Measurement, stacks: Sequence[Stack]) -> Iterator[str]:
    total = sum(count for _, count in stacks)
    yield f"## {work}: {shot.rate:,.0f} requests/s while watched, {total} samples\n"
    for title, counted in (("subsystem", by_subsystem(stacks)), ("function", by_function(stacks))):
        yield f"| {title} | of the time |\n|---|---|"
        for name, count in counted.most_common(TOP):
            yield f"| {name} | {count / total:.1%} |"
        yield ""


def _subsystem(frame: str) -> str | None:
    return next((name for name, paths in SUBSYSTEMS if any(path in frame for path in paths)), None)
