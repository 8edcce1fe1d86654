"""Notes that outlive either database: the smallest program on these ports.

    POSTGRES_URL=postgresql://… MONGO_URL=mongodb://… flask --app examples/notes/app run

docs/building-your-own.md goes through it piece by piece.
"""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from dinerapp.replication import served_by
from dinerapp.replication.errors import (
    Contended,
    InvalidRecord,
    KeyReused,
    NoStoreAvailable,
    NotFound,
)
from dinerapp.replication.identity import Operation
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.documents import Documents, Index
from dinerapp.replication.ports.routing import query
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.saving import save_idempotently
from dinerapp.runtime.kind_row import KindRow
from dinerapp.runtime.replication_engine import ReplicationEngine

STATUSES: Mapping[type[Exception], int] = {
    msgspec.DecodeError: 400,
    UnicodeDecodeError: 400,
    NotFound: 404,
    InvalidRecord: 422,
    KeyReused: 422,
    NoStoreAvailable: 503,
    Contended: 503,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Record):
    author: str
    text: str

    def validate(self) -> None:
        if not (self.author.strip() and self.text.strip()):
            raise InvalidRecord("note", "neither author nor text may be blank")


NOTES = Kind("notes", Note)


class Notes(Documents[Note]):
    kind = NOTES
    indexes = (Index(),)

    @query
    def newest(self, limit: int) -> Sequence[Note]:
        return self._newest(None, limit).items


class NewNote(msgspec.Struct, forbid_unknown_fields=True):
    author: str
    text: str


def create_app() -> Flask:
    engine = ReplicationEngine(
        [KindRow.documents(Notes)],
        postgres_url=os.environ.get("POSTGRES_URL"),
        mongo_url=os.environ.get("MONGO_URL"),
    )
    engine.start()
    atexit.register(engine.stop)
    notes = engine.repository(Notes)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 65_536
    for error in (*STATUSES, HTTPException):
        app.register_error_handler(error, problem)

    @app.post("/notes")
    @engine.request()
    def add_note() -> Response:
        body, key, now = request.get_data(), request.headers.get("Idempotency-Key"), utc_now()
        new = msgspec.json.decode(body, type=NewNote)
        # Every try of a key has the same ids, and so becomes one note, whichever store took it.
        operation = Operation.from_key("notes", key, body) if key else Operation.without_key()
        note = Note(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            author=new.author,
            text=new.text,
        )
        return answer(view(save_idempotently(notes.save, note).record), 201)

    @app.get("/notes")
    @engine.request()
    def newest_notes() -> Response:
        return answer({"items": [view(note) for note in notes.newest(20)]})

    @app.get("/notes/<note_id>")
    @engine.request()
    def read_note(note_id: str) -> Response:
        return answer(view(notes.get(note_id)))

    @app.get("/health")
    def health() -> tuple[Response, int]:
        verdict = engine.health()
        return jsonify(verdict), 200 if verdict.can_serve else 503

    return app


def view(note: Note) -> dict[str, str]:
    written_at = note.created_at.isoformat()
    return {"id": note.id, "author": note.author, "text": note.text, "written_at": written_at}


def answer(body: object, status: int = 200) -> Response:
    response = jsonify(body)
    response.status_code = status
    if served := served_by.current():
        response.headers.update({"X-Store": served.store_id, "X-Role": served.role})
    return response


def problem(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        status, detail, headers = error.code or 500, error.description, error.get_headers()
    else:
        status = next(code for known, code in STATUSES.items() if isinstance(error, known))
        detail, headers = str(error), [("Retry-After", "2")] if status == 503 else []
    body = json.dumps({"title": "The request failed", "status": status, "detail": detail})
    return Response(body, status, headers, content_type="application/problem+json")
