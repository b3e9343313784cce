# SPDX-License-Identifier: GPL-2.0
# The edu device behind an AMD IOMMU, which is strict in QEMU.
from ..qemu_config import QemuArchParams

QEMU_ARCH = QemuArchParams(linux_arch='x86_64',
			   kconfig='''
CONFIG_SERIAL_8250=y
CONFIG_SERIAL_8250_CONSOLE=y
CONFIG_ACPI=y
CONFIG_AMD_IOMMU=y''',
			   qemu_arch='x86_64',
			   kernel_path='arch/x86/boot/bzImage',
			   kernel_command_line='console=ttyS0',
			   extra_qemu_params=['-bios', 'qboot.rom',
					      '-machine', 'q35,kernel-irqchip=split',
					      '-accel', 'tcg',
					      # Waiting for the device costs no time.
					      '-icount', 'shift=0,sleep=off',
					      '-device', 'amd-iommu,intremap=off',
					      '-device', 'edu,dma_mask=0xffffffffffffffff',
					      # Memory in a device
					      '-object', 'memory-backend-ram,id=p2p,size=4M',
					      '-device', 'ivshmem-plain,memdev=p2p'])
