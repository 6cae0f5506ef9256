# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/vm without a guest: what a request is resolved to, what the cache keeps, which hosts
will do, what was counted."""

import contextlib
import io
import os
import pathlib
import subprocess
import tempfile
import time
import types
import unittest.mock

from vmlib import accel, cache, count, debian_kernel, debian_unpack, host, keep, packages
from vmlib import paths, resolve, ui, upstream


@contextlib.contextmanager
def own_cache():
    """A cache of one's own, and nothing said on stderr; gives what was said."""
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(said), \
            unittest.mock.patch.dict(os.environ, {"XDG_CACHE_HOME": name}):
        paths.cache().mkdir()
        yield said


class Indexes:
    """A Release whose indexes we have in hand."""
    name = "trixie"

    def __init__(self, *versions):
        self.versions = versions
        self.when = 1000
        self.looked = 0

    def refresh(self):
        pass

    def fetched(self):
        return self.when

    def with_fresh_indexes(self, work):
        return work()

    def candidates(self):
        self.looked += 1
        return list(self.versions)


def resolved(release, make=lambda version: f"/{version}"):
    return resolve.newest(release, "linux-1", release.candidates, make)


def test_resolved_once_for_each_state_of_the_indexes():
    with own_cache() as said:
        release = Indexes("1.2", "1.1")
        assert [resolved(release), resolved(release)] == ["/1.2", "/1.2"]
        looked = release.looked
        release.versions = ("1.3", "1.2")
        assert resolved(release) == "/1.2" and release.looked == looked
        release.when += 1
        assert resolved(release) == "/1.3" and release.looked > looked
        assert "linux-1 of trixie is 1.2" in said.getvalue(), said.getvalue()
        assert "linux-1 of trixie is 1.3" in said.getvalue(), said.getvalue()


def test_resolved_to_what_can_be_had():
    def make(version):
        if version == "1.2":
            raise ui.Failure("the mirror has lost it")
        return f"/{version}"

    with own_cache():
        assert resolved(Indexes("1.2", "1.1"), make) == "/1.1"
        assert [one.version for one in resolve.all_known()] == ["1.1"]
    with own_cache():
        assert resolved(Indexes()) is None


def test_old_indexes_do_without_a_mirror():
    """They are said to be old, and the mirror is not asked again at once."""
    with own_cache() as said, unittest.mock.patch.object(host, "require_packages"), \
            unittest.mock.patch.object(packages, "_old", set()), \
            unittest.mock.patch.object(packages.spawn, "logged",
                                       side_effect=ui.Failure("no route")) as fetch, \
            unittest.mock.patch.dict(os.environ):
        os.environ.pop(packages.SETTLED, None)      # tests/check sets it for its jobs
        release = packages.Release("trixie")
        try:
            release.refresh()
            raise AssertionError("without any index")
        except ui.Failure:
            pass
        stamp = release._stamp()                    # pylint: disable=protected-access
        stamp.touch()
        release.refresh()
        assert fetch.call_count == 1
        old = time.time() - 3 * packages.OLD_SECONDS
        os.utime(stamp, (old, old))
        with unittest.mock.patch.dict(os.environ, {packages.SETTLED: "1"}):
            release.refresh()
        assert fetch.call_count == 1 and "must do" not in said.getvalue()
        release.refresh()
        release.refresh()
        assert fetch.call_count == 2
        assert said.getvalue().count("3 days ago must do") == 1, said.getvalue()
        assert release.fetched() == int(old)


def fill(directory):
    (directory / "file").write_bytes(bytes(1 << 20))


def test_pruned_is_what_nobody_means():
    with own_cache(), unittest.mock.patch.object(
            keep, "in_use", lambda: {used.path, used.path / "build-new"}):
        used, other, filling = (cache.Entry(name, (), fill) for name in "abc")
        used.get()
        other.get()
        for name in ("build-old", "build-new"):
            (used.path / name).mkdir()
        partial = filling.path.with_name(f"{filling.path.name}{cache.PARTIAL}x")
        partial.mkdir()
        shown = io.StringIO()
        with cache.lock(partial.with_name(filling.path.name + cache.LOCK)), \
                contextlib.redirect_stdout(shown):
            keep.prune()
        assert used.path.exists() and (used.path / "build-new").exists()
        assert not other.path.exists() and not (used.path / "build-old").exists()
        assert partial.exists()                     # somebody was at it
        assert "1 MB freed" in shown.getvalue(), shown.getvalue()


def test_requests_lead_to_entries():
    """What is remembered of each kind is understood: nothing that is in use is pruned."""
    known = [("guest-trixie", "13.2"), ("qemu-10.0", "1:10.0.2+ds-1"), ("tools-trixie", "13.2"),
             ("linux-source-6.12", "6.12.9-1"), ("linux-selftests", "linux-source-7.1=7.1.2-1"),
             ("linux-6.12-cloud-amd64", "6.12.9+deb13-cloud-amd64=6.12.9-1"),
             ("linux-6.1-amd64", ""), ("linux-net-tls", "linux-source-7.1=7.1.2-1")]
    with own_cache():
        for request, version in known:
            path = paths.cache() / "resolved/trixie" / request
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{version} 1000\n")
        (upstream.TREE.entry(known[4][1]).path / "tools/net").mkdir(parents=True)
        kernel = debian_kernel.entry("trixie", *known[5][1].split("=")).path
        kernel.mkdir()
        (kernel / debian_unpack.TOOLS).write_text("trixie\ngcc-14")
        names = {path.name.rpartition("-")[0] for path in keep.in_use()}
    for name in ("guest-trixie-13.2", "qemu-10.0.2+ds-1", "linux-source-6.12-6.12.9-1",
                 "linux-6.12.9-1-debug", "linux-selftests-7.1.2-1", "linux-6.12.9-1-cloud-amd64",
                 "tools-trixie-13.2", "linux-net-tls-7.1.2-1"):
        assert name in names, (name, names)


def test_recipe_is_code_without_comments():
    with tempfile.TemporaryDirectory() as name:
        module = pathlib.Path(name) / "module.py"
        recipes = []
        for text in ("A = 1\n", "# why\nA = 1   # so\n", "A = 2\n"):
            module.write_text(text)
            with unittest.mock.patch.object(cache, "__file__", str(module)):
                recipes.append(cache.recipe("module"))
    assert recipes[0] == recipes[1] != recipes[2]


def system(machine, **release):
    return unittest.mock.patch.multiple(
        host.platform, machine=lambda: machine, freedesktop_os_release=lambda: release)


def test_hosts_that_will_not_do_are_told_at_once():
    with system("x86_64", ID="debian", VERSION_CODENAME="bookworm"):
        assert host.unfit() is None and host.releases() == ("bookworm", "trixie")
    with system("x86_64", ID="debian", VERSION_CODENAME="trixie"):
        assert host.releases() == ("trixie", "bookworm")
    with system("aarch64", ID="debian", VERSION_CODENAME="trixie", PRETTY_NAME="Debian 13"):
        assert "Debian 13 on aarch64" in host.unfit()
    with system("x86_64", ID="ubuntu", VERSION_CODENAME="noble", PRETTY_NAME="Ubuntu 24.04"), \
            unittest.mock.patch.object(host, "_complete", set()):
        assert "Ubuntu 24.04" in host.unfit()
        host.require_packages("unit")
        try:
            host.require_packages()
            raise AssertionError("Ubuntu will do")
        except ui.Failure as failure:
            assert failure.status == 2


def test_packages_of_a_part():
    unit = host.wanted("unit")
    assert "gcc" in unit and "mmdebstrap" not in unit and "mmdebstrap" in host.wanted()
    assert set(unit) < set(host.wanted())


def trials(*outcomes):
    """What is chosen, time after time, as trials of KVM come out; an hour passes between."""
    qemu = types.SimpleNamespace(program="qemu", firmware="firmware")
    kernel = types.SimpleNamespace(image="image")
    chosen = []
    with own_cache(), unittest.mock.patch.object(accel.subprocess, "run", side_effect=outcomes), \
            unittest.mock.patch.object(accel.os, "access", return_value=True):
        for _ in outcomes:
            chosen += [accel.name(accel.choose("auto", qemu, kernel)) for _ in range(2)]
            for path in paths.cache().glob("kvm/*"):
                os.utime(path, (0, 0))
    return chosen


def test_only_an_outcome_of_the_kvm_trial_is_remembered():
    """A busy host is no verdict: it is tried again, though not at once."""
    done = subprocess.CompletedProcess
    works, fails = done((), 0, b"Kernel panic - not syncing"), done((), 1, b"")
    late = subprocess.TimeoutExpired("qemu", 10)
    assert trials(works, fails) == ["kvm"] * 4
    assert trials(fails, works) == ["tcg"] * 4
    assert trials(late, works) == ["tcg", "tcg", "kvm", "kvm"]


KALLSYMS = """0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81000100 T tcp_sendmsg
ffffffff82000000 D some_data
ffffffffc0000000 t tls_push_record\t[tls]
ffffffffc0010000 t ktlsnic_xmit\t[ktlsnic]
ffffffffc0020000 T ext4_iget\t[ext4]
"""


def test_counts_are_told_by_class_and_symbol():
    counts = """intervals 2
0 1000
ffffffff81000104 10
ffffffff810001f0 20
ffffffff80000000 5
ffffffffc0000004 40
ffffffffc0010000 50
ffffffffc0020001 60
"""
    told = count.summary(counts, KALLSYMS, "ktlsnic", True)
    assert told["intervals"] == 2
    assert told["instructions"] == {"total": 1185, "kernel": 35, "tls": 40, "driver": 50,
                                    "modules": 60, "user": 1000}
    assert told["symbols"]["kernel"] == {"tcp_sendmsg": 30, "(unknown)": 5}
    assert told["symbols"]["modules"] == {"ext4_iget [ext4]": 60}
    assert "symbols" not in count.summary(counts, KALLSYMS, "ktlsnic", False)
