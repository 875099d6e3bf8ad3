/*
 * Booting a kernel that the machine was given directly: items 07h-18h of the firmware
 * configuration device. Linux by the x86 boot protocol (Documentation/arch/x86/boot.rst in its
 * source), anything with a Multiboot header by multiboot.c.
 */
#include "bios32.h"

#define KERNEL_SIZE 0x08
#define INITRD_SIZE 0x0b
#define KERNEL_DATA 0x11
#define INITRD_DATA 0x12
#define CMDLINE_SIZE 0x14
#define CMDLINE_DATA 0x15
#define SETUP_SIZE 0x17
#define SETUP_DATA 0x18

#define SETUP_AT 0x10000
#define CMDLINE_AT 0x20000
#define HEAP_END 0xe000

/* As high as RAM and the kernel allow, but not into what the kernel needs to unpack itself. */
static u32 load_initrd(u32 size, u32 lowest, u32 highest)
{
	u32 top = info()->acpi_base;
	u32 address;

	if (top - 1 > highest)
		top = highest + 1;
	if (top <= lowest || size > top - lowest)
		return 0;
	address = (top - size) & ~0xfffu;
	fwcfg_select(INITRD_DATA);
	fwcfg_read(at(address), size);
	return address;
}

/*
 * "vga=" on the command line is a matter between boot loader and setup code: a number, or normal,
 * ext or ask. Returns the value for vid_mode.
 */
static u32 video_mode(const char *cmdline)
{
	const char *p;
	u32 value = 0;
	u32 base = 10;

	for (p = cmdline; *p; p++)
		if (!strncmp(p, "vga=", 4) && (p == cmdline || p[-1] == ' '))
			break;
	if (!*p || !strncmp(p += 4, "normal", 6))
		return 0xffff;
	if (!strncmp(p, "ext", 3))
		return 0xfffe;
	if (!strncmp(p, "ask", 3))
		return 0xfffd;
	if (p[0] == '0' && (p[1] | 0x20) == 'x') {
		base = 16;
		p += 2;
	}
	for (;; p++) {
		u32 digit = (u32)*p - '0';

		if (digit > 9)
			digit = ((u32)*p | 0x20) - 'a' + 10;
		if (digit >= base)
			return value & 0xffff;
		value = value * base + digit;
	}
}

static void boot_linux(u32 setup_size, u32 kernel_size)
{
	struct bregs r;
	u32 version;
	u32 initrd_size = fwcfg_u32(INITRD_SIZE);
	u32 cmdline_size = fwcfg_u32(CMDLINE_SIZE);
	u32 highest = 0x37ffffff;

	if (setup_size > 0x8000 + 512) {
		note("Kernel", "its real-mode part is too large");
		return;
	}
	fwcfg_select(SETUP_DATA);
	fwcfg_read(at(SETUP_AT), setup_size);
	if (mem32(SETUP_AT + 0x202) != 0x53726448) {	/* "HdrS" */
		note("Kernel", "is no Linux bzImage, its header signature is missing");
		return;
	}
	version = mem16(SETUP_AT + 0x206);
	if (version < 0x202 || !(mem8(SETUP_AT + 0x211) & 1)) {
		note("Kernel", "is no bzImage of boot protocol 2.02 or later");
		return;
	}
	mem8(SETUP_AT + 0x210) = 0xff;	/* boot loader: none with a number of its own */
	mem8(SETUP_AT + 0x211) |= 0x80;	/* heap_end_ptr is valid */
	mem16(SETUP_AT + 0x224) = HEAP_END - 0x200;
	if (cmdline_size > 0x10000)
		cmdline_size = 0x10000;
	if (cmdline_size) {
		fwcfg_select(CMDLINE_DATA);
		fwcfg_read(at(CMDLINE_AT), cmdline_size);
	}
	mem8(CMDLINE_AT + cmdline_size) = 0;
	mem16(SETUP_AT + 0x1fa) = (u16)video_mode(at(CMDLINE_AT));
	mem32(SETUP_AT + 0x228) = CMDLINE_AT;
	if (version >= 0x203)
		highest = mem32(SETUP_AT + 0x22c);
	if (kernel_size > info()->acpi_base - 0x100000) {
		note("Kernel", "does not fit into memory");
		return;
	}
	fwcfg_select(KERNEL_DATA);
	fwcfg_read(at(0x100000), kernel_size);
	if (initrd_size) {
		u32 lowest = 0x100000 + kernel_size;
		u32 address;

		if (version >= 0x20a) {
			/* pref_address and init_size */
			u32 end = mem32(SETUP_AT + 0x258) + mem32(SETUP_AT + 0x260);

			if (!mem32(SETUP_AT + 0x25c) && end > lowest)
				lowest = end;
		}
		address = load_initrd(initrd_size, (lowest + 0xfff) & ~0xfffu, highest);

		if (!address) {
			note("Kernel", "its initial RAM disk does not fit into memory");
			return;
		}
		mem32(SETUP_AT + 0x218) = address;
		mem32(SETUP_AT + 0x21c) = initrd_size;
	}
	memset(&r, 0, sizeof(r));
	r.ds = r.es = r.fs = r.gs = SETUP_AT >> 4;
	r.flags = 0x0002;
	clear_screen();
	jump_real((SETUP_AT + 0x200) >> 4 << 16, &r, (SETUP_AT >> 4) << 16 | HEAP_END);
}

void boot_kernel(void)
{
	u32 kernel_size = fwcfg_u32(KERNEL_SIZE);
	u32 setup_size = fwcfg_u32(SETUP_SIZE);

	if (!kernel_size)
		return;
	if (setup_size)
		boot_linux(setup_size, kernel_size);
	else
		boot_multiboot(kernel_size);
}
