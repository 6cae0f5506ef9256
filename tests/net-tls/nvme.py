# SPDX-License-Identifier: GPL-2.0-or-later
"""NVMe/TCP over TLS 1.3: a user of kTLS inside the kernel, on both ends; runs in the guest.

The target listens in the far port's namespace. Keys are preshared, and tlshd does the handshake
for the kernel. Both ends put their own callbacks over those of kTLS, read with read_sock() or
recvmsg() into pages, and send pages."""

import functools
import hashlib
import pathlib
import subprocess
import sys
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "suites"), str(HERE.parent)]

from lib import evidence, nic, runner, system, tcp, wait        # noqa: E402
from lib.cases import Registry, at_least, equal          # noqa: E402

registry = Registry()
NQN = "nqn.2014-08.org.nvmexpress:uuid:"
SUBSYSTEM = NQN + str(uuid.UUID(int=1))
HOST_ID = str(uuid.UUID(int=2))
HOST = NQN + HOST_ID
PORT = "4420"
NETLINK_GENERIC = "16"
CONFIG = pathlib.Path("/run/nvmet")     # where configfs is; `ip netns exec` hides /sys
DISK = pathlib.Path("/run/nvme-disk")
DISK_SIZE = 64 << 20
# Hash of the preshared key, as nvme-cli numbers them: it decides which cipher TLS takes.
HASHES = {"gcm128": 1, "gcm256": 2}
# Bytes of one request, a multiple of the file's block: part of a record, all of it, a bit more,
# many records.
REQUESTS = (4096, 16384, 20480, 65536, 1 << 20)
SIZE = 1 << 20                          # of all requests of one size, at most


def target(context):
    """A target with one namespace, a file, that wants TLS of everybody."""
    CONFIG.mkdir(exist_ok=True)
    system.run("mount", "-t", "configfs", "none", CONFIG)
    context.callback(system.run, "umount", CONFIG)
    DISK.write_bytes(bytes(DISK_SIZE))
    context.callback(DISK.unlink)
    subsystem = CONFIG / "nvmet/subsystems" / SUBSYSTEM
    namespace = subsystem / "namespaces/1"
    port = CONFIG / "nvmet/ports/1"
    for directory in (subsystem, namespace, port):
        directory.mkdir()
        context.callback(directory.rmdir)
    (subsystem / "attr_allow_any_host").write_text("1")
    (namespace / "device_path").write_text(str(DISK))
    (namespace / "buffered_io").write_text("1")
    (namespace / "enable").write_text("1")
    for name, value in (("addr_trtype", "tcp"), ("addr_adrfam", "ipv4"),
                        ("addr_traddr", system.REMOTE[4]), ("addr_trsvcid", PORT),
                        ("addr_tsas", "tls1.3")):
        (port / name).write_text(value)
    link = port / "subsystems" / SUBSYSTEM
    with system.in_ns(system.REMOTE_NS):        # the kernel makes its socket in the caller's
        link.symlink_to(subsystem)
    context.callback(link.unlink)


def handshakes(context):
    """tlshd in both namespaces: it answers for the sockets of its own, once it listens."""
    for ns in (None, system.REMOTE_NS):
        prefix = ("ip", "netns", "exec", ns) if ns else ()
        daemon = subprocess.Popen([*prefix, "tlshd", "-s"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        context.callback(daemon.wait)
        context.callback(daemon.terminate)
        wait.until(lambda ns=ns: listens(ns), "tlshd listens to the kernel")


def listens(ns):
    """Whether the kernel has somebody in the namespace to ask for a handshake: a socket of
    generic netlink that is in a group."""
    with system.in_ns(ns):
        table = pathlib.Path("/proc/thread-self/net/netlink").read_text(encoding="ascii")
    rows = [line.split() for line in table.splitlines()[1:]]
    return any(row[1] == NETLINK_GENERIC and int(row[3], 16) for row in rows)


def connected(context):
    """The host's block device; both ends have a queue for requests beside that for admin."""
    system.run("nvme", "connect", "-t", "tcp", "-a", system.REMOTE[4], "-s", PORT, "-n",
               SUBSYSTEM, "--hostnqn", HOST, "--hostid", HOST_ID, "--nr-io-queues", "1", "--tls")
    context.callback(system.run, "nvme", "disconnect", "-n", SUBSYSTEM)
    return wait.until(lambda: next(pathlib.Path("/dev").glob("nvme*n1"), None),
                      "the host has the namespace")


def transferred(device):
    """Data goes out and comes back in requests of each size."""
    for number, size in enumerate(REQUESTS):
        content = tcp.data(f"requests of {size}", SIZE // size * size)
        copy = functools.partial(system.run, "dd", f"bs={size}", f"count={SIZE // size}",
                                 "status=none", seconds=60)
        source, result = (pathlib.Path(f"/run/nvme-{name}") for name in ("source", "result"))
        source.write_bytes(content)
        begin = number * SIZE
        copy(f"if={source}", f"of={device}", f"seek={begin}", "oflag=direct,seek_bytes")
        copy(f"if={device}", f"of={result}", f"skip={begin}", "iflag=direct,skip_bytes")
        for name, got in (("file", DISK.read_bytes()[begin:begin + len(content)]),
                          ("host", result.read_bytes())):
            equal(hashlib.sha256(got).hexdigest(), hashlib.sha256(content).hexdigest(),
                  f"what the {name} has of requests of {size} bytes")


def case(context, cipher, offload):
    """Two connections, each sending and receiving at both ends; nothing goes in the clear,
    nothing is refused, and software does it, or the NIC."""
    for port in (nic.local(), nic.remote()):
        context.enter_context(port.with_(**nic.tls_offload(offload)))
    target(context)
    handshakes(context)
    system.run("nvme", "gen-tls-key", "--hostnqn", HOST, "--subsysnqn", SUBSYSTEM, "--hmac",
               HASHES[cipher], "--identity", "1", "--insert")
    context.callback(system.run, "keyctl", "clear", "%:.nvme")
    readings = evidence.Readings()
    transferred(connected(context))
    kernel, card = readings.kernel_moved(), readings.counters()
    who, other = ("Device", "Sw") if offload else ("Sw", "Device")
    for direction in ("Tx", "Rx"):
        equal(kernel[f"Tls{direction}{who}"], 2, f"Tls{direction}{who}")
        equal(kernel[f"Tls{direction}{other}"], 0, f"Tls{direction}{other}")
    equal(kernel["TlsDecryptError"], 0, "TlsDecryptError")
    if offload:
        least = sum(SIZE // size * size for size in REQUESTS)
        at_least(card["tx_tls_encrypted_bytes"], least, "tx_tls_encrypted_bytes")
        at_least(card["rx_tls_decrypted_bytes"], least, "rx_tls_decrypted_bytes")


for _cipher in HASHES:
    registry.add(f"nvme-tcp/software/{_cipher}", case, _cipher, False)
    registry.add(f"nvme-tcp/device/{_cipher}", case, _cipher, True)


def setup():
    system.run("modprobe", "-a", "tls", "nvme-tcp", "nvmet-tcp")


if __name__ == "__main__":
    sys.exit(0 if runner.run(registry.cases, setup, nic.recover) else 1)
