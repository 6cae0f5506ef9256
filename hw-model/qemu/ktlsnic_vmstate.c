/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the device's state is saved: every field of struct ktlsnic_state. */

#include "qemu/osdep.h"

#include "device/ktlsnic_dev.h"
#include "ktlsnic_vmstate.h"

static const VMStateDescription vmstate_ktlsnic_ring = {
    .name = "ktlsnic/ring",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(base, struct ktlsnic_ring_state),
        VMSTATE_UINT32(log2, struct ktlsnic_ring_state),
        VMSTATE_UINT32(doorbell, struct ktlsnic_ring_state),
        VMSTATE_UINT32(index, struct ktlsnic_ring_state),
        VMSTATE_BOOL(ctrl_enable, struct ktlsnic_ring_state),
        VMSTATE_BOOL(enabled, struct ktlsnic_ring_state),
        VMSTATE_UINT8(error, struct ktlsnic_ring_state),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_ktlsnic_vector = {
    .name = "ktlsnic/vector",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(armed, struct ktlsnic_vector_state),
        VMSTATE_UINT16(itr, struct ktlsnic_vector_state),
        VMSTATE_INT64(last, struct ktlsnic_vector_state),
        VMSTATE_END_OF_LIST()
    },
};

const VMStateDescription vmstate_ktlsnic_state = {
    .name = "ktlsnic/state",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_ARRAY(ring, struct ktlsnic_state, KTLSNIC_RINGS, 1,
                             vmstate_ktlsnic_ring, struct ktlsnic_ring_state),
        VMSTATE_STRUCT_ARRAY(vector, struct ktlsnic_state, KTLSNIC_MAX_VECTORS,
                             1, vmstate_ktlsnic_vector,
                             struct ktlsnic_vector_state),
        VMSTATE_UINT8_ARRAY(mac, struct ktlsnic_state, KTLSNIC_MAC_LEN),
        VMSTATE_BOOL(link_up, struct ktlsnic_state),
        VMSTATE_UINT32(rx_ctrl, struct ktlsnic_state),
        VMSTATE_UINT32(rx_max_frame, struct ktlsnic_state),
        VMSTATE_UINT32_ARRAY(filter_lo, struct ktlsnic_state, KTLSNIC_FILTERS),
        VMSTATE_UINT32_ARRAY(filter_hi, struct ktlsnic_state, KTLSNIC_FILTERS),
        VMSTATE_UINT32(rss_ctrl, struct ktlsnic_state),
        VMSTATE_UINT8_ARRAY(rss_key, struct ktlsnic_state,
                            KTLSNIC_RSS_KEY_SIZE),
        VMSTATE_UINT8_ARRAY(rss_indir, struct ktlsnic_state,
                            KTLSNIC_RSS_INDIR_SIZE),
        VMSTATE_UINT16(events_lost, struct ktlsnic_state),
        VMSTATE_UINT32_ARRAY(tls_tx_payload, struct ktlsnic_state,
                             KTLSNIC_MAX_QUEUES),
        VMSTATE_UINT32(stat_latch_index, struct ktlsnic_state),
        VMSTATE_UINT32(stat_latch_high, struct ktlsnic_state),
        VMSTATE_UINT64_ARRAY(stat, struct ktlsnic_state, KTLSNIC_STATS),
        VMSTATE_END_OF_LIST()
    },
};
