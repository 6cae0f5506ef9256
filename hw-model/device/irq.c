/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts (SPEC 7). A vector is looked at after one of the things that it
 * depends on may have changed (dev_irq_note()): it is never fired from the
 * change itself, so that a batch of completions costs one look.
 */

#include "device/dev_private.h"

static bool irq_has_news(struct ktlsnic_dev *dev, unsigned vector)
{
    if (vector == KTLSNIC_ADMIN_VECTOR) {
        return ring_has_news(&dev->ring[KTLSNIC_RID_CMD_CQ]) ||
               ring_has_news(ring_event(dev));
    }
    return ring_has_news(ring_queue(dev, vector - 1, RING_TX_CQ)) ||
           ring_has_news(ring_queue(dev, vector - 1, RING_RX_CQ));
}

static int64_t irq_allowed_at(const struct ktlsnic_vector_state *v)
{
    return v->last + (int64_t)v->itr * NSEC_PER_USEC;
}

/* Fires the vector if it must; returns whether only its ITR forbids that. */
static bool irq_look(struct ktlsnic_dev *dev, unsigned vector)
{
    struct ktlsnic_vector_state *v = &dev->state.vector[vector];
    int64_t now;

    if (!v->armed || !irq_has_news(dev, vector)) {
        return false;
    }
    now = dev->ops.now(dev->opaque);
    if (v->itr && now < irq_allowed_at(v)) {
        return true;
    }
    v->armed = false;
    v->last = now;
    dev_trace(dev, KTLSNIC_TRACE_INTERRUPT, vector, 0, 0);
    dev->ops.interrupt(dev->opaque, vector);
    return false;
}

void irq_flush(struct ktlsnic_dev *dev)
{
    uint32_t todo = dev->irq_dirty | dev->irq_blocked;

    dev->irq_dirty = 0;
    dev->irq_wake_at = NEVER;
    while (todo && dev_alive(dev)) {
        unsigned vector = __builtin_ctz(todo);
        uint32_t bit = 1u << vector;

        todo &= ~bit;
        if (irq_look(dev, vector)) {
            dev->irq_blocked |= bit;
            dev->irq_wake_at = MIN(dev->irq_wake_at,
                                   irq_allowed_at(&dev->state.vector[vector]));
        } else {
            dev->irq_blocked &= ~bit;
        }
    }
}

static unsigned irq_vector_at(uint32_t offset)
{
    return (offset - KTLSNIC_REG_IVEC_ARM(0)) /
           (KTLSNIC_REG_IVEC_ARM(1) - KTLSNIC_REG_IVEC_ARM(0));
}

uint32_t irq_read(struct ktlsnic_dev *dev, uint32_t offset)
{
    unsigned vector = irq_vector_at(offset);
    const struct ktlsnic_vector_state *v = &dev->state.vector[vector];

    if (offset == KTLSNIC_REG_IVEC_ARM(vector)) {
        return v->armed ? KTLSNIC_IVEC_ARMED : 0;
    }
    return offset == KTLSNIC_REG_IVEC_ITR(vector) ? v->itr : 0;
}

void irq_write(struct ktlsnic_dev *dev, uint32_t offset, uint32_t value)
{
    unsigned vector = irq_vector_at(offset);
    struct ktlsnic_vector_state *v = &dev->state.vector[vector];

    if (offset == KTLSNIC_REG_IVEC_ARM(vector)) {
        v->armed = value & KTLSNIC_IVEC_ARMED;
    } else if (offset == KTLSNIC_REG_IVEC_ITR(vector)) {
        v->itr = value & KTLSNIC_IVEC_ITR_USECS;
    }
    dev_irq_note(dev, vector);
}

void irq_reset(struct ktlsnic_dev *dev)
{
    for (unsigned i = 0; i < KTLSNIC_MAX_VECTORS; i++) {
        /* Far enough in the past for any ITR. */
        dev->state.vector[i] = (struct ktlsnic_vector_state) {
            .last = INT64_MIN / 2,
        };
    }
    dev->irq_dirty = 0;
    dev->irq_blocked = 0;
    dev->irq_wake_at = NEVER;
}
