/* The public functions over a PC's devices: input, drives, screen. */
#include "board.h"

static struct board *pc_board(const struct cbx_machine *machine)
{
	return cbx_machine_board(machine);
}

struct cbx_pci_bus *cbx_pc_pci_bus(struct cbx_machine *machine)
{
	return pc_board(machine) ? pc_board(machine)->bus : NULL;
}

enum cbx_status cbx_key(struct cbx_machine *machine, unsigned key, bool down)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	return ps2_keyboard_key(i8042_keyboard(board->i8042), key, down);
}

enum cbx_status cbx_type_text(struct cbx_machine *machine, const char *text)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	if (!text)
		return CBX_ERROR_ARGUMENT;
	return ps2_keyboard_type(i8042_keyboard(board->i8042), text);
}

enum cbx_status cbx_mouse(struct cbx_machine *machine, int dx, int dy, int wheel,
			  unsigned buttons)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	return ps2_mouse_move(i8042_mouse(board->i8042), dx, dy, wheel, buttons);
}

enum cbx_status cbx_serial_input(struct cbx_machine *machine, unsigned port, const void *bytes,
				 size_t count, size_t *taken)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	if (port >= 4 || !taken || (!bytes && count))
		return CBX_ERROR_ARGUMENT;
	*taken = uart_receive(board->uarts[port], bytes, count);
	return CBX_OK;
}

enum cbx_status cbx_power_button(struct cbx_machine *machine)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	piix4_pm_power_button(board->pm);
	return CBX_OK;
}

enum cbx_status cbx_reset_button(struct cbx_machine *machine)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	cbx_request_reset(&board->device, false);
	return CBX_OK;
}

enum cbx_status cbx_drive_change(struct cbx_machine *machine, enum cbx_drive drive,
				 const struct cbx_disk_backend *disk)
{
	static const struct cbx_disk_backend none;
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	if (!disk)
		disk = &none;
	switch (drive) {
	case CBX_FLOPPY_A:
	case CBX_FLOPPY_B:
		if (!board->floppy)
			return CBX_ERROR_ARGUMENT;
		return floppy_change_medium(board->floppy, drive == CBX_FLOPPY_B, disk);
	case CBX_IDE_0:
	case CBX_IDE_1:
	case CBX_IDE_2:
	case CBX_IDE_3:
		return ide_change_medium(board->ide, (unsigned)drive - CBX_IDE_0, disk);
	}
	return CBX_ERROR_ARGUMENT;
}

enum cbx_status cbx_network_receive(struct cbx_machine *machine, unsigned card, const void *frame,
				    size_t count)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	if (card >= CBX_CARDS || !board->cards[card] || !frame || count < 14 || count > 1514)
		return CBX_ERROR_ARGUMENT;
	return ne2000_receive(board->cards[card], frame, count) ? CBX_OK : CBX_ERROR_LIMIT;
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
	vga_screen_info(board->vga, screen);
	return CBX_OK;
}

enum cbx_status cbx_screen_render(struct cbx_machine *machine, uint32_t *pixels, unsigned stride,
				  unsigned lines)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	return vga_screen_render(board->vga, pixels, stride, lines);
}

enum cbx_status cbx_screen_update(struct cbx_machine *machine, uint64_t since, uint32_t *pixels,
				  unsigned stride, unsigned lines, uint8_t *changed)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	return vga_screen_update(board->vga, since, pixels, stride, lines, changed);
}

enum cbx_status cbx_screen_cells(struct cbx_machine *machine, struct cbx_cell *cells,
				 size_t count)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	return vga_screen_cells(board->vga, cells, count);
}

enum cbx_status cbx_screen_text(struct cbx_machine *machine, char *text, size_t size)
{
	struct board *board = pc_board(machine);

	if (!board)
		return CBX_ERROR_UNSUPPORTED;
	return vga_screen_text(board->vga, text, size);
}
