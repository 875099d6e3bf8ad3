/*
 * What the parts of the VGA BIOS share. IBM VGA registers; see bios16.h for the segments.
 */
#ifndef CLEARBOX_VGA_H
#define CLEARBOX_VGA_H

#include "bios16.h"

/* offsets in the BIOS data area */
#define BDA_MODE 0x49
#define BDA_COLS 0x4a
#define BDA_PAGE_SIZE 0x4c
#define BDA_PAGE_START 0x4e
#define BDA_CURSOR 0x50
#define BDA_CURSOR_TYPE 0x60
#define BDA_PAGE 0x62
#define BDA_CRTC 0x63
#define BDA_CRT_CONTROL 0x65
#define BDA_CGA_PALETTE 0x66
#define BDA_ROWS 0x84
#define BDA_HEIGHT 0x85
#define BDA_EGA_INFO 0x87
#define BDA_EGA_SWITCHES 0x88
#define BDA_VGA_FLAGS 0x89
#define BDA_DCC 0x8a
#define BDA_SAVE_PTR 0xa8
#define BDA_VBE_MODE 0xba	/* ours: the VBE mode in force, or 0 */

#define SEQ 0x3c4
#define GC 0x3ce
#define ATTR 0x3c0
#define MISC 0x3c2

/* One entry of the video parameter table, in IBM's layout. */
struct mode_params {
	u8 cols;
	u8 rows;		/* less one */
	u8 height;
	u8 page_size[2];
	u8 seq[4];
	u8 misc;
	u8 crtc[25];
	u8 attr[20];
	u8 gc[9];
};

enum { MEM_TEXT, MEM_CGA, MEM_PLANAR, MEM_LINEAR };

struct mode_info {
	u8 mode;
	u8 memory;
	u8 bits;		/* a pixel, for MEM_CGA */
	u8 params;		/* in the table; text modes have three of them */
	u8 palette;
	u8 pages;
	u16 segment;
};

enum { PALETTE_MONO, PALETTE_CGA, PALETTE_EGA, PALETTE_256 };

extern const struct mode_params mode_table[29];
extern const u8 font8[2048];
extern const u8 font14[3584];
extern const u8 font16[4096];

static inline void reg_write(u16 port, u8 index, u8 value)
{
	outw(port, (u16)(index | value << 8));
}

static inline u8 reg_read(u16 port, u8 index)
{
	outb(port, index);
	return inb(port + 1);
}

/* vgamode.c */
const struct mode_info *mode_find(u32 mode);
const struct mode_info *mode_now(void);
void mode_set(u32 mode);
void mode_registers(const struct mode_params *p);
void palette_load(u32 kind);
void font_table_set(u32 vector, u32 offset);
u8 attr_read(u8 index);
void attr_write(u8 index, u8 value);
u32 gray_value(u32 red, u32 green, u32 blue);
void gray_range(u32 first, u32 count);

/* vgatext.c */
void cursor_place(u32 page, u32 row, u32 col);
void cursor_shape(u32 cx);
void page_select(u32 page);
void scroll(u32 lines, u32 attr, u32 top_left, u32 bottom_right, u32 down);
u32 char_read(u32 page);
void char_write(u32 page, u32 c, u32 attr, u32 count, u32 with_attr);
void teletype(u32 page, u32 c, u32 attr, u32 with_attr);

/* vgagfx.c */
void pixel_write(u32 page, u32 x, u32 y, u32 colour);
u32 pixel_read(u32 page, u32 x, u32 y);
void gfx_char(u32 page, u32 row, u32 col, u32 c, u32 colour);
u32 gfx_char_read(u32 page, u32 row, u32 col);
void gfx_scroll(u32 lines, u32 fill, u32 top_left, u32 bottom_right, u32 down);

/* vgafont.c */
void font_load(u16 segment, u16 offset, u32 first, u32 count, u32 height, u32 block);
void font_load_rom(u32 height, u32 block);
void font_service(struct regs SS *r);

/* vgapal.c, vgastate.c, vbe.c */
void palette_service(struct regs SS *r);
void state_table(struct regs SS *r);
u32 state_size(u32 what);
void state_save(u32 what, u16 segment, u16 offset);
void state_restore(u32 what, u16 segment, u16 offset);
extern const u8 static_functionality[16];
void vbe_service(struct regs SS *r);
void vbe_disable(void);
u32 vbe_present(void);

#endif
