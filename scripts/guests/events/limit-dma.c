// SPDX-License-Identifier: GPL-2.0
/*
 * While this module is loaded, a PCI device reaches no memory above 4 GiB, as if it
 * were behind a bridge with 32 bits. A driver asks for that when it is bound, so the
 * device must have none when the module is loaded and unloaded.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pci.h>

static char *device;
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "The device, such as 0000:01:00.0");

static struct device *limited;

static int __init limit_dma_init(void)
{
	int err = 0;

	limited = bus_find_device_by_name(&pci_bus_type, NULL, device);
	if (!limited)
		return -ENODEV;

	device_lock(limited);
	if (limited->driver || limited->bus_dma_limit)
		err = -EBUSY;
	else
		limited->bus_dma_limit = DMA_BIT_MASK(32);
	device_unlock(limited);
	if (err)
		put_device(limited);
	return err;
}

static void __exit limit_dma_exit(void)
{
	device_lock(limited);
	WARN_ON(limited->driver);
	limited->bus_dma_limit = 0;
	device_unlock(limited);
	put_device(limited);
}

module_init(limit_dma_init);
module_exit(limit_dma_exit);
MODULE_DESCRIPTION("Limit the DMA of a PCI device to 32 bits");
MODULE_LICENSE("GPL");
