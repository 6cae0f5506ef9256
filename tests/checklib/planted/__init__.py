# SPDX-License-Identifier: GPL-2.0-or-later
"""The test of the tests: what `tests/check-planted` does.

    calls      the ways to call tests
    patches    what is planted: bugs, and faults that leave all work to software
    trees      copies of the source tree, to plant in
    blind      runs in which every case must fail that is not about software
    mutate     mechanical changes of C
    mutants    a sample of them, and what is to notice each
    steps      what a run consists of, several at a time"""
