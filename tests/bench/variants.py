# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmarks compare. A variant is CALL/HOW[/CIPHER]: what the near end calls, and
who encrypts; guest.py plays it."""

CIPHERS = ("1.2-gcm128", "1.3-gcm256")


def _sending(cipher):
    return [f"{call}/{how}/{cipher}" for call in ("write", "sendfile")
            for how in ("software", "offload")] + [f"sendfile/zerocopy/{cipher}"]


def _receiving(cipher):
    return [f"read/software/{cipher}", f"read/offload/{cipher}", f"read4k/offload/{cipher}"]


SENDING = ["write/plain", "sendfile/plain", *(v for cipher in CIPHERS for v in _sending(cipher))]
RECEIVING = ["read/plain", "read4k/plain", *(v for cipher in CIPHERS for v in _receiving(cipher))]
# CALL/RECORD/CIPHER, played by software.py with either tls.ko.
SOFTWARE = [f"{call}/{record}/{cipher}" for cipher in CIPHERS
            for record in ("16k", "1k") for call in ("write", "sendfile", "read")]
COUNTED = [variant for variant in SENDING + RECEIVING if "software" not in variant]


def reference(variant):
    """The variant that it is compared with. A sendfile that copies is compared with a write,
    which copies as well."""
    call, how, *_ = variant.split("/")
    return f"{'write' if (call, how) == ('sendfile', 'offload') else call}/plain"
