/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event ring (SPEC 12). */

#include "device/dev_private.h"

void event_post(struct ktlsnic_dev *dev, enum ktlsnic_event_type type,
                uint32_t source, uint32_t data)
{
    struct ring *ring = ring_event(dev);
    struct ktlsnic_event event = {
        .type = GUINT16_TO_LE(type),
        .source = GUINT32_TO_LE(source),
        .data = GUINT32_TO_LE(data),
        .lost = GUINT16_TO_LE(dev->state.events_lost),
    };

    if (!ring->state->enabled) {
        return;
    }
    if (!ring_room(ring)) {
        if (dev->state.events_lost < UINT16_MAX) {
            dev->state.events_lost++;
        }
        dev_trace(dev, KTLSNIC_TRACE_EVENT_LOST, type, source, data);
        return;
    }
    dev_trace(dev, KTLSNIC_TRACE_EVENT, type, source, data);
    if (ring_post(dev, ring, &event)) {
        dev->state.events_lost = 0;
    }
}

/* The event ring can be one that failed, or fail now: then nobody is told. */
void event_post_ring_failures(struct ktlsnic_dev *dev)
{
    for (unsigned i = 0; i < dev->ring_failures; i++) {
        const struct ring *ring = &dev->ring[dev->ring_failed[i]];

        event_post(dev, KTLSNIC_EVENT_RING_ERROR, ring->reg,
                   ring->state->error);
    }
    dev->ring_failures = 0;
}
