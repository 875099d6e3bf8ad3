/*
 * What an ACPI operating system has to know about the PC beyond the fixed tables: the PCI root with
 * its windows and interrupt routing, the ISA devices it cannot probe, and how to switch off.
 *
 * dsdt.h is this compiled, so that building needs no iasl; bios/test/run.sh compares the two where
 * iasl is at hand:
 *     iasl -tc -p dsdt dsdt.asl && python3 mkdsdt.py dsdt.aml >dsdt.h
 */
DefinitionBlock ("", "DSDT", 2, "CLRBOX", "CLEARBOX", 1)
{
	Name (\_S0, Package (4) { 0x05, 0x05, 0, 0 })
	Name (\_S5, Package (4) { 0, 0, 0, 0 })

	/* 0: interrupts go to the 8259s, 1: to the I/O APIC */
	Name (PICM, 0)
	Method (\_PIC, 1)
	{
		Store (Arg0, PICM)
	}

	Scope (\_SB)
	{
		Device (CPU0)
		{
			Name (_HID, "ACPI0007")
			Name (_UID, 0)
		}

		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A03"))
			Name (_UID, 0)
			/* The last window begins where RAM may end: pc_acpi.c puts that in. */
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

			/*
			 * Pin p of slot s is PIRQ (s - 1 + p) mod 4. A PIRQ goes to the I/O APIC's input
			 * 16, 17, 18 or 19, and by a link device to one of the 8259s'.
			 */
			Method (_PRT, 0, Serialized)
			{
				Name (PINS, Package (124) {})
				Name (PIN, Package (4) { 0, 0, 0, 0 })
				Name (LNK0, Package (4) { 0, 0, LNKA, 0 })
				Name (LNK1, Package (4) { 0, 0, LNKB, 0 })
				Name (LNK2, Package (4) { 0, 0, LNKC, 0 })
				Name (LNK3, Package (4) { 0, 0, LNKD, 0 })

				Store (0, Local0)
				While (LLess (Local0, 124))
				{
					ShiftRight (Local0, 2, Local1)
					And (Local0, 3, Local2)
					And (Add (Local1, Local2), 3, Local3)
					If (PICM)
					{
						Store (PIN, Local4)
						Store (Add (Local3, 16), Index (Local4, 3))
					}
					Else
					{
						If (LEqual (Local3, 0)) { Store (LNK0, Local4) }
						If (LEqual (Local3, 1)) { Store (LNK1, Local4) }
						If (LEqual (Local3, 2)) { Store (LNK2, Local4) }
						If (LEqual (Local3, 3)) { Store (LNK3, Local4) }
					}
					Store (Or (ShiftLeft (Add (Local1, 1), 16), 0xffff),
						Index (Local4, 0))
					Store (Local2, Index (Local4, 1))
					Store (Local4, Index (PINS, Local0))
					Increment (Local0)
				}
				Return (PINS)
			}

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
				Device (PIC)
				{
					Name (_HID, EisaId ("PNP0000"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x20, 0x20, 1, 2)
						IO (Decode16, 0xa0, 0xa0, 1, 2)
						IO (Decode16, 0x4d0, 0x4d0, 1, 2)
						IRQNoFlags () {2}
					})
				}
				Device (DMAC)
				{
					Name (_HID, EisaId ("PNP0200"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x00, 0x00, 1, 16)
						IO (Decode16, 0x80, 0x80, 1, 16)
						IO (Decode16, 0xc0, 0xc0, 1, 32)
						DMA (Compatibility, NotBusMaster, Transfer8_16) {4}
					})
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
				Device (SPKR)
				{
					Name (_HID, EisaId ("PNP0800"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x61, 0x61, 1, 1)
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
				Device (FDC0)
				{
					Name (_HID, EisaId ("PNP0700"))
					/* A machine may have no controller: then its ports read as ones. */
					OperationRegion (FREG, SystemIO, 0x3f4, 1)
					Field (FREG, ByteAcc, NoLock, Preserve) { FMSR, 8 }
					Method (_STA, 0)
					{
						If (LEqual (FMSR, 0xff)) { Return (0) }
						Return (0x0f)
					}
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x3f2, 0x3f2, 1, 4)
						IO (Decode16, 0x3f7, 0x3f7, 1, 1)
						IRQNoFlags () {6}
						DMA (Compatibility, NotBusMaster, Transfer8) {2}
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
				Device (COM2)
				{
					Name (_HID, EisaId ("PNP0501"))
					Name (_UID, 2)
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x2f8, 0x2f8, 8, 8)
						IRQNoFlags () {3}
					})
				}
				Device (LPT1)
				{
					Name (_HID, EisaId ("PNP0400"))
					Name (_UID, 1)
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x378, 0x378, 8, 8)
						IRQNoFlags () {7}
					})
				}
				/* What else the board decodes: power management, SMBus, fast A20, APM, events. */
				Device (BRD)
				{
					Name (_HID, EisaId ("PNP0C02"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x600, 0x600, 1, 0x40)
						IO (Decode16, 0x700, 0x700, 1, 0x10)
						IO (Decode16, 0x92, 0x92, 1, 1)
						IO (Decode16, 0xb2, 0xb2, 1, 2)
						IO (Decode16, 0xafe0, 0xafe0, 1, 4)
					})
				}
			}
		}

		/* Where there is none, its registers read as ones. */
		Device (HPET)
		{
			Name (_HID, EisaId ("PNP0103"))
			Name (_UID, 0)
			OperationRegion (HREG, SystemMemory, 0xfed00000, 0x400)
			Field (HREG, DWordAcc, NoLock, Preserve) { HVEN, 32, HPER, 32 }
			Method (_STA, 0)
			{
				If (LEqual (HPER, 0xffffffff)) { Return (0) }
				Return (0x0f)
			}
			Name (_CRS, ResourceTemplate ()
			{
				Memory32Fixed (ReadOnly, 0xfed00000, 0x400)
			})
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
