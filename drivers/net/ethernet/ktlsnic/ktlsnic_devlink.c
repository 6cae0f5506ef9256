// SPDX-License-Identifier: GPL-2.0-only
/*
 * devlink: how many TLS contexts there are and how many are in use, as
 * Documentation/networking/tls-offload.rst wants it.
 */

#include <net/devlink.h>

#include "ktlsnic.h"
#include "ktlsnic_devlink.h"
#include "ktlsnic_tls.h"

/* Resource 0 is the top of the tree. */
#define KTLSNIC_RESOURCE_TLS_TX		1
#define KTLSNIC_RESOURCE_TLS_RX		2

/**
 * struct ktlsnic_devlink - devlink's view of the device
 * @nic: the device
 */
struct ktlsnic_devlink {
	struct ktlsnic_nic *nic;
};

static int ktlsnic_devlink_info_get(struct devlink *devlink,
				    struct devlink_info_req *req,
				    struct netlink_ext_ack *extack)
{
	struct ktlsnic_devlink *priv = devlink_priv(devlink);
	u32 version = ktlsnic_read(priv->nic, KTLSNIC_REG_VERSION);
	char text[16];

	snprintf(text, sizeof(text), "%u.%u", version >> 16,
		 version & KTLSNIC_VERSION_MINOR);
	return devlink_info_version_fixed_put(req, "interface", text);
}

static const struct devlink_ops ktlsnic_devlink_ops = {
	.info_get = ktlsnic_devlink_info_get,
};

static u64 ktlsnic_devlink_tls_tx_used(void *tls)
{
	return ktlsnic_tls_tx_used(tls);
}

static u64 ktlsnic_devlink_tls_rx_used(void *tls)
{
	return ktlsnic_tls_rx_used(tls);
}

/* A direction without contexts has no resource. */
static int ktlsnic_devlink_resource(struct ktlsnic_nic *nic,
				    struct devlink *devlink, const char *name,
				    u64 id, u32 max,
				    devlink_resource_occ_get_t *used)
{
	struct devlink_resource_size_params params;
	int err;

	if (!max)
		return 0;
	devlink_resource_size_params_init(&params, max, max, 1,
					  DEVLINK_RESOURCE_UNIT_ENTRY);
	err = devl_resource_register(devlink, name, max, id,
				     DEVLINK_RESOURCE_ID_PARENT_TOP, &params);
	if (!err)
		devl_resource_occ_get_register(devlink, id, used,
					       nic->tls);
	return err;
}

static void ktlsnic_devlink_resources_drop(struct ktlsnic_nic *nic,
					   struct devlink *devlink)
{
	if (ktlsnic_tls_tx_max(nic->tls))
		devl_resource_occ_get_unregister(devlink,
						 KTLSNIC_RESOURCE_TLS_TX);
	if (ktlsnic_tls_rx_max(nic->tls))
		devl_resource_occ_get_unregister(devlink,
						 KTLSNIC_RESOURCE_TLS_RX);
	devl_resources_unregister(devlink);
}

static int ktlsnic_devlink_resources(struct ktlsnic_nic *nic,
				     struct devlink *devlink)
{
	int err;

	err = ktlsnic_devlink_resource(nic, devlink, "tls_tx_contexts",
				       KTLSNIC_RESOURCE_TLS_TX,
				       ktlsnic_tls_tx_max(nic->tls),
				       ktlsnic_devlink_tls_tx_used);
	if (!err)
		err = ktlsnic_devlink_resource(nic, devlink, "tls_rx_contexts",
					       KTLSNIC_RESOURCE_TLS_RX,
					       ktlsnic_tls_rx_max(nic->tls),
					       ktlsnic_devlink_tls_rx_used);
	/* without memory one of the two may be there */
	if (err)
		devl_resources_unregister(devlink);
	return err;
}

/**
 * ktlsnic_devlink_init() - show the device to devlink
 * @nic: the device, with its TLS half initialised
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_devlink_init(struct ktlsnic_nic *nic)
{
	struct ktlsnic_devlink *priv;
	struct devlink *devlink;
	int err;

	devlink = devlink_alloc(&ktlsnic_devlink_ops, sizeof(*priv),
				&nic->pdev->dev);
	if (!devlink)
		return -ENOMEM;
	priv = devlink_priv(devlink);
	priv->nic = nic;

	devl_lock(devlink);
	err = ktlsnic_devlink_resources(nic, devlink);
	devl_unlock(devlink);
	if (err) {
		devlink_free(devlink);
		return err;
	}
	devlink_register(devlink);
	nic->devlink = devlink;
	return 0;
}

/**
 * ktlsnic_devlink_cleanup() - undo ktlsnic_devlink_init()
 * @nic: the device
 */
void ktlsnic_devlink_cleanup(struct ktlsnic_nic *nic)
{
	devlink_unregister(nic->devlink);
	devl_lock(nic->devlink);
	ktlsnic_devlink_resources_drop(nic, nic->devlink);
	devl_unlock(nic->devlink);
	devlink_free(nic->devlink);
}
