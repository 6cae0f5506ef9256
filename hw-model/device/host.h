/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the device ask of its host. */
#ifndef DEVICE_HOST_H
#define DEVICE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ktlsnic_dev;

/* Bus memory. False if any of it cannot be reached, or if the device is not to
 * go on with what it is doing (dev_alive()). */
bool host_dma_read(struct ktlsnic_dev *dev, uint64_t addr, void *buf,
                   size_t len);
bool host_dma_write(struct ktlsnic_dev *dev, uint64_t addr, const void *buf,
                    size_t len);

/* Asks for a run as soon as possible. */
void host_wake(struct ktlsnic_dev *dev);

/* A paused wire may have reason to go on: the host is told in the next run. */
void host_rx_kick(struct ktlsnic_dev *dev);

#endif
