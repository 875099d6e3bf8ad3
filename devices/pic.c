/*
 * Two 8259A interrupt controllers, cascaded as in every PC since the AT, and the
 * edge/level control registers of EISA and PIIX.
 *
 * Ports 20h/21h (master), A0h/A1h (slave, its INT goes to the master's input 2),
 * 4D0h/4D1h (ELCR: a set bit makes the input level-triggered, in place of ICW1's LTIM
 * bit, which PIIX ignores).  Manual: Intel 8259A data sheet (231468), and the interrupt
 * chapters of the 82371SB data sheet (290550).
 */
#include "pic.h"

/* The vector's low bits, and the level, that a chip gives when nothing requests any more. */
#define PIC_SPURIOUS 7u
#define PIC_NONE 8u

enum pic_step { PIC_READY, PIC_ICW2, PIC_ICW3, PIC_ICW4, PIC_STEPS };

struct pic_chip {
	uint8_t pins;                   /* levels at the inputs */
	uint8_t edges;                  /* rises not yet acknowledged */
	uint8_t imr, isr, elcr;
	uint8_t lowest;                 /* the input that has the lowest priority */
	uint8_t base;                   /* ICW2 */
	uint8_t icw3;
	uint8_t icw4;
	uint8_t step;                   /* which word the odd port expects */
	uint8_t single, wants_icw4;     /* from ICW1 */
	uint8_t read_isr, poll, special_mask, rotate_auto;
};

struct pic_state {
	struct pic_chip chips[2];
	uint8_t intr;
};

struct pic {
	struct cbx_device device;
	struct pic_state state;
};

static const struct cbx_field pic_chip_fields[] = {
	CBX_FIELD(struct pic_chip, pins),
	CBX_FIELD(struct pic_chip, edges),
	CBX_FIELD(struct pic_chip, imr),
	CBX_FIELD(struct pic_chip, isr),
	CBX_FIELD(struct pic_chip, elcr),
	CBX_FIELD(struct pic_chip, lowest),
	CBX_FIELD(struct pic_chip, base),
	CBX_FIELD(struct pic_chip, icw3),
	CBX_FIELD(struct pic_chip, icw4),
	CBX_FIELD(struct pic_chip, step),
	CBX_FIELD(struct pic_chip, single),
	CBX_FIELD(struct pic_chip, wants_icw4),
	CBX_FIELD(struct pic_chip, read_isr),
	CBX_FIELD(struct pic_chip, poll),
	CBX_FIELD(struct pic_chip, special_mask),
	CBX_FIELD(struct pic_chip, rotate_auto),
	CBX_FIELD_END
};

static const struct cbx_field pic_fields[] = {
	CBX_FIELD_STRUCTS(struct pic_state, chips, pic_chip_fields),
	CBX_FIELD(struct pic_state, intr),
	CBX_FIELD_END
};

/* Inputs that cannot be level-triggered: timer, keyboard, cascade; clock, coprocessor. */
static const uint8_t pic_elcr_mask[2] = { 0xf8, 0xde };

enum { ICW4_AUTO_EOI = 0x02, ICW4_FULLY_NESTED = 0x10 };

/* ---- One chip ------------------------------------------------------------------ */

/* An edge request lasts until it is acknowledged, but only as long as the input stays high. */
static uint8_t pic_requests(const struct pic_chip *chip)
{
	return chip->pins & (chip->edges | chip->elcr);
}

/* The set bit with the highest priority, as a rank from 0 (highest) to 7; PIC_NONE for none. */
static unsigned pic_best_rank(const struct pic_chip *chip, uint8_t bits)
{
	unsigned ranked = (bits << 8 | bits) >> ((chip->lowest + 1) & 7), rank = 0;

	if (!bits)
		return PIC_NONE;
	while (!(ranked >> rank & 1))
		rank++;
	return rank;
}

static unsigned pic_level_of(const struct pic_chip *chip, unsigned rank)
{
	return (chip->lowest + 1 + rank) & 7;
}

/* The input that is to interrupt now, or PIC_NONE. */
static unsigned pic_pending(const struct pic_chip *chip, bool master)
{
	uint8_t serving = chip->special_mask ? chip->isr & (uint8_t)~chip->imr : chip->isr;
	uint8_t requests = pic_requests(chip) & (uint8_t)~chip->imr;
	unsigned rank, serving_rank, level;

	/* Mostly there is nothing: both chips are asked at every change of either. */
	if (!requests)
		return PIC_NONE;
	rank = pic_best_rank(chip, requests);
	serving_rank = pic_best_rank(chip, serving);
	if (rank > serving_rank)
		return PIC_NONE;
	level = pic_level_of(chip, rank);
	if (rank < serving_rank)
		return level;
	/* Special fully nested mode: the slave may interrupt its own service routines. */
	if ((chip->icw4 & ICW4_FULLY_NESTED) && master && (chip->icw3 >> level & 1))
		return level;
	return PIC_NONE;
}

static void pic_end(struct pic_chip *chip, unsigned level, bool rotate)
{
	chip->isr &= (uint8_t)~(1u << level);
	if (rotate)
		chip->lowest = (uint8_t)level;
}

static void pic_end_highest(struct pic_chip *chip, bool rotate)
{
	uint8_t serving = chip->special_mask ? chip->isr & (uint8_t)~chip->imr : chip->isr;
	unsigned rank = pic_best_rank(chip, serving);

	if (rank != PIC_NONE)
		pic_end(chip, pic_level_of(chip, rank), rotate);
}

/* The chip's part of an acknowledge cycle; gives the level. */
static unsigned pic_acknowledge_chip(struct pic_chip *chip, bool master)
{
	unsigned level = pic_pending(chip, master);

	if (level == PIC_NONE)
		return PIC_SPURIOUS;
	chip->edges &= (uint8_t)~(1u << level);
	chip->isr |= (uint8_t)(1u << level);
	if (chip->icw4 & ICW4_AUTO_EOI)
		pic_end(chip, level, chip->rotate_auto);
	return level;
}

static void pic_set_pin(struct pic_chip *chip, unsigned pin, bool level)
{
	uint8_t bit = (uint8_t)(1u << pin);

	if (!level) {
		chip->pins &= (uint8_t)~bit;
		chip->edges &= (uint8_t)~bit;
	} else if (!(chip->pins & bit)) {
		chip->pins |= bit;
		chip->edges |= bit;
	}
}

/* ---- The pair --------------------------------------------------------------------- */

static void pic_update(struct pic *pic)
{
	struct pic_state *state = &pic->state;
	bool intr;

	pic_set_pin(&state->chips[0], 2, pic_pending(&state->chips[1], false) != PIC_NONE);
	intr = pic_pending(&state->chips[0], true) != PIC_NONE;
	if (intr == state->intr)
		return;
	state->intr = intr;
	cbx_cpu_set_intr(&pic->device, intr);
}

static void pic_set_line(void *target, unsigned irq, bool level)
{
	struct pic *pic = target;

	pic_set_pin(&pic->state.chips[irq >> 3], irq & 7, level);
	pic_update(pic);
}

struct cbx_line pic_line(struct pic *pic, unsigned irq)
{
	if (irq > 15 || irq == 2)
		return (struct cbx_line){ NULL, NULL, 0 };
	return (struct cbx_line){ pic_set_line, pic, irq };
}

/* The slave's INT goes low during its acknowledge cycle: a further request is a new edge. */
static unsigned pic_acknowledge_slave(struct pic *pic)
{
	unsigned level = pic_acknowledge_chip(&pic->state.chips[1], false);

	pic_set_pin(&pic->state.chips[0], 2, false);
	return level;
}

static uint8_t pic_acknowledge(struct cbx_device *device)
{
	struct pic *pic = (struct pic *)device;
	struct pic_chip *master = &pic->state.chips[0], *slave = &pic->state.chips[1];
	unsigned level = pic_acknowledge_chip(master, true);
	uint8_t vector;

	if (level == 2 && !master->single)
		vector = (uint8_t)(slave->base | pic_acknowledge_slave(pic));
	else
		vector = (uint8_t)(master->base | level);
	pic_update(pic);
	return vector;
}

static uint8_t pic_poll(struct pic *pic, unsigned which)
{
	struct pic_chip *chip = &pic->state.chips[which];
	unsigned level = pic_pending(chip, which == 0);

	chip->poll = 0;
	if (level == PIC_NONE)
		return PIC_SPURIOUS;
	if (which == 0)
		pic_acknowledge_chip(chip, true);
	else
		pic_acknowledge_slave(pic);
	pic_update(pic);
	return (uint8_t)(0x80 | level);
}

/* ---- Ports ---------------------------------------------------------------------------- */

static void pic_write_icw1(struct pic_chip *chip, uint8_t value)
{
	chip->edges = 0;
	chip->imr = 0;
	chip->isr = 0;
	chip->lowest = 7;
	chip->special_mask = 0;
	chip->rotate_auto = 0;
	chip->read_isr = 0;
	chip->poll = 0;
	chip->single = value >> 1 & 1;
	chip->wants_icw4 = value & 1;
	if (!chip->wants_icw4)
		chip->icw4 = 0;
	chip->step = PIC_ICW2;
}

static void pic_write_ocw2(struct pic_chip *chip, uint8_t value)
{
	unsigned level = value & 7;
	bool rotate = value & 0x80;

	switch (value >> 5 & 3) {
	case 0:                         /* rotation in automatic EOI mode: on or off */
		chip->rotate_auto = rotate;
		break;
	case 1:
		pic_end_highest(chip, rotate);
		break;
	case 2:                         /* set priority; without rotation no operation */
		if (rotate)
			chip->lowest = (uint8_t)level;
		break;
	case 3:
		pic_end(chip, level, rotate);
		break;
	}
}

static void pic_write_ocw3(struct pic_chip *chip, uint8_t value)
{
	if (value & 0x40)
		chip->special_mask = value >> 5 & 1;
	chip->poll = value >> 2 & 1;
	if (value & 0x02)
		chip->read_isr = value & 1;
}

static void pic_write_odd(struct pic_chip *chip, uint8_t value)
{
	switch (chip->step) {
	case PIC_ICW2:
		chip->base = value & 0xf8;
		if (!chip->single)
			chip->step = PIC_ICW3;
		else
			chip->step = chip->wants_icw4 ? PIC_ICW4 : PIC_READY;
		break;
	case PIC_ICW3:
		chip->icw3 = value;
		chip->step = chip->wants_icw4 ? PIC_ICW4 : PIC_READY;
		break;
	case PIC_ICW4:
		chip->icw4 = value & 0x1f;
		chip->step = PIC_READY;
		break;
	default:
		chip->imr = value;
	}
}

static void pic_write(struct pic *pic, unsigned which, uint64_t offset, uint8_t value)
{
	struct pic_chip *chip = &pic->state.chips[which];

	if (offset)
		pic_write_odd(chip, value);
	else if (value & 0x10)
		pic_write_icw1(chip, value);
	else if (value & 0x08)
		pic_write_ocw3(chip, value);
	else
		pic_write_ocw2(chip, value);
	pic_update(pic);
}

static uint8_t pic_read(struct pic *pic, unsigned which, uint64_t offset)
{
	const struct pic_chip *chip = &pic->state.chips[which];

	if (chip->poll)
		return pic_poll(pic, which);
	if (offset)
		return chip->imr;
	return chip->read_isr ? chip->isr : pic_requests(chip);
}

static uint64_t pic_read_master(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)width;
	return pic_read((struct pic *)device, 0, offset);
}

static void pic_write_master(struct cbx_device *device, uint64_t offset, uint64_t value,
			     unsigned width)
{
	(void)width;
	pic_write((struct pic *)device, 0, offset, (uint8_t)value);
}

static uint64_t pic_read_slave(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)width;
	return pic_read((struct pic *)device, 1, offset);
}

static void pic_write_slave(struct cbx_device *device, uint64_t offset, uint64_t value,
			    unsigned width)
{
	(void)width;
	pic_write((struct pic *)device, 1, offset, (uint8_t)value);
}

static uint64_t pic_read_elcr(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)width;
	return ((struct pic *)device)->state.chips[offset & 1].elcr;
}

static void pic_write_elcr(struct cbx_device *device, uint64_t offset, uint64_t value,
			   unsigned width)
{
	struct pic *pic = (struct pic *)device;

	(void)width;
	pic->state.chips[offset & 1].elcr = (uint8_t)value & pic_elcr_mask[offset & 1];
	pic_update(pic);
}

static const struct cbx_io pic_master_io = {
	.widths = 1, .read = pic_read_master, .write = pic_write_master
};
static const struct cbx_io pic_slave_io = {
	.widths = 1, .read = pic_read_slave, .write = pic_write_slave
};
static const struct cbx_io pic_elcr_io = {
	.widths = 1, .read = pic_read_elcr, .write = pic_write_elcr
};

/* ---- Life ----------------------------------------------------------------------------- */

static void pic_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct pic *pic = (struct pic *)device;

	for (unsigned i = 0; i < 2; i++) {
		/* The inputs belong to whoever drives them, and those are reset as well. */
		uint8_t pins = kind == CBX_RESET_POWER ? 0 : pic->state.chips[i].pins;

		pic->state.chips[i] = (struct pic_chip){ .pins = pins, .lowest = 7 };
	}
	pic->state.intr = 0;
	cbx_cpu_set_intr(device, false);
	pic_update(pic);
}

static bool pic_check(const struct cbx_device *device, const void *bytes)
{
	const struct pic_state *state = bytes;
	bool good = state->intr <= 1;

	(void)device;
	for (unsigned i = 0; i < 2; i++) {
		const struct pic_chip *chip = &state->chips[i];

		good = good && chip->lowest <= 7 && chip->step < PIC_STEPS && !(chip->base & 7) &&
		       !(chip->icw4 & ~0x1f) && !(chip->elcr & ~pic_elcr_mask[i]) &&
		       !(chip->edges & ~chip->pins) && chip->single <= 1 &&
		       chip->wants_icw4 <= 1 && chip->read_isr <= 1 && chip->poll <= 1 &&
		       chip->special_mask <= 1 && chip->rotate_auto <= 1;
	}
	return good;
}

static const struct cbx_device_type pic_type = {
	.name = "pic",
	.version = 1,
	.size = sizeof(struct pic),
	.state_offset = offsetof(struct pic, state),
	.state_size = sizeof(struct pic_state),
	.fields = pic_fields,
	.reset = pic_reset,
	.check = pic_check,
};

enum cbx_status pic_new(struct cbx_machine *machine, struct pic **pic)
{
	struct cbx_device *device;
	enum cbx_status status = cbx_device_new(machine, &pic_type, &device);

	if (status == CBX_OK)
		status = cbx_ports_map(device, 0x20, 2, &pic_master_io);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0xa0, 2, &pic_slave_io);
	if (status == CBX_OK)
		status = cbx_ports_map(device, 0x4d0, 2, &pic_elcr_io);
	if (status != CBX_OK)
		return status;
	cbx_cpu_connect_inta(device, pic_acknowledge);
	*pic = (struct pic *)device;
	return CBX_OK;
}
