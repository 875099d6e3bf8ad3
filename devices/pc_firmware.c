/*
 * What the PC tells its firmware: memory map, boot order, and a kernel to be booted
 * directly, laid out as the documented firmware configuration interface wants it.
 *
 * Linux: a bzImage is handed over in its two parts, the real-mode setup code (with the
 * loader's fields of the boot protocol's header filled in) and the kernel proper.  Any
 * other kernel file is handed over whole, with a setup size of 0.
 */
#include "board.h"

#include <string.h>

#include "roms.h"

#define LINUX_SETUP_ADDRESS 0x10000u
#define LINUX_CMDLINE_ADDRESS 0x20000u
#define LINUX_KERNEL_ADDRESS 0x100000u
/* The most that version 2.02 allows, and what firmware may use at the top of memory. */
#define LINUX_INITRD_MAX 0x37ffffffu
#define LINUX_FIRMWARE_BYTES 0x20000u

enum linux_header {
	LINUX_SETUP_SECTORS = 0x1f1, LINUX_SIGNATURE = 0x202, LINUX_VERSION = 0x206,
	LINUX_LOADER = 0x210, LINUX_FLAGS = 0x211, LINUX_INITRD = 0x218, LINUX_INITRD_SIZE = 0x21c,
	LINUX_HEAP_END = 0x224, LINUX_CMDLINE = 0x228, LINUX_INITRD_LIMIT = 0x22c,
	LINUX_HEADER_END = 0x230
};

static void put_little(uint8_t *bytes, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get_little(const uint8_t *bytes, unsigned size)
{
	uint32_t value = 0;

	while (size-- > 0)
		value = value << 8 | bytes[size];
	return value;
}

/* Bytes of a bzImage's setup code; 0: it is no bzImage. */
static size_t linux_setup_size(const struct cbx_image *kernel)
{
	const uint8_t *bytes = kernel->bytes;
	size_t sectors;

	if (kernel->size < LINUX_HEADER_END || memcmp(bytes + LINUX_SIGNATURE, "HdrS", 4) != 0)
		return 0;
	sectors = bytes[LINUX_SETUP_SECTORS] ? bytes[LINUX_SETUP_SECTORS] : 4;
	return (sectors + 1) * 512 < kernel->size ? (sectors + 1) * 512 : 0;
}

/* As high as kernel and memory allow; 0: no room. */
static uint32_t linux_initrd_address(const uint8_t *setup, uint64_t low_ram, size_t size)
{
	uint64_t limit = LINUX_INITRD_MAX, top = low_ram - LINUX_FIRMWARE_BYTES;

	if (get_little(setup + LINUX_VERSION, 2) >= 0x203)
		limit = get_little(setup + LINUX_INITRD_LIMIT, 4);
	if (top > limit + 1)
		top = limit + 1;
	if (size == 0 || size > top)
		return 0;
	return (uint32_t)((top - size) & ~(uint64_t)4095);
}

static enum cbx_status add_linux(const struct board *board, const struct cbx_pc_options *options,
				 size_t setup_size)
{
	struct fw_cfg *fw_cfg = board->fw_cfg;
	const uint8_t *kernel = options->kernel.bytes;
	uint32_t initrd = linux_initrd_address(kernel, board_low_ram(board), options->initrd.size);
	uint8_t *setup = cbx_machine_allocate(board->device.machine, setup_size);
	enum cbx_status status;

	if (!setup)
		return CBX_ERROR_MEMORY;
	memcpy(setup, kernel, setup_size);
	setup[LINUX_LOADER] = 0xff;     /* a boot loader without a number of its own */
	setup[LINUX_FLAGS] |= 0x80;     /* the heap's end is valid */
	put_little(setup + LINUX_HEAP_END, LINUX_CMDLINE_ADDRESS - LINUX_SETUP_ADDRESS - 0x2200, 2);
	put_little(setup + LINUX_CMDLINE, LINUX_CMDLINE_ADDRESS, 4);
	put_little(setup + LINUX_INITRD, initrd, 4);
	put_little(setup + LINUX_INITRD_SIZE, initrd ? options->initrd.size : 0, 4);
	status = fw_cfg_add(fw_cfg, FW_CFG_SETUP_DATA, setup, setup_size);
	cbx_machine_release(board->device.machine, setup);
	if (status == CBX_OK)
		status = fw_cfg_add_number(fw_cfg, FW_CFG_SETUP_ADDR, LINUX_SETUP_ADDRESS, 4);
	if (status == CBX_OK)
		status = fw_cfg_add_number(fw_cfg, FW_CFG_INITRD_ADDR, initrd, 4);
	return status;
}

/* An item, and another one with its size. */
static enum cbx_status add_sized(struct fw_cfg *fw_cfg, enum fw_cfg_key size_key,
				 enum fw_cfg_key data_key, const void *bytes, size_t size)
{
	enum cbx_status status = fw_cfg_add_number(fw_cfg, size_key, size, 4);

	return status == CBX_OK && size ? fw_cfg_add(fw_cfg, data_key, bytes, size) : status;
}

/* Firmware that does not know the kernel items runs this ROM, and boots it first. */
static enum cbx_status add_linux_rom(struct fw_cfg *fw_cfg)
{
	static const char order[] = "/rom@genroms/linuxboot.bin";
	enum cbx_status status = fw_cfg_add_file(fw_cfg, "genroms/linuxboot.bin",
						 cbx_linuxboot_image, cbx_linuxboot_image_size);

	return status == CBX_OK ? fw_cfg_add_file(fw_cfg, "bootorder", order, sizeof(order)) :
				  status;
}

static enum cbx_status add_kernel(const struct board *board, const struct cbx_pc_options *options)
{
	struct fw_cfg *fw_cfg = board->fw_cfg;
	const char *line = options->kernel_command_line ? options->kernel_command_line : "";
	const uint8_t *kernel = options->kernel.bytes;
	size_t setup_size = linux_setup_size(&options->kernel);
	enum cbx_status status = CBX_OK;

	if (setup_size)
		status = add_linux(board, options, setup_size);
	if (setup_size && status == CBX_OK)
		status = add_linux_rom(fw_cfg);
	if (status == CBX_OK)
		status = fw_cfg_add_number(fw_cfg, FW_CFG_SETUP_SIZE, setup_size, 4);
	if (status == CBX_OK)
		status = fw_cfg_add_number(fw_cfg, FW_CFG_KERNEL_ADDR, LINUX_KERNEL_ADDRESS, 4);
	if (status == CBX_OK)
		status = add_sized(fw_cfg, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA,
				   kernel + setup_size, options->kernel.size - setup_size);
	if (status == CBX_OK)
		status = fw_cfg_add_number(fw_cfg, FW_CFG_CMDLINE_ADDR, LINUX_CMDLINE_ADDRESS, 4);
	if (status == CBX_OK)
		status = add_sized(fw_cfg, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA, line,
				   strlen(line) + 1);
	if (status == CBX_OK)
		status = add_sized(fw_cfg, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA,
				   options->initrd.bytes, options->initrd.size);
	return status;
}

/* One range of the memory map: base, length, type (1: RAM). */
static enum cbx_status add_memory_map(const struct board *board)
{
	uint8_t entries[2][20];
	uint64_t high = board_high_ram(board);

	put_little(entries[0], 0, 8);
	put_little(entries[0] + 8, board_low_ram(board), 8);
	put_little(entries[0] + 16, 1, 4);
	put_little(entries[1], UINT64_C(1) << 32, 8);
	put_little(entries[1] + 8, high, 8);
	put_little(entries[1] + 16, 1, 4);
	return fw_cfg_add_file(board->fw_cfg, "etc/e820", entries,
			       high ? sizeof(entries) : sizeof(entries[0]));
}

/* Firmware that knows no ROM at C0000h finds the VGA BIOS by this name. */
static enum cbx_status add_vga_bios(const struct board *board, const struct cbx_image *image)
{
	if (!image->size)
		return CBX_OK;
	return fw_cfg_add_file(board->fw_cfg, "vgaroms/vgabios.bin", image->bytes, image->size);
}

/* Option ROMs: firmware copies them to where they run. */
static enum cbx_status add_option_roms(struct fw_cfg *fw_cfg, const struct cbx_image *images)
{
	char name[] = "genroms/option0.rom";
	enum cbx_status status = CBX_OK;

	for (unsigned i = 0; i < CBX_OPTION_ROMS && status == CBX_OK; i++) {
		name[14] = (char)('0' + i);
		if (images[i].bytes && images[i].size)
			status = fw_cfg_add_file(fw_cfg, name, images[i].bytes, images[i].size);
	}
	return status;
}

enum cbx_status pc_fill_fw_cfg(const struct board *board, const struct cbx_pc_options *options)
{
	struct fw_cfg *fw_cfg = board->fw_cfg;
	const char *order = options->boot_order ? options->boot_order : "cda";
	uint64_t ram = cbx_ram_size(board->ram);
	enum cbx_status status = fw_cfg_add_number(fw_cfg, FW_CFG_RAM_SIZE, ram, 8);

	if (status == CBX_OK)
		status = fw_cfg_add_number(fw_cfg, FW_CFG_NB_CPUS, 1, 2);
	if (status == CBX_OK)
		status = fw_cfg_add_number(fw_cfg, FW_CFG_MAX_CPUS, 1, 2);
	if (status == CBX_OK)
		status = fw_cfg_add_number(fw_cfg, FW_CFG_NOGRAPHIC, 0, 2);
	if (status == CBX_OK)
		status = fw_cfg_add_number(fw_cfg, FW_CFG_BOOT_DEVICE, (uint8_t)order[0], 2);
	if (status == CBX_OK)
		status = fw_cfg_add_number(fw_cfg, FW_CFG_BOOT_MENU, 0, 2);
	if (status == CBX_OK)
		status = add_memory_map(board);
	if (status == CBX_OK)
		status = add_vga_bios(board, &options->vga_bios);
	if (status == CBX_OK)
		status = add_option_roms(fw_cfg, options->option_rom);
	if (status == CBX_OK && options->kernel.bytes && options->kernel.size)
		status = add_kernel(board, options);
	return status;
}
