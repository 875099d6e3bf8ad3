/* What the machine's display shows.  Called while the machine is not running. */
#ifndef CLEARBOX_SCREEN_H
#define CLEARBOX_SCREEN_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cbx_screen {
	bool text;                      /* a text mode: columns, rows and the cells mean something */
	bool blank;                     /* screen off or display disabled */
	unsigned width, height;         /* pixels of the picture */
	unsigned wide, high;            /* its shape on a monitor, such as 4 : 3 */
	unsigned columns, rows;         /* of characters, 0 in graphics modes */
	unsigned cursor_column, cursor_row;
	bool cursor_visible;
	uint64_t version;               /* changes when the picture may have changed */
};

/* What the display shows now.  Errors: CBX_ERROR_ARGUMENT, CBX_ERROR_UNSUPPORTED (not a PC). */
CBX_API enum cbx_status cbx_screen_info(struct cbx_machine *machine, struct cbx_screen *screen);

/*
 * The picture as 32-bit pixels 00RRGGBB, height lines of stride pixels (at least the
 * screen's width).  CBX_ERROR_ARGUMENT: the buffer is smaller than the picture.
 */
CBX_API enum cbx_status cbx_screen_render(struct cbx_machine *machine, uint32_t *pixels,
					  unsigned stride, unsigned lines);

/*
 * The same, but draws only lines that may have changed since the screen had version since (as a
 * cbx_screen_info said; 0: all lines), as of the last cbx_screen_info.  changed[y], lines bytes,
 * becomes 1 for a line that was drawn and 0 for one that was not.  Errors: as cbx_screen_render,
 * CBX_ERROR_ARGUMENT.
 */
CBX_API enum cbx_status cbx_screen_update(struct cbx_machine *machine, uint64_t since,
					  uint32_t *pixels, unsigned stride, unsigned lines,
					  uint8_t *changed);

/* A cell of a text mode: code page 437 byte, and colours 00RRGGBB after palette and blink. */
struct cbx_cell {
	uint8_t character, attribute;
	uint32_t foreground, background;
};
/* columns * rows cells.  CBX_ERROR_STATE: not a text mode. */
CBX_API enum cbx_status cbx_screen_cells(struct cbx_machine *machine, struct cbx_cell *cells,
					 size_t count);

/* The text on the screen as UTF-8, lines ended by \n, trailing spaces left out, 0-ended
   and cut to size.  CBX_ERROR_STATE: not a text mode. */
CBX_API enum cbx_status cbx_screen_text(struct cbx_machine *machine, char *text, size_t size);

/* The Unicode character for a code page 437 byte; NUL and FFh are spaces. */
CBX_API uint32_t cbx_cell_unicode(uint8_t character);

#ifdef __cplusplus
}
#endif
#endif
