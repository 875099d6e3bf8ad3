/*
 * String instructions against a model that goes byte by byte: all widths, address sizes,
 * directions, overlaps and conditions, stopped at every kind of place in the middle.  INS and OUTS
 * have a device that does some accesses many at once, and others not.
 */
#include "system_guest.h"

#include <clearbox/device.h>
#include <string.h>

enum { AREA = 0x30000, AREA_SIZE = 0x8000, RUNS = 6000, STREAM = 0x100, TOGETHER = 50 };

static uint32_t random_state = 12345;

static uint32_t random_number(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % below;
}

/*
 * A device on a port: what is read is a sequence, what is written goes into a sum.  Each TOGETHER-th
 * access is not for read_many and write_many, for it may do more than that.
 */
struct stream_state {
	uint32_t reads, writes, sum;
};

struct stream {
	struct cbx_device device;
	struct stream_state state;
};

static uint32_t stream_next(struct stream_state *s)
{
	return s->reads++ * 2654435761u;
}

static void stream_take(struct stream_state *s, uint32_t value)
{
	s->writes++;
	s->sum = s->sum * 31 + value;
}

static uint64_t stream_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)offset, (void)width;
	return stream_next(&((struct stream *)device)->state);
}

static void stream_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	(void)offset, (void)width;
	stream_take(&((struct stream *)device)->state, (uint32_t)value);
}

static size_t together(uint32_t done, size_t count)
{
	size_t most = TOGETHER - 1 - done % TOGETHER;

	return count < most ? count : most;
}

static size_t stream_read_many(struct cbx_device *device, uint64_t offset, unsigned width, void *bytes,
			       size_t count)
{
	struct stream_state *s = &((struct stream *)device)->state;
	uint8_t *to = bytes;

	(void)offset;
	count = together(s->reads, count);
	for (size_t n = 0; n < count; n++) {
		uint32_t value = stream_next(s);

		for (unsigned k = 0; k < width; k++)
			*to++ = (uint8_t)(value >> 8 * k);
	}
	return count;
}

static size_t stream_write_many(struct cbx_device *device, uint64_t offset, unsigned width,
				const void *bytes, size_t count)
{
	struct stream_state *s = &((struct stream *)device)->state;
	const uint8_t *from = bytes;

	(void)offset;
	count = together(s->writes, count);
	for (size_t n = 0; n < count; n++) {
		uint32_t value = 0;

		for (unsigned k = 0; k < width; k++)
			value |= (uint32_t)*from++ << 8 * k;
		stream_take(s, value);
	}
	return count;
}

static const struct cbx_io stream_io = {
	.widths = 1 | 2 | 4, .read = stream_read, .write = stream_write,
	.read_many = stream_read_many, .write_many = stream_write_many,
};
static const struct cbx_field stream_fields[] = {
	CBX_FIELD(struct stream_state, reads), CBX_FIELD(struct stream_state, writes),
	CBX_FIELD(struct stream_state, sum), CBX_FIELD_END
};
static const struct cbx_device_type stream_type = {
	.name = "stream", .version = 1, .size = sizeof(struct stream),
	.state_offset = offsetof(struct stream, state), .state_size = sizeof(struct stream_state),
	.fields = stream_fields,
};

struct model {
	uint8_t memory[AREA_SIZE];
	uint32_t eax, ecx, esi, edi;
	bool zf, cf;
	struct stream_state stream;
};

struct example {
	uint8_t opcode;                 /* even: bytes, odd: operand size */
	unsigned width, rep;            /* 0, F3h or F2h */
	bool address16, down;
};

static uint32_t model_get(const struct model *m, uint32_t at, unsigned width)
{
	uint32_t value = 0;

	for (unsigned n = 0; n < width; n++)
		value |= (uint32_t)m->memory[at - AREA + n] << 8 * n;
	return value;
}

static void model_put(struct model *m, uint32_t at, unsigned width, uint32_t value)
{
	for (unsigned n = 0; n < width; n++)
		m->memory[at - AREA + n] = (uint8_t)(value >> 8 * n);
}

static void model_compare(struct model *m, uint32_t a, uint32_t b)
{
	m->zf = a == b;
	m->cf = a < b;
}

static uint32_t low(uint32_t value, unsigned width)
{
	return width == 4 ? value : value & ((1u << 8 * width) - 1);
}

/* One element; bases are 0, or AREA with 16-bit addresses. */
static void model_one(struct model *m, const struct example *e)
{
	uint32_t base = e->address16 ? AREA : 0, mask = e->address16 ? 0xffff : 0xffffffff;
	uint32_t from = base + (m->esi & mask), to = base + (m->edi & mask);
	uint32_t step = e->down ? 0u - e->width : e->width;
	bool si = false, di = false;

	switch (e->opcode & 0xfe) {
	case 0x6c:
		model_put(m, to, e->width, stream_next(&m->stream));
		di = true;
		break;
	case 0x6e:
		stream_take(&m->stream, model_get(m, from, e->width));
		si = true;
		break;
	case 0xa4:
		model_put(m, to, e->width, model_get(m, from, e->width));
		si = di = true;
		break;
	case 0xa6:
		model_compare(m, model_get(m, from, e->width), model_get(m, to, e->width));
		si = di = true;
		break;
	case 0xaa:
		model_put(m, to, e->width, m->eax);
		di = true;
		break;
	case 0xac:
		m->eax = (m->eax & ~low(0xffffffff, e->width)) | model_get(m, from, e->width);
		si = true;
		break;
	default:
		model_compare(m, low(m->eax, e->width), model_get(m, to, e->width));
		di = true;
		break;
	}
	if (si)
		m->esi = (m->esi & ~mask) | ((m->esi + step) & mask);
	if (di)
		m->edi = (m->edi & ~mask) | ((m->edi + step) & mask);
}

/* Up to `most` instructions' worth; returns how many were done, *over: it is complete. */
static unsigned model_run(struct model *m, const struct example *e, unsigned most, bool *over)
{
	uint32_t mask = e->address16 ? 0xffff : 0xffffffff;
	bool conditional = (e->opcode & 0xfe) == 0xa6 || (e->opcode & 0xfe) == 0xae;
	unsigned done = 0;

	*over = true;
	if (!e->rep) {
		model_one(m, e);
		return 1;
	}
	if (!(m->ecx & mask))
		return 1;
	for (;;) {
		model_one(m, e);
		m->ecx = (m->ecx & ~mask) | ((m->ecx - 1) & mask);
		done++;
		if (!(m->ecx & mask) || (conditional && m->zf == (e->rep == 0xf2)))
			return done;
		if (done == most) {
			*over = false;
			return done;
		}
	}
}

static void check(struct guest *guest, const struct stream *stream, const struct model *m,
		  const struct example *e, unsigned n)
{
	uint8_t memory[AREA_SIZE];
	bool same;

	assert_int_equal(cbx_memory_read(guest->machine, AREA, memory, AREA_SIZE), CBX_OK);
	same = memcmp(memory, m->memory, AREA_SIZE) == 0 && reg(guest, CBX_RAX) == m->eax &&
	       reg(guest, CBX_RCX) == m->ecx && reg(guest, CBX_RSI) == m->esi &&
	       reg(guest, CBX_RDI) == m->edi && !(reg(guest, CBX_RFLAGS) & 0x40) == !m->zf &&
	       !(reg(guest, CBX_RFLAGS) & 1) == !m->cf &&
	       memcmp(&stream->state, &m->stream, sizeof m->stream) == 0;
	if (same)
		return;
	for (unsigned k = 0; k < AREA_SIZE; k++)
		if (memory[k] != m->memory[k]) {
			print_error("first byte at %#x: %#x, model %#x\n", AREA + k, memory[k],
				    m->memory[k]);
			break;
		}
	print_error("eax %#x %#x ecx %#x %#x esi %#x %#x edi %#x %#x flags %#x zf %d cf %d\n",
		    (unsigned)reg(guest, CBX_RAX), m->eax, (unsigned)reg(guest, CBX_RCX), m->ecx,
		    (unsigned)reg(guest, CBX_RSI), m->esi, (unsigned)reg(guest, CBX_RDI), m->edi,
		    (unsigned)reg(guest, CBX_RFLAGS), m->zf, m->cf);
	fail_msg("run %u: opcode %02x width %u rep %02x address16 %d down %d", n, e->opcode, e->width, e->rep,
		 e->address16, e->down);
}

static uint32_t place(const struct example *e, uint32_t count)
{
	uint32_t room = count * e->width + e->width, at = random_number(AREA_SIZE - room);

	at += e->down ? room - e->width : 0;
	return e->address16 ? at : AREA + at;
}

static void one_run(struct guest *guest, const struct stream *stream, unsigned n)
{
	static const uint8_t opcodes[] = { 0xa4, 0xa6, 0xaa, 0xac, 0xae, 0x6c, 0x6e };
	struct example e = { .opcode = opcodes[random_number(7)], .width = 1, .down = random_number(4) == 0,
			     .address16 = random_number(3) == 0 };
	struct model m;
	uint8_t code[8];
	unsigned size = 0;
	uint32_t count = random_number(8) ? random_number(100) : random_number(7000);
	bool over = false;

	if (random_number(4))
		e.rep = random_number(2) ? 0xf3 : 0xf2;
	if (random_number(3)) {
		e.opcode |= 1;
		e.width = random_number(2) ? 2 : 4;
	}
	if (!e.rep)
		count = 1;
	if (count * e.width > AREA_SIZE - 64)
		count = (AREA_SIZE - 64) / e.width;
	/* Few values, so that comparisons go on for a while. */
	for (unsigned k = 0; k < AREA_SIZE; k++)
		m.memory[k] = random_number(300) ? 7 : 8;
	if ((e.opcode & 0xfe) == 0xa4)
		for (unsigned k = 0; k < AREA_SIZE; k++)
			m.memory[k] = (uint8_t)random_number(256);
	m.eax = random_number(2) ? 0x07070707 : 0x08070607 + random_number(0x10000000);
	m.ecx = count;
	m.esi = place(&e, count);
	m.edi = place(&e, count);
	if (random_number(3) == 0 && !e.down) {         /* close together */
		uint32_t lowest = e.address16 ? 0 : AREA, at = m.esi + random_number(9) - 4;

		if (at >= lowest && at - lowest + count * e.width < AREA_SIZE)
			m.edi = at;
	}
	if (e.address16) {
		m.esi |= random_number(2) ? 0xabcd0000 : 0;
		m.edi |= random_number(2) ? 0x12340000 : 0;
		m.ecx |= random_number(2) ? 0x99990000 : 0;
	}
	m.zf = m.cf = random_number(2);
	m.stream = stream->state;

	if (e.address16)
		code[size++] = 0x67;
	if (e.width == 2)
		code[size++] = 0x66;
	if (e.rep)
		code[size++] = (uint8_t)e.rep;
	code[size++] = e.opcode;
	code[size++] = 0x90;
	poke_bytes(guest, CODE_AT, code, size);
	poke_bytes(guest, AREA, m.memory, AREA_SIZE);
	for (unsigned s = 0; s < 4; s += 3)             /* ES, DS */
		set(guest, CBX_ES_BASE + s, e.address16 ? AREA : 0);
	set(guest, CBX_RIP, CODE_AT);
	set(guest, CBX_RAX, m.eax);
	set(guest, CBX_RCX, m.ecx);
	set(guest, CBX_RSI, m.esi);
	set(guest, CBX_RDI, m.edi);
	set(guest, CBX_RDX, STREAM);
	set(guest, CBX_RFLAGS, 2u | (m.zf ? 0x41 : 0) | (e.down ? 0x400 : 0));
	while (!over) {
		struct cbx_run_options options = { .size = sizeof(options),
						   .instructions = 1 + random_number(3000) };
		struct cbx_stop stop;
		unsigned done = model_run(&m, &e, (unsigned)options.instructions, &over);

		if (over)
			options.instructions = done;
		assert_int_equal(cbx_run(guest->machine, &options, &stop), CBX_OK);
		assert_int_equal(stop.reason, CBX_STOP_LIMIT);
		assert_int_equal(stop.instructions, options.instructions);
		assert_int_equal(reg(guest, CBX_RIP), over ? CODE_AT + size - 1 : CODE_AT);
		check(guest, stream, &m, &e, n);
	}
}

static void against_model(void **state)
{
	struct cbx_device *stream;
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	assert_int_equal(cbx_device_new(guest.machine, &stream_type, &stream), CBX_OK);
	assert_int_equal(cbx_ports_map(stream, STREAM, 4, &stream_io), CBX_OK);
	for (unsigned n = 0; n < RUNS; n++)
		one_run(&guest, (const struct stream *)stream, n);
	guest_free(&guest);
}

/* A fault in the middle: what was done is done, CX and the pointers say how far. */
static void fault_inside(void **state)
{
	static const char *const codes[] = { "\xf3\xa4", "\xf3\xaa", "\xf3\x6c" };

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		struct guest guest;
		struct outcome got;

		guest_new(&guest, NULL);
		descriptor(&guest, TEST, 0x40000, 0x10ff, 0x4093);
		load_segment(&guest, 0, TEST);
		set(&guest, CBX_RCX, 0x200);
		set(&guest, CBX_RSI, DATA_AT);
		set(&guest, CBX_RDI, 0x1000);
		set(&guest, CBX_RAX, 0x5a);
		set(&guest, CBX_RDX, 0x1234);
		poke_bytes(&guest, CODE_AT, codes[n], 2);
		for (unsigned k = 0; k < 0x100; k++)
			step(&guest);
		assert_int_equal(reg(&guest, CBX_RIP), CODE_AT);
		got = step(&guest);
		assert_int_equal(got.vector, GP);
		assert_int_equal(got.error, 0);
		assert_int_equal(got.eip, CODE_AT);
		assert_int_equal(got.eflags & 0x10000, 0x10000);
		assert_int_equal(reg(&guest, CBX_RCX), 0x100);
		assert_int_equal(reg(&guest, CBX_RDI), 0x1100);
		assert_int_equal(reg(&guest, CBX_RSI), n ? DATA_AT : DATA_AT + 0x100);
		guest_free(&guest);
	}
}

/* CX of 0: nothing happens, whatever the pointers are. */
static void no_iterations(void **state)
{
	struct guest guest;

	(void)state;
	guest_new(&guest, NULL);
	load_segment(&guest, 0, 0);
	set(&guest, CBX_RCX, 0);
	EXPECT(&guest, "REP STOSB, ES null", RUN(&guest, "\xf3\xaa"), NONE, 0);
	set(&guest, CBX_RCX, 0x10000);
	EXPECT(&guest, "REP STOSB, 16-bit addresses", RUN(&guest, "\x67\xf3\xaa"), NONE, 0);
	EXPECT(&guest, "REP STOSB, 32-bit addresses", RUN(&guest, "\xf3\xaa"), GP, 0);
	guest_free(&guest);
}

/* The trap flag stops between iterations, with RF set in the image. */
static void single_step(void **state)
{
	struct guest guest;
	struct outcome got;

	(void)state;
	guest_new(&guest, NULL);
	set(&guest, CBX_RCX, 2);
	set(&guest, CBX_RDI, DATA_AT);
	set(&guest, CBX_RFLAGS, 0x102);
	poke_bytes(&guest, CODE_AT, "\xf3\xaa", 2);
	step(&guest);
	got = step(&guest);             /* the trap is delivered before the handler's HLT */
	assert_int_equal(reg(&guest, CBX_RIP), HANDLERS + 16 * DB + 1);
	assert_int_equal(peek(&guest, reg(&guest, CBX_RSP), 4), CODE_AT);
	assert_int_equal(peek(&guest, reg(&guest, CBX_RSP) + 8, 4), 0x10102);
	assert_int_equal(reg(&guest, CBX_RCX), 1);
	assert_int_equal(reg(&guest, CBX_DR6), 0xffff4ff0);
	(void)got;
	guest_free(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_model), cmocka_unit_test(fault_inside),
		cmocka_unit_test(no_iterations), cmocka_unit_test(single_step),
	};

	return cmocka_run_group_tests_name("string instructions", tests, NULL, NULL);
}
