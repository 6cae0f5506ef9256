# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of tests/vm."""

import argparse
import os
import re

from . import debian_kernel, modules, nics, ui

DESCRIPTION = """Boot a guest with two joined ports of a NIC and run COMMAND in it as root.
The exit status is COMMAND's, and so is everything on stdout and stderr; the
console goes to build/vm/*/console.log.  A kernel warning in the guest makes the
status 70, a timeout 124, anything that keeps the guest from running 1 or 2.
SIGTERM and SIGHUP end the guests at once, with status 143 and 129."""
TOPOLOGIES = ("loop", "pair")


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ui.Failure(f"{message} (see {self.prog} --help)", status=2)


def parse(arguments):
    """The options, checked; what is wrong is one Failure."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command[:1] == ["--"]:
        options.command = options.command[1:]
    if not options.command:
        parser.error("no COMMAND given")
    if options.device and options.nic != "ktlsnic":
        parser.error(f"--device is for ktlsnic, not for {options.nic}")
    if options.link_stats and not options.link:
        parser.error("--link-stats is for an impaired link; there is no --link")
    if options.symbols and not options.count_instructions:
        parser.error("--symbols is for --count-instructions")
    if options.count_instructions and options.accel == "kvm":
        parser.error("--count-instructions wants TCG, and does not go with --accel kvm")
    if not (options.topology in TOPOLOGIES or re.fullmatch(r"tap:[^/\s]+", options.topology)):
        parser.error(f"--topology: \"{options.topology}\" is none of loop, pair, tap:IFNAME")
    return options


def alone(words):
    """The options that these words are, where a command is still to come."""
    return parse([*words, "--", "true"])


def _parser():
    parser = Parser(prog="tests/vm", description=DESCRIPTION, allow_abbrev=False,
                    usage="tests/vm [options] -- COMMAND ...",
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_hardware(parser)
    _add_run(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _add_hardware(parser):
    group = parser.add_argument_group("the guest")
    group.add_argument("--topology", default="loop", metavar="loop|pair|tap:IFNAME",
                       help="both ports in one guest (default), one in each of two guests, "
                            "or port 0 on a tap of the host")
    group.add_argument("--nic", default="ktlsnic", choices=tuple(nics.DRIVERS),
                       help="the NIC under test (default ktlsnic)")
    group.add_argument("--device", default="", metavar="KEY=VALUE,...", type=_properties,
                       help="properties of the ktlsnic device")
    group.add_argument("--link", default="", metavar="KEY=VALUE,...", type=_properties,
                       help="impair the link: loss=1%%,reorder=2%%,seed=7, or "
                            "\"rules=drop conn 1 tx byte 5000\"; see hw-model/link/README.md")
    group.add_argument("--kernel", metavar="VERSION|PATH", default=default_kernel(),
                       help="a Debian kernel, \"latest\" for its newest, a built kernel tree "
                            "(default $KDIR or 6.12), or \"debug\": one that checks itself, "
                            "built on first use")
    group.add_argument("--iommu", action="store_true",
                       help="an IOMMU in front of the NIC: a stray DMA is a fault")
    add_tls(group)
    add_backend(group)
    group.add_argument("--cpus", default=2, type=_number(1, 64), metavar="N",
                       help="virtual CPUs (default 2)")
    group.add_argument("--memory", default=1024, type=_number(256, 1 << 20), metavar="MB",
                       help="memory in MB (default 1024)")
    group.add_argument("--accel", default="auto", choices=("auto", "kvm", "tcg"),
                       help="KVM if it really works (default), or what you say")
    group.add_argument("--append", default=[], action="append", metavar="ARGUMENT",
                       help="one more argument for the kernel's command line")
    group.add_argument("--qemu-arg", default=[], action="append", metavar="ARGUMENT",
                       help="one more argument for QEMU")


def add_tls(parser, default="stock"):
    """The option that chooses whose tls.ko the guest has."""
    parser.add_argument("--tls", default=default, choices=("stock", "ours"),
                        help="which tls.ko: the kernel's own (stock), or ours (net/tls), which "
                             f"gives a NIC TLS 1.3 and every cipher as well (default {default})")


def add_backend(parser):
    """The option that chooses what is below the driver's TLS half."""
    parser.add_argument("--backend", default=modules.RING, choices=modules.BACKENDS,
                        help="the driver for the card as it is (ring, the default), or for one "
                             "that is behind a firmware mailbox and cannot replay (mailbox)")


def _add_run(parser):
    group = parser.add_argument_group("the run")
    group.add_argument("--share", default=[], action="append", type=_share,
                       metavar="HOSTDIR[:GUESTDIR]",
                       help="a directory of the host that the guest can read and write "
                            "(default GUESTDIR: the same path)")
    group.add_argument("--pcap", metavar="FILE", type=_new_file,
                       help="capture what passes port 0")
    group.add_argument("--link-stats", metavar="FILE", type=_new_file,
                       help="what the impaired link did, as JSON, once the guest is down")
    group.add_argument("--console", metavar="FILE", type=_new_file,
                       help="put the console's log there, too, however the guest ends; of a "
                            "pair the other guest's goes to FILE.twin")
    group.add_argument("--facts", metavar="FILE", type=_new_file,
                       help="what it runs on, as JSON, before COMMAND begins: kernel (its "
                            "release), tls, backend, qemu, accelerator, guest, nic, cpus; debug and "
                            "iommu if so")
    group.add_argument("--count-instructions", metavar="FILE", type=_new_file,
                       help="count the guest's instructions between \"vm-mark begin\" and "
                            "\"vm-mark end\", which COMMAND calls, and put there, as JSON, how "
                            "many were the kernel's, those of tls.ko (\"tls\"), of the NIC's "
                            "driver (\"driver\"), of other modules, and user space's; of several "
                            "intervals the sum. Time goes by instructions then. Wants TCG; "
                            "repeats with --cpus 1, see Documentation/testing.md")
    group.add_argument("--symbols", action="store_true",
                       help="with --count-instructions: for each symbol of the kernel, too")
    group.add_argument("--timeout", type=_number(1, 1 << 20), metavar="SECONDS",
                       help="end the guest after that long, with status 124")
    group.add_argument("--timing", action="store_true",
                       help="say on stderr how long booting took")
    group.add_argument("--no-fail-on-splat", dest="fail_on_splat", action="store_false",
                       help="do not mind warnings in the guest's kernel log")


def default_kernel():
    return os.environ.get("KDIR") or debian_kernel.DEFAULT


def _number(low, high):
    def number(text):
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"\"{text}\" is not a number from {low} to {high}")
        return int(text)
    return number


def _properties(text):
    if text and not all(re.fullmatch(r"[\w.-]+=[^,]*", one) for one in text.split(",")):
        raise argparse.ArgumentTypeError(f"\"{text}\" is not KEY=VALUE,...")
    return text


def _share(text):
    host, _, guest = text.partition(":")
    if not os.path.isdir(host):
        raise argparse.ArgumentTypeError(f"there is no directory \"{host}\"")
    host = os.path.realpath(host)
    guest = guest or host
    if not re.fullmatch(r"/[\w./+@%=-]*", guest):
        raise argparse.ArgumentTypeError(f"\"{guest}\" is no usable path for the guest")
    return host, guest


def _new_file(text):
    path = os.path.abspath(text)
    if not os.path.isdir(os.path.dirname(path)) or os.path.isdir(path):
        raise argparse.ArgumentTypeError(f"cannot write \"{text}\"")
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise argparse.ArgumentTypeError(f"cannot write \"{text}\"")
    return path
