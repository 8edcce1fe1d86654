"""The floor: what Flask under gunicorn costs before anything is done."""

from flask import Flask

app = Flask(__name__)


@app.get("/api/menu")
def hello() -> str:
    return "hello"
