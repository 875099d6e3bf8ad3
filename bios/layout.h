/*
 * Addresses and structures that the 16-bit and 32-bit halves of the BIOS share, and that assembly
 * files may include as well. BIOS data area and EBDA as on every AT; offsets in the EBDA above 80h
 * are ours.
 */
#ifndef CLEARBOX_BIOS_LAYOUT_H
#define CLEARBOX_BIOS_LAYOUT_H

#define SEG_BIOS	0xf000
#define SEG_BDA		0x0040
#define EBDA_SEG	0x9fc0	/* where POST puts it; services follow 40:0Eh, since it may be moved */

#define PMBASE		0x600	/* the ACPI tables of the machine expect it there */
#define SMBBASE		0x700
#define PM_TIMER_HZ	3579545

#define STACK32_TOP	0x7000	/* stack of the 32-bit half: below 64 KiB, so that SS = 0 reaches it */
#define DATA32_BASE	0x80000	/* its variables */

/* offsets in the BIOS data area */
#define BDA_COM		0x00
#define BDA_LPT		0x08
#define BDA_EBDA	0x0e
#define BDA_EQUIPMENT	0x10
#define BDA_MEM_KIB	0x13
#define BDA_KBD_FLAGS	0x17
#define BDA_KBD_FLAGS2	0x18
#define BDA_KBD_ALTNUM	0x19
#define BDA_KBD_HEAD	0x1a
#define BDA_KBD_TAIL	0x1c
#define BDA_FD_RECAL	0x3e
#define BDA_FD_MOTOR	0x3f
#define BDA_FD_TIMEOUT	0x40
#define BDA_FD_STATUS	0x41
#define BDA_FD_RESULT	0x42
#define BDA_CRT_MODE	0x49
#define BDA_TIMER	0x6c
#define BDA_TIMER_OVER	0x70
#define BDA_BREAK	0x71
#define BDA_RESET_FLAG	0x72
#define BDA_HD_STATUS	0x74
#define BDA_HD_COUNT	0x75
#define BDA_LPT_TIMEOUT	0x78
#define BDA_COM_TIMEOUT	0x7c
#define BDA_KBD_START	0x80
#define BDA_KBD_END	0x82
#define BDA_FD_RATE	0x8b
#define BDA_HD_FLAG	0x8e
#define BDA_FD_CHANGE	0x90	/* media state, one byte a drive */
#define BDA_FD_TRACK	0x94
#define BDA_KBD_MODE	0x96
#define BDA_KBD_LEDS	0x97
#define BDA_WAIT_PTR	0x98
#define BDA_WAIT_COUNT	0x9c
#define BDA_WAIT_FLAG	0xa0

/* offsets in the EBDA */
#define EBDA_SIZE_KIB	0x00
#define EBDA_MOUSE_PTR	0x22	/* far pointer to the pointing-device driver */
#define EBDA_MOUSE_FLAG1 0x26
#define EBDA_MOUSE_FLAG2 0x27
#define EBDA_MOUSE_DATA	0x28	/* eight bytes of packet */
#define EBDA_FDPT0	0x3d	/* fixed disk parameter tables, INT 41h and 46h */
#define EBDA_FDPT1	0x4d
#define EBDA_INFO	0x80	/* struct bios_info */

#define MAX_DRIVES	4

#define DRIVE_NONE	0
#define DRIVE_ATA	1
#define DRIVE_ATAPI	2

#define CD_EMU_NONE	0	/* what a booted CD pretends to be: El Torito media types */
#define CD_EMU_FLOPPY	1
#define CD_EMU_DISK	4

#ifndef __ASSEMBLER__

struct drive {
	unsigned char type;
	unsigned char slave;		/* 00h or 10h, the bit in the drive register */
	unsigned char lba48;
	unsigned char channel;
	unsigned short io;
	unsigned short control;
	unsigned short cylinders;	/* the drive's own geometry */
	unsigned short heads;
	unsigned short spt;
	unsigned short bios_cylinders;	/* what INT 13h shows */
	unsigned short bios_heads;
	unsigned short bios_spt;
	unsigned int sectors;		/* low and high half */
	unsigned int sectors_high;
	unsigned char use_lba;
	unsigned char removable;
	unsigned short block;		/* bytes a sector: 512 or 2048 */
	unsigned char locked;
	unsigned char pad[3];
} __attribute__((packed));

struct bios_info {
	struct drive drive[MAX_DRIVES];
	unsigned char disk_count;	/* hard disks, in INT 13h order */
	unsigned char disk[MAX_DRIVES];
	unsigned char cd_count;
	unsigned char cd[MAX_DRIVES];
	unsigned char floppies;		/* number of floppy drives */
	unsigned char pci_last_bus;
	unsigned int mem_low;		/* bytes of RAM below 4 GiB */
	unsigned int mem_high_64k;	/* RAM above 4 GiB in 64 KiB units */
	unsigned int acpi_base;		/* ACPI tables at the top of low RAM */
	unsigned int acpi_size;
	/* El Torito */
	unsigned char emu;		/* CD_EMU_*, 0 when no emulation is on */
	unsigned char emu_active;	/* an emulated drive is being shown */
	unsigned char emu_drive;	/* INT 13h number of it */
	unsigned char emu_cd;		/* which drive[] holds the CD */
	unsigned int emu_lba;
	unsigned int emu_sectors;	/* 512-byte ones */
	unsigned short emu_cylinders;
	unsigned short emu_heads;
	unsigned short emu_spt;
	unsigned short emu_segment;
	unsigned short emu_load_count;
	unsigned char emu_media;
	unsigned char emu_booted;	/* a CD was booted: INT 13h AH=4Bh answers */
	unsigned char mouse_count;	/* bytes of the current packet seen */
	unsigned char mouse_size;
	unsigned char boot_drive;
	char model[MAX_DRIVES][41];	/* what the drives call themselves */
	unsigned char boot_step;	/* which entry of the boot order is being tried */
	unsigned char boot_rom;		/* and which of the ROMs' entries, from 1; 0: it is no ROM */
	unsigned int rom_int19;		/* where INT 19h led that a ROM took; 0: none did */
} __attribute__((packed));

#endif
#endif
