/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QEMU_KTLSNIC_VMSTATE_H
#define QEMU_KTLSNIC_VMSTATE_H

#include "migration/vmstate.h"

/* Of a struct ktlsnic_state, which ktlsnic_dev_restored() checks afterwards. */
extern const VMStateDescription vmstate_ktlsnic_state;

#endif
