# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/check itself, as a program."""

import datetime
import pathlib
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree as xml

from checklib import jobs, junit

CHECK = pathlib.Path(__file__).resolve().parents[2] / "check"


def test_sigterm_still_writes_the_results():
    """A CI system that cancels a run wants to know what there was, and nothing left over."""
    with tempfile.TemporaryDirectory() as name:
        stale = pathlib.Path(name, "old.ktap")
        stale.write_text("ok 1 x\n", encoding="ascii")
        other = pathlib.Path(name, "notes.txt")
        other.touch()
        with subprocess.Popen([CHECK, "--output", name, "--jobs", "1", "unit"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            for line in process.stdout:
                if line.startswith(b"  1.."):      # its own first tests, not this one again
                    break
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
        assert process.returncode == 128 + signal.SIGTERM, process.returncode
        root = xml.parse(pathlib.Path(name, "junit.xml")).getroot()
        assert [suite.get("name") for suite in root.iter("testsuite")][:1] == ["unit/tools"]
        assert root.find("properties/property[@name='commit']") is not None
        assert not stale.exists() and other.exists()


def test_suites_that_a_run_did_not_come_to():
    """They are in the results of a run that was ended, and have begun at no time."""
    begun = jobs.Group("begun", begin=datetime.datetime.now(datetime.timezone.utc))
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name, "junit.xml")
        junit.write(path, [begun, jobs.Group("later")], {})
        suites = xml.parse(path).getroot().findall("testsuite")
    assert [(suite.get("name"), suite.get("timestamp") is not None) for suite in suites] == [
        ("begun", True), ("later", False)]


def test_words_that_make_no_sense():
    for words, told in ((["--shard", "3/2"], "3/2"), (["nope"], "no suite nope"),
                        (["--jobs", "0"], "--jobs"), (["--variant", "plain"], "--debug")):
        done = subprocess.run([CHECK, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        assert done.returncode == 2 and told in done.stdout, (words, done)


def test_the_tls_module_decides_what_there_is_to_run():
    def listed(*words):
        return subprocess.run([CHECK, "--list", *words, "--only", "case-01-zerocopy", "tls-tx"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
    ours = listed("--tls", "ours")
    assert "/1.3-chacha/" in ours and "/v4/128/tso" in ours, ours
    assert listed("--vm=--tls ours") == listed("--tls", "stock", "--vm=--tls ours") == ours
    stock = listed()
    assert "/v4/128/tso" in stock and "1.3" not in stock and listed("--tls", "stock") == stock


def test_list_runs_nothing():
    begin = time.monotonic()
    done = subprocess.run([CHECK, "--list", "--only", "ping", "nic"], stdout=subprocess.PIPE,
                          text=True, check=True)
    assert done.stdout and all(line.startswith("nic/plain ") for line in
                               done.stdout.splitlines()), done.stdout
    assert time.monotonic() - begin < 10
