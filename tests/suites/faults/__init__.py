# SPDX-License-Identifier: GPL-2.0-or-later
"""Suite faults: memory is short, in the driver and in tls.ko. Whatever is asked for
is done, done in software, or refused with an error; never half, never wrong."""

import tls_tx
from lib import alloc_failures


def setup():
    alloc_failures.needed()
    tls_tx.setup()
