/*
 * The inside of the video adapter, shared by the vga*.c files.
 *
 * Video memory holds the four planes side by side: byte n of plane p is byte 4n + p.
 * So a planar access is one 32-bit word, and chain-4 memory (mode 13h) and the linear
 * framebuffer are plain RAM.
 *
 * Text memory is plain RAM too while nothing but characters is written: see
 * text_window in vga_memory.c.
 */
#ifndef DEVICES_VGA_STATE_H
#define DEVICES_VGA_STATE_H

#include "vga.h"

enum {
	VGA_PLANE_BYTES = 0x10000,              /* a plane */
	VGA_TEXT_BYTES = 0x8000,                /* the window B0000 or B8000 */

	VGA_MISC_COLOUR = 0x01, VGA_MISC_RAM = 0x02,

	VGA_SEQ_MODE = 1, VGA_SEQ_MAP_MASK = 2, VGA_SEQ_FONT = 3, VGA_SEQ_MEMORY = 4,
	VGA_GFX_SET = 0, VGA_GFX_ENABLE_SET = 1, VGA_GFX_COMPARE = 2, VGA_GFX_ROTATE = 3,
	VGA_GFX_READ_MAP = 4, VGA_GFX_MODE = 5, VGA_GFX_MISC = 6, VGA_GFX_CARE = 7,
	VGA_GFX_BIT_MASK = 8,

	VBE_ID = 0, VBE_XRES = 1, VBE_YRES = 2, VBE_BPP = 3, VBE_ENABLE = 4, VBE_BANK = 5,
	VBE_VIRT_WIDTH = 6, VBE_VIRT_HEIGHT = 7, VBE_X_OFFSET = 8, VBE_Y_OFFSET = 9,
	VBE_MEMORY_64K = 10,
	VBE_REGISTERS = 11,

	VBE_ENABLED = 0x01, VBE_GET_CAPS = 0x02, VBE_8BIT_DAC = 0x20, VBE_LFB = 0x40,
	VBE_NO_CLEAR = 0x80,
	VBE_MAX_XRES = 2560, VBE_MAX_YRES = 1600, VBE_MAX_BPP = 32,
	VBE_LATEST_ID = 0xb0c5,

	/* text_window: registers do not allow it; it is in use; it was given up. */
	TEXT_OFF = 0, TEXT_ON = 1, TEXT_BARRED = 2
};

/* All that the guest can notice, beside the bytes of video memory. */
struct vga_state {
	uint8_t misc, feature, enable;          /* 3C2, 3xA, 3C3 */
	uint8_t seq_index, seq[8];
	uint8_t gfx_index, gfx[16];
	uint8_t crtc_index, crtc[64];
	uint8_t attr_index, attr[32];           /* attr_index with bit 5, palette address source */
	uint8_t attr_data;                      /* the flip-flop: the next write to 3C0 is data */
	uint8_t dac_reading;
	uint8_t dac_mask, dac_index, dac_component, dac_latch[3];
	uint8_t palette[768];
	uint8_t latch[4];
	uint8_t text_window;                    /* where text memory is: see vga_memory.c */
	uint16_t vbe_index;
	uint16_t vbe[VBE_REGISTERS];
};

struct vga {
	struct cbx_device device;
	struct vga_state state;

	/* Wiring, fixed at creation. */
	uint32_t vram_bytes;
	struct cbx_ram *vram, *text;
	struct cbx_pci_function *pci;
	struct cbx_region *window[4];           /* handlers; numbered as in VGA_GFX_MISC */
	struct cbx_region *chain4[2];           /* RAM: 128 KiB and 64 KiB at A0000 */
	struct cbx_region *text_ram, *bank;     /* RAM: B0000 or B8000; A0000, movable */
	struct cbx_region *lfb, *mmio;
	struct cbx_region *lfb_guard;           /* handlers over the planes while TEXT_ON */

	/* Derived: what is mapped now, and a count of changes of registers that show. */
	unsigned mapped;
	uint64_t version;
	/* The picture's number, and those of its last changes by kind: see vga_changes.c. */
	uint64_t picture, whole_picture, cursor_picture, memory_picture;
	uint64_t *stamps;                       /* one for each page of vram; NULL: none yet */
	bool *zero;                             /* likewise: nothing but 0, unless written since */
	uint64_t text_stamps[VGA_TEXT_BYTES / 4096];
	uint64_t version_seen;
	unsigned phase;                         /* of blinking, when the number was last asked for */
	bool counted;                           /* the number has grown for pages written */
};

static inline bool vga_vbe_on(const struct vga_state *s)
{
	return (s->vbe[VBE_ENABLE] & VBE_ENABLED) && s->vbe[VBE_BPP] > 4;
}

/* vga_memory.c */
extern const struct cbx_io vga_memory_io, vga_guard_io;
void vga_map(struct vga *vga);                  /* registers that choose the mapping changed */
void vga_map_reset(struct vga *vga);            /* the same, whatever was mapped before */
void vga_leave_text_window(struct vga *vga);
bool vga_text_check(const struct vga_state *s);
void vga_place_guard(struct vga *vga);

/* vga_vbe.c */
extern const struct cbx_io vga_vbe_io, vga_mmio_io;
void vga_pci_changed(struct cbx_device *device, unsigned first, unsigned count);
uint32_t vga_vbe_pitch(const struct vga_state *s);
bool vga_vbe_check(const struct vga *vga, const struct vga_state *s);

/* vga.c */
uint8_t vga_port_read(struct vga *vga, unsigned port);
void vga_port_write(struct vga *vga, unsigned port, uint8_t value);

/*
 * vga_view.c: a copy of the registers in which every number is inside its range, in the
 * units that the renderer uses.
 */
struct vga_view {
	bool blank, text, vbe;
	unsigned width, height;                 /* dots of the picture, at least 1 */
	unsigned characters;                    /* character clocks per line */
	unsigned dots;                          /* per character: 8 or 9 */
	unsigned stretch;                       /* 1, or 2: the dot clock is halved */
	unsigned rows_scan;                     /* scan lines per row, counted by the row scan counter */
	unsigned line_repeat;                   /* 1, or 2: scan doubling */
	unsigned start, pitch;                  /* memory address counter: at the top, per row */
	unsigned preset_scan, byte_pan, dot_pan;
	unsigned line_compare;
	bool split_unpanned;                    /* the split screen ignores dot_pan */
	unsigned underline;                     /* row scan */
	unsigned cursor_address, cursor_first, cursor_last;
	bool cursor_on;                         /* enabled; says nothing about its blinking */
	bool cursor_lit, blink_dark;            /* the phases of now */
	bool blink;                             /* attribute bit 7 blinks */
	bool line_graphics;                     /* the ninth dot of C0-DF repeats the eighth */
	unsigned font[2];                       /* plane 2: for attribute bit 3 clear and set */
	enum { VGA_SHIFT_PLANAR, VGA_SHIFT_CGA, VGA_SHIFT_256, VGA_SHIFT_NIBBLES } shift;
	uint8_t colour_enable;
	uint8_t dac_of[16];                     /* attribute palette and colour select */
	uint32_t rgb[256];                      /* DAC with its mask */
	uint8_t overscan;
	/* memory addressing */
	unsigned address_shift;                 /* 0, 1, 2 */
	unsigned wrap_bit;                      /* word mode: which counter bit becomes bit 0 */
	bool row_scan_13, row_scan_14;          /* row scan bits replace address bits */
	unsigned count_shift;                   /* counter steps every 1 << count_shift characters */
	/* VBE */
	unsigned bpp, vbe_pitch;                /* bits, bytes */
	uint32_t vbe_start;                     /* byte */
};
void vga_view(const struct vga *vga, struct vga_view *view);

/* Bytes of video memory as the guest sees them; n is masked. */
struct vga_reader {
	const struct vga *vga;
	uint32_t mask;
	uint32_t page_number, text_page_number; /* of the pages below; UINT32_MAX: none */
	const uint8_t *page, *text_page;
};
void vga_reader_start(struct vga_reader *reader, const struct vga *vga);
/* The four plane bytes at plane offset n. */
void vga_reader_planes(struct vga_reader *reader, uint32_t n, uint8_t planes[4]);

/* The memory address of counter value ma in row scan line scan: a plane offset. */
unsigned vga_view_address(const struct vga_view *view, unsigned ma, unsigned scan);
/* The row's counter value and row scan of scan line y. */
void vga_view_line(const struct vga_view *view, unsigned y, unsigned *ma, unsigned *scan,
		   bool *split);

/*
 * vga_changes.c: the picture's number now; and whether line y may have changed since the picture
 * had the number since (0: before any), as of the last vga_picture.
 */
uint64_t vga_picture(struct vga *vga, const struct vga_view *view);
/* Zeros the first bytes of video memory, in whole pages; the picture may have changed. */
void vga_clear_pages(struct vga *vga, uint64_t bytes);
bool vga_line_is_new(const struct vga *vga, const struct vga_view *view, uint64_t since, unsigned y);

/* Where the beam is: how much of a frame has passed, and how long frames are. */
struct vga_beam {
	uint64_t frame;                         /* since power-on */
	bool display, vertical_retrace;         /* display: inside the picture, both ways */
};
void vga_beam(const struct vga *vga, struct vga_beam *beam);

#endif
