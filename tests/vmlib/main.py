# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/vm from its options to its exit status."""

import contextlib
import shutil
import signal
import socket
import sys
import time

from . import accel, console, count, facts, guestrun, initramfs, machine, nics
from . import options as command_line
from . import environ, paths, prepare, rundir, shares, ui

SPLAT_STATUS = 70
TIMEOUT_STATUS = 124
GUEST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The twin of --topology pair serves ssh (setup.sh) until the guest with COMMAND ends.
TWIN_COMMAND = ("sleep", "infinity")
TWIN = "twin"               # its directory, below that of the run


def vm():
    """The program: returns the exit status."""
    return ui.program("vm", lambda: run(command_line.parse(sys.argv[1:])))


def run(options):
    """Get everything, boot, run COMMAND."""
    parts = prepare.everything(options)
    wanted = accel.name(accel.TCG) if options.count_instructions else options.accel
    acceleration = accel.choose(wanted, parts.qemu, parts.kernel)
    if options.facts:
        facts.write(options.facts, options, parts, acceleration)
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(rundir.create())
        if options.console:     # last of all, however the guest ends: it is down by then
            stack.callback(keep_consoles, directory, options.console)
        guest = stack.enter_context(guestrun.Guest(directory, options.fail_on_splat))
        start(guest, options, parts, acceleration, stack)
        status = verdict(guest, options, converse(guest, options))
        if options.count_instructions and guest.finished:
            count.write(directory, options.count_instructions, nics.DRIVERS[options.nic][0],
                        options.symbols)
        return status


def keep_consoles(directory, name):
    """Copy the guest's console log, and that of its twin under the name with .twin."""
    for log, copy in ((directory / guestrun.CONSOLE, name),
                      (directory / TWIN / guestrun.CONSOLE, f"{name}.twin")):
        if log.exists():
            shutil.copyfile(log, copy)


def start(guest, options, parts, acceleration, stack):
    """Start the guest, and its twin before it if there is to be one."""
    descriptors = []
    if options.topology == "pair":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        twin = stack.enter_context(guestrun.Guest(rundir.below(guest.directory, TWIN),
                                                  options.fail_on_splat))
        links = nics.paired(options.nic, options.device, 1, theirs.fileno())
        boot(twin, options, parts, acceleration, links, TWIN_COMMAND, 1, [theirs.fileno()])
        twin.connect(None, None, None)
        guest.twin = twin
        links = nics.paired(options.nic, options.device, 0, ours.fileno())
        descriptors = [ours.fileno()]
    elif options.topology == "loop":
        links = nics.loop(options.nic, options.device)
    else:
        links = nics.tap(options.nic, options.device, options.topology.partition(":")[2])
    if options.link:
        links += nics.impair(options.link, options.link_stats)
    if options.pcap:    # this side of the link's faults: what port 0 itself sends and gets
        links += nics.capture(options.pcap)
    files = {}
    if options.count_instructions:
        files = count.guest_files()
        links += count.arguments(parts.qemu, guest.directory)
        acceleration = accel.COUNTED
    boot(guest, options, parts, acceleration, links, options.command, 0, descriptors, files)


def boot(guest, options, parts, acceleration, links, command, port, descriptors, more=()):
    """Start one guest: its initramfs with more files, its shares, its QEMU."""
    topology = options.topology.partition(":")[0]
    environment = guest_environment(nics.environment(options.nic, topology, port), options,
                                    port)
    files = {
        "argv": initramfs.strings(command),
        "environment": initramfs.strings(f"{key}={value}" for key, value in environment.items()),
        "mark": initramfs.strings([guest.mark]),
        "setup": (paths.GUEST_FILES / "setup.sh").read_bytes(),
        **parts.driver, **dict(more),
    }
    (guest.directory / "initramfs").write_bytes(initramfs.build(parts.kernel, files))
    share_arguments = []
    for number, (host, _) in enumerate(options.share if port == 0 else ()):
        name = guest.directory / f"share{number}"
        guest.serve(shares.daemon(host, name), name)
        share_arguments += machine.share(number, name)
    guest.start(machine.arguments(parts.qemu, parts.kernel, parts.root, acceleration, options,
                                  guest.directory)
                + guest.port_arguments() + links + share_arguments + options.qemu_arg,
                descriptors)


def guest_environment(environment, options, port):
    shared = [] if port else [guest for _, guest in options.share]
    counted = {"PYTHONHASHSEED": "0"} if options.count_instructions else {}
    return {"PATH": GUEST_PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb",
            "VM_HOSTNAME": "remote" if port else "local", "VM_SHARES": " ".join(shared),
            "KTLSNIC_BACKEND": options.backend, "KTLSNIC_TLS": options.tls,
            **environ.for_guest(), **counted, **environment}


def converse(guest, options):
    """Connect the streams, wait for COMMAND; return its status, or that of a timeout."""
    limit = time.monotonic() + options.timeout if options.timeout else None
    boot_seconds = environ.scaled(guestrun.BOOT_DEADLINE)
    deadline = time.monotonic() + boot_seconds
    guest.connect(sys.stdin.fileno() if sys.stdin else None, 1, 2)
    try:
        for each in filter(None, (guest.twin, guest)):
            each.wait_for("ready", min(deadline, limit or deadline))
        guest.go()
        if options.timing:
            report_times(guest)
        status = int(guest.wait_for("exit", limit))
        guest.finish(limit)
        return status
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except TimeoutError:
        if limit and time.monotonic() >= limit:
            print(f"vm: ended after {options.timeout} s (--timeout)", file=sys.stderr)
            return TIMEOUT_STATUS
        raise ui.Failure(f"the guest did not come up within {boot_seconds} s; the "
                         f"end of its console ({guest.console}):\n"
                         + console.tail(guest.console)) from None


def report_times(guest):
    """What --timing prints."""
    start, root, ready = (guest.times[name] for name in ("start", "root", "ready"))
    for name, seconds in (("prepare", start - ui.STARTED), ("boot", root - start),
                          ("set up", ready - root), ("start to COMMAND", ready - ui.STARTED)):
        print(f"vm: {name:<16} {seconds:6.2f} s", file=sys.stderr)


def verdict(guest, options, status):
    """The status to end with: that of COMMAND, unless a kernel complained."""
    for each in filter(None, (guest, guest.twin)):
        splat = console.splat(each.console) if options.fail_on_splat else ""
        if splat:
            print(f"vm: the guest's kernel complained ({each.console}):\n{splat}",
                  file=sys.stderr)
            return status or SPLAT_STATUS
    return status
