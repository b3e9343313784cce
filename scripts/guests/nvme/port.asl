// SPDX-License-Identifier: GPL-2.0
/*
 * What firmware says of a port that a stranger's device can be plugged into:
 * Linux does not trust what is behind it. The port is the one that
 * scripts/guests/nvme/run.sh puts at 00:04.0.
 */
DefinitionBlock ("", "SSDT", 2, "DMAAPI", "EXTPORT", 1)
{
	External (\_SB.PCI0, DeviceObj)
	External (\_SB.PCI0.S20, DeviceObj)

	Scope (\_SB.PCI0.S20)
	{
		Name (_DSD, Package ()
		{
			ToUUID ("efcc06cc-73ac-4bc3-bff0-76143807c389"),
			Package ()
			{
				Package () { "ExternalFacingPort", One },
				Package () { "UID", Zero }
			}
		})
	}
}
