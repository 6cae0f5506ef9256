# SPDX-License-Identifier: GPL-2.0-or-later
"""Suite nic: everything that a plain network card does."""

from lib import nic, wait


def setup():
    wait.until(nic.reachable, "the far port answers over IPv4 and IPv6", seconds=30)
