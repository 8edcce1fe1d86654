"""python -m bench [menu] [dual-write] [relay] [consistency] [--small]: real servers, figures."""

from __future__ import annotations

import argparse
import os
import platform
import sys

from bench import dual_write, menu, syncing

SMALL = 20


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "what", nargs="*", help="menu, dual-write, relay, consistency; default: all"
    )
    parser.add_argument("--small", action="store_true", help="a twentieth of the records")
    given = parser.parse_args()
    part = SMALL if given.small else 1
    all_of_them = {
        "menu": menu.run,
        "dual-write": dual_write.run,
        "relay": lambda: syncing.relay(100_000 // part),
        "consistency": lambda: syncing.consistency(1_000_000 // part, 100),
    }
    unknown = set(given.what) - set(all_of_them)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(all_of_them)}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| what | measured |\n|---|---|")
    for name in given.what or all_of_them:
        for what, measured in all_of_them[name]():
            print(f"| {what} | {measured} |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
