# SPDX-License-Identifier: GPL-2.0-or-later
"""In a guest: streams between the two ports, interleaved, a line of JSON for each.

Sending, the far end throws away what comes; receiving, it writes ciphertext that was prepared
beforehand over plain TCP. So only the near end differs, plain, with kTLS in software, or
offloaded."""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "suites"))

from lib import evidence, ktls, nic, rx, seal, sockdiag, tcp       # noqa: E402
from lib.cases import at_least, equal                              # noqa: E402
from lib.system import run                                         # noqa: E402

MEGABYTE = 1 << 20
SLOWER = 4                  # of a stream in software so much less is sent
PUMP = "/mnt/bench-bin/pump"
MARK = "vm-mark"
CONF = {"plain": "none", "software": "sw", "offload": "hw", "zerocopy": "hw"}
# What the near end does: how it is called, and what its pump and the far one's are called.
SENDS = {"write": ("write", "discard"), "sendfile": ("sendfile", "discard")}
RECEIVES = {call: (call, "replay") for call in ("read", "read4k")}


@dataclass(frozen=True)
class Variant:
    """call/how[/cipher], as on the command line."""
    text: str
    call: str
    how: str
    cipher: ktls.Cipher = None

    @classmethod
    def of(cls, text):
        call, how, *cipher = text.split("/")
        if call not in {**SENDS, **RECEIVES} or how not in CONF or len(cipher) != (how != "plain"):
            raise argparse.ArgumentTypeError(f"no variant {text}")
        return cls(text, call, how, *(ktls.BY_NAME[label] for label in cipher))

    def __str__(self):
        return self.text


class Pump:
    """One end's program."""

    def __init__(self, *words, fds):
        self.words = words
        self.process = subprocess.Popen([PUMP, *map(str, words)], pass_fds=fds, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        equal(self.process.stdout.readline(), "ready\n", f"the first line of pump {words}")

    def go(self):
        self.process.stdin.write("g")
        self.process.stdin.flush()

    def times(self):
        """When it began and when it ended."""
        out, _ = self.process.communicate(timeout=600)
        equal(self.process.returncode, 0, f"status of pump {self.words}")
        return [float(word) for word in out.split()]


def prepared(directory, cipher, size, record=ktls.MAX_RECORD):
    """A file with a stream of records of that size with so much content."""
    sealer = seal.Sealer(ktls.Keys(cipher))
    file = directory / f"{size}-{cipher.label}-{record}"
    if not file.exists():
        with file.open("wb") as out:
            for _ in range(0, size, record):
                out.write(sealer.seal(bytes(record)))
    return file


def content(directory, size):
    """A file with so much content."""
    file = directory / f"{size}-plain"
    if not file.exists():
        file.write_bytes(bytes(size))
    return file


def source(mode, cipher, directory, size, record=ktls.MAX_RECORD):
    """The file that a pump in this mode reads from, if it reads from one."""
    if mode == "replay" and cipher:
        return [prepared(directory, cipher, size, record)]
    return [content(directory, size)] if mode in ("sendfile", "replay") else []


def install(variant, sock, direction):
    """Keys, and what the kernel says of them."""
    offload = CONF[variant.how] == "hw"
    nic.local().set(**nic.tls_offload(offload))
    if variant.cipher:
        ktls.install(sock, ktls.Keys(variant.cipher), direction)
        if variant.how == "zerocopy":
            sock.setsockopt(ktls.SOL_TLS, ktls.TLS_TX_ZEROCOPY_RO, 1)
    tell = sockdiag.txconf if direction == ktls.TLS_TX else sockdiag.rxconf
    equal(tell(sock), CONF[variant.how], f"{variant}: what the kernel does")


def mark(which):
    if shutil.which(MARK):
        subprocess.run([MARK, which], check=True)


def play(pumps):
    """Let both work, the far one first; how many seconds that took."""
    for pump in reversed(pumps):
        pump.go()
    times = [pump.times() for pump in pumps]
    return max(end for _, end in times) - min(begin for begin, _ in times)


def stream(variant, directory, size):
    """One connection: how long it took, of how many bytes of content, and what the NIC did."""
    sends = variant.call in SENDS
    near_mode, far_mode = {**SENDS, **RECEIVES}[variant.call]
    near, far = tcp.connect(4)
    with tcp.closing(near, far):
        install(variant, near, ktls.TLS_TX if sends else ktls.TLS_RX)
        state = (evidence if sends else rx).Evidence()
        wire = variant.cipher.stream([ktls.MAX_RECORD] * (size // ktls.MAX_RECORD)) \
            if variant.cipher else size
        pumps = [Pump(mode, sock.fileno(), count, *source(mode, variant.cipher, directory, size),
                      fds=[sock.fileno()])
                 for mode, sock, count in ((near_mode, near, size), (far_mode, far, wire))]
        mark("begin")
        seconds = play(pumps)
        mark("end")
    by_the_nic(variant, state, sends, size)
    return {"seconds": seconds, "bytes": size,
            **({"units": state.moved("hw_tx_tso_units")} if sends else {})}


def by_the_nic(variant, state, sends, size):
    """Nothing is lost on this link, so that an offloaded stream is the NIC's alone."""
    if CONF[variant.how] != "hw":
        return
    name = "tx_tls_encrypted_bytes" if sends else "rx_tls_decrypted_bytes"
    at_least(state.moved(name), size, f"{variant}: {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--megabytes", type=int, required=True)
    parser.add_argument("variant", nargs="+", type=Variant.of)
    options = parser.parse_args()
    run("modprobe", "tls")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        for number in range(options.rounds):
            for variant in options.variant:
                size = options.megabytes // (SLOWER if variant.how == "software" else 1)
                result = stream(variant, pathlib.Path(name), size * MEGABYTE)
                print(json.dumps({"variant": str(variant), "round": number, **result}),
                      flush=True)


if __name__ == "__main__":
    main()
