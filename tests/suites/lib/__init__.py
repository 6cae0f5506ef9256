# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cases of all guest suites share."""
