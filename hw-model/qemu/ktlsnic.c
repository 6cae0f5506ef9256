/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ktlsnic in QEMU: the PCI function around the device, and the services that
 * the device asks of its host. What the NIC does is in device/.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "hw/pci/msix.h"
#include "migration/blocker.h"
#include "migration/vmstate.h"
#include "system/runstate.h"
#include "trace.h"

#include "ktlsnic_pci.h"
#include "ktlsnic_vmstate.h"

#define KTLSNIC_SUBSYSTEM_ID    0x0001
#define KTLSNIC_MSIX_PBA        0x2000

static const char *ktlsnic_name(KtlsnicPci *s)
{
    return s->nic ? qemu_get_queue(s->nic)->name : TYPE_KTLSNIC;
}

/* ---- BAR 0 --------------------------------------------------------------- */

static uint64_t ktlsnic_mmio_read(void *opaque, hwaddr offset, unsigned size)
{
    KtlsnicPci *s = opaque;
    uint64_t value;

    if (size != sizeof(uint32_t)) {
        trace_ktlsnic_bad_access(ktlsnic_name(s), offset, size);
        return 0;
    }
    value = ktlsnic_dev_read(s->dev, offset);
    trace_ktlsnic_read(ktlsnic_name(s), offset, value);
    return value;
}

static void ktlsnic_mmio_write(void *opaque, hwaddr offset, uint64_t value,
                               unsigned size)
{
    KtlsnicPci *s = opaque;

    if (size != sizeof(uint32_t)) {
        trace_ktlsnic_bad_access(ktlsnic_name(s), offset, size);
        return;
    }
    trace_ktlsnic_write(ktlsnic_name(s), offset, value);
    ktlsnic_dev_write(s->dev, offset, value);
}

/*
 * Every access gets here, so that those of a wrong size read 0 instead of
 * failing (SPEC 2); the core splits aligned ones of 8 bytes.
 */
static const MemoryRegionOps ktlsnic_mmio_ops = {
    .read = ktlsnic_mmio_read,
    .write = ktlsnic_mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 4, .unaligned = true },
};

/* ---- What the device asks of its host ------------------------------------ */

static bool ktlsnic_dma_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
    return pci_dma_read(PCI_DEVICE(opaque), addr, buf, len) == MEMTX_OK;
}

static bool ktlsnic_dma_write(void *opaque, uint64_t addr, const void *buf,
                              size_t len)
{
    return pci_dma_write(PCI_DEVICE(opaque), addr, buf, len) == MEMTX_OK;
}

static void ktlsnic_interrupt(void *opaque, unsigned vector)
{
    msix_notify(PCI_DEVICE(opaque), vector);
}

static int64_t ktlsnic_now(void *opaque)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void ktlsnic_wake(void *opaque, int64_t when)
{
    KtlsnicPci *s = opaque;

    if (when) {
        timer_mod(s->run_timer, when);
    } else {
        qemu_bh_schedule(s->run_bh);
    }
}

/* The backend has sent a frame that it could not take at once. */
static void ktlsnic_frame_gone(NetClientState *nc, ssize_t len)
{
    KtlsnicPci *s = qemu_get_nic_opaque(nc);

    if (s->frames_queued && --s->frames_queued == 0) {
        ktlsnic_dev_tx_ready(s->dev);
    }
}

static bool ktlsnic_send(void *opaque, unsigned queue, const uint8_t *frame,
                         size_t len)
{
    KtlsnicPci *s = opaque;
    unsigned backends = MAX(1, s->conf.peers.queues);
    NetClientState *nc = qemu_get_subqueue(s->nic, queue % backends);

    if (qemu_send_packet_async(nc, frame, len, ktlsnic_frame_gone) == 0) {
        s->frames_queued++;
    }
    return s->frames_queued == 0;
}

/*
 * What waits in our own queue came first: qemu_flush_queued_packets() would
 * begin with what waits behind it in a hub, and frames would overtake.
 */
static void ktlsnic_rx_ready(void *opaque)
{
    KtlsnicPci *s = opaque;

    for (int i = 0; i < MAX(1, s->conf.peers.queues); i++) {
        NetClientState *nc = qemu_get_subqueue(s->nic, i);

        nc->receive_disabled = 0;
        if (qemu_net_queue_flush(nc->incoming_queue)) {
            qemu_flush_queued_packets(nc);
        }
    }
}

static void ktlsnic_tls_live(void *opaque, bool live)
{
    KtlsnicPci *s = opaque;

    migrate_del_blocker(&s->migration_blocker);
    if (live) {
        Error *err = NULL;

        error_setg(&s->migration_blocker, "ktlsnic: live TLS contexts hold "
                   "keys that do not leave the device");
        /* Too late if a migration is under way: that one fails in pre_save. */
        if (migrate_add_blocker(&s->migration_blocker, &err) < 0) {
            trace_ktlsnic_unsaveable(ktlsnic_name(s), error_get_pretty(err));
            error_free(err);
        }
    }
}

static void ktlsnic_trace(void *opaque, enum ktlsnic_trace what,
                          uint64_t a, uint64_t b, uint64_t c)
{
    const char *nic = ktlsnic_name(opaque);

    switch (what) {
    case KTLSNIC_TRACE_RESET:
        return trace_ktlsnic_reset(nic);
    case KTLSNIC_TRACE_LINK:
        return trace_ktlsnic_link(nic, a);
    case KTLSNIC_TRACE_RING_ENABLE:
        return trace_ktlsnic_ring_enable(nic, a, b, c);
    case KTLSNIC_TRACE_RING_DISABLE:
        return trace_ktlsnic_ring_disable(nic, a);
    case KTLSNIC_TRACE_RING_ERROR:
        return trace_ktlsnic_ring_error(nic, a, b, c);
    case KTLSNIC_TRACE_INTERRUPT:
        return trace_ktlsnic_interrupt(nic, a);
    case KTLSNIC_TRACE_EVENT:
        return trace_ktlsnic_event(nic, a, b, c);
    case KTLSNIC_TRACE_EVENT_LOST:
        return trace_ktlsnic_event_lost(nic, a, b, c);
    case KTLSNIC_TRACE_COMMAND:
        return trace_ktlsnic_command(nic, a, b, c);
    case KTLSNIC_TRACE_COMMANDS_DELAYED:
        return trace_ktlsnic_commands_delayed(nic, a, b, c);
    case KTLSNIC_TRACE_FAULT:
        return trace_ktlsnic_fault(nic, a, b, c);
    case KTLSNIC_TRACE_TX_STUCK:
        return trace_ktlsnic_tx_stuck(nic, a, b);
    case KTLSNIC_TRACE_TX_UNIT:
        return trace_ktlsnic_tx_unit(nic, a, b >> 16, b & 0xffff, c);
    case KTLSNIC_TRACE_TX_DONE:
        return trace_ktlsnic_tx_done(nic, a, b, c);
    case KTLSNIC_TRACE_TX_WIRE_PAUSED:
        return trace_ktlsnic_tx_wire_paused(nic, a);
    case KTLSNIC_TRACE_RX_FRAME:
        return trace_ktlsnic_rx_frame(nic, a, b, c);
    case KTLSNIC_TRACE_RX_DROP:
        return trace_ktlsnic_rx_drop(nic, a, b);
    case KTLSNIC_TRACE_RX_PAUSE:
        return trace_ktlsnic_rx_pause(nic, a, b);
    case KTLSNIC_TRACE_TLS_TX_ADD:
        return trace_ktlsnic_tls_tx_add(nic, a, b >> 8, b & 0xff, c);
    case KTLSNIC_TRACE_TLS_TX_DEL:
        return trace_ktlsnic_tls_tx_del(nic, a);
    case KTLSNIC_TRACE_TLS_TX_RESYNC:
        return trace_ktlsnic_tls_tx_resync(nic, a, b, c);
    case KTLSNIC_TRACE_TLS_RX_ADD:
        return trace_ktlsnic_tls_rx_add(nic, a, b >> 8, b & 0xff, c);
    case KTLSNIC_TRACE_TLS_RX_DEL:
        return trace_ktlsnic_tls_rx_del(nic, a);
    case KTLSNIC_TRACE_TLS_RX_RESYNC:
        return trace_ktlsnic_tls_rx_resync(nic, a, b, c);
    case KTLSNIC_TRACE_TLS_RX_QUERY:
        return trace_ktlsnic_tls_rx_query(nic, a, b);
    case KTLSNIC_TRACE_TLS_RX_REQUEST:
        return trace_ktlsnic_tls_rx_request(nic, a, b, c);
    case KTLSNIC_TRACE_TLS_RX_FAILED:
        return trace_ktlsnic_tls_rx_failed(nic, a, b, c ? "wrong tag"
                                                         : "no header");
    case KTLSNIC_TRACE_TLS_RX_KEY_UPDATE:
        return trace_ktlsnic_tls_rx_key_update(nic, a, b);
    case KTLSNIC_TRACE_NESTED_WRITE:
        return trace_ktlsnic_nested_write(nic, a, b);
    case KTLSNIC_TRACES:
        break;
    }
}

static const struct ktlsnic_host_ops ktlsnic_host_ops = {
    .dma_read = ktlsnic_dma_read,
    .dma_write = ktlsnic_dma_write,
    .interrupt = ktlsnic_interrupt,
    .send = ktlsnic_send,
    .now = ktlsnic_now,
    .wake = ktlsnic_wake,
    .rx_ready = ktlsnic_rx_ready,
    .tls_live = ktlsnic_tls_live,
    .trace = ktlsnic_trace,
};

/* ---- When the device runs ------------------------------------------------ */

/* A VM that stands still (its memory may be on its way elsewhere) is not
 * written to. */
static void ktlsnic_run_bh(void *opaque)
{
    KtlsnicPci *s = opaque;

    if (!runstate_is_running()) {
        s->run_when_started = true;
        return;
    }
    ktlsnic_dev_run(s->dev);
}

/* Not from the timer itself: the bottom half is guarded against accesses that
 * lead back to the device. */
static void ktlsnic_run_timer(void *opaque)
{
    KtlsnicPci *s = opaque;

    qemu_bh_schedule(s->run_bh);
}

static void ktlsnic_vm_change(void *opaque, bool running, RunState state)
{
    KtlsnicPci *s = opaque;

    if (running && s->run_when_started) {
        s->run_when_started = false;
        qemu_bh_schedule(s->run_bh);
    }
}

/* ---- The backend --------------------------------------------------------- */

static ssize_t ktlsnic_receive(NetClientState *nc, const uint8_t *buf,
                               size_t size)
{
    KtlsnicPci *s = qemu_get_nic_opaque(nc);

    return ktlsnic_dev_receive(s->dev, buf, size) == KTLSNIC_RX_WAIT ? 0 : size;
}

static void ktlsnic_set_link(NetClientState *nc)
{
    KtlsnicPci *s = qemu_get_nic_opaque(nc);

    ktlsnic_dev_set_link(s->dev, !qemu_get_queue(s->nic)->link_down);
}

static NetClientInfo ktlsnic_net_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(NICState),
    .receive = ktlsnic_receive,
    .link_status_changed = ktlsnic_set_link,
};

/* ---- Saving and restoring ------------------------------------------------ */

static int ktlsnic_pre_save(void *opaque)
{
    KtlsnicPci *s = opaque;

    if (ktlsnic_dev_tls_live(s->dev)) {
        error_report("ktlsnic: live TLS contexts hold keys that do not leave "
                     "the device");
        return -EBUSY;
    }
    return 0;
}

static int ktlsnic_post_load(void *opaque, int version_id)
{
    KtlsnicPci *s = opaque;

    if (!ktlsnic_dev_restored(s->dev)) {
        error_report("ktlsnic: the saved state is not one of this device");
        ktlsnic_dev_reset(s->dev);
        return -EINVAL;
    }
    /* The link is what the driver was told that it is: other devices are not
     * there yet, so that nothing could be said of a change. */
    for (unsigned i = 0; i < MAX(1, s->conf.peers.queues); i++) {
        qemu_get_subqueue(s->nic, i)->link_down = !s->state->link_up;
    }
    return 0;
}

static const VMStateDescription vmstate_ktlsnic = {
    .name = TYPE_KTLSNIC,
    .version_id = 3,                /* 3: KeyUpdates in the statistics */
    .minimum_version_id = 3,
    .pre_save = ktlsnic_pre_save,
    .post_load = ktlsnic_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, KtlsnicPci),
        VMSTATE_MSIX(parent_obj, KtlsnicPci),
        VMSTATE_STRUCT_POINTER(state, KtlsnicPci, vmstate_ktlsnic_state,
                               struct ktlsnic_state),
        VMSTATE_END_OF_LIST()
    },
};

/* ---- Life ---------------------------------------------------------------- */

static bool ktlsnic_init_pci(KtlsnicPci *s, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(s);
    unsigned vectors = s->props.queues + 1;

    memory_region_init_io(&s->regs, OBJECT(s), &ktlsnic_mmio_ops, s,
                          "ktlsnic-regs", KTLSNIC_BAR_REGS_SIZE);
    pci_register_bar(pci, KTLSNIC_BAR_REGS, PCI_BASE_ADDRESS_MEM_TYPE_64,
                     &s->regs);
    memory_region_init(&s->msix, OBJECT(s), "ktlsnic-msix",
                       KTLSNIC_BAR_MSIX_SIZE);
    pci_register_bar(pci, KTLSNIC_BAR_MSIX, PCI_BASE_ADDRESS_MEM_TYPE_64,
                     &s->msix);
    if (pcie_endpoint_cap_init(pci, 0) < 0) {
        error_setg(errp, "ktlsnic: no room for the PCI Express capability");
        return false;
    }
    pcie_cap_flr_init(pci);
    if (pci_pm_init(pci, 0, errp) < 0) {
        return false;
    }
    /* Back from D3 everything is as it was, and the state can be written. */
    pci_set_word(pci->config + pci->pm_cap + PCI_PM_CTRL,
                 PCI_PM_CTRL_NO_SOFT_RESET);
    pci_set_word(pci->wmask + pci->pm_cap + PCI_PM_CTRL,
                 PCI_PM_CTRL_STATE_MASK);
    if (msix_init(pci, vectors, &s->msix, KTLSNIC_BAR_MSIX, 0,
                  &s->msix, KTLSNIC_BAR_MSIX, KTLSNIC_MSIX_PBA, 0, errp) < 0) {
        return false;
    }
    for (unsigned i = 0; i < vectors; i++) {
        msix_vector_use(pci, i);
    }
    return true;
}

static void ktlsnic_realize(PCIDevice *pci, Error **errp)
{
    KtlsnicPci *s = KTLSNIC(pci);
    DeviceState *qdev = DEVICE(pci);
    struct ktlsnic_config config = { 0 };

    qemu_macaddr_default_if_unset(&s->conf.macaddr);
    if (!ktlsnic_make_config(s, &config, errp) || !ktlsnic_init_pci(s, errp)) {
        return;
    }
    s->run_bh = qemu_bh_new_guarded(ktlsnic_run_bh, s,
                                    &qdev->mem_reentrancy_guard);
    s->run_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, ktlsnic_run_timer, s);
    s->dev = ktlsnic_dev_new(&config, &ktlsnic_host_ops, s);
    s->state = ktlsnic_dev_state(s->dev);
    s->nic = qemu_new_nic(&ktlsnic_net_info, &s->conf, TYPE_KTLSNIC, qdev->id,
                          &qdev->mem_reentrancy_guard, s);
    qemu_format_nic_info_str(qemu_get_queue(s->nic), s->conf.macaddr.a);
    s->vm_change = qdev_add_vm_change_state_handler(qdev, ktlsnic_vm_change, s);
    ktlsnic_set_link(qemu_get_queue(s->nic));
}

static void ktlsnic_exit(PCIDevice *pci)
{
    KtlsnicPci *s = KTLSNIC(pci);

    qemu_del_vm_change_state_handler(s->vm_change);
    qemu_del_nic(s->nic);
    s->nic = NULL;
    ktlsnic_dev_free(s->dev);
    s->dev = NULL;
    migrate_del_blocker(&s->migration_blocker);
    timer_free(s->run_timer);
    qemu_bh_delete(s->run_bh);
    msix_unuse_all_vectors(pci);
    msix_uninit(pci, &s->msix, &s->msix);
    pcie_cap_exit(pci);
}

/* A function level reset comes back here as a reset. */
static void ktlsnic_config_write(PCIDevice *pci, uint32_t addr, uint32_t value,
                                 int len)
{
    pci_default_write_config(pci, addr, value, len);
    pcie_cap_flr_write_config(pci, addr, value, len);
}

/* FLR, reset of the bus, reboot of the machine: the NIC keeps its power, and
 * with that its statistics (SPEC 3.1). */
static void ktlsnic_reset_hold(Object *obj, ResetType type)
{
    KtlsnicPci *s = KTLSNIC(obj);

    timer_del(s->run_timer);
    ktlsnic_dev_reset(s->dev);
}

/* ---- The QOM class ------------------------------------------------------- */

static void ktlsnic_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    ResettableClass *rc = RESETTABLE_CLASS(oc);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(oc);

    pc->realize = ktlsnic_realize;
    pc->exit = ktlsnic_exit;
    pc->config_write = ktlsnic_config_write;
    pc->vendor_id = KTLSNIC_PCI_VENDOR_ID;
    pc->device_id = KTLSNIC_PCI_DEVICE_ID;
    pc->subsystem_vendor_id = KTLSNIC_PCI_VENDOR_ID;
    pc->subsystem_id = KTLSNIC_SUBSYSTEM_ID;
    pc->revision = KTLSNIC_PCI_REVISION;
    pc->class_id = PCI_CLASS_NETWORK_ETHERNET;
    rc->phases.hold = ktlsnic_reset_hold;
    dc->desc = "Ethernet controller with TLS offload";
    dc->vmsd = &vmstate_ktlsnic;
    ktlsnic_add_properties(oc);
    set_bit(DEVICE_CATEGORY_NETWORK, dc->categories);
}

static const TypeInfo ktlsnic_types[] = {
    {
        .name = TYPE_KTLSNIC,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(KtlsnicPci),
        .instance_init = ktlsnic_add_faults,
        .class_init = ktlsnic_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { }
        },
    },
};

DEFINE_TYPES(ktlsnic_types)
