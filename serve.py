"""The application under granian: `python serve.py`; operators choose in the settings."""

from __future__ import annotations

from dinerapp.runtime.granian_server import main

if __name__ == "__main__":
    main()
