#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the test tools themselves: KTAP in, verdicts out; jobs that die; records
that are not right; plaintext that is found. TAP on stdout."""

import contextlib
import io
import os
import pathlib
import re
import sys
import tempfile
import traceback
import unittest.mock

sys.dont_write_bytecode = True
TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "suites")]

from checklib import lines, planted, suites                     # noqa: E402
from checklib.ktap import Reader                                # noqa: E402
from checklib.run import Runner                                 # noqa: E402
from checklib.suites import Job, complaint                      # noqa: E402
import plan                                                     # noqa: E402
from demolib import wire                                        # noqa: E402
from lib import kallsyms, kmsg, packet, records                 # noqa: E402
from lib.cases import Case, Failed                              # noqa: E402
from vmlib import console, debian_kernel, debug_kernel          # noqa: E402
from vmlib import modules, toolroot                             # noqa: E402


def verdicts(text):
    reader = Reader()
    for line in text.splitlines():
        reader.feed(line)
    return [(result.name, result.verdict) for result in reader.results]


def run_job(script, seconds=20, expected=()):
    """What becomes of a job that runs this shell script."""
    with tempfile.TemporaryDirectory() as directory, \
            contextlib.redirect_stdout(io.StringIO()):
        runner = Runner(pathlib.Path(directory))
        runner.run([Job("job", ("sh", "-c", script), seconds, expected)])
    return [(result.name, result.verdict) for result in runner.groups["job"]]


def flat_results():
    text = "KTAP version 1\n1..3\nok 1 a\nnot ok 2 - b # exit status 1\nok 3 c # SKIP why\n"
    assert verdicts(text) == [("a", "passed"), ("b", "failed"), ("c", "skipped")]


def only_leaves_count():
    text = "1..1\n    1..2\n    ok 1 a\n    not ok 2 b\nnot ok 1 both\n"
    assert verdicts(text) == [("a", "passed"), ("b", "failed")]


def parent_that_fails_alone():
    text = "1..1\n    1..1\n    ok 1 a\nnot ok 1 crashed afterwards\n"
    assert verdicts(text)[-1] == ("crashed afterwards", "failed")


def planned_subtests_that_are_missing():
    text = "1..1\n    1..3\n    ok 1 a\nnot ok 1 program\n"
    assert [verdict for _, verdict in verdicts(text)] == ["passed", "failed", "failed"]


def planned_cases_that_are_missing():
    got = run_job("echo 1..2; echo ok 1 a; exit 3", expected=("a", "b"))
    assert got == [("a", "passed"), ("b", "failed")], got


def jobs_at_once():
    """Two jobs that wait for each other, and one more; shown in their order."""
    with tempfile.TemporaryDirectory() as name:
        scripts = [f"touch {name}/{mine}; for i in $(seq 99); do test -e {name}/{other} && break; "
                   f"sleep 0.1; done; test -e {name}/{other} && echo ok 1 {mine}"
                   for mine, other in (("a", "b"), ("b", "a"))] + ["echo ok 1 c"]
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            runner = Runner(pathlib.Path(name))
            runner.run([Job(f"job{number}", ("sh", "-c", script), 20, ())
                        for number, script in enumerate(scripts)], at_once=2)
    assert runner.count("passed") == 3, shown.getvalue()
    assert re.findall(r"^    ok 1 (.)$", shown.getvalue(), re.M) == ["a", "b", "c"]


def one_of_each_combination():
    cases = [Case(f"{base}/{end}", None, (), 1, ()) for base in ("one/part", "two")
             for end in ("v4/128/tso", "v4/128/no-tso", "v6/128/tso", "v6/128/no-tso")]
    cases.append(Case("single", None, (), 1, ()))
    turns = [[case.name for case in plan.Choice(turn=turn).of(cases)] for turn in (0, 1)]
    assert [len(turn) for turn in turns] == [3, 3] and turns[0] != turns[1], turns
    assert set(turns[0]) & set(turns[1]) == {"single"}, turns
    halves = [[case.name for case in plan.Choice(turn=turn).of(cases, alternate=True)]
              for turn in (0, 1)]
    assert [name.split("/")[0] for half in halves for name in half] == ["one", "single", "two"]
    singles = [Case(name, None, (), 1, ()) for name in "abc"]
    for turn, names in ((0, "ac"), (1, "b")):
        chosen = plan.Choice(turn=turn).of(singles, alternate=True)
        assert [case.name for case in chosen] == list(names), chosen
    assert plan.Choice(("b",), turn=0).of(singles, alternate=True) == singles[1:2]
    assert plan.Choice(("sing", "*part*nothing")).of(cases) == cases[-1:]
    assert plan.Choice(("one",)).of(cases) == cases[:4]


def bail_out():
    got = run_job("echo 1..2; echo 'Bail out! no NIC'; exit 1", expected=("a", "b"))
    assert got == [("a", "failed"), ("b", "failed")], got


def job_that_hangs():
    got = run_job("echo ok 1 a; sleep 100", seconds=1, expected=("a", "b"))
    assert got == [("a", "passed"), ("b", "failed")], got


def job_that_is_silent():
    assert run_job("exit 0") == [("job as a whole", "failed")]


def job_that_fails_without_a_case():
    got = run_job("echo ok 1 a; exit 70", expected=("a",))
    assert got == [("a", "passed"), ("job as a whole", "failed")], got


def unknown_and_later_suites():
    assert "no suite nope" in complaint(["unit", "nope"])
    assert "later" in complaint(["hostile"])
    assert complaint(["nic", "unit"]) is None


def kernel_lines_that_make_no_sense():
    with unittest.mock.patch.dict(os.environ):
        os.environ.pop("KDIR", None)
        assert lines.complaint(["6.1", "6.12.9+deb13", "latest"], False, []) is None
        assert "newest" in lines.complaint(["6.1", "newest"], False, [])
        assert "--debug" in lines.complaint(["6.1"], True, [])
        assert "--vm" in lines.complaint(["6.1"], False, ["--kernel=6.12"])
        assert lines.complaint([], False, [])
        os.environ["KDIR"] = "/linux"
        assert "KDIR" in lines.complaint(["6.1"], False, [])


def what_needs_no_kernel_runs_once():
    jobs = lines.jobs(["unit", "nic"], [], {"6.1": "6.1", "latest": "9.9+deb99"})
    names = [job.name for job in jobs]
    assert names == ["unit/tools", "unit/model", "nic/face", "6.1/nic/plain",
                     "6.1/nic/broken", "latest/nic/plain", "latest/nic/broken"], names
    assert jobs[-1].command[1:3] == ("--kernel", "9.9+deb99"), jobs[-1].command


def warnings_of_a_build():
    warned = ["a.c:3:1: warning: unused variable 'x' [-Wunused-variable]",
              "WARNING: modpost: missing MODULE_DESCRIPTION() in a.o",
              "a.o: warning: objtool: f+0x1: unreachable instruction",
              "make[1]: warning: jobserver unavailable: using -j1"]
    quiet = ["  CC [M]  drivers/warning.o", "Skipping BTF generation for a.ko"]
    assert modules.warnings("\n".join(warned + quiet)) == warned


def compilers_of_the_headers():
    old = ["linux-headers-6.1.0-56-common", "linux-kbuild-6.1", "linux-compiler-gcc-12-x86"]
    new = ["linux-base", "linux-base-7.3.4+deb13-cloud-amd64", "linux-kbuild-7.3.4+deb13",
           "linux-image-6.12.9+deb13-cloud-amd64-unsigned", "gcc-14-for-host"]
    assert debian_kernel.compilers(old) == old[2:]
    assert debian_kernel.compilers(new) == new[4:]


def a_root_is_closed_after_all_mounts():
    command = [str(word) for word in toolroot.inside("/root-of-13", ["make", "x"])]
    assert command[-2:] == ["make", "x"]
    assert command.index("--remount-ro") > max(place for place, word in enumerate(command)
                                               if word in ("--bind", "--ro-bind"))


def splats_are_found():
    lines = ["all is well", "WARNING: CPU: 1 PID: 7 at net/core/dev.c:1", "kept: WARNING: x"]
    assert kmsg.splats(lines, ("kept",)) == lines[1:2]
    assert kmsg.splats([" ? __kasan_kmalloc+0x1/0x2", "BUG: KASAN: use", "UBSAN: array"]) == [
        "BUG: KASAN: use", "UBSAN: array"]


def faults_of_the_iommu_are_splats():
    bad = ("DMAR: [DMA Write NO_PASID] Request device [01:00.0] fault addr 0xffffe000 "
           "[fault reason 0x05] PTE Write access is not set")
    good = ["DMAR: DRHD base: 0x000000fed90000 flags: 0x0", "DMA-API: preallocated 65536 "
            "debug entries", "DMA-API: debugging enabled by kernel config"]
    assert kmsg.splats([bad, good[0]]) == [bad]
    assert console.SPLAT.search(bad) and not any(map(console.SPLAT.search, good))


def addresses_of_an_unloaded_module():
    symbols = kallsyms.Resolver.__new__(kallsyms.Resolver)
    symbols.table = [(0xffffffffc0001000, "first", "[m]"), (0xffffffffc0002000, "next", "[m]")]
    text = "  backtrace (crc 0):\n    __kmalloc+0x1/0x2\n    0xffffffffc0001010\n"
    assert symbols.resolved(text).endswith("0x2\n    first+0x10 [m]\n"), symbols.resolved(text)


def options_that_kconfig_dropped():
    wanted = "# a\nCONFIG_A=y\nCONFIG_B=m\nCONFIG_C=\"x\"\n"
    final = "CONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\n"
    assert debug_kernel.dropped(wanted, final) == ["CONFIG_B", "CONFIG_C"]


def planted_bugs_fit():
    """The driver changes; the bugs must still be ones of it, and some case look for them."""
    assert planted.NAMES
    for name in planted.NAMES:
        bug = planted.Bug(name)
        assert not bug.misfit(), (name, bug.misfit())
        assert bug.cases(), name


def tests_of_planted_bugs_together():
    tests = ["--only a nic", "--only b/ nic", "--debug --variant plain --only a --only c tls-rx"]
    assert planted.together(tests) == ["--only a --only b/ nic",
                                       "--debug --variant plain --only a --only c tls-rx"]


def plaintext_is_found():
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        plain = os.urandom(4_000_000)
        (directory / "plain").write_bytes(plain)
        for leak, good in ((b"", True), (plain[5001:900_000], False)):
            (directory / "capture").write_bytes(os.urandom(300_001) + leak)
            line = wire.search(directory / "plain", directory / "capture", 1000)
            assert line[2] is good, line


def broken_records_are_refused():
    for stream in (b"\x17\x03\x03", b"\x17\x03\x01\0\x20" + bytes(32),
                   b"\x17\x03\x03\0\x21" + bytes(32)):
        try:
            records.split(stream)
        except Failed:
            continue
        raise AssertionError(stream)


def wrong_checksums_are_seen():
    body = packet.udp("192.0.3.2", "192.0.3.1", (1, 2), b"odd")
    for flip, good in ((0, True), (1, False)):
        datagram = body[:6] + bytes([body[6], body[7] ^ flip]) + body[8:]
        frame = packet.ethernet("02:00:00:00:00:01", "02:00:00:00:00:02", packet.ETH_IP,
                                packet.ipv4("192.0.3.2", "192.0.3.1", 17, datagram))
        parsed = packet.Frame(frame)
        assert parsed.l3_good and parsed.l4_good() is good


CASES = (flat_results, only_leaves_count, parent_that_fails_alone,
         planned_subtests_that_are_missing, planned_cases_that_are_missing, jobs_at_once,
         one_of_each_combination, bail_out,
         job_that_hangs, job_that_is_silent, job_that_fails_without_a_case,
         unknown_and_later_suites, kernel_lines_that_make_no_sense,
         what_needs_no_kernel_runs_once, warnings_of_a_build,
         compilers_of_the_headers,
         a_root_is_closed_after_all_mounts, splats_are_found,
         faults_of_the_iommu_are_splats, addresses_of_an_unloaded_module,
         options_that_kconfig_dropped, planted_bugs_fit,
         tests_of_planted_bugs_together, plaintext_is_found,
         broken_records_are_refused, wrong_checksums_are_seen)


def main():
    print(f"1..{len(CASES)}")
    failed = 0
    for number, case in enumerate(CASES, 1):
        try:
            case()
            print(f"ok {number} {case.__name__}", flush=True)
        except Exception:                           # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            print(f"not ok {number} {case.__name__}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
