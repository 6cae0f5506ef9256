#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's part of `make demo`; tests/demo starts it.

    run_demo.py transfer FILE MEGABYTES     one file over offloaded kTLS, with the evidence
    run_demo.py key-updates                 a connection whose keys change, with OpenSSL
    run_demo.py throughput MEGABYTES        plain, software and offloaded side by side"""

import sys

from demo import show
from demo.key_update import key_updates
from demo.throughput import throughput
from demo.transfer import transfer


def main():
    what, *rest = sys.argv[1:] or [""]
    try:
        if what == "transfer" and len(rest) == 2:
            transfer(rest[0], int(rest[1]))
        elif what == "key-updates" and not rest:
            key_updates()
        elif what == "throughput" and len(rest) == 1:
            throughput(int(rest[0]))
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except Exception as error:                      # pylint: disable=broad-except
        show(what, f"{type(error).__name__}: {error}", False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
