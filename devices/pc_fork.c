/*
 * What forks and histories need of a PC: to be built a second time, to have a medium exchanged,
 * to hold back what the world has heard already.
 */
#include "board.h"

#include <string.h>

/* ---- Out to the world ------------------------------------------------------------------------ */

static void output_byte(void *user, uint8_t byte)
{
	struct board_output *output = user;

	if (cbx_outward_begin(output->machine))
		output->character.write(output->character.user, byte);
	cbx_outward_end(output->machine);
}

static void output_frame(void *user, const uint8_t *frame, size_t count)
{
	struct board_output *output = user;

	if (cbx_outward_begin(output->machine))
		output->network.send(output->network.user, frame, count);
	cbx_outward_end(output->machine);
}

struct cbx_character_backend board_character(struct board *board, unsigned output,
					     const struct cbx_character_backend *backend)
{
	struct board_output *to = &board->outputs[output];

	to->machine = board->device.machine;
	to->character = *backend;
	return backend->write ? (struct cbx_character_backend){ output_byte, to } : *backend;
}

struct cbx_network_backend board_network(struct board *board, unsigned card,
					 const struct cbx_network_backend *backend)
{
	struct board_output *to = &board->outputs[BOARD_CARDS + card];
	struct cbx_network_backend wrapped = *backend;

	to->machine = board->device.machine;
	to->network = *backend;
	if (backend->send) {
		wrapped.send = output_frame;
		wrapped.user = to;
	}
	return wrapped;
}

static void output_sound(void *user, const int16_t *samples, size_t frames)
{
	struct board_output *output = user;

	if (!cbx_replaying(output->machine))
		output->sound.play(output->sound.user, samples, frames);
}

struct cbx_sound_backend board_sound(struct board *board, const struct cbx_sound_backend *backend)
{
	struct board_output *to = &board->outputs[BOARD_SOUND];
	struct cbx_sound_backend wrapped = *backend;

	to->machine = board->device.machine;
	to->sound = *backend;
	if (backend->play) {
		wrapped.play = output_sound;
		wrapped.user = to;
	}
	return wrapped;
}

/* ---- Once more --------------------------------------------------------------------------------- */

enum cbx_status board_keep_options(struct board *board, const struct cbx_pc_options *options)
{
	const char *order = options->boot_order;

	board->options = *options;
	/* A fork shares what was made of these. */
	board->options.kernel = board->options.initrd = (struct cbx_image){ NULL, 0 };
	board->options.bios.bytes = board->options.vga_bios.bytes = NULL;
	for (unsigned i = 0; i < CBX_OPTION_ROMS; i++)
		board->options.option_rom[i].bytes = NULL;
	/* Where there is a ROM its bytes must be somewhere, though nobody reads them. */
	for (unsigned i = 0; i < CBX_CARDS; i++)
		if (options->card[i].rom.bytes)
			board->options.card[i].rom.bytes = "";
	board->options.kernel_command_line = NULL;
	board->options.boot_order = NULL;
	if (!order)
		return CBX_OK;
	board->boot_order = cbx_machine_allocate(board->device.machine, strlen(order) + 1);
	if (!board->boot_order)
		return CBX_ERROR_MEMORY;
	strcpy(board->boot_order, order);
	board->options.boot_order = board->boot_order;
	return CBX_OK;
}

static enum cbx_status board_twin(struct cbx_machine *machine,
				  const struct cbx_machine_options *machine_options,
				  const struct cbx_fork_options *fork, struct cbx_machine **twin,
				  struct cbx_error *error)
{
	const struct board *board = cbx_machine_board(machine);
	struct cbx_pc_options options = board->options;
	enum cbx_status status;

	options.machine = *machine_options;
	for (unsigned i = 0; i < CBX_FORK_SERIAL; i++)
		options.serial[i] = fork->serial[i];
	for (unsigned i = 0; i < CBX_FORK_CARDS; i++)
		options.card[i].network = fork->network[i];
	options.parallel = fork->parallel;
	options.debug_console = fork->debug_console;
	memset(&options.sound_card.midi, 0, sizeof(options.sound_card.midi));
	memset(&options.sound, 0, sizeof(options.sound));
	status = cbx_machine_new(&options.machine, twin, error);
	if (status == CBX_OK)
		status = board_new(*twin, &options, board, error);
	return status;
}

static void board_put_medium(struct cbx_machine *machine, unsigned drive,
			     const struct cbx_disk_backend *disk)
{
	struct board *board = cbx_machine_board(machine);

	if (drive >= CBX_IDE_0)
		ide_put_medium(board->ide, drive - CBX_IDE_0, disk);
	else if (board->floppy)
		floppy_put_medium(board->floppy, drive, disk);
}

const struct cbx_board_ops board_ops = {
	.twin = board_twin,
	.put_medium = board_put_medium,
	.input = board_input
};
