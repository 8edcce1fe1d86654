"""`python -m dinerapp`."""

from __future__ import annotations

from dinerapp.runtime.commands import main
from dinerapp.runtime.processes import skip_gc_at_exit

if __name__ == "__main__":
    skip_gc_at_exit()
    main()
