/*
 * Multiboot 1 (specification 0.6.96) images given through the firmware configuration device: the
 * whole file is the "kernel" item. ELF32 program headers or the a.out-kludge addresses say where
 * it goes; the "initrd" item becomes the one module.
 */
#include "bios32.h"

#define KERNEL_DATA 0x11
#define INITRD_SIZE 0x0b
#define INITRD_DATA 0x12
#define CMDLINE_SIZE 0x14
#define CMDLINE_DATA 0x15

#define MAGIC 0x1badb002

/* mbi and what it points to live here, below the stack of the 32-bit half */
#define MBI_AT 0x50000

struct mbi {
	u32 flags;
	u32 mem_lower, mem_upper;
	u32 boot_device;
	u32 cmdline;
	u32 mods_count, mods_addr;
	u32 syms[4];
	u32 mmap_length, mmap_addr;
	u32 drives_length, drives_addr;
	u32 config_table;
	u32 boot_loader_name;
	u32 apm_table;
};

struct module {
	u32 start, end, string, reserved;
};

static u32 get32(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static u32 get16(const u8 *p)
{
	return p[0] | (u32)p[1] << 8;
}

/* Memory map from our own INT 15h E820, so that the two agree. */
static u32 memory_map(u32 to)
{
	u32 start = to;
	struct bregs r;

	memset(&r, 0, sizeof(r));
	do {
		r.eax = 0xe820;
		r.edx = 0x534d4150;
		r.ecx = 20;
		r.es = (u16)(to >> 4);
		r.di = (u16)((to & 15) + 4);
		int16_call(0x15, &r);
		if (r.flags & 1)
			break;
		mem32(to) = 20;
		to += 24;
	} while (r.ebx);
	return to - start;
}

/* Place a segment; what does not lie in usable RAM is refused. */
static u32 place(u32 to, const u8 *from, u32 file_size, u32 memory_size, u32 limit)
{
	if (to < 0x100000 || memory_size < file_size || to + memory_size < to ||
	    to + memory_size > limit)
		return 0;
	memcpy(at(to), from, file_size);
	memset(at(to + file_size), 0, memory_size - file_size);
	return 1;
}

static u32 load_elf(const u8 *file, u32 size, u32 limit, u32 *end)
{
	u32 entry = get32(file + 24);
	u32 headers = get32(file + 28);
	u32 each = get16(file + 42);
	u32 count = get16(file + 44);
	u32 i;
	u32 base = 0;

	if (each < 32 || headers > size || count * each > size - headers)
		return 0;
	for (i = 0; i < count; i++) {
		const u8 *p = file + headers + i * each;
		u32 offset = get32(p + 4);
		u32 to = get32(p + 12);
		u32 file_size = get32(p + 16);
		u32 memory_size = get32(p + 20);

		if (get32(p) != 1)
			continue;
		if (offset > size || file_size > size - offset ||
		    !place(to, file + offset, file_size, memory_size, limit))
			return 0;
		if (to + memory_size > *end)
			*end = to + memory_size;
		/* an entry given as a virtual address of this segment */
		if (entry - get32(p + 8) < memory_size)
			base = to + entry - get32(p + 8);
	}
	return base ? base : entry;
}

static u32 load_addresses(const u8 *file, u32 size, u32 header, u32 limit, u32 *end)
{
	u32 header_addr = get32(file + header + 12);
	u32 load = get32(file + header + 16);
	u32 load_end = get32(file + header + 20);
	u32 bss_end = get32(file + header + 24);
	u32 offset = header - (header_addr - load);
	u32 length;

	if (header_addr < load || header_addr - load > header)
		return 0;
	length = load_end ? load_end - load : size - offset;
	if (length > size - offset)
		return 0;
	if (bss_end < load + length)
		bss_end = load + length;
	if (!place(load, file + offset, length, bss_end - load, limit))
		return 0;
	*end = bss_end;
	return get32(file + header + 28);
}

void boot_multiboot(u32 size)
{
	struct mbi *mbi = at(MBI_AT);
	struct module *module = at(MBI_AT + 0x80);
	u32 limit = info()->acpi_base;
	u32 initrd_size = fwcfg_u32(INITRD_SIZE);
	u32 cmdline_size = fwcfg_u32(CMDLINE_SIZE);
	u32 end = 0x100000;
	u32 entry;
	u32 header;
	u32 flags;
	u8 *file;

	/* the file waits at the top of memory, below the module */
	if (size + initrd_size > limit - 0x200000 || size + initrd_size < size) {
		note("Kernel", "does not fit into memory with its module");
		return;
	}
	if (initrd_size) {
		limit = (limit - initrd_size) & ~0xfffu;
		fwcfg_select(INITRD_DATA);
		fwcfg_read(at(limit), initrd_size);
	}
	file = at((limit - size) & ~0xfffu);
	fwcfg_select(KERNEL_DATA);
	fwcfg_read(file, size);
	for (header = 0; header + 32 <= size && header < 8192; header += 4) {
		flags = get32(file + header + 4);
		if (get32(file + header) == MAGIC && !(MAGIC + flags + get32(file + header + 8)))
			break;
	}
	if (header + 32 > size || header >= 8192) {
		note("Kernel", "is neither a Linux bzImage nor a Multiboot image");
		return;
	}
	flags = get32(file + header + 4);
	if (flags & 0xfffc & ~7u)
		note("Kernel", "asks for Multiboot features that are not there");
	if (flags & 0x10000)
		entry = load_addresses(file, size, header, (u32)file, &end);
	else if (!memcmp(file, "\177ELF\001\001", 6))
		entry = load_elf(file, size, (u32)file, &end);
	else
		entry = 0;
	if (!entry) {
		note("Kernel", "is a Multiboot image of a bad format or with bad addresses");
		return;
	}
	memset(mbi, 0, 0x1000);
	if (cmdline_size > 0x4000)
		cmdline_size = 0x4000;
	if (cmdline_size) {
		fwcfg_select(CMDLINE_DATA);
		fwcfg_read(at(MBI_AT + 0x1000), cmdline_size);
	}
	mem8(MBI_AT + 0x1000 + cmdline_size) = 0;
	mbi->flags = 0x0001 | 0x0004 | 0x0040 | 0x0200;
	mbi->mem_lower = bda16(BDA_MEM_KIB);
	mbi->mem_upper = info()->acpi_base / 1024 - 1024;
	mbi->cmdline = MBI_AT + 0x1000;
	mbi->mmap_addr = MBI_AT + 0x100;
	mbi->mmap_length = memory_map(MBI_AT + 0x100);
	mbi->boot_loader_name = MBI_AT + 0xf00;
	memcpy(at(MBI_AT + 0xf00), "Clearbox", 9);
	if (initrd_size) {
		mbi->flags |= 0x0008;
		mbi->mods_count = 1;
		mbi->mods_addr = (u32)module;
		module->start = limit;
		module->end = limit + initrd_size;
		module->string = MBI_AT + 0x1000;
	}
	jump_multiboot(entry, MBI_AT);
}
