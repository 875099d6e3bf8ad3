/* The public functions over a PC's devices: input, drives, screen. */
#include "board.h"

#include <string.h>

static struct board *pc_board(const struct cbx_machine *machine)
{
	return cbx_machine_board(machine);
}

struct cbx_pci_bus *cbx_pc_pci_bus(struct cbx_machine *machine)
{
	return pc_board(machine) ? pc_board(machine)->bus : NULL;
}

enum cbx_status cbx_pc_irq_line(struct cbx_machine *machine, unsigned irq, struct cbx_line *line)
{
	if (!machine || irq >= 16 || irq == 2 || !line)
		return CBX_ERROR_ARGUMENT;
	if (!pc_board(machine))
		return CBX_ERROR_UNSUPPORTED;
	*line = piix3_irq_line(pc_board(machine)->piix3, irq);
	return CBX_OK;
}

/* ---- Input --------------------------------------------------------------------------------- */

/*
 * What comes in goes by way of the machine, which notes it when there is a history, to
 * board_input: at once, and once more whenever that moment comes again.
 */
enum input_kind { INPUT_KEY, INPUT_TEXT, INPUT_MOUSE, INPUT_SERIAL, INPUT_POWER_BUTTON,
		  INPUT_DRIVE, INPUT_FRAME, INPUT_RESET_BUTTON };

static enum cbx_status change_drive(struct board *board, const struct cbx_input *input)
{
	struct cbx_machine *machine = board->device.machine;
	struct cbx_disk_backend disk;
	enum cbx_status status = CBX_ERROR_ARGUMENT;

	/* The drive says whether it takes it; what it then works with is the machine's own backend. */
	if (input->number >= CBX_IDE_0)
		status = ide_change_medium(board->ide, input->number - CBX_IDE_0, &input->disk);
	else if (board->floppy)
		status = floppy_change_medium(board->floppy, input->number, &input->disk);
	if (status != CBX_OK)
		return status;
	status = cbx_medium_attach(machine, input->number, &input->disk, &disk);
	if (status != CBX_OK)
		memset(&disk, 0, sizeof(disk));
	board_ops.put_medium(machine, input->number, &disk);
	return status;
}

enum cbx_status board_input(struct cbx_machine *machine, const struct cbx_input *input)
{
	struct board *board = pc_board(machine);
	size_t taken;

	switch ((enum input_kind)input->kind) {
	case INPUT_KEY:
		return ps2_keyboard_key(i8042_keyboard(board->i8042), input->number,
					input->value[0] != 0);
	case INPUT_TEXT:
		if (!input->bytes || !input->count || ((const char *)input->bytes)[input->count - 1])
			return CBX_ERROR_ARGUMENT;
		return ps2_keyboard_type(i8042_keyboard(board->i8042), input->bytes);
	case INPUT_MOUSE:
		return ps2_mouse_move(i8042_mouse(board->i8042), (int)input->value[0],
				      (int)input->value[1], (int)input->value[2], input->number);
	case INPUT_SERIAL:
		if (input->number >= 4 || (!input->bytes && input->count))
			return CBX_ERROR_ARGUMENT;
		taken = uart_receive(board->uarts[input->number], input->bytes, input->count);
		if (input->taken)
			*input->taken = taken;
		return CBX_OK;
	case INPUT_RESET_BUTTON:
		cbx_request_reset(&board->device, false);
		return CBX_OK;
	case INPUT_POWER_BUTTON:
		piix4_pm_power_button(board->pm);
		return CBX_OK;
	case INPUT_DRIVE:
		if (input->number > CBX_IDE_3)
			return CBX_ERROR_ARGUMENT;
		return change_drive(board, input);
	case INPUT_FRAME:
		if (input->number >= CBX_CARDS || !board->cards[input->number] || !input->bytes ||
		    input->count < 14 || input->count > 1514)
			return CBX_ERROR_ARGUMENT;
		return ne2000_receive(board->cards[input->number], input->bytes, input->count) ?
		       CBX_OK : CBX_ERROR_LIMIT;
	}
	return CBX_ERROR_ARGUMENT;
}

enum cbx_status cbx_key(struct cbx_machine *machine, unsigned key, bool down)
{
	struct cbx_input input = { .kind = INPUT_KEY, .number = key, .value = { down } };

	return pc_board(machine) ? cbx_machine_input(machine, &input) : CBX_ERROR_UNSUPPORTED;
}

enum cbx_status cbx_type_text(struct cbx_machine *machine, const char *text)
{
	struct cbx_input input = { .kind = INPUT_TEXT, .bytes = text };

	if (!pc_board(machine))
		return CBX_ERROR_UNSUPPORTED;
	if (!text)
		return CBX_ERROR_ARGUMENT;
	input.count = strlen(text) + 1;
	return cbx_machine_input(machine, &input);
}

enum cbx_status cbx_mouse(struct cbx_machine *machine, int dx, int dy, int wheel,
			  unsigned buttons)
{
	struct cbx_input input = { .kind = INPUT_MOUSE, .number = buttons,
				   .value = { dx, dy, wheel } };

	return pc_board(machine) ? cbx_machine_input(machine, &input) : CBX_ERROR_UNSUPPORTED;
}

enum cbx_status cbx_serial_input(struct cbx_machine *machine, unsigned port, const void *bytes,
				 size_t count, size_t *taken)
{
	struct cbx_input input = { .kind = INPUT_SERIAL, .number = port, .bytes = bytes,
				   .count = count, .taken = taken };

	if (!pc_board(machine))
		return CBX_ERROR_UNSUPPORTED;
	if (port >= 4 || !taken || (!bytes && count))
		return CBX_ERROR_ARGUMENT;
	*taken = 0;
	return cbx_machine_input(machine, &input);
}

enum cbx_status cbx_power_button(struct cbx_machine *machine)
{
	struct cbx_input input = { .kind = INPUT_POWER_BUTTON };

	return pc_board(machine) ? cbx_machine_input(machine, &input) : CBX_ERROR_UNSUPPORTED;
}

enum cbx_status cbx_reset_button(struct cbx_machine *machine)
{
	struct cbx_input input = { .kind = INPUT_RESET_BUTTON };

	return pc_board(machine) ? cbx_machine_input(machine, &input) : CBX_ERROR_UNSUPPORTED;
}

enum cbx_status cbx_drive_change(struct cbx_machine *machine, enum cbx_drive drive,
				 const struct cbx_disk_backend *disk)
{
	struct cbx_input input = { .kind = INPUT_DRIVE, .number = (uint32_t)drive };

	if (!pc_board(machine))
		return CBX_ERROR_UNSUPPORTED;
	if ((unsigned)drive > CBX_IDE_3)
		return CBX_ERROR_ARGUMENT;
	if (disk)
		input.disk = *disk;
	return cbx_machine_input(machine, &input);
}

enum cbx_status cbx_network_receive(struct cbx_machine *machine, unsigned card, const void *frame,
				    size_t count)
{
	struct cbx_input input = { .kind = INPUT_FRAME, .number = card, .bytes = frame,
				   .count = count };
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	if (card >= CBX_CARDS || !board->cards[card] || !frame || count < 14 || count > 1514)
		return CBX_ERROR_ARGUMENT;      /* and no input of the history */
	return cbx_machine_input(machine, &input);
}

bool cbx_network_has_room(const struct cbx_machine *machine, unsigned card)
{
	struct board *board = pc_board(machine);

	return board && card < CBX_CARDS && board->cards[card] && ne2000_has_room(board->cards[card]);
}

enum cbx_status cbx_screen_info(struct cbx_machine *machine, struct cbx_screen *screen)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	if (!screen)
		return CBX_ERROR_ARGUMENT;
	vga_screen_info(board->vga, screen);
	return CBX_OK;
}

enum cbx_status cbx_screen_render(struct cbx_machine *machine, uint32_t *pixels, unsigned stride,
				  unsigned lines)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	if (!pixels)
		return CBX_ERROR_ARGUMENT;
	return vga_screen_render(board->vga, pixels, stride, lines);
}

enum cbx_status cbx_screen_update(struct cbx_machine *machine, uint64_t since, uint32_t *pixels,
				  unsigned stride, unsigned lines, uint8_t *changed)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	if (!pixels)
		return CBX_ERROR_ARGUMENT;
	return vga_screen_update(board->vga, since, pixels, stride, lines, changed);
}

enum cbx_status cbx_screen_cells(struct cbx_machine *machine, struct cbx_cell *cells,
				 size_t count)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	if (!cells)
		return CBX_ERROR_ARGUMENT;
	return vga_screen_cells(board->vga, cells, count);
}

enum cbx_status cbx_screen_text(struct cbx_machine *machine, char *text, size_t size)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	if (!text)
		return CBX_ERROR_ARGUMENT;
	return vga_screen_text(board->vga, text, size);
}
