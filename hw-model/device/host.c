/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/dev_private.h"
#include "device/host.h"

bool host_dma_read(struct ktlsnic_dev *dev, uint64_t addr, void *buf,
                   size_t len)
{
    if (!dev_alive(dev) || addr + len < addr) {
        return false;
    }
    return dev->ops.dma_read(dev->opaque, addr, buf, len) && dev_alive(dev);
}

bool host_dma_write(struct ktlsnic_dev *dev, uint64_t addr, const void *buf,
                    size_t len)
{
    if (!dev_alive(dev) || addr + len < addr) {
        return false;
    }
    return dev->ops.dma_write(dev->opaque, addr, buf, len) && dev_alive(dev);
}

void host_wake(struct ktlsnic_dev *dev)
{
    if (!dev->wake_asked && dev_alive(dev)) {
        dev->wake_asked = true;
        dev->ops.wake(dev->opaque, 0);
    }
}

void host_rx_kick(struct ktlsnic_dev *dev)
{
    if (dev->rx_paused || dev->rx_retry) {
        dev->rx_retry = true;
        host_wake(dev);
    }
}
