# SPDX-License-Identifier: GPL-2.0-or-later
from lib.cases import Registry
registry = Registry()
