/*
 * What the real-mode services share. They run on the caller's stack with CS = DS = ES = F000h and
 * GS = 40h, so DS never equals SS: no local variable may have its address taken (the build checks
 * this in the disassembly), the caller's registers are reached through SS, the BIOS data area
 * through GS, and everything else through FS, which set_fs() aims. Nothing here needs more than
 * an 80386, protected mode or ring 0, so that the services also work in virtual-8086 mode.
 */
#ifndef CLEARBOX_BIOS16_H
#define CLEARBOX_BIOS16_H

#include "layout.h"

#define GS __attribute__((address_space(256)))
#define FS __attribute__((address_space(257)))
#define SS __attribute__((address_space(258)))

#include "common.h"

#define F_CF 0x0001
#define F_ZF 0x0040
#define F_IF 0x0200

static inline void set_fs(u16 segment)
{
	__asm__ volatile("movw %w0, %%fs" : : "r"(segment) : "memory");
}

#define fs8(offset) (*(volatile u8 FS *)(u32)(offset))
#define fs16(offset) (*(volatile u16 FS *)(u32)(offset))
#define fs32(offset) (*(volatile u32 FS *)(u32)(offset))

#define bda8(offset) (*(volatile u8 GS *)(u32)(offset))
#define bda16(offset) (*(volatile u16 GS *)(u32)(offset))
#define bda32(offset) (*(volatile u32 GS *)(u32)(offset))

#define INFO_AT(field) (EBDA_INFO + __builtin_offsetof(struct bios_info, field))

static inline void set_fs_ebda(void)
{
	set_fs(bda16(BDA_EBDA));
}

/* Each of these aims FS anew, so they may be mixed with any other far access. */
static inline u8 far8(u16 segment, u16 offset)
{
	set_fs(segment);
	return fs8(offset);
}

static inline u16 far16(u16 segment, u16 offset)
{
	set_fs(segment);
	return fs16(offset);
}

static inline u32 far32(u16 segment, u16 offset)
{
	set_fs(segment);
	return fs32(offset);
}

static inline void put8(u16 segment, u16 offset, u8 value)
{
	set_fs(segment);
	fs8(offset) = value;
}

static inline void put16(u16 segment, u16 offset, u16 value)
{
	set_fs(segment);
	fs16(offset) = value;
}

static inline void put32(u16 segment, u16 offset, u32 value)
{
	set_fs(segment);
	fs32(offset) = value;
}

static inline u8 info8(u32 at)
{
	set_fs_ebda();
	return fs8(at);
}

static inline u16 info16(u32 at)
{
	set_fs_ebda();
	return fs16(at);
}

static inline u32 info32(u32 at)
{
	set_fs_ebda();
	return fs32(at);
}

static inline void info_put8(u32 at, u8 value)
{
	set_fs_ebda();
	fs8(at) = value;
}

static inline void irq_on(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline void irq_off(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline void wait_irq(void)
{
	__asm__ volatile("sti\n\thlt" : : : "memory");
}

/* Port strings to and from a far buffer; count in units of the name. Offsets must not wrap. */
static inline void far_insw(u16 port, u16 segment, u16 offset, u32 count)
{
	u32 at = offset;

	__asm__ volatile("pushw %%es\n\tmovw %w3, %%es\n\tcld\n\t.byte 0x67; rep insw\n\tpopw %%es"
			 : "+D"(at), "+c"(count) : "d"(port), "a"(segment) : "memory");
}

static inline void far_insl(u16 port, u16 segment, u16 offset, u32 count)
{
	u32 at = offset;

	__asm__ volatile("pushw %%es\n\tmovw %w3, %%es\n\tcld\n\t.byte 0x67; rep insl\n\tpopw %%es"
			 : "+D"(at), "+c"(count) : "d"(port), "a"(segment) : "memory");
}

static inline void far_outsl(u16 port, u16 segment, u16 offset, u32 count)
{
	u32 at = offset;

	__asm__ volatile("pushw %%ds\n\tmovw %w3, %%ds\n\tcld\n\t.byte 0x67; rep outsl\n\tpopw %%ds"
			 : "+S"(at), "+c"(count) : "d"(port), "a"(segment) : "memory");
}

static inline void far_copy(u16 to_segment, u16 to, u16 from_segment, u16 from, u32 count)
{
	u32 di = to;
	u32 si = from;

	__asm__ volatile("pushw %%es\n\tpushw %%ds\n\tmovw %w3, %%es\n\tmovw %w4, %%ds\n\tcld\n\t"
			 ".byte 0x67; rep movsb\n\tpopw %%ds\n\tpopw %%es"
			 : "+D"(di), "+S"(si), "+c"(count) : "a"(to_segment), "d"(from_segment)
			 : "memory");
}

/* entry16.S */
void call_int15_90(u32 ax);	/* INT 15h with this AX: device busy / interrupt complete hooks */
u32 call_int15_4f(u32 scancode);	/* keyboard intercept: scan code, or 100h to drop it */
void call_vector(u32 number);	/* a software interrupt with no arguments */
void call_mouse_driver(u32 far_pointer, u32 word0, u32 word1);

/* time.c */
u32 pm_now(void);
u32 pm_elapsed(u32 start);
u32 second_passed(u32 start, u32 polls);
void delay_us(u32 microseconds);

/* ata.c */
u32 ata_transfer(u32 drive_at, u32 lba, u32 lba_high, u32 count, u32 buffer, u32 mode);
u32 ata_simple(u32 drive_at, u8 command);
u32 ata_reset(u32 drive_at);
u32 cd_read(u32 drive_at, u32 lba, u32 count, u32 buffer);
u32 cd_read_part(u32 drive_at, u32 lba512, u32 count, u32 buffer);
u32 cd_command(u32 drive_at, u32 op, u32 arg);

#define ATA_READ 0
#define ATA_WRITE 1
#define ATA_VERIFY 2

/* disk.c, floppy.c, and so on: one function per software interrupt */
void int13(struct regs SS *r);
void floppy_int13(struct regs SS *r);
u32 far_on(u32 pointer, u32 bytes);
void disk_return(struct regs SS *r, u8 status);

#endif
