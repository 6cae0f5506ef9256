# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own trace of kTLS offload: what it made of every record, and when it
told the NIC where a record begins."""

import re

from . import kallsyms, kernel_features, trace
from .cases import skip

TRACING = trace.TRACEFS
EVENTS = TRACING / "events/tls"
LINE = re.compile(r"\s(\d+\.\d+): (\w+): (.*)$")
FIELD = re.compile(r"(\w+)=(\S+)")


# What the kernel takes for the place of each header: arguments of a function of tls.ko, its
# own or ours.
PROBES = {
    "tls_device_rx_resync_new_rec": "len=%si:u32 tcp_seq=%dx:u32",
    "ktls_dev_resync_header": "tcp_seq=%si:u32 len=%dx:u32",
}


class Event:
    def __init__(self, time, name, text):
        self.time = time
        self.name = name
        self.fields = {key: value if key == "sk" else int(value)
                       for key, value in FIELD.findall(text)}

    def __getattr__(self, name):
        return self.fields[name]

    def __repr__(self):
        return f"{self.name} {self.fields}"


class Trace:
    """Collects the TLS events from here to the end of the case."""

    def __init__(self, context, kilobytes=4096):
        trace.ready()
        (TRACING / "buffer_size_kb").write_text(str(kilobytes))
        (TRACING / "trace_clock").write_text("mono")
        (TRACING / "trace").write_text("")
        (EVENTS / "enable").write_text("1")
        context.callback((TRACING / "buffer_size_kb").write_text, "64")
        context.callback((EVENTS / "enable").write_text, "0")

    def events(self, *names):
        """All so far, in order; only those names if there are any."""
        found = []
        for line in (TRACING / "trace").read_text().splitlines():
            match = LINE.search(line)
            if match and match[2].startswith("tls_device") and (not names or match[2] in names):
                found.append(Event(float(match[1]), match[2], match[3]))
        return found

    def headers(self, context):
        """From now on, where the kernel sees headers: a function that returns the places."""
        try:
            function, = filter(kernel_features.has, PROBES)
            (TRACING / "kprobe_events").write_text(
                f"p:ktlsnic_header {function} {PROBES[function]}")
        except OSError as error:
            skip(f"this kernel has no kprobe events: {error.strerror}")
        enable = TRACING / "events/kprobes/ktlsnic_header/enable"
        enable.write_text("1")
        context.callback((TRACING / "kprobe_events").write_text, "")
        context.callback(enable.write_text, "0")
        return lambda: [int(match[1]) for match in
                        re.finditer(r"ktlsnic_header: .*tcp_seq=(\d+)",
                                    (TRACING / "trace").read_text())]

    @staticmethod
    def timers(context, function):
        """From now on, when the kernel ran this function of a timer: a function that returns
        the times."""
        event = TRACING / "events/timer/timer_expire_entry"
        address = next(address for address, _, name, _ in kallsyms.symbols() if name == function)
        (event / "filter").write_text(f"function == {address:#x}")
        context.callback((event / "filter").write_text, "0")
        (event / "enable").write_text("1")
        context.callback((event / "enable").write_text, "0")
        return lambda: [float(match[1]) for match in
                        re.finditer(rf"\s(\d+\.\d+): timer_expire_.*function={function}\b",
                                    (TRACING / "trace").read_text())]

    def records(self):
        """socket -> what became of each of its records: "hw", "sw" or "mixed"."""
        found = {}
        for event in self.events("tls_device_decrypted"):
            how = "hw" if event.decrypted else "sw" if event.encrypted else "mixed"
            found.setdefault(event.sk, []).append((event, how))
        return found

    def fates(self):
        """The same for the one socket there is, without the events."""
        tables = list(self.records().values())
        return [how for _event, how in tables[0]] if tables else []

    def sent(self):
        """Times that the kernel told the NIC where a record begins."""
        return self.events("tls_device_rx_resync_send")
