/*
 * What an ACPI operating system has to know about this machine beyond the fixed tables: the PCI
 * root with its windows and interrupt routing, the ISA devices it cannot probe, and how to switch
 * off. dsdt.h holds this compiled; testsuite compares the two where iasl is at hand:
 *     iasl -tc -p dsdt dsdt.asl
 */
DefinitionBlock ("", "DSDT", 1, "CLRBOX", "CLEARBOX", 1)
{
	Name (\_S0, Package (4) { 0x05, 0x05, 0, 0 })
	Name (\_S5, Package (4) { 0, 0, 0, 0 })

	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A03"))
			Name (_UID, 0)
			Name (_CRS, ResourceTemplate ()
			{
				WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
					0, 0, 0xff, 0, 0x100)
				IO (Decode16, 0xcf8, 0xcf8, 1, 8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0, 0xcf7, 0, 0xcf8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0xd00, 0xffff, 0, 0xf300)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
					Cacheable, ReadWrite, 0, 0xa0000, 0xbffff, 0, 0x20000)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
					NonCacheable, ReadWrite, 0, 0xe0000000, 0xfebfffff, 0,
					0x1ec00000)
			})
			Name (_PRT, Package ()
			{
				Package (4) { 0x0001ffff, 0, LNKA, 0 },
				Package (4) { 0x0001ffff, 1, LNKB, 0 },
				Package (4) { 0x0001ffff, 2, LNKC, 0 },
				Package (4) { 0x0001ffff, 3, LNKD, 0 },
				Package (4) { 0x0002ffff, 0, LNKB, 0 },
				Package (4) { 0x0002ffff, 1, LNKC, 0 },
				Package (4) { 0x0002ffff, 2, LNKD, 0 },
				Package (4) { 0x0002ffff, 3, LNKA, 0 },
				Package (4) { 0x0003ffff, 0, LNKC, 0 },
				Package (4) { 0x0003ffff, 1, LNKD, 0 },
				Package (4) { 0x0003ffff, 2, LNKA, 0 },
				Package (4) { 0x0003ffff, 3, LNKB, 0 },
				Package (4) { 0x0004ffff, 0, LNKD, 0 },
				Package (4) { 0x0004ffff, 1, LNKA, 0 },
				Package (4) { 0x0004ffff, 2, LNKB, 0 },
				Package (4) { 0x0004ffff, 3, LNKC, 0 },
				Package (4) { 0x0005ffff, 0, LNKA, 0 },
				Package (4) { 0x0005ffff, 1, LNKB, 0 },
				Package (4) { 0x0005ffff, 2, LNKC, 0 },
				Package (4) { 0x0005ffff, 3, LNKD, 0 },
				Package (4) { 0x0006ffff, 0, LNKB, 0 },
				Package (4) { 0x0006ffff, 1, LNKC, 0 },
				Package (4) { 0x0006ffff, 2, LNKD, 0 },
				Package (4) { 0x0006ffff, 3, LNKA, 0 },
				Package (4) { 0x0007ffff, 0, LNKC, 0 },
				Package (4) { 0x0007ffff, 1, LNKD, 0 },
				Package (4) { 0x0007ffff, 2, LNKA, 0 },
				Package (4) { 0x0007ffff, 3, LNKB, 0 },
				Package (4) { 0x0008ffff, 0, LNKD, 0 },
				Package (4) { 0x0008ffff, 1, LNKA, 0 },
				Package (4) { 0x0008ffff, 2, LNKB, 0 },
				Package (4) { 0x0008ffff, 3, LNKC, 0 },
				Package (4) { 0x0009ffff, 0, LNKA, 0 },
				Package (4) { 0x0009ffff, 1, LNKB, 0 },
				Package (4) { 0x0009ffff, 2, LNKC, 0 },
				Package (4) { 0x0009ffff, 3, LNKD, 0 },
				Package (4) { 0x000affff, 0, LNKB, 0 },
				Package (4) { 0x000affff, 1, LNKC, 0 },
				Package (4) { 0x000affff, 2, LNKD, 0 },
				Package (4) { 0x000affff, 3, LNKA, 0 },
				Package (4) { 0x000bffff, 0, LNKC, 0 },
				Package (4) { 0x000bffff, 1, LNKD, 0 },
				Package (4) { 0x000bffff, 2, LNKA, 0 },
				Package (4) { 0x000bffff, 3, LNKB, 0 },
				Package (4) { 0x000cffff, 0, LNKD, 0 },
				Package (4) { 0x000cffff, 1, LNKA, 0 },
				Package (4) { 0x000cffff, 2, LNKB, 0 },
				Package (4) { 0x000cffff, 3, LNKC, 0 },
				Package (4) { 0x000dffff, 0, LNKA, 0 },
				Package (4) { 0x000dffff, 1, LNKB, 0 },
				Package (4) { 0x000dffff, 2, LNKC, 0 },
				Package (4) { 0x000dffff, 3, LNKD, 0 },
				Package (4) { 0x000effff, 0, LNKB, 0 },
				Package (4) { 0x000effff, 1, LNKC, 0 },
				Package (4) { 0x000effff, 2, LNKD, 0 },
				Package (4) { 0x000effff, 3, LNKA, 0 },
				Package (4) { 0x000fffff, 0, LNKC, 0 },
				Package (4) { 0x000fffff, 1, LNKD, 0 },
				Package (4) { 0x000fffff, 2, LNKA, 0 },
				Package (4) { 0x000fffff, 3, LNKB, 0 },
				Package (4) { 0x0010ffff, 0, LNKD, 0 },
				Package (4) { 0x0010ffff, 1, LNKA, 0 },
				Package (4) { 0x0010ffff, 2, LNKB, 0 },
				Package (4) { 0x0010ffff, 3, LNKC, 0 },
				Package (4) { 0x0011ffff, 0, LNKA, 0 },
				Package (4) { 0x0011ffff, 1, LNKB, 0 },
				Package (4) { 0x0011ffff, 2, LNKC, 0 },
				Package (4) { 0x0011ffff, 3, LNKD, 0 },
				Package (4) { 0x0012ffff, 0, LNKB, 0 },
				Package (4) { 0x0012ffff, 1, LNKC, 0 },
				Package (4) { 0x0012ffff, 2, LNKD, 0 },
				Package (4) { 0x0012ffff, 3, LNKA, 0 },
				Package (4) { 0x0013ffff, 0, LNKC, 0 },
				Package (4) { 0x0013ffff, 1, LNKD, 0 },
				Package (4) { 0x0013ffff, 2, LNKA, 0 },
				Package (4) { 0x0013ffff, 3, LNKB, 0 },
				Package (4) { 0x0014ffff, 0, LNKD, 0 },
				Package (4) { 0x0014ffff, 1, LNKA, 0 },
				Package (4) { 0x0014ffff, 2, LNKB, 0 },
				Package (4) { 0x0014ffff, 3, LNKC, 0 },
				Package (4) { 0x0015ffff, 0, LNKA, 0 },
				Package (4) { 0x0015ffff, 1, LNKB, 0 },
				Package (4) { 0x0015ffff, 2, LNKC, 0 },
				Package (4) { 0x0015ffff, 3, LNKD, 0 },
				Package (4) { 0x0016ffff, 0, LNKB, 0 },
				Package (4) { 0x0016ffff, 1, LNKC, 0 },
				Package (4) { 0x0016ffff, 2, LNKD, 0 },
				Package (4) { 0x0016ffff, 3, LNKA, 0 },
				Package (4) { 0x0017ffff, 0, LNKC, 0 },
				Package (4) { 0x0017ffff, 1, LNKD, 0 },
				Package (4) { 0x0017ffff, 2, LNKA, 0 },
				Package (4) { 0x0017ffff, 3, LNKB, 0 },
				Package (4) { 0x0018ffff, 0, LNKD, 0 },
				Package (4) { 0x0018ffff, 1, LNKA, 0 },
				Package (4) { 0x0018ffff, 2, LNKB, 0 },
				Package (4) { 0x0018ffff, 3, LNKC, 0 },
				Package (4) { 0x0019ffff, 0, LNKA, 0 },
				Package (4) { 0x0019ffff, 1, LNKB, 0 },
				Package (4) { 0x0019ffff, 2, LNKC, 0 },
				Package (4) { 0x0019ffff, 3, LNKD, 0 },
				Package (4) { 0x001affff, 0, LNKB, 0 },
				Package (4) { 0x001affff, 1, LNKC, 0 },
				Package (4) { 0x001affff, 2, LNKD, 0 },
				Package (4) { 0x001affff, 3, LNKA, 0 },
				Package (4) { 0x001bffff, 0, LNKC, 0 },
				Package (4) { 0x001bffff, 1, LNKD, 0 },
				Package (4) { 0x001bffff, 2, LNKA, 0 },
				Package (4) { 0x001bffff, 3, LNKB, 0 },
				Package (4) { 0x001cffff, 0, LNKD, 0 },
				Package (4) { 0x001cffff, 1, LNKA, 0 },
				Package (4) { 0x001cffff, 2, LNKB, 0 },
				Package (4) { 0x001cffff, 3, LNKC, 0 },
				Package (4) { 0x001dffff, 0, LNKA, 0 },
				Package (4) { 0x001dffff, 1, LNKB, 0 },
				Package (4) { 0x001dffff, 2, LNKC, 0 },
				Package (4) { 0x001dffff, 3, LNKD, 0 },
				Package (4) { 0x001effff, 0, LNKB, 0 },
				Package (4) { 0x001effff, 1, LNKC, 0 },
				Package (4) { 0x001effff, 2, LNKD, 0 },
				Package (4) { 0x001effff, 3, LNKA, 0 },
				Package (4) { 0x001fffff, 0, LNKC, 0 },
				Package (4) { 0x001fffff, 1, LNKD, 0 },
				Package (4) { 0x001fffff, 2, LNKA, 0 },
				Package (4) { 0x001fffff, 3, LNKB, 0 }
			})
			Device (ISA)
			{
				Name (_ADR, 0x10000)
				OperationRegion (PIRR, PCI_Config, 0x60, 4)
				Field (PIRR, ByteAcc, NoLock, Preserve)
				{
					PRQA, 8, PRQB, 8, PRQC, 8, PRQD, 8
				}
				Device (KBD)
				{
					Name (_HID, EisaId ("PNP0303"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x60, 0x60, 1, 1)
						IO (Decode16, 0x64, 0x64, 1, 1)
						IRQNoFlags () {1}
					})
				}
				Device (MOU)
				{
					Name (_HID, EisaId ("PNP0F13"))
					Name (_CRS, ResourceTemplate () { IRQNoFlags () {12} })
				}
				Device (RTC)
				{
					Name (_HID, EisaId ("PNP0B00"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x70, 0x70, 2, 2)
						IRQNoFlags () {8}
					})
				}
				Device (PIT)
				{
					Name (_HID, EisaId ("PNP0100"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x40, 0x40, 1, 4)
						IRQNoFlags () {0}
					})
				}
				Device (FPU)
				{
					Name (_HID, EisaId ("PNP0C04"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0xf0, 0xf0, 1, 1)
						IRQNoFlags () {13}
					})
				}
				Device (COM1)
				{
					Name (_HID, EisaId ("PNP0501"))
					Name (_UID, 1)
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x3f8, 0x3f8, 8, 8)
						IRQNoFlags () {4}
					})
				}
			}
		}
		Device (LNKA)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 1)
			Name (_PRS, ResourceTemplate ()
			{
				IRQ (Level, ActiveLow, Shared) {5, 10, 11}
			})
			Method (_STA, 0)
			{
				If (And (\_SB.PCI0.ISA.PRQA, 0x80)) { Return (0x09) }
				Return (0x0b)
			}
			Method (_DIS, 0)
			{
				Or (\_SB.PCI0.ISA.PRQA, 0x80, \_SB.PCI0.ISA.PRQA)
			}
			Method (_CRS, 0, Serialized)
			{
				Name (BUF0, ResourceTemplate () { IRQ (Level, ActiveLow, Shared) {} })
				CreateWordField (BUF0, 1, IRQW)
				Store (0, IRQW)
				If (LNot (And (\_SB.PCI0.ISA.PRQA, 0x80)))
				{
					ShiftLeft (1, And (\_SB.PCI0.ISA.PRQA, 0x0f), IRQW)
				}
				Return (BUF0)
			}
			Method (_SRS, 1)
			{
				CreateWordField (Arg0, 1, IRQN)
				FindSetRightBit (IRQN, Local0)
				If (Local0)
				{
					Store (Subtract (Local0, 1), \_SB.PCI0.ISA.PRQA)
				}
			}
		}

		Device (LNKB)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 2)
			Name (_PRS, ResourceTemplate ()
			{
				IRQ (Level, ActiveLow, Shared) {5, 10, 11}
			})
			Method (_STA, 0)
			{
				If (And (\_SB.PCI0.ISA.PRQB, 0x80)) { Return (0x09) }
				Return (0x0b)
			}
			Method (_DIS, 0)
			{
				Or (\_SB.PCI0.ISA.PRQB, 0x80, \_SB.PCI0.ISA.PRQB)
			}
			Method (_CRS, 0, Serialized)
			{
				Name (BUF0, ResourceTemplate () { IRQ (Level, ActiveLow, Shared) {} })
				CreateWordField (BUF0, 1, IRQW)
				Store (0, IRQW)
				If (LNot (And (\_SB.PCI0.ISA.PRQB, 0x80)))
				{
					ShiftLeft (1, And (\_SB.PCI0.ISA.PRQB, 0x0f), IRQW)
				}
				Return (BUF0)
			}
			Method (_SRS, 1)
			{
				CreateWordField (Arg0, 1, IRQN)
				FindSetRightBit (IRQN, Local0)
				If (Local0)
				{
					Store (Subtract (Local0, 1), \_SB.PCI0.ISA.PRQB)
				}
			}
		}

		Device (LNKC)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 3)
			Name (_PRS, ResourceTemplate ()
			{
				IRQ (Level, ActiveLow, Shared) {5, 10, 11}
			})
			Method (_STA, 0)
			{
				If (And (\_SB.PCI0.ISA.PRQC, 0x80)) { Return (0x09) }
				Return (0x0b)
			}
			Method (_DIS, 0)
			{
				Or (\_SB.PCI0.ISA.PRQC, 0x80, \_SB.PCI0.ISA.PRQC)
			}
			Method (_CRS, 0, Serialized)
			{
				Name (BUF0, ResourceTemplate () { IRQ (Level, ActiveLow, Shared) {} })
				CreateWordField (BUF0, 1, IRQW)
				Store (0, IRQW)
				If (LNot (And (\_SB.PCI0.ISA.PRQC, 0x80)))
				{
					ShiftLeft (1, And (\_SB.PCI0.ISA.PRQC, 0x0f), IRQW)
				}
				Return (BUF0)
			}
			Method (_SRS, 1)
			{
				CreateWordField (Arg0, 1, IRQN)
				FindSetRightBit (IRQN, Local0)
				If (Local0)
				{
					Store (Subtract (Local0, 1), \_SB.PCI0.ISA.PRQC)
				}
			}
		}

		Device (LNKD)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 4)
			Name (_PRS, ResourceTemplate ()
			{
				IRQ (Level, ActiveLow, Shared) {5, 10, 11}
			})
			Method (_STA, 0)
			{
				If (And (\_SB.PCI0.ISA.PRQD, 0x80)) { Return (0x09) }
				Return (0x0b)
			}
			Method (_DIS, 0)
			{
				Or (\_SB.PCI0.ISA.PRQD, 0x80, \_SB.PCI0.ISA.PRQD)
			}
			Method (_CRS, 0, Serialized)
			{
				Name (BUF0, ResourceTemplate () { IRQ (Level, ActiveLow, Shared) {} })
				CreateWordField (BUF0, 1, IRQW)
				Store (0, IRQW)
				If (LNot (And (\_SB.PCI0.ISA.PRQD, 0x80)))
				{
					ShiftLeft (1, And (\_SB.PCI0.ISA.PRQD, 0x0f), IRQW)
				}
				Return (BUF0)
			}
			Method (_SRS, 1)
			{
				CreateWordField (Arg0, 1, IRQN)
				FindSetRightBit (IRQN, Local0)
				If (Local0)
				{
					Store (Subtract (Local0, 1), \_SB.PCI0.ISA.PRQD)
				}
			}
		}
	}
}
