// SPDX-License-Identifier: GPL-2.0-only
/* The PCI function (SPEC 2): probe, remove, reset and errors of the bus. */

#include <linux/cpumask.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "ktlsnic.h"
#include "ktlsnic_admin.h"
#include "ktlsnic_dev.h"
#include "ktlsnic_devlink.h"
#include "ktlsnic_event.h"
#include "ktlsnic_irq.h"
#include "ktlsnic_netdev.h"
#include "ktlsnic_reset.h"
#include "ktlsnic_rss.h"
#include "ktlsnic_tls.h"
#include "ktlsnic_txrx.h"

static void __iomem *ktlsnic_pci_enable(struct pci_dev *pdev)
{
	void __iomem *regs;
	int err;

	err = pci_enable_device_mem(pdev);
	if (err)
		return IOMEM_ERR_PTR(err);
	err = pci_request_mem_regions(pdev, KTLSNIC_NAME);
	if (err)
		goto disable;
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		goto release;

	err = -ENODEV;
	if (pci_resource_len(pdev, KTLSNIC_BAR_REGS) < KTLSNIC_BAR_REGS_SIZE) {
		dev_err(&pdev->dev, "BAR %u is too small\n", KTLSNIC_BAR_REGS);
		goto release;
	}
	err = -ENOMEM;
	regs = pci_ioremap_bar(pdev, KTLSNIC_BAR_REGS);
	if (!regs)
		goto release;
	pci_save_state(pdev);
	return regs;

release:
	pci_release_mem_regions(pdev);
disable:
	pci_disable_device(pdev);
	return IOMEM_ERR_PTR(err);
}

static void ktlsnic_pci_disable(struct pci_dev *pdev, void __iomem *regs)
{
	iounmap(regs);
	pci_release_mem_regions(pdev);
	/* not so if the bus did not come back from an error */
	if (pci_is_enabled(pdev))
		pci_disable_device(pdev);
}

/* Queue pairs, their number and sizes. */
static int ktlsnic_probe_queues(struct ktlsnic_nic *nic)
{
	u8 worst_log2;
	int err;

	if (!nic->caps.queues || nic->caps.max_desc < 2 ||
	    nic->caps.max_frame < ETH_DATA_LEN + KTLSNIC_FRAME_OVERHEAD) {
		dev_err(&nic->pdev->dev, "impossible capabilities\n");
		return -ENODEV;
	}
	err = ktlsnic_irq_vectors_alloc(nic, min(nic->caps.queues,
						 nic->netdev->num_tx_queues));
	if (err)
		return err;
	nic->max_queues = nic->num_vectors - 1;
	nic->num_queues = min(nic->max_queues, num_online_cpus());
	nic->tx_worst = ktlsnic_tx_worst(nic);
	worst_log2 = order_base_2(nic->tx_worst);
	nic->tx_log2 = clamp_t(u8, KTLSNIC_TX_LOG2_DEFAULT,
			       max(nic->caps.ring_log2_min, worst_log2),
			       nic->caps.ring_log2_max);
	nic->rx_log2 = clamp_t(u8, KTLSNIC_RX_LOG2_DEFAULT,
			       nic->caps.ring_log2_min,
			       nic->caps.ring_log2_max);
	ktlsnic_rss_init(nic);
	err = ktlsnic_queues_alloc(nic);
	if (err)
		ktlsnic_irq_vectors_free(nic);
	return err;
}

static void ktlsnic_remove_queues(struct ktlsnic_nic *nic)
{
	ktlsnic_queues_free(nic);
	ktlsnic_irq_vectors_free(nic);
}

/* Commands and events, from here to remove. */
static int ktlsnic_probe_admin(struct ktlsnic_nic *nic)
{
	int err;

	err = ktlsnic_cmdq_alloc(nic);
	if (err)
		return err;
	err = ktlsnic_events_alloc(nic);
	if (err)
		goto free_cmdq;
	err = ktlsnic_admin_irq_request(nic);
	if (err)
		goto free_events;
	err = ktlsnic_hw_start(nic);
	if (err)
		goto free_irq;
	return 0;

free_irq:
	ktlsnic_admin_irq_free(nic);
free_events:
	ktlsnic_events_free(nic);
free_cmdq:
	ktlsnic_cmdq_free(nic);
	return err;
}

static void ktlsnic_remove_admin(struct ktlsnic_nic *nic)
{
	/* a recovery that is under way starts what is to be stopped */
	set_bit(KTLSNIC_REMOVING, &nic->state);
	cancel_delayed_work_sync(&nic->reset_work);
	ktlsnic_hw_stop(nic);
	ktlsnic_admin_irq_free(nic);
	/* one that an interrupt has asked for meanwhile would do nothing, but
	 * looks at the device's struct
	 */
	cancel_delayed_work_sync(&nic->reset_work);
	ktlsnic_events_free(nic);
	ktlsnic_cmdq_free(nic);
}

static int ktlsnic_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct net_device *netdev;
	struct ktlsnic_nic *nic;
	void __iomem *regs;
	int err;

	regs = ktlsnic_pci_enable(pdev);
	if (IS_ERR(regs))
		return PTR_ERR(regs);
	err = -ENOMEM;
	netdev = ktlsnic_netdev_alloc(pdev, KTLSNIC_MAX_QUEUES);
	if (!netdev)
		goto disable;
	nic = netdev_priv(netdev);
	nic->regs = regs;
	pci_set_drvdata(pdev, nic);
	ktlsnic_reset_init(nic);

	err = ktlsnic_hw_identify(nic);
	if (!err)
		err = ktlsnic_hw_reset(nic);
	if (err)
		goto free_netdev;
	ktlsnic_caps_read(nic);
	err = ktlsnic_probe_queues(nic);
	if (err)
		goto free_netdev;
	ktlsnic_netdev_init(nic);
	ktlsnic_ctx_init(&nic->tls_tx_ctxs, nic->caps.tls_tx_contexts);
	ktlsnic_ctx_init(&nic->tls_rx_ctxs, nic->caps.tls_rx_contexts);
	err = ktlsnic_tls_init(nic, netdev, nic->max_queues);
	if (err)
		goto destroy_ctxs;
	err = ktlsnic_probe_admin(nic);
	if (err)
		goto cleanup_tls;
	err = ktlsnic_devlink_init(nic);
	if (err)
		goto remove_admin;
	err = register_netdev(netdev);
	if (err)
		goto cleanup_devlink;
	return 0;

cleanup_devlink:
	ktlsnic_devlink_cleanup(nic);
remove_admin:
	ktlsnic_remove_admin(nic);
cleanup_tls:
	ktlsnic_tls_cleanup(nic->tls);
destroy_ctxs:
	ktlsnic_ctx_destroy(&nic->tls_rx_ctxs);
	ktlsnic_ctx_destroy(&nic->tls_tx_ctxs);
	ktlsnic_remove_queues(nic);
free_netdev:
	free_netdev(netdev);
disable:
	ktlsnic_pci_disable(pdev, regs);
	return err;
}

static void ktlsnic_remove(struct pci_dev *pdev)
{
	struct ktlsnic_nic *nic = pci_get_drvdata(pdev);
	void __iomem *regs = nic->regs;

	/* closes the interface, which deletes all TLS contexts */
	unregister_netdev(nic->netdev);
	ktlsnic_devlink_cleanup(nic);
	ktlsnic_remove_admin(nic);
	ktlsnic_tls_cleanup(nic->tls);
	ktlsnic_ctx_destroy(&nic->tls_rx_ctxs);
	ktlsnic_ctx_destroy(&nic->tls_tx_ctxs);
	ktlsnic_remove_queues(nic);
	free_netdev(nic->netdev);
	ktlsnic_pci_disable(pdev, regs);
}

static void ktlsnic_shutdown(struct pci_dev *pdev)
{
	struct ktlsnic_nic *nic = pci_get_drvdata(pdev);

	set_bit(KTLSNIC_REMOVING, &nic->state);
	rtnl_lock();
	ktlsnic_detach(nic);
	rtnl_unlock();
}

static int ktlsnic_suspend(struct device *dev)
{
	struct ktlsnic_nic *nic = dev_get_drvdata(dev);

	rtnl_lock();
	set_bit(KTLSNIC_SUSPENDED, &nic->state);
	ktlsnic_detach(nic);
	rtnl_unlock();
	return 0;
}

static int ktlsnic_resume(struct device *dev)
{
	struct ktlsnic_nic *nic = dev_get_drvdata(dev);
	int err;

	rtnl_lock();
	clear_bit(KTLSNIC_SUSPENDED, &nic->state);
	err = ktlsnic_attach(nic);
	rtnl_unlock();
	return err;
}

static DEFINE_SIMPLE_DEV_PM_OPS(ktlsnic_pm_ops, ktlsnic_suspend,
				ktlsnic_resume);

/* A function level reset, asked for through sysfs. */
static void ktlsnic_reset_prepare(struct pci_dev *pdev)
{
	ktlsnic_suspend(&pdev->dev);
}

static void ktlsnic_reset_done(struct pci_dev *pdev)
{
	if (ktlsnic_resume(&pdev->dev))
		dev_err(&pdev->dev, "device does not come back from reset\n");
}

static pci_ers_result_t ktlsnic_error_detected(struct pci_dev *pdev,
					       pci_channel_state_t state)
{
	ktlsnic_suspend(&pdev->dev);
	if (state == pci_channel_io_perm_failure)
		return PCI_ERS_RESULT_DISCONNECT;
	pci_disable_device(pdev);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t ktlsnic_slot_reset(struct pci_dev *pdev)
{
	if (pci_enable_device_mem(pdev))
		return PCI_ERS_RESULT_DISCONNECT;
	pci_restore_state(pdev);
	/* what was restored is used up, and the next error wants it again */
	pci_save_state(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

static void ktlsnic_error_resume(struct pci_dev *pdev)
{
	ktlsnic_reset_done(pdev);
}

static const struct pci_error_handlers ktlsnic_err_handler = {
	.error_detected	= ktlsnic_error_detected,
	.slot_reset	= ktlsnic_slot_reset,
	.resume		= ktlsnic_error_resume,
	.reset_prepare	= ktlsnic_reset_prepare,
	.reset_done	= ktlsnic_reset_done,
};

static const struct pci_device_id ktlsnic_pci_ids[] = {
	{ PCI_DEVICE(KTLSNIC_PCI_VENDOR_ID, KTLSNIC_PCI_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, ktlsnic_pci_ids);

static struct pci_driver ktlsnic_driver = {
	.name		= KTLSNIC_NAME,
	.id_table	= ktlsnic_pci_ids,
	.probe		= ktlsnic_probe,
	.remove		= ktlsnic_remove,
	.shutdown	= ktlsnic_shutdown,
	.driver.pm	= pm_sleep_ptr(&ktlsnic_pm_ops),
	.err_handler	= &ktlsnic_err_handler,
};
module_pci_driver(ktlsnic_driver);

MODULE_DESCRIPTION("ktlsnic Ethernet controller with TLS offload");
MODULE_AUTHOR("The ktlsnic authors");
MODULE_LICENSE("GPL");
