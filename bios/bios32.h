/*
 * What the 32-bit half of the BIOS shares: POST, tables, booting and the built-in demo. It runs
 * flat, ring 0, interrupts off, at E0000h; its constants are in ROM, its variables at DATA32_BASE
 * in conventional memory, zeroed whenever POST or INT 18h/19h starts.
 */
#ifndef CLEARBOX_BIOS32_H
#define CLEARBOX_BIOS32_H

#include <stdarg.h>
#include "common.h"
#include "layout.h"

/* Registers for a real-mode call. The struct must be on the stack (below 64 KiB). */
struct bregs {
	REG(a);
	REG(b);
	REG(c);
	REG(d);
	union { u32 esi; u16 si; };
	union { u32 edi; u16 di; };
	union { u32 ebp; u16 bp; };
	u16 ds, es, flags, fs, gs;
} __attribute__((packed));

static inline void insb(u16 port, void *buffer, u32 count)
{
	__asm__ volatile("cld\n\trep insb" : "+D"(buffer), "+c"(count) : "d"(port) : "memory");
}

static inline void insw(u16 port, void *buffer, u32 count)
{
	__asm__ volatile("cld\n\trep insw" : "+D"(buffer), "+c"(count) : "d"(port) : "memory");
}

/* Memory at an absolute address. The compiler may not reason about what lies at a low one. */
static inline void *at(u32 address)
{
	__asm__("" : "+r"(address));
	return (void *)address;
}

#define mem8(address) (*(volatile u8 *)at(address))
#define mem16(address) (*(volatile u16 *)at(address))
#define mem32(address) (*(volatile u32 *)at(address))
#define bda8(offset) mem8(0x400 + (offset))
#define bda16(offset) mem16(0x400 + (offset))
#define bda32(offset) mem32(0x400 + (offset))

static inline u32 ebda_address(void)
{
	return (u32)bda16(BDA_EBDA) << 4;
}

static inline struct bios_info *info(void)
{
	return at(ebda_address() + EBDA_INFO);
}

/* head32.S */
void int16_call(u32 vector, struct bregs *r);
void int16_call_big(u32 vector, struct bregs *r);
void __attribute__((noreturn)) jump_real(u32 cs_ip, struct bregs *r, u32 ss_sp);
void __attribute__((noreturn)) jump_multiboot(u32 entry, u32 mbi);
void bios32_entry(void);
void pcibios_entry(void);

/* string.c */
void *memcpy(void *to, const void *from, u32 count);
void *memset(void *to, int value, u32 count);
int memcmp(const void *a, const void *b, u32 count);
u32 strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, u32 count);

/* console.c */
void put_char(char c);
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void format_text(char *to, u32 size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void set_colour(u8 attribute);
void clear_screen(void);
void goto_xy(u32 x, u32 y);
u32 key_waiting(void);
u32 key_get(void);		/* 0 when there is none: AX of INT 16h */
void serial_mirror(u32 on);
void idle(void);
u32 ticks(void);
void delay_ms(u32 milliseconds);

/* fwcfg.c */
u32 fwcfg_init(void);
void fwcfg_select(u32 item);
void fwcfg_read(void *to, u32 count);
u32 fwcfg_u32(u32 item);
u32 fwcfg_file(u32 index, char *name, u32 *size, u32 *select);

/* pci.c */
u32 pci_read(u32 bdf, u32 reg);
void pci_write(u32 bdf, u32 reg, u32 value);
u8 pci_read8(u32 bdf, u32 reg);
void pci_write8(u32 bdf, u32 reg, u8 value);
u16 pci_read16(u32 bdf, u32 reg);
void pci_write16(u32 bdf, u32 reg, u16 value);
void chipset_init(void);
void pci_init(void);
u32 pci_exists(u32 bdf);
u32 pci_memory(u32 size);

/* rom.c */
struct rom_boot {
	u32 start;			/* CS:IP */
	char name[48];
};

void rom_init(void);
void rom_connect(void);
u32 rom_boot(u32 index, struct rom_boot *boot);
void __attribute__((noreturn)) rom_start(const struct rom_boot *boot);
void shadow_protect(void);

/* drives.c */
void drives_init(void);
const char *drive_model(u32 index);
u32 partition_geometry(const u8 *entry, u32 *heads, u32 *spt);

/* tables.c, acpi.c */
void tables_init(void);
u32 smbios_address(void);	/* where tables_init puts the SMBIOS structures */
void acpi_init(void);

/* summary.c */
void machine_summary(u32 detail);
void show_cpu(void);
void show_memory(void);
void show_drives(void);

/* boot.c, linux.c, multiboot.c, demo.c */
void __attribute__((noreturn)) boot(u32 from_post);
void boot_next(void);
void __attribute__((noreturn)) nothing_to_boot(void);
void note(const char *what, const char *why);
void boot_kernel(void);
void boot_multiboot(u32 size);
void __attribute__((noreturn)) demo(void);
u32 boot_tried(const char **reasons);

#endif
