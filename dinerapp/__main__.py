"""`python -m dinerapp`."""

from __future__ import annotations

from dinerapp.runtime.commands import main

if __name__ == "__main__":
    main()
