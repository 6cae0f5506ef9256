# SPDX-License-Identifier: GPL-2.0-or-later
"""In a guest, on loopback: streams with kTLS in software, by the kernel's own tls.ko and by ours
in turns, a line of JSON for each. Only the near end has kTLS."""

import argparse
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "suites"))

from guest import MEGABYTE, Pump, play, source                      # noqa: E402
from lib import ktls, nic, sockdiag, tcp                            # noqa: E402
from lib.cases import equal                                         # noqa: E402
from lib.system import ip, run                                      # noqa: E402

OURS = "/mnt/ours/tls.ko"
LOAD = {"stock": ("modprobe", "tls"), "ours": ("insmod", OURS)}
RECORDS = {"16k": ktls.MAX_RECORD, "1k": 1024}
# What the near end's pump and the far end's are called.
PUMPS = {"write": ("write", "discard"), "sendfile": ("sendfile", "discard"),
         "read": ("read", "replay")}


def load(module):
    """Change to that tls.ko."""
    if pathlib.Path("/sys/module/tls").exists():
        run("rmmod", "tls")
    run(*LOAD[module])
    tainted = "O" in pathlib.Path("/sys/module/tls/taint").read_text(encoding="ascii")
    equal(tainted, module == "ours", "tls.ko is one that the kernel was not built with")


def stream(variant, directory, size):
    """One connection; how many seconds it took."""
    call, record, label = variant.split("/")
    keys, length = ktls.Keys(ktls.BY_NAME[label]), RECORDS[record]
    near_mode, far_mode = PUMPS[call]
    direction = ktls.TLS_RX if call == "read" else ktls.TLS_TX
    near, far = tcp.loopback()
    with tcp.closing(near, far):
        ktls.install(near, keys, direction)
        tell = sockdiag.rxconf if call == "read" else sockdiag.txconf
        equal(tell(near), "sw", f"{variant}: what the kernel does")
        wire = keys.cipher.stream([length] * (size // length))
        small = "1k" if record == "1k" and call != "read" else ""
        pumps = [Pump(mode + more, sock.fileno(), count,
                      *source(mode, keys.cipher, directory, size, length), fds=[sock.fileno()])
                 for mode, more, sock, count in ((near_mode, small, near, size),
                                                 (far_mode, "", far, wire))]
        return play(pumps)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--megabytes", type=int, required=True)
    parser.add_argument("variant", nargs="+")
    options = parser.parse_args()
    nic.only_on_ktlsnic()
    run("rmmod", "ktlsnic")
    ip("link", "set", "lo", "up")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        for number in range(options.rounds):
            for module in sorted(LOAD, reverse=number % 2):
                load(module)
                for variant in options.variant:
                    size = options.megabytes * MEGABYTE
                    print(json.dumps({"variant": variant, "module": module, "round": number,
                                      "bytes": size,
                                      "seconds": stream(variant, pathlib.Path(name), size)}),
                          flush=True)


if __name__ == "__main__":
    main()
