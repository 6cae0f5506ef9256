/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PCI function; included after qemu/osdep.h. */
#ifndef QEMU_KTLSNIC_PCI_H
#define QEMU_KTLSNIC_PCI_H

#include "hw/pci/pci_device.h"
#include "net/net.h"
#include "qapi/qapi-types-common.h"
#include "qom/object.h"
#include "system/runstate.h"

#include "device/ktlsnic_dev.h"

#define TYPE_KTLSNIC "ktlsnic"
OBJECT_DECLARE_SIMPLE_TYPE(KtlsnicPci, KTLSNIC)

/* What the user said; ktlsnic_config.c. */
typedef struct KtlsnicProperties {
    uint32_t queues;
    uint32_t tls_tx_contexts;
    uint32_t tls_rx_contexts;
    bool tls_tx_replay;
    OnOffAuto tls_tx[KTLSNIC_TLS_VERSIONS][KTLSNIC_CIPHERS];
    OnOffAuto tls_rx[KTLSNIC_TLS_VERSIONS][KTLSNIC_CIPHERS];
    char *tls_rx_resync;
    uint32_t speed;
    uint32_t command_latency;       /* us; to be changed at any time */
} KtlsnicProperties;

struct KtlsnicPci {
    PCIDevice parent_obj;
    MemoryRegion regs;
    MemoryRegion msix;
    NICState *nic;

    struct ktlsnic_dev *dev;
    struct ktlsnic_state *state;    /* the device's, for vmstate */

    QEMUBH *run_bh;
    QEMUTimer *run_timer;
    VMChangeStateEntry *vm_change;
    bool run_when_started;          /* a run was due while the VM stood still */
    unsigned frames_queued;         /* taken by the backend, not yet gone */
    Error *migration_blocker;

    NICConf conf;
    KtlsnicProperties props;
    struct ktlsnic_fault fault;     /* to be changed at any time */
};

/* The properties that the user can give, with their descriptions. */
void ktlsnic_add_properties(ObjectClass *oc);

/* Those that inject faults, to be set while the device runs (qom-set). */
void ktlsnic_add_faults(Object *obj);

/* What they say of the device; false, with an error, if that is impossible. */
bool ktlsnic_make_config(KtlsnicPci *s, struct ktlsnic_config *config,
                         Error **errp);

#endif
