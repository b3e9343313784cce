# SPDX-License-Identifier: GPL-2.0
# The edu device behind SMMUv3, lazy unless iommu.strict=1 is added by --kernel_args.
from ..qemu_config import QemuArchParams

QEMU_ARCH = QemuArchParams(linux_arch='arm64',
			   kconfig='''
CONFIG_SERIAL_AMBA_PL011=y
CONFIG_SERIAL_AMBA_PL011_CONSOLE=y
CONFIG_PCI_HOST_GENERIC=y
CONFIG_ARM_SMMU_V3=y''',
			   qemu_arch='aarch64',
			   kernel_path='arch/arm64/boot/Image',
			   kernel_command_line='console=ttyAMA0',
			   extra_qemu_params=['-machine', 'virt,iommu=smmuv3,gic-version=3',
					      '-cpu', 'cortex-a57',
					      '-accel', 'tcg',
					      # Waiting for the device costs no time.
					      '-icount', 'shift=0,sleep=off',
					      '-device', 'edu,dma_mask=0xffffffffffffffff',
					      # Memory in a device
					      '-object', 'memory-backend-ram,id=p2p,size=4M',
					      '-device', 'ivshmem-plain,memdev=p2p'])
