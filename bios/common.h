/*
 * What both halves of the BIOS have: the frame of a service's caller, ports, CMOS.
 */
#ifndef CLEARBOX_BIOS_COMMON_H
#define CLEARBOX_BIOS_COMMON_H

#include "types.h"

#define REG(name) union { u32 e##name##x; u16 name##x; struct { u8 name##l, name##h; }; }

/* As the entry code pushes it; with SS or without, by who looks. */
struct regs {
	union { u32 edi; u16 di; };
	union { u32 esi; u16 si; };
	union { u32 ebp; u16 bp; };
	u32 esp;
	REG(b);
	REG(d);
	REG(c);
	REG(a);
	u16 gs, fs, es, ds;
	u16 ip, cs, flags;
} __attribute__((packed));

static inline u8 inb(u16 port)
{
	u8 value;

	__asm__ volatile("inb %w1, %b0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline u16 inw(u16 port)
{
	u16 value;

	__asm__ volatile("inw %w1, %w0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline u32 inl(u16 port)
{
	u32 value;

	__asm__ volatile("inl %w1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void outb(u16 port, u8 value)
{
	__asm__ volatile("outb %b0, %w1" : : "a"(value), "Nd"(port));
}

static inline void outw(u16 port, u16 value)
{
	__asm__ volatile("outw %w0, %w1" : : "a"(value), "Nd"(port));
}

static inline void outl(u16 port, u32 value)
{
	__asm__ volatile("outl %0, %w1" : : "a"(value), "Nd"(port));
}

static inline u8 cmos_read(u8 index)
{
	outb(0x70, index);
	return inb(0x71);
}

static inline void cmos_write(u8 index, u8 value)
{
	outb(0x70, index);
	outb(0x71, value);
}

#endif
