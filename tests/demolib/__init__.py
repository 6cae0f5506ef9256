# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's half of `make demo`."""
