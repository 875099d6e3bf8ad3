/*
 * The PC's ACPI tables (ACPI specification 2.0), given to firmware as files with a script that
 * says where they go and how they are linked and summed: the interface that QEMU documents as
 * "etc/table-loader".  Our BIOS and SeaBIOS carry the script out.
 *
 * RSDP -> RSDT and XSDT -> FADT (-> DSDT, FACS), MADT and HPET where there is an I/O APIC.
 */
#include "board.h"

#include <string.h>

#include "acpi/dsdt.h"

#define FILE_RSDP "etc/acpi/rsdp"
#define FILE_TABLES "etc/acpi/tables"
#define FILE_FACS "etc/acpi/facs"
#define FILE_LOADER "etc/table-loader"

/* Where firmware puts the PIIX4's power management registers. */
enum { PMBASE = 0x600 };
enum { ACPI_IRQ = 9, SMI_COMMAND = 0xb2, RESET_PORT = 0xcf9, RESET_VALUE = 6, CMOS_CENTURY = 0x32 };
enum { TABLES_MAX = 8192, LOADER_ENTRY = 128, LOADER_MAX = 32, NAME_BYTES = 56, HEADER_BYTES = 36 };
enum { FADT_BYTES = 244, RSDP_BYTES = 36, FACS_BYTES = 64 };
enum { COMMAND_ALLOCATE = 1, COMMAND_POINTER = 2, COMMAND_CHECKSUM = 3 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };

struct acpi {
	uint8_t tables[TABLES_MAX];
	uint8_t rsdp[RSDP_BYTES];
	uint8_t facs[FACS_BYTES];
	uint8_t loader[LOADER_MAX * LOADER_ENTRY];
	unsigned size;                  /* of the tables so far */
	unsigned commands;
};

static void put(uint8_t *bytes, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

/* ---- The script ------------------------------------------------------------------------- */

static uint8_t *loader_entry(struct acpi *acpi, unsigned command)
{
	uint8_t *entry = acpi->loader + acpi->commands++ % LOADER_MAX * LOADER_ENTRY;

	put(entry, command, 4);
	return entry + 4;
}

static void loader_allocate(struct acpi *acpi, const char *file, unsigned align, uint8_t zone)
{
	uint8_t *entry = loader_entry(acpi, COMMAND_ALLOCATE);

	memcpy(entry, file, strlen(file));
	put(entry + NAME_BYTES, align, 4);
	entry[NAME_BYTES + 4] = zone;
}

/* The size bytes at offset of file are an offset into another file: make that an address. */
static void loader_pointer(struct acpi *acpi, const char *file, unsigned offset, uint8_t size,
			   const char *to)
{
	uint8_t *entry = loader_entry(acpi, COMMAND_POINTER);

	memcpy(entry, file, strlen(file));
	memcpy(entry + NAME_BYTES, to, strlen(to));
	put(entry + 2 * NAME_BYTES, offset, 4);
	entry[2 * NAME_BYTES + 4] = size;
}

static void loader_checksum(struct acpi *acpi, const char *file, unsigned at, unsigned start,
			    unsigned length)
{
	uint8_t *entry = loader_entry(acpi, COMMAND_CHECKSUM);

	memcpy(entry, file, strlen(file));
	put(entry + NAME_BYTES, at, 4);
	put(entry + NAME_BYTES + 4, start, 4);
	put(entry + NAME_BYTES + 8, length, 4);
}

/* ---- Tables ------------------------------------------------------------------------------- */

/* Room for a table; its header, but for the checksum. */
static uint8_t *table_begin(struct acpi *acpi, const char *signature, unsigned length,
			    uint8_t revision)
{
	uint8_t *table = acpi->tables + acpi->size;

	memcpy(table, signature, 4);
	put(table + 4, length, 4);
	table[8] = revision;
	memcpy(table + 10, "CLRBOXCLEARBOX", 14);
	put(table + 24, 1, 4);
	memcpy(table + 28, "CBX ", 4);
	put(table + 32, 1, 4);
	return table;
}

/* The table is complete; pointers in it may follow in the script, its checksum comes last. */
static unsigned table_end(struct acpi *acpi, unsigned length)
{
	unsigned at = acpi->size;

	acpi->size = (at + length + 15) & ~15u;
	return at;
}

static void table_checksum(struct acpi *acpi, unsigned at, unsigned length)
{
	loader_checksum(acpi, FILE_TABLES, at + 9, at, length);
}

/* The PCI window begins above RAM; firmware may use it from 2 GiB on. */
static unsigned add_dsdt(struct acpi *acpi, uint64_t low_ram)
{
	uint32_t start = UINT32_C(0x80000000), end = UINT32_C(0xfec00000);
	unsigned at;

	while (start < low_ram && start < UINT32_C(0xe0000000))
		start += UINT32_C(0x10000000);
	memcpy(acpi->tables + acpi->size, dsdt_aml, sizeof(dsdt_aml));
	put(acpi->tables + acpi->size + DSDT_WINDOW, start, 4);
	put(acpi->tables + acpi->size + DSDT_WINDOW + 12, end - start, 4);
	at = table_end(acpi, sizeof(dsdt_aml));
	table_checksum(acpi, at, sizeof(dsdt_aml));
	return at;
}

/* A generic address: ports. */
static void put_address(uint8_t *bytes, unsigned port, unsigned port_bytes)
{
	bytes[0] = 1;                   /* I/O space */
	bytes[1] = (uint8_t)(8 * port_bytes);
	put(bytes + 4, port, 8);
}

static unsigned add_fadt(struct acpi *acpi, unsigned dsdt)
{
	uint8_t *table = table_begin(acpi, "FACP", FADT_BYTES, 3);
	unsigned at;

	put(table + 40, dsdt, 4);
	table[45] = 1;                  /* a desktop computer */
	put(table + 46, ACPI_IRQ, 2);
	put(table + 48, SMI_COMMAND, 4);
	table[52] = PIIX4_PM_ACPI_ENABLE;
	table[53] = PIIX4_PM_ACPI_DISABLE;
	put(table + 56, PMBASE, 4);             /* PM1 events, control, timer, GPE0 */
	put(table + 64, PMBASE + 4, 4);
	put(table + 76, PMBASE + 8, 4);
	put(table + 80, PMBASE + 12, 4);
	table[88] = 4;
	table[89] = 2;
	table[91] = 4;
	table[92] = 4;
	put(table + 96, 0x0fff, 2);             /* no C2, no C3 */
	put(table + 98, 0x0fff, 2);
	table[108] = CMOS_CENTURY;
	put(table + 109, 0x0003, 2);            /* ISA devices, 8042 */
	/* WBINVD, C1, no sleep button, RTC does not wake, reset register */
	put(table + 112, 0x0465, 4);
	put_address(table + 116, RESET_PORT, 1);
	table[128] = RESET_VALUE;
	put(table + 140, dsdt, 8);
	put_address(table + 148, PMBASE, 4);
	put_address(table + 172, PMBASE + 4, 2);
	put_address(table + 208, PMBASE + 8, 4);
	put_address(table + 220, PMBASE + 12, 4);
	at = table_end(acpi, FADT_BYTES);
	loader_pointer(acpi, FILE_TABLES, at + 36, 4, FILE_FACS);
	loader_pointer(acpi, FILE_TABLES, at + 40, 4, FILE_TABLES);
	loader_pointer(acpi, FILE_TABLES, at + 132, 8, FILE_FACS);
	loader_pointer(acpi, FILE_TABLES, at + 140, 8, FILE_TABLES);
	table_checksum(acpi, at, FADT_BYTES);
	return at;
}

static unsigned add_madt(struct acpi *acpi)
{
	static const uint8_t entries[] = {
		0, 8, 0, 0, 1, 0, 0, 0,                         /* local APIC of processor 0 */
		1, 12, 1, 0, 0x00, 0x00, 0xc0, 0xfe, 0, 0, 0, 0,        /* I/O APIC 1 at FEC00000h */
		2, 10, 0, 0, 2, 0, 0, 0, 0, 0,                  /* IRQ 0 is input 2 */
		2, 10, 0, ACPI_IRQ, ACPI_IRQ, 0, 0, 0, 0x0d, 0, /* level-triggered, active high */
		4, 6, 0xff, 0, 0, 1,                            /* NMI is LINT1 */
	};
	unsigned length = HEADER_BYTES + 8 + sizeof(entries), at;
	uint8_t *table = table_begin(acpi, "APIC", length, 1);

	put(table + 36, UINT32_C(0xfee00000), 4);
	put(table + 40, 1, 4);          /* 8259s are there, too */
	memcpy(table + 44, entries, sizeof(entries));
	at = table_end(acpi, length);
	table_checksum(acpi, at, length);
	return at;
}

static unsigned add_hpet(struct acpi *acpi)
{
	enum { LENGTH = 56 };
	uint8_t *table = table_begin(acpi, "HPET", LENGTH, 1);
	unsigned at;

	put(table + 36, HPET_ID, 4);
	table[41] = 64;                 /* a generic address in memory, 64 bits wide */
	put(table + 44, UINT32_C(0xfed00000), 8);
	put(table + 53, 0x80, 2);       /* periodic interrupts further apart than this are kept */
	at = table_end(acpi, LENGTH);
	table_checksum(acpi, at, LENGTH);
	return at;
}

/* A table of the others' addresses, 4 or 8 bytes each. */
static unsigned add_root(struct acpi *acpi, const char *signature, const unsigned *tables,
			 unsigned count, uint8_t size)
{
	unsigned length = HEADER_BYTES + count * size, at;
	uint8_t *table = table_begin(acpi, signature, length, 1);

	for (unsigned i = 0; i < count; i++)
		put(table + HEADER_BYTES + i * size, tables[i], size);
	at = table_end(acpi, length);
	for (unsigned i = 0; i < count; i++)
		loader_pointer(acpi, FILE_TABLES, at + HEADER_BYTES + i * size, size, FILE_TABLES);
	table_checksum(acpi, at, length);
	return at;
}

static void add_rsdp(struct acpi *acpi, unsigned rsdt, unsigned xsdt)
{
	uint8_t *rsdp = acpi->rsdp;

	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "CLRBOX", 6);
	rsdp[15] = 2;
	put(rsdp + 16, rsdt, 4);
	put(rsdp + 20, RSDP_BYTES, 4);
	put(rsdp + 24, xsdt, 8);
	loader_pointer(acpi, FILE_RSDP, 16, 4, FILE_TABLES);
	loader_pointer(acpi, FILE_RSDP, 24, 8, FILE_TABLES);
	loader_checksum(acpi, FILE_RSDP, 8, 0, 20);
	loader_checksum(acpi, FILE_RSDP, 32, 0, RSDP_BYTES);
}

static void build(struct acpi *acpi, const struct board *board)
{
	unsigned tables[3], count = 0, dsdt;

	loader_allocate(acpi, FILE_RSDP, 16, ZONE_FSEG);
	loader_allocate(acpi, FILE_TABLES, 64, ZONE_HIGH);
	loader_allocate(acpi, FILE_FACS, 64, ZONE_HIGH);
	memcpy(acpi->facs, "FACS", 4);
	put(acpi->facs + 4, FACS_BYTES, 4);
	acpi->facs[32] = 1;
	dsdt = add_dsdt(acpi, board_low_ram(board));
	tables[count++] = add_fadt(acpi, dsdt);
	if (board->ioapic) {
		tables[count++] = add_madt(acpi);
		tables[count++] = add_hpet(acpi);
	}
	dsdt = add_root(acpi, "RSDT", tables, count, 4);
	add_rsdp(acpi, dsdt, add_root(acpi, "XSDT", tables, count, 8));
}

/* SeaBIOS's MP table asks this way whether IRQ 0 is the I/O APIC's input 2. */
static enum cbx_status add_timer_override(const struct board *board)
{
	static const uint8_t yes[4] = { 1, 0, 0, 0 };

	return board->ioapic ? fw_cfg_add_file(board->fw_cfg, "etc/irq0-override", yes, sizeof(yes))
			     : CBX_OK;
}

enum cbx_status pc_fill_acpi(const struct board *board)
{
	struct cbx_machine *machine = board->device.machine;
	struct acpi *acpi = cbx_machine_allocate(machine, sizeof(*acpi));
	struct fw_cfg *fw_cfg = board->fw_cfg;
	enum cbx_status status;

	if (!acpi)
		return CBX_ERROR_MEMORY;
	memset(acpi, 0, sizeof(*acpi));
	build(acpi, board);
	status = add_timer_override(board);
	if (status == CBX_OK)
		status = fw_cfg_add_file(fw_cfg, FILE_RSDP, acpi->rsdp, RSDP_BYTES);
	if (status == CBX_OK)
		status = fw_cfg_add_file(fw_cfg, FILE_TABLES, acpi->tables, acpi->size);
	if (status == CBX_OK)
		status = fw_cfg_add_file(fw_cfg, FILE_FACS, acpi->facs, FACS_BYTES);
	if (status == CBX_OK)
		status = fw_cfg_add_file(fw_cfg, FILE_LOADER, acpi->loader,
					 (size_t)acpi->commands * LOADER_ENTRY);
	cbx_machine_release(machine, acpi);
	return status;
}
