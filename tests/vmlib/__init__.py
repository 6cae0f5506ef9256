# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests/vm is made of: getting, building and booting everything a guest needs."""
