// SPDX-License-Identifier: GPL-2.0-only
/* The event ring (SPEC 12): link changes and rings that stopped. */

#include "ktlsnic.h"
#include "ktlsnic_dev.h"
#include "ktlsnic_event.h"
#include "ktlsnic_port.h"

/**
 * ktlsnic_events_alloc() - get the event ring's memory
 * @nic: the device
 *
 * Return: 0 or -ENOMEM.
 */
int ktlsnic_events_alloc(struct ktlsnic_nic *nic)
{
	return ktlsnic_ring_alloc(nic, &nic->events, KTLSNIC_RING_EVENT,
				  sizeof(struct ktlsnic_event),
				  nic->caps.ring_log2_min);
}

/**
 * ktlsnic_events_free() - undo ktlsnic_events_alloc()
 * @nic: the device
 */
void ktlsnic_events_free(struct ktlsnic_nic *nic)
{
	ktlsnic_ring_free(nic, &nic->events);
}

/**
 * ktlsnic_events_start() - let the device report
 * @nic: a device that came out of reset
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_events_start(struct ktlsnic_nic *nic)
{
	return ktlsnic_ring_enable(nic, &nic->events);
}

/**
 * ktlsnic_events_stop() - undo ktlsnic_events_start()
 * @nic: the device
 */
void ktlsnic_events_stop(struct ktlsnic_nic *nic)
{
	ktlsnic_ring_disable(nic, &nic->events);
}

static void ktlsnic_event_handle(struct ktlsnic_nic *nic,
				 const struct ktlsnic_event *event)
{
	if (event->lost) {
		/* what was lost may have been a link change */
		nic->events_lost += le16_to_cpu(event->lost);
		ktlsnic_port_link_update(nic);
	}

	switch (le16_to_cpu(event->type)) {
	case KTLSNIC_EVENT_LINK:
		ktlsnic_port_link_update(nic);
		break;
	case KTLSNIC_EVENT_RING_ERROR:
		if (net_ratelimit())
			netdev_err(nic->netdev, "ring at %#x stopped, error %u\n",
				   le32_to_cpu(event->source),
				   le32_to_cpu(event->data));
		ktlsnic_reset_schedule(nic);
		break;
	default:
		/* a minor version of the device may only add events */
		break;
	}
}

/**
 * ktlsnic_events_poll() - take in events
 * @nic: the device
 *
 * At most a ring full at a time: arming the vector raises it again for what a
 * device that never stops has written meanwhile.
 */
void ktlsnic_events_poll(struct ktlsnic_nic *nic)
{
	u32 budget = ktlsnic_ring_size(&nic->events);
	const struct ktlsnic_event *event;

	if (!test_bit(KTLSNIC_HW_UP, &nic->state))
		return;
	while (budget--) {
		event = ktlsnic_ring_peek(&nic->events);
		if (!event)
			break;
		ktlsnic_event_handle(nic, event);
		nic->events.index++;
	}
	ktlsnic_ring_doorbell(&nic->events);
}
