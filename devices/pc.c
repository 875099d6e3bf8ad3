/*
 * The PC: makes a machine, all its chips, and the wires between them.  The only file
 * that knows which devices there are.
 */
#include "board.h"

#include <string.h>

#include "debug_exit.h"
#include "debugport.h"
#include "ferr.h"
#include "roms.h"

/* ROMs answer where no PAM register puts RAM over them. */
#define PC_ROM_PRIORITY 1
#define PC_FOUR_GIB (UINT64_C(1) << 32)
#define PC_BIOS_LOW 0x20000u            /* of the BIOS, at the end of the first MiB */
#define PC_BIOS_MAX (UINT32_C(16) << 20)
#define PC_VGA_BIOS_AT 0xc0000u
#define PC_VGA_BIOS_MAX 0x10000u
#define PC_CARD_ROM_MAX (UINT32_C(1) << 20)
#define PC_OPTION_ROM_MAX 0x18000u
#define PC_MEMORY_MIN (UINT64_C(1) << 20)
#define PC_MEMORY_DEFAULT (UINT64_C(64) << 20)
#define PC_YEAR_2000 INT64_C(946684800)

enum { PC_VGA_SLOT = 2 };

static const struct cbx_field board_fields[] = {
	CBX_FIELD_ARRAY(struct board_state, serial_irqs),
	CBX_FIELD_END
};

/* ---- Wires ------------------------------------------------------------------------------- */

/* COM1 and COM3 share IRQ 4, COM2 and COM4 IRQ 3; number is that of the port. */
static void board_serial_irq(void *target, unsigned number, bool level)
{
	struct board *board = target;
	uint8_t *wanted = &board->state.serial_irqs[number & 1];
	uint8_t bit = (uint8_t)(1u << (number >> 1 & 1));

	*wanted = level ? *wanted | bit : *wanted & (uint8_t)~bit;
	cbx_line_set(&board->serial_lines[number & 1], *wanted);
}

/*
 * Outputs of the PIIX3, which are the 8259s' inputs, are those of the I/O APIC as well; the
 * interval timer is at its input 2, where the 8259s have their cascade.
 */
static void board_isa_input(void *target, unsigned irq, bool level)
{
	struct board *board = target;
	struct cbx_line pic = pic_line(board->pic, irq);
	struct cbx_line ioapic = ioapic_line(board->ioapic, irq ? irq : 2);

	cbx_line_set(&pic, level);
	cbx_line_set(&ioapic, level);
}

/* PIRQA# to PIRQD# go to the PIIX3, and to inputs 16 to 19 of the I/O APIC. */
static void board_pirq(void *target, unsigned pirq, bool level)
{
	struct board *board = target;
	struct cbx_line piix3 = piix3_pirq_line(board->piix3, pirq);
	struct cbx_line ioapic = ioapic_line(board->ioapic, BOARD_PIRQ_PIN + pirq);

	cbx_line_set(&piix3, level);
	cbx_line_set(&ioapic, level);
}

/* Messages of the HPET; those of PCI functions come with their address checked. */
static void board_message(void *target, uint64_t address, uint32_t data)
{
	struct board *board = target;

	if (address >> 20 == 0xfee)
		local_apic_msi(board->local_apic, address, data);
}

/* There is one A20 gate: whoever moved it last, the others see it. */
static void board_a20(void *target, unsigned number, bool level)
{
	struct board *board = target;

	(void)number;
	cbx_cpu_set_a20(&board->device, level);
	i8042_set_a20(board->i8042, level);
	port92_set_a20(board->port92, level);
}

static void board_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct board *board = (struct board *)device;

	(void)kind;
	sound_mix_sync(&board->mix);
	sound_mix_restart(&board->mix);
	board->state = (struct board_state){ { 0 } };
	cbx_cpu_set_a20(device, true);
}

static void board_loaded(struct cbx_device *device)
{
	sound_mix_restart(&((struct board *)device)->mix);
}

static bool board_check(const struct cbx_device *device, const void *bytes)
{
	const struct board_state *state = bytes;

	(void)device;
	return state->serial_irqs[0] <= 3 && state->serial_irqs[1] <= 3;
}

static void board_destroy(struct cbx_device *device)
{
	cbx_machine_release(device->machine, ((struct board *)device)->boot_order);
}

static const struct cbx_device_type board_type = {
	.name = "board",
	.version = 1,
	.size = sizeof(struct board),
	.state_offset = offsetof(struct board, state),
	.state_size = sizeof(struct board_state),
	.fields = board_fields,
	.reset = board_reset,
	.check = board_check,
	.loaded = board_loaded,
	.destroy = board_destroy,
};

static struct cbx_line board_irq(struct board *board, unsigned irq)
{
	return piix3_irq_line(board->piix3, irq);
}

/* ---- Memory ------------------------------------------------------------------------------ */

uint64_t board_low_ram(const struct board *board)
{
	uint64_t size = cbx_ram_size(board->ram);

	return size < I440FX_LOW_RAM_BYTES ? size : I440FX_LOW_RAM_BYTES;
}

uint64_t board_high_ram(const struct board *board)
{
	return cbx_ram_size(board->ram) - board_low_ram(board);
}

/* The system BIOS: all of it below 4 GiB, its last part again below 1 MiB. */
static enum cbx_status pc_add_bios(struct board *board, const struct cbx_image *image)
{
	struct cbx_device *device = &board->device;
	uint32_t size = (uint32_t)image->size, low = size < PC_BIOS_LOW ? size : PC_BIOS_LOW;
	enum cbx_status status = cbx_ram_new(device->machine, "bios", size, &board->bios);

	if (status == CBX_OK)
		status = cbx_ram_write(board->bios, 0, image->bytes, size);
	if (status == CBX_OK)
		status = cbx_region_new_ram(device, board->bios, 0, size, &board->bios_high);
	if (status == CBX_OK)
		status = cbx_region_new_ram(device, board->bios, size - low, low,
					    &board->bios_low);
	if (status != CBX_OK)
		return status;
	cbx_region_place(board->bios_high, PC_FOUR_GIB - size, CBX_REGION_READ, PC_ROM_PRIORITY);
	cbx_region_place(board->bios_low, 0x100000 - low, CBX_REGION_READ, PC_ROM_PRIORITY);
	return CBX_OK;
}

static enum cbx_status pc_add_vga_bios(struct board *board, const struct cbx_image *image)
{
	struct cbx_device *device = &board->device;
	uint32_t size = ((uint32_t)image->size + 4095) & ~UINT32_C(4095);
	enum cbx_status status;

	if (!size)
		return CBX_OK;
	status = cbx_ram_new(device->machine, "vgabios", size, &board->vga_bios);
	if (status == CBX_OK)
		status = cbx_ram_write(board->vga_bios, 0, image->bytes, image->size);
	if (status == CBX_OK)
		status = cbx_region_new_ram(device, board->vga_bios, 0, size,
					    &board->vga_bios_low);
	if (status == CBX_OK)
		cbx_region_place(board->vga_bios_low, PC_VGA_BIOS_AT, CBX_REGION_READ,
				 PC_ROM_PRIORITY);
	return status;
}

static enum cbx_status pc_add_memory(struct board *board, const struct cbx_pc_options *options)
{
	enum cbx_status status = cbx_ram_new(board->device.machine, "ram",
					     options->machine.memory_bytes, &board->ram);

	if (status == CBX_OK)
		status = pc_add_bios(board, &options->bios);
	return status == CBX_OK ? pc_add_vga_bios(board, &options->vga_bios) : status;
}

/* ---- Chips ------------------------------------------------------------------------------- */

/* Inputs of the interrupt controllers: of the 8259s alone, where there is no I/O APIC. */
static enum cbx_status pc_add_interrupts(struct board *board, struct cbx_line inputs[16])
{
	struct cbx_machine *machine = board->device.machine;
	enum cbx_status status = CBX_OK;
	bool apic = cbx_cpu_apic_features(&board->device);

	if (apic)
		status = local_apic_new(machine, &board->local_apic);
	if (apic && status == CBX_OK)
		status = ioapic_new(machine, board->local_apic, &board->ioapic);
	if (status == CBX_OK)
		status = pic_new(machine, &board->pic);
	if (status != CBX_OK)
		return status;
	for (unsigned irq = 0; irq < 16; irq++)
		inputs[irq] = apic ? (struct cbx_line){ board_isa_input, board, irq } :
				     pic_line(board->pic, irq);
	return CBX_OK;
}

/* Interrupt controllers and the bridges, which all the other wires lead to. */
static enum cbx_status pc_add_bridges(struct board *board)
{
	struct cbx_machine *machine = board->device.machine;
	struct cbx_line inputs[16];
	enum cbx_status status = pc_add_interrupts(board, inputs);

	if (status == CBX_OK)
		status = pci_bus_new(machine, &board->bus);
	if (status == CBX_OK)
		status = i440fx_new(machine, board->bus, board->ram, &board->i440fx);
	if (status == CBX_OK)
		status = piix3_new(machine, board->bus, inputs, &board->piix3);
	if (status == CBX_OK)
		status = piix4_pm_new(machine, board->bus, board_irq(board, 9), &board->pm);
	if (status != CBX_OK || !board->ioapic)
		return status;
	for (unsigned pirq = 0; pirq < 4; pirq++)
		pci_bus_connect_pirq(board->bus, pirq,
				     (struct cbx_line){ board_pirq, board, pirq });
	pci_bus_connect_msi(board->bus, local_apic_msi, board->local_apic);
	return CBX_OK;
}

static enum cbx_status pc_add_hpet(struct board *board)
{
	struct hpet_wires wires = { .legacy = { board_irq(board, 0), board_irq(board, 8) },
				    .message = board_message, .target = board };

	for (unsigned n = 0; n < HPET_PINS; n++)
		wires.pins[n] = ioapic_line(board->ioapic, HPET_FIRST_PIN + n);
	return hpet_new(board->device.machine, &wires, &board->hpet);
}

static enum cbx_status pc_add_timers(struct board *board, const struct cbx_pc_options *options)
{
	struct cbx_machine *machine = board->device.machine;
	int64_t time = options->rtc_time ? options->rtc_time : PC_YEAR_2000;
	struct cbx_line timer = board_irq(board, 0), clock = board_irq(board, 8);
	enum cbx_status status = CBX_OK;

	if (board->ioapic) {
		status = pc_add_hpet(board);
		if (status != CBX_OK)
			return status;
		timer = hpet_legacy_line(board->hpet, 0);
		clock = hpet_legacy_line(board->hpet, 1);
	}
	status = pit_new(machine, timer, &board->pit);
	if (status == CBX_OK)
		status = speaker_new(machine, board->pit, &board->mix, &board->speaker);
	if (status == CBX_OK)
		status = rtc_new(machine, clock, time, &board->rtc);
	if (status == CBX_OK)
		status = ferr_new(machine, board_irq(board, 13));
	return status;
}

static enum cbx_status pc_add_input(struct board *board)
{
	struct cbx_machine *machine = board->device.machine;
	struct cbx_line a20 = { board_a20, board, 0 };
	enum cbx_status status = i8042_new(machine, board_irq(board, 1), board_irq(board, 12), a20,
					   &board->i8042);

	return status == CBX_OK ? port92_new(machine, a20, &board->port92) : status;
}

static enum cbx_status pc_add_ports(struct board *board, const struct cbx_pc_options *options)
{
	static const unsigned bases[4] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
	struct cbx_machine *machine = board->device.machine;
	struct cbx_character_backend parallel, debug_console;
	enum cbx_status status = CBX_OK;

	parallel = board_character(board, BOARD_PARALLEL, &options->parallel);
	debug_console = board_character(board, BOARD_DEBUG, &options->debug_console);
	board->serial_lines[0] = board_irq(board, 4);
	board->serial_lines[1] = board_irq(board, 3);
	for (unsigned i = 0; i < 4 && status == CBX_OK; i++) {
		struct cbx_character_backend tap = board_tap_serial(board, i, &options->serial[i]);
		struct cbx_character_backend serial = board_character(board, i, &tap);

		status = uart_new(machine, bases[i],
				  (struct cbx_line){ board_serial_irq, board, i }, &serial,
				  &board->uarts[i]);
	}
	if (status == CBX_OK)
		status = parallel_new(machine, 0x378, board_irq(board, 7), &parallel,
				      &board->parallel);
	if (status == CBX_OK)
		status = debugport_new(machine, &debug_console);
	if (status == CBX_OK && options->debug_exit_port)
		status = debug_exit_new(machine, options->debug_exit_port,
					options->debug_exit_size ? options->debug_exit_size : 4);
	return status;
}

static enum cbx_status pc_add_drives(struct board *board, const struct cbx_pc_options *options)
{
	struct cbx_machine *machine = board->device.machine;
	struct ide_options ide = { .irqs = { board_irq(board, 14), board_irq(board, 15) } };
	struct cbx_disk_backend floppies[2];
	enum cbx_status status = dma_new(machine, &board->dma);

	for (unsigned i = 0; i < 2 && status == CBX_OK; i++)
		status = cbx_medium_attach(machine, CBX_FLOPPY_A + i, &options->floppy[i],
					   &floppies[i]);
	for (unsigned i = 0; i < 4 && status == CBX_OK; i++) {
		status = cbx_medium_attach(machine, CBX_IDE_0 + i, &options->ide[i].disk,
					   &ide.drives[i].disk);
		ide.drives[i].cdrom = options->ide[i].cdrom;
		ide.drives[i].present = options->ide[i].present;
	}
	if (status == CBX_OK)
		status = ide_new(machine, board->bus, &ide, &board->ide);
	if (status == CBX_OK && !options->no_floppy_controller)
		status = floppy_new(machine, board_irq(board, 6),
				    (struct dma_channel){ board->dma, 2 }, floppies,
				    &board->floppy);
	return status;
}

/* A boot ROM as its socket shows it: a power of two of bytes, those beyond the image FFh. */
static enum cbx_status pc_card_rom(struct board *board, const struct cbx_image *image,
				   unsigned number, struct cbx_ram **rom)
{
	uint8_t erased[512];
	char name[] = "cardrom0";
	uint64_t size = 4096;
	enum cbx_status status;

	if (!image->bytes || !image->size)
		return CBX_OK;
	while (size < image->size)
		size *= 2;
	memset(erased, 0xff, sizeof(erased));
	name[sizeof(name) - 2] = (char)('0' + number);
	status = cbx_ram_new(board->device.machine, name, size, rom);
	if (status == CBX_OK)
		status = cbx_ram_write(*rom, 0, image->bytes, image->size);
	for (uint64_t at = image->size; at < size && status == CBX_OK; at += sizeof(erased))
		status = cbx_ram_write(*rom, at, erased,
				       size - at < sizeof(erased) ? (size_t)(size - at) : sizeof(erased));
	return status;
}

static enum cbx_status pc_add_cards(struct board *board, const struct cbx_pc_options *options)
{
	struct cbx_machine *machine = board->device.machine;
	enum cbx_status status = CBX_OK;

	for (unsigned n = 0; n < CBX_CARDS && status == CBX_OK; n++) {
		const struct cbx_card_options *card = &options->card[n];
		struct cbx_network_backend network = board_network(board, n, &card->network);
		uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, (uint8_t)(0x56 + n) };
		static const uint8_t none[6];
		struct cbx_ram *rom = NULL;

		if (memcmp(card->mac, none, sizeof(mac)) != 0)
			memcpy(mac, card->mac, sizeof(mac));
		if (card->kind == CBX_CARD_NE2000_ISA)
			status = ne2000_isa_new(machine, card->port ? card->port : 0x300,
						board_irq(board, card->irq ? card->irq : 5), mac,
						&network, &board->cards[n]);
		else if (card->kind == CBX_CARD_NE2000_PCI)
			status = pc_card_rom(board, &card->rom, n, &rom);
		if (card->kind == CBX_CARD_NE2000_PCI && status == CBX_OK)
			status = ne2000_pci_new(machine, board->bus, mac, &network, rom,
						&board->cards[n]);
	}
	return status;
}

static enum cbx_status pc_add_sound(struct board *board, const struct cbx_pc_options *options)
{
	struct cbx_machine *machine = board->device.machine;
	struct sb16_wires wires = { .dma = board->dma, .mix = &board->mix };
	struct cbx_sound_card_options card = options->sound_card;
	enum cbx_status status = CBX_OK;

	if (options->adlib || options->sound_card.present)
		status = opl3_new(machine, &board->mix, &board->opl3);
	if (status != CBX_OK || !options->sound_card.present)
		return status;
	for (unsigned irq = 0; irq < 16; irq++)
		wires.irqs[irq] = board_irq(board, irq);
	wires.opl3 = board->opl3;
	card.midi = board_character(board, BOARD_MIDI, &card.midi);
	return sb16_new(machine, &wires, &card, &board->sb16);
}

static enum cbx_status pc_add_chips(struct board *board, const struct cbx_pc_options *options)
{
	struct cbx_machine *machine = board->device.machine;
	enum cbx_status status = pc_add_bridges(board);

	if (status == CBX_OK)
		status = pc_add_timers(board, options);
	if (status == CBX_OK)
		status = pc_add_input(board);
	if (status == CBX_OK)
		status = pc_add_ports(board, options);
	if (status == CBX_OK)
		status = pc_add_drives(board, options);
	if (status == CBX_OK)
		status = vga_new(machine, board->bus, PC_VGA_SLOT, options->vram_bytes,
				 &board->vga);
	if (status == CBX_OK)
		status = pc_add_cards(board, options);
	if (status == CBX_OK)
		status = pc_add_sound(board, options);
	if (status == CBX_OK)
		status = fw_cfg_new(machine, &board->fw_cfg);
	return status;
}

/* ---- Creation ---------------------------------------------------------------------------- */

static enum cbx_status pc_fail(struct cbx_error *error, enum cbx_status status, const char *text)
{
	size_t length = strlen(text);

	if (!error)
		return status;
	if (length >= sizeof(error->text))
		length = sizeof(error->text) - 1;
	error->status = status;
	memcpy(error->text, text, length);
	error->text[length] = 0;
	return status;
}

/* Options of a newer version may be longer: what this one does not know of must be 0. */
static bool pc_size_valid(const struct cbx_pc_options *options)
{
	const uint8_t *bytes = (const uint8_t *)options;
	size_t i;

	for (i = sizeof(*options); i < options->size; i++)
		if (bytes[i])
			return false;
	return options->size >= sizeof(options->size);
}

/* The caller's options with the defaults filled in. */
static void pc_take_options(struct cbx_pc_options *to, const struct cbx_pc_options *from)
{
	memset(to, 0, sizeof(*to));
	if (from)
		memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
	to->machine.size = sizeof(to->machine);
	to->machine.bare = true;
	if (!to->machine.memory_bytes)
		to->machine.memory_bytes = PC_MEMORY_DEFAULT;
	if (!to->bios.bytes)
		to->bios = (struct cbx_image){ cbx_bios_image, cbx_bios_image_size };
	if (!to->vga_bios.bytes)
		to->vga_bios = (struct cbx_image){ cbx_vgabios_image, cbx_vgabios_image_size };
}

static enum cbx_status pc_check_options(const struct cbx_pc_options *options,
					struct cbx_error *error)
{
	const struct cbx_image *bios = &options->bios;

	if (options->machine.memory_bytes < PC_MEMORY_MIN || options->machine.memory_bytes % 4096)
		return pc_fail(error, CBX_ERROR_ARGUMENT, "The memory of a PC must be at least "
			       "1 MiB, and a multiple of 4 KiB.");
	if (!bios->size || bios->size % 4096 || bios->size > PC_BIOS_MAX)
		return pc_fail(error, CBX_ERROR_ARGUMENT, "The BIOS image's size must be a "
			       "multiple of 4096 bytes, and at most 16 MiB.");
	if (options->vga_bios.size > PC_VGA_BIOS_MAX)
		return pc_fail(error, CBX_ERROR_ARGUMENT, "The VGA BIOS image must not be larger "
			       "than 64 KiB.");
	for (unsigned i = 0; i < CBX_CARDS; i++)
		if (options->card[i].rom.size > PC_CARD_ROM_MAX)
			return pc_fail(error, CBX_ERROR_ARGUMENT, "The ROM of a network card must "
				       "not be larger than 1 MiB.");
	for (unsigned i = 0; i < CBX_OPTION_ROMS; i++)
		if (options->option_rom[i].size > PC_OPTION_ROM_MAX)
			return pc_fail(error, CBX_ERROR_ARGUMENT, "An option ROM must not be larger "
				       "than 96 KiB.");
	if (options->kernel.size > UINT32_MAX || options->initrd.size > UINT32_MAX)
		return pc_fail(error, CBX_ERROR_ARGUMENT, "Kernel and initrd must be smaller than "
			       "4 GiB each.");
	return CBX_OK;
}

/* What firmware is told, which is the same for a fork. */
static enum cbx_status pc_fill(struct board *board, const struct cbx_pc_options *options,
			       const struct board *like)
{
	enum cbx_status status;

	pc_fill_cmos(board, options);
	if (like) {
		fw_cfg_share(board->fw_cfg, like->fw_cfg);
		return CBX_OK;
	}
	status = pc_fill_fw_cfg(board, options);
	return status == CBX_OK ? pc_fill_acpi(board) : status;
}

enum cbx_status board_new(struct cbx_machine *machine, const struct cbx_pc_options *options,
			  const struct board *like, struct cbx_error *error)
{
	struct cbx_sound_backend sound;
	struct cbx_device *device;
	struct board *board;
	enum cbx_status status = cbx_device_new(machine, &board_type, &device);

	if (status != CBX_OK)
		return pc_fail(error, status, "There is no memory left for the board.");
	board = (struct board *)device;
	sound = board_sound(board, &options->sound);
	sound_mix_init(&board->mix, device, &sound);
	status = board_keep_options(board, options);
	if (status == CBX_OK)
		status = pc_add_memory(board, options);
	if (status != CBX_OK)
		return pc_fail(error, status, "The guest's memory could not be made.");
	status = pc_add_chips(board, options);
	if (status != CBX_OK)
		return pc_fail(error, status, "A chip could not be made: there is no memory left, "
			       "a drive's medium has a size that the drive cannot have, or the "
			       "sound card no such port, IRQ or DMA channel.");
	status = pc_fill(board, options, like);
	if (status != CBX_OK)
		return pc_fail(error, status, "There is no memory left for kernel and initrd.");
	cbx_machine_set_board(machine, board, NULL);
	cbx_machine_set_board_ops(machine, &board_ops);
	cbx_machine_reset(machine);
	return CBX_OK;
}

enum cbx_status cbx_pc_new(const struct cbx_pc_options *options, struct cbx_machine **machine,
			   struct cbx_error *error)
{
	struct cbx_pc_options all;
	enum cbx_status status;

	if (!machine)
		return pc_fail(error, CBX_ERROR_ARGUMENT, "There is no place for the new machine.");
	*machine = NULL;
	if (options && !pc_size_valid(options))
		return pc_fail(error, CBX_ERROR_ARGUMENT,
			       "The PC options' size is not that of the struct.");
	pc_take_options(&all, options);
	status = pc_check_options(&all, error);
	if (status == CBX_OK)
		status = cbx_machine_new(&all.machine, machine, error);
	if (status != CBX_OK)
		return status;
	status = board_new(*machine, &all, NULL, error);
	if (status != CBX_OK) {
		cbx_machine_free(*machine);
		*machine = NULL;
	}
	return status;
}

enum cbx_status cbx_sound_flush(struct cbx_machine *machine)
{
	struct board *board = machine ? cbx_machine_board(machine) : NULL;

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	sound_mix_sync(&board->mix);
	return CBX_OK;
}
