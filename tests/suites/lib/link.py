# SPDX-License-Identifier: GPL-2.0-or-later
"""The impaired link of hw-model/link/README.md, put between the local port and the
wire for as long as a case wants it. `tx` is what the local port sends."""

import itertools
import json

from . import monitor

_numbers = itertools.count(1)


class Link:
    """Made at the start of the block; connections are counted from then on.

        with link.Link(rules="drop conn 1 tx byte 5000") as faults: ...
        with link.Link(loss="1%", reorder="1%", seed=7): ...
    """

    def __init__(self, **options):
        self.options = {name.replace("_", "-"): str(value) for name, value in options.items()}
        self.id = f"case{next(_numbers)}"
        self.path = f"/objects/{self.id}"

    def __enter__(self):
        monitor.command("object-add", id=self.id, netdev="link0", **{"qom-type": "filter-impair"},
                        **self.options)
        return self

    def __exit__(self, *_):
        self.stop()
        monitor.command("object-del", id=self.id)

    def stop(self):
        """No more faults; what it holds is let go."""
        monitor.command("qom-set", path=self.path, property="status", value="off")

    def report(self):
        """{"tx": {"frames": ..., "dropped": ...}, "rx": ..., "rules": [...]}, so far."""
        return json.loads(monitor.command("qom-get", path=self.path, property="report"))

    def hits(self, rule=0):
        """How often that rule has hit."""
        return self.report()["rules"][rule]["hits"]
