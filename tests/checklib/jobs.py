# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs jobs, shows their KTAP as it comes, and lets no planned case get lost."""

import concurrent.futures
import contextlib
import datetime
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

from . import ktap

IN_OUTPUT = "{output}/"     # in a command: the directory of the results
INDENT = "  "               # KTAP's, for subtests
FAILED = re.compile(r"^( *)(?:not )?ok([^#]*?) *(?:#.*)?$")
COMPLAINT = re.compile(r"[\w./-]+: ")    # "program: what is wrong", as programs say it
KILL_AFTER = 10             # seconds that a job has to end after it was asked to


@dataclass(frozen=True)
class Job:
    """One program whose output is KTAP."""
    name: str
    command: tuple
    seconds: int
    expected: tuple = ()                # names of its cases, if they are known beforehand
    alone: bool = False                 # nothing else runs meanwhile: it measures times
    logs: tuple = ()                    # files in the output that it may leave, to be kept
    facts: str = None                   # the file there that tells what it ran on, as JSON


def file_name(job_name):
    """What the names of a job's files in the output begin with."""
    return job_name.replace("/", "-")


@dataclass
class Group:
    """What became of a job."""
    name: str
    results: list = field(default_factory=list)
    seconds: float = 0.0
    begin: datetime.datetime = None
    facts: dict = field(default_factory=dict)
    logs: list = field(default_factory=list)

    def failed(self):
        return not self.results or any(r.verdict == "failed" for r in self.results)


class Runner:
    """directory: where the output of each job goes. judge(group, result): called with
    each result before it is shown, may change it."""

    def __init__(self, directory, judge=lambda group, result: None, stop_at_failure=False):
        self.directory = directory
        self.judge = judge
        self.stop_at_failure = stop_at_failure
        self.groups = []
        self.running = []
        self.stopping = threading.Event()

    def run(self, jobs, at_once=1):
        """Run them all, so many at a time, and after these one by one those that are to be
        alone. What a job says is shown as it comes, or when those before it are over."""
        jobs = sorted(jobs, key=lambda job: job.alone)
        print("KTAP version 1", f"1..{len(jobs)}", sep="\n", flush=True)
        self.running = [_Run(job, self) for job in jobs]
        self.groups = [run.group for run in self.running]
        together = [run for run in self.running if not run.job.alone]
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            try:
                futures = [pool.submit(run.run) for run in together]
                self._show(zip(together, futures))
                for run in self.running[len(together):]:
                    self._show([(run, pool.submit(run.run))])
            except BaseException:
                self.stop()
                raise

    def stop(self):
        """End what runs; what has not begun never will."""
        self.stopping.set()
        for run in self.running:
            run.stop()

    def _show(self, runs):
        for run, future in runs:
            while (line := run.lines.get()) is not None:
                print(line, flush=True)
            future.result()
            number = self.running.index(run) + 1
            print(f"{'not ok' if run.group.failed() else 'ok'} {number} {run.job.name}",
                  flush=True)


class _Run:
    """One job, while it runs and afterwards."""

    def __init__(self, job, runner):
        self.job = job
        self.runner = runner
        self.group = Group(job.name)
        self.path = runner.directory / f"{file_name(job.name)}.ktap"
        self.timed_out = False
        self.excused = False                    # a case that failed was expected to
        self.process = None                     # while it runs
        self.complaint = ""                     # the last that it said on stderr
        self.writing = threading.Lock()
        self.lines = queue.SimpleQueue()        # what to show; None is its end

    def run(self):
        self.group.begin = datetime.datetime.now(datetime.timezone.utc)
        begin = time.monotonic()
        self.reader = ktap.Reader()
        try:
            with open(self.path, "w", encoding="utf-8", buffering=1) as self.file:
                self._say("KTAP version 1")
                self._show(f"# Subtest: {self.job.name}")   # in a file it is a test by itself
                if not self.runner.stopping.is_set():
                    self._account(self._output())
        finally:
            self.group.seconds = time.monotonic() - begin
            self.group.results = self.reader.results
            self.group.logs = [path for path in (self.path, *map(self._output_file, self.job.logs))
                               if path.exists()]
            self.lines.put(None)

    def stop(self):
        """End it before its time, if it runs."""
        process = self.process
        if process:
            _stop(process)

    def _say(self, line):
        with self.writing:
            self.file.write(line + "\n")
            self._show(line)

    def _show(self, line):
        self.lines.put(INDENT + line)

    def _output(self):
        """Run the job to its end, or until it has had its time; the exit status."""
        try:
            command = [word.replace(IN_OUTPUT, f"{self.runner.directory}/")
                       for word in self.job.command]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       text=True, errors="replace", start_new_session=True)
        except OSError as error:
            self._say(f"# {self.job.command[0]}: {error.strerror}")
            return 127
        self.process = process
        timer = threading.Timer(self.job.seconds, self._end)
        timer.start()
        listener = threading.Thread(target=self._listen, args=(process.stderr,))
        listener.start()
        try:
            for line in process.stdout:
                self._take(line.rstrip("\n"))
            listener.join()
            return process.wait()
        finally:
            timer.cancel()
            self.process = None

    def _listen(self, stderr):
        """Notes beside the results. What a program complains of may go on in the next line:
        why a guest ended stands there."""
        for line in stderr:
            line = line.rstrip("\n")
            if COMPLAINT.match(line):
                self.complaint = line
            elif self.complaint.endswith(":"):
                self.complaint += f" {line.strip()}"
            self._say(f"# {line}")

    def _take(self, line):
        """One line of the job; its version line stands above already."""
        result = self.reader.feed(line)
        if result:
            before = result.verdict
            self.runner.judge(self._with_facts(), result)
            if result.verdict != before:
                line = self._changed(line, result)
            if result.verdict == "failed" and self.runner.stop_at_failure:
                threading.Thread(target=self.runner.stop).start()
        if not ktap.VERSION.match(line) or line.startswith(" "):
            self._say(line if ktap.known(line) else f"# {line}")

    def _changed(self, line, result):
        """The line of a result that was judged to be another."""
        if result.verdict == "failed":
            self._say(f"# {result.reason}")
            return FAILED.sub(r"\1not ok\2", line)
        self.excused = True
        indent, name = FAILED.match(line).groups()
        return f"{indent}ok{name} # XFAIL {result.reason}"

    def _with_facts(self):
        """The group; what the job runs on is known once it has said something."""
        if self.job.facts and not self.group.facts:
            path = self._output_file(self.job.facts)
            if path.exists():
                self.group.facts = json.loads(path.read_text(encoding="utf-8"))
        return self.group

    def _output_file(self, name):
        return self.runner.directory / name

    def _end(self):
        self.timed_out = True
        self.stop()

    def _why(self, status):
        if self.timed_out or status == 124:
            return f"not done after {self.job.seconds} s"
        if self.reader.bailed:
            return self.reader.bailed
        why = f"{self.job.name} ended early with status {status}"
        return f"{why}: {self.complaint}" if self.complaint else why

    def _account(self, status):
        """Cases that were planned and did not run have failed, and so has a job that
        says nothing or fails without saying where."""
        if self.runner.stopping.is_set():
            return
        self._fill_up()
        self.reader.end(self.job.expected)
        results = self.reader.results
        ran = {result.name for result in results}
        lost = [name for name in self.job.expected if name not in ran]
        failed = any(result.verdict == "failed" for result in results)
        if not lost and not failed and (status and not self.excused or not ran):
            lost = [f"{self.job.name} as a whole"]
        if lost:
            self._lose(lost, self._why(status))

    def _fill_up(self):
        """Say what the plans promised and did not come, but for what is known by name."""
        for level in reversed(self.reader.levels):
            if level.indent or not self.job.expected:
                for number in range(level.results + 1, (level.planned or 0) + 1):
                    self._say(f"{' ' * level.indent}not ok {number} planned case that did not run")

    def _lose(self, names, why):
        """A reader of the output misses no result that is planned, and meets none that is
        not: what the plan has no room for is a note."""
        document = self.reader.levels[0]
        if document.planned is None and not document.results:
            document.planned = len(names)
            self._say(f"1..{len(names)}")
        for number, name in enumerate(names, document.results + 1):
            self._say(f"# did not run: {why}")
            beyond = document.planned is not None and number > document.planned
            self._say(f"# not ok: {name}" if beyond else f"not ok {number} {name}")
            self.reader.results.append(ktap.Result(name, "failed", f"did not run: {why}"))


def _stop(process):
    """End the job and what it started: they are a session of their own."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        try:
            process.wait(KILL_AFTER)
            return
        except subprocess.TimeoutExpired:
            continue
