# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs jobs, shows their KTAP as it comes, and lets no planned case get lost."""

import concurrent.futures
import contextlib
import os
import queue
import signal
import subprocess
import threading

from .ktap import Reader, Result

INDENT = "    "
KILL_AFTER = 10             # seconds that a job has to end after it was asked to


class Runner:
    def __init__(self, directory):
        self.directory = directory
        self.groups = {}

    def run(self, jobs, at_once=1):
        """Run them all, so many at a time; name -> results. What a job says is shown as
        it comes, or when those before it are over."""
        print("KTAP version 1", f"1..{len(jobs)}", sep="\n", flush=True)
        running = [_Job(job, self.directory) for job in jobs]
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            futures = [pool.submit(job.run) for job in running]
            try:
                for number, (job, future) in enumerate(zip(running, futures), 1):
                    self._show(number, job, future)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for job in running:
                    job.stop()
                raise
        return self.groups

    def _show(self, number, job, future):
        name = job.job.name
        print(f"# Subtest: {name}", flush=True)
        while (line := job.lines.get()) is not None:
            print(INDENT + line, flush=True)
        results = self.groups[name] = future.result()
        bad = any(result.verdict == "failed" for result in results) or not results
        print(f"{'not ok' if bad else 'ok'} {number} {name}", flush=True)

    def count(self, verdict):
        return sum(result.verdict == verdict for results in self.groups.values()
                   for result in results)


class _Job:
    def __init__(self, job, directory):
        self.job = job
        self.reader = Reader()
        self.path = directory / (job.name.replace("/", "-") + ".ktap")
        self.timed_out = False
        self.process = None                     # while it runs
        self.lines = queue.SimpleQueue()        # what it says; None is its end

    def run(self):
        try:
            with open(self.path, "w", encoding="utf-8", buffering=1) as self.file:
                status = self._output()
                self._account(status)
        finally:
            self.lines.put(None)
        return self.reader.results

    def stop(self):
        """End it before its time, if it runs."""
        process = self.process
        if process:
            _stop(process)

    def _say(self, line):
        self.file.write(line + "\n")
        self.lines.put(line)

    def _output(self):
        """Run the job to its end, or until it has had its time; the exit status."""
        try:
            process = subprocess.Popen(self.job.command, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, text=True, errors="replace",
                                       start_new_session=True)
        except OSError as error:
            self._say(f"# {self.job.command[0]}: {error.strerror}")
            return 127
        self.process = process
        timer = threading.Timer(self.job.seconds, self._end)
        timer.start()
        try:
            for line in process.stdout:
                self._say(line.rstrip("\n"))
                self.reader.feed(line.rstrip("\n"))
            return process.wait()
        finally:
            timer.cancel()
            self.process = None

    def _end(self):
        self.timed_out = True
        self.stop()

    def _why(self, status):
        if self.timed_out or status == 124:
            return f"not done after {self.job.seconds} s"
        if self.reader.bailed:
            return self.reader.bailed
        return f"{self.job.name} ended early with status {status}"

    def _account(self, status):
        """Cases that were planned and did not run have failed, and so has a job that
        says nothing or fails without saying where."""
        ran = {result.name for result in self.reader.results}
        lost = [name for name in self.job.expected if name not in ran]
        failed = any(result.verdict == "failed" for result in self.reader.results)
        if not lost and not failed and (status or not ran):
            lost = [f"{self.job.name} as a whole"]
        for name in lost:
            self._lose(name, self._why(status))

    def _lose(self, name, why):
        number = len(self.reader.results) + 1
        self._say(f"# did not run: {why}")
        self._say(f"not ok {number} {name}")
        self.reader.results.append(Result(name, "failed", f"did not run: {why}"))


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
