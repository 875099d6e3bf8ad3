/*
 * Every public function of a bare machine, with good arguments and bad ones, by the public
 * headers alone.  A small device of an embedder's own shows the device API.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <clearbox/clearbox.h>

static struct cbx_machine *new_machine(void)
{
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 1 << 20 };
	struct cbx_machine *machine;
	struct cbx_error error;

	assert_int_equal(cbx_machine_new(&options, &machine, &error), CBX_OK);
	assert_int_equal(error.status, CBX_OK);
	return machine;
}

static void set(struct cbx_machine *machine, enum cbx_register which, uint64_t value)
{
	assert_int_equal(cbx_register_write(machine, which, value), CBX_OK);
}

static uint64_t get(struct cbx_machine *machine, enum cbx_register which)
{
	uint64_t value = 0;

	assert_int_equal(cbx_register_read(machine, which, &value), CBX_OK);
	return value;
}

/* Code at 0:500h in real mode, ready to run. */
static void put_code(struct cbx_machine *machine, const void *code, size_t size)
{
	assert_int_equal(cbx_memory_write(machine, 0x500, code, size), CBX_OK);
	set(machine, CBX_CS, 0);
	set(machine, CBX_CS_BASE, 0);
	set(machine, CBX_RIP, 0x500);
	set(machine, CBX_SS_BASE, 0);
	set(machine, CBX_RSP, 0x400);
}

/* ---- Creation ------------------------------------------------------------------------------ */

static void test_creation(void **state)
{
	struct cbx_machine_options options = { .size = sizeof(options) };
	struct { struct cbx_machine_options options; uint8_t more[8]; } longer;
	struct cbx_machine *machine;
	struct cbx_error error;
	unsigned n;

	(void)state;
	assert_int_equal(cbx_machine_new(NULL, &machine, NULL), CBX_OK);
	cbx_machine_free(machine);
	assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
	cbx_machine_free(machine);
	cbx_machine_free(NULL);
	assert_int_equal(cbx_machine_new(&options, NULL, &error), CBX_ERROR_ARGUMENT);
	assert_int_equal(error.status, CBX_ERROR_ARGUMENT);
	assert_true(*error.text);
	options.size = 0;
	assert_int_equal(cbx_machine_new(&options, &machine, &error), CBX_ERROR_ARGUMENT);
	assert_null(machine);
	/* Options of an older and of a newer version. */
	options.size = offsetof(struct cbx_machine_options, cpu);
	assert_int_equal(cbx_machine_new(&options, &machine, &error), CBX_OK);
	cbx_machine_free(machine);
	memset(&longer, 0, sizeof(longer));
	longer.options.size = sizeof(longer);
	assert_int_equal(cbx_machine_new(&longer.options, &machine, &error), CBX_OK);
	cbx_machine_free(machine);
	longer.more[7] = 1;
	assert_int_equal(cbx_machine_new(&longer.options, &machine, &error), CBX_ERROR_ARGUMENT);
	options.size = sizeof(options);
	options.memory_bytes = 4097;
	assert_int_equal(cbx_machine_new(&options, &machine, &error), CBX_ERROR_ARGUMENT);
	assert_true(*error.text);
	options.memory_bytes = (uint64_t)1 << 50;
	assert_int_equal(cbx_machine_new(&options, &machine, &error), CBX_ERROR_ARGUMENT);
	options.memory_bytes = 4096;
	options.cpu = "no such processor";
	assert_int_equal(cbx_machine_new(&options, &machine, &error), CBX_ERROR_ARGUMENT);
	assert_true(*error.text);
	assert_null(machine);
	for (n = 0; cbx_cpu_model(n); n++) {
		options.cpu = cbx_cpu_model(n);
		assert_int_equal(cbx_machine_new(&options, &machine, &error), CBX_OK);
		cbx_machine_free(machine);
	}
	assert_true(n > 0);
	assert_null(cbx_cpu_model(1000));
}

static void *failing(void *user, void *memory, size_t size)
{
	int *left = user;

	if (!size) {
		free(memory);
		return NULL;
	}
	return *left && (*left)-- ? realloc(memory, size) : NULL;
}

static void test_failing_allocator(void **state)
{
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 1 << 20 };
	struct cbx_machine *machine;
	struct cbx_error error;
	int left, n;

	(void)state;
	options.reallocate = failing;
	options.user = &left;
	for (n = 0;; n++) {
		enum cbx_status status;

		left = n;
		status = cbx_machine_new(&options, &machine, &error);
		if (status == CBX_OK)
			break;
		assert_int_equal(status, CBX_ERROR_MEMORY);
		assert_int_equal(error.status, CBX_ERROR_MEMORY);
		assert_null(machine);
	}
	assert_in_range(n, 5, 200);
	/*
	 * With nothing left a guest that writes memory is stopped, and nothing is lost when it goes
	 * on: mov cx,1000h; again: mov ds,cx; mov byte [0],5Ah; add cx,100h; cmp cx,9000h;
	 * jb again; hlt
	 */
	left = 1000;
	put_code(machine, "\xb9\x00\x10\x8e\xd9\xc6\x06\x00\x00\x5a\x81\xc1\x00\x01\x81\xf9\x00\x90"
		 "\x72\xef\xf4", 21);
	left = 0;
	for (n = 0; n < 1000; n++) {
		struct cbx_stop stop;

		assert_int_equal(cbx_run(machine, NULL, &stop), CBX_OK);
		if (stop.reason == CBX_STOP_HALTED)
			break;
		assert_int_equal(stop.reason, CBX_STOP_HOST_MEMORY);
		left = n & 1 ? 2 : 0;
	}
	assert_in_range(n, 2, 999);
	for (n = 0x10000; n < 0x90000; n += 0x1000) {
		uint8_t byte;

		assert_int_equal(cbx_memory_read(machine, (uint64_t)n, &byte, 1), CBX_OK);
		assert_int_equal(byte, 0x5a);
	}
	left = 1000;
	cbx_machine_free(machine);
}

/* ---- Registers ------------------------------------------------------------------------------ */

static void test_registers(void **state)
{
	struct cbx_machine *machine = new_machine();
	uint64_t value;
	unsigned n, m;

	(void)state;
	for (n = 0; n < CBX_REGISTER_COUNT; n++) {
		const char *name = cbx_register_name((enum cbx_register)n);

		assert_non_null(name);
		for (m = 0; m < n; m++)
			assert_string_not_equal(name, cbx_register_name((enum cbx_register)m));
		assert_int_equal(cbx_register_read(machine, (enum cbx_register)n, &value), CBX_OK);
		/* What was read can be written, and then is what it was. */
		if (n >= CBX_R8 && n <= CBX_R15) {      /* of 64-bit models only */
			assert_true(cbx_register_write(machine, (enum cbx_register)n, value) <= 0);
			continue;
		}
		assert_int_equal(cbx_register_write(machine, (enum cbx_register)n, value), CBX_OK);
		assert_true(get(machine, (enum cbx_register)n) == value);
	}
	assert_null(cbx_register_name(CBX_REGISTER_COUNT));
	assert_int_equal(cbx_register_read(machine, CBX_REGISTER_COUNT, &value),
			 CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_register_write(machine, CBX_REGISTER_COUNT, 0), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_register_read(NULL, CBX_RAX, &value), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_register_read(machine, CBX_RAX, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_register_write(NULL, CBX_RAX, 0), CBX_ERROR_ARGUMENT);
	set(machine, CBX_RCX, 0x12345678);
	assert_int_equal(get(machine, CBX_RCX), 0x12345678);
	/* The reset state: SDM 3A 9.1. */
	assert_int_equal(get(machine, CBX_RIP), 0xfff0);
	assert_int_equal(get(machine, CBX_CS), 0xf000);
	assert_int_equal(get(machine, CBX_CS_BASE), 0xffff0000);
	assert_int_equal(get(machine, CBX_RFLAGS), 2);
	cbx_machine_free(machine);
}

/* ---- Memory ----------------------------------------------------------------------------------- */

static void test_memory(void **state)
{
	struct cbx_machine *machine = new_machine();
	uint8_t bytes[8];
	uint64_t physical;

	(void)state;
	assert_int_equal(cbx_memory_write(machine, 0xffffc, "abcd", 4), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0xffffd, "abcd", 4), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_memory_read(machine, 0xffffc, bytes, 4), CBX_OK);
	assert_memory_equal(bytes, "abcd", 4);
	assert_int_equal(cbx_memory_read(machine, 0xffffc, bytes, 5), CBX_ERROR_UNMAPPED);
	assert_true(*cbx_machine_error(machine));
	assert_int_equal(cbx_memory_read(machine, 0, NULL, 5), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_memory_read(NULL, 0, bytes, 5), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_memory_write(NULL, 0, bytes, 5), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_memory_write(machine, 0, NULL, 5), CBX_ERROR_ARGUMENT);
	/* Without paging linear is physical. */
	assert_int_equal(cbx_translate(machine, 0x12345, &physical), CBX_OK);
	assert_int_equal(physical, 0x12345);
	assert_int_equal(cbx_translate(NULL, 0, &physical), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_translate(machine, 0, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_linear_write(machine, 0x1ffe, "wxyz", 4), CBX_OK);
	assert_int_equal(cbx_linear_read(machine, 0x1ffe, bytes, 4), CBX_OK);
	assert_memory_equal(bytes, "wxyz", 4);
	assert_int_equal(cbx_linear_read(machine, 0x100000, bytes, 4), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_linear_write(machine, 0x100000, bytes, 4), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_linear_read(NULL, 0, bytes, 4), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_linear_write(NULL, 0, bytes, 4), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_linear_read(machine, 0, NULL, 4), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_linear_write(machine, 0, NULL, 4), CBX_ERROR_ARGUMENT);
	/* Paging on, by hand: 0-4 MiB by a table with one page, 4-8 MiB absent. */
	assert_int_equal(cbx_memory_write(machine, 0x10000, "\x07\x10\x01\0", 4), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0x11008, "\x07\x50\0\0", 4), CBX_OK);
	set(machine, CBX_CR3, 0x10000);
	set(machine, CBX_CR0, get(machine, CBX_CR0) | 0x80000001);
	assert_int_equal(cbx_translate(machine, 0x2345, &physical), CBX_OK);
	assert_int_equal(physical, 0x5345);
	assert_int_equal(cbx_translate(machine, 0x3000, &physical), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_translate(machine, 0x400000, &physical), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_linear_write(machine, 0x2ffe, "abcd", 4), CBX_ERROR_UNMAPPED);
	assert_int_equal(cbx_linear_write(machine, 0x2ffc, "abcd", 4), CBX_OK);
	assert_int_equal(cbx_memory_read(machine, 0x5ffc, bytes, 4), CBX_OK);
	assert_memory_equal(bytes, "abcd", 4);
	cbx_machine_free(machine);
}

/* ---- Running ----------------------------------------------------------------------------------- */

static void test_running(void **state)
{
	struct cbx_machine *machine = new_machine();
	struct cbx_run_options options = { .size = sizeof(options) };
	struct cbx_stop stop;

	(void)state;
	put_code(machine, "\x40\x40\x40\xeb\xfb", 5);   /* inc ax three times; jmp */
	assert_int_equal(cbx_step(machine, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	assert_int_equal(stop.instructions, 1);
	assert_int_equal(stop.rip, 0x501);
	assert_int_equal(stop.cs_base, 0);
	assert_int_equal(get(machine, CBX_RAX), 1);
	assert_int_equal(cbx_step(machine, NULL), CBX_OK);
	options.instructions = 1000002;
	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	assert_int_equal(stop.instructions, 1000002);
	assert_int_equal(cbx_instruction_count(machine), 1000004);
	assert_int_equal(cbx_guest_time(machine), 10000040);
	assert_int_equal(get(machine, CBX_RAX), 1000004 / 4 * 3 % 0x10000);
	options.instructions = 0;
	options.guest_nanoseconds = 1005;
	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	assert_int_equal(stop.instructions, 101);
	options.guest_nanoseconds = 0;
	cbx_request_stop(machine);
	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_REQUEST);
	/* Asked once, stopped once. */
	assert_int_equal(cbx_step(machine, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	put_code(machine, "\xfa\xf4", 2);               /* cli; hlt */
	assert_int_equal(cbx_run(machine, NULL, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_HALTED);
	assert_true(cbx_next_event(machine) == UINT64_MAX);
	options.size = 1;
	assert_int_equal(cbx_run(machine, &options, &stop), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_run(NULL, NULL, &stop), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_step(NULL, &stop), CBX_ERROR_ARGUMENT);
	cbx_request_stop(NULL);
	assert_int_equal(cbx_instruction_count(NULL), 0);
	assert_int_equal(cbx_guest_time(NULL), 0);
	assert_true(cbx_next_event(NULL) == UINT64_MAX);
	cbx_machine_reset(machine);
	assert_int_equal(cbx_instruction_count(machine), 0);
	assert_int_equal(get(machine, CBX_RIP), 0xfff0);
	cbx_machine_reset(NULL);
	assert_string_equal(cbx_machine_error(NULL), "");
	cbx_machine_free(machine);
}

static void test_triple_fault(void **state)
{
	struct cbx_machine *machine = new_machine();
	struct cbx_run_options options = { .size = sizeof(options), .stop_on_triple_fault = true };
	struct cbx_stop stop;

	(void)state;
	put_code(machine, "\x0f\x0b", 2);               /* ud2 */
	set(machine, CBX_IDTR_LIMIT, 0);
	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_TRIPLE_FAULT);
	cbx_machine_free(machine);
}

/* ---- State ---------------------------------------------------------------------------------------- */

static void test_state(void **state)
{
	struct cbx_machine *a = new_machine(), *b = new_machine();
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 12345 };
	void *data;
	size_t size;

	(void)state;
	put_code(a, "\xbb\x00\x10\x40\x89\x07\x43\xeb\xfa", 9); /* bx=1000h; inc ax; [bx]=ax; inc bx; loop */
	assert_true(cbx_state_hash(a) != cbx_state_hash(b));
	assert_int_equal(cbx_run(a, &options, NULL), CBX_OK);
	assert_int_equal(cbx_snapshot_save(a, &data, &size), CBX_OK);
	assert_int_equal(cbx_snapshot_load(b, data, size), CBX_OK);
	assert_true(cbx_state_hash(a) == cbx_state_hash(b));
	assert_int_equal(cbx_run(a, &options, NULL), CBX_OK);
	assert_true(cbx_state_hash(a) != cbx_state_hash(b));
	assert_int_equal(cbx_run(b, &options, NULL), CBX_OK);
	assert_true(cbx_state_hash(a) == cbx_state_hash(b));
	assert_int_equal(cbx_snapshot_load(b, data, size - 1), CBX_ERROR_FORMAT);
	assert_int_equal(cbx_snapshot_load(b, "garbage", 7), CBX_ERROR_FORMAT);
	assert_true(cbx_state_hash(a) == cbx_state_hash(b));
	assert_int_equal(cbx_snapshot_load(NULL, data, size), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_snapshot_load(b, NULL, size), CBX_ERROR_ARGUMENT);
	cbx_buffer_free(a, data);
	cbx_buffer_free(a, NULL);
	cbx_buffer_free(NULL, NULL);
	assert_int_equal(cbx_snapshot_save(NULL, &data, &size), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_snapshot_save(a, NULL, &size), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_snapshot_save(a, &data, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_state_hash(NULL), 0);
	cbx_machine_free(a);
	cbx_machine_free(b);
}

/* ---- A device of one's own ------------------------------------------------------------------------ */

struct box_state {
	uint32_t value, ticks;
};

struct box {
	struct cbx_device device;
	struct box_state state;
	struct cbx_timer *timer;
	unsigned resets, destroyed_into;
};

static const struct cbx_field box_fields[] = {
	CBX_FIELD(struct box_state, value),
	CBX_FIELD(struct box_state, ticks),
	CBX_FIELD_END
};

static unsigned boxes_destroyed;

static void box_reset(struct cbx_device *device, enum cbx_reset_kind kind)
{
	struct box *box = (struct box *)device;

	box->resets++;
	if (kind == CBX_RESET_POWER)
		memset(&box->state, 0, sizeof(box->state));
	cbx_timer_set(box->timer, 1000);
}

static void box_tick(struct cbx_device *device, unsigned number)
{
	struct box *box = (struct box *)device;

	box->state.ticks += number;
	cbx_timer_set(box->timer, cbx_time(device) + 1000);
}

static void box_destroy(struct cbx_device *device)
{
	(void)device;
	boxes_destroyed++;
}

static const struct cbx_device_type box_type = {
	.name = "box", .version = 1, .size = sizeof(struct box),
	.state_offset = offsetof(struct box, state), .state_size = sizeof(struct box_state),
	.fields = box_fields, .reset = box_reset, .destroy = box_destroy
};

static uint64_t box_read(struct cbx_device *device, uint64_t offset, unsigned width)
{
	(void)offset;
	(void)width;
	return ((struct box *)device)->state.value;
}

static void box_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct box *box = (struct box *)device;

	(void)width;
	switch (offset) {
	case 0:
		box->state.value = (uint32_t)value;
		break;
	case 1:
		cbx_request_exit(device, (int)value);
		break;
	case 2:
		cbx_request_power_off(device);
		break;
	case 3:
		cbx_request_reset(device, value != 0);
		break;
	case 4:
		cbx_log(device, "somebody knocked");
		break;
	}
}

static const struct cbx_io box_io = { .widths = 1, .read = box_read, .write = box_write };

static unsigned messages;

static void count_message(void *user, const char *device, const char *text)
{
	assert_ptr_equal(user, &messages);
	assert_string_equal(device, "box");
	assert_string_equal(text, "somebody knocked");
	messages++;
}

static void destroy_board(void *board)
{
	*(unsigned *)board = 77;
}

static struct box *add_box(struct cbx_machine *machine)
{
	struct cbx_device *device;
	struct box *box;

	assert_int_equal(cbx_device_new(machine, &box_type, &device), CBX_OK);
	box = (struct box *)device;
	assert_int_equal(cbx_timer_new(device, "tick", box_tick, 3, &box->timer), CBX_OK);
	assert_int_equal(cbx_ports_map(device, 0x80 + 16 * device->instance, 8, &box_io), CBX_OK);
	return box;
}

static void test_device(void **state)
{
	struct cbx_machine *machine = new_machine();
	struct cbx_run_options options = { .size = sizeof(options), .stop_on_reset = true };
	struct box *box = add_box(machine), *second;
	struct cbx_stop stop;
	unsigned board = 0, i;

	(void)state;
	boxes_destroyed = 0;
	cbx_machine_set_board(machine, &board, destroy_board);
	assert_ptr_equal(cbx_machine_board(machine), &board);
	assert_null(cbx_machine_board(NULL));
	cbx_machine_set_board(NULL, NULL, NULL);
	cbx_machine_set_log(machine, count_message, &messages);
	cbx_machine_set_log(NULL, NULL, NULL);
	assert_int_equal(box->resets, 0);
	/* mov al,5A; out 80h,al; in al,80h; mov bl,al; mov al,2A; out 81h,al; out 82h,al; out 84h,al; jmp $ */
	put_code(machine, "\xb0\x5a\xe6\x80\xe4\x80\x88\xc3\xb0\x2a\xe6\x81\xe6\x82\xe6\x84\xeb\xfe",
		 18);
	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_EXIT);
	assert_int_equal(stop.exit_code, 0x2a);
	assert_int_equal(stop.instructions, 6);
	assert_int_equal(stop.rip, 0x50c);
	assert_int_equal(box->resets, 1);
	assert_int_equal(get(machine, CBX_RBX) & 0xff, 0x5a);
	assert_int_equal(box->state.value, 0x5a);
	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_POWER_OFF);
	assert_int_equal(cbx_step(machine, NULL), CBX_OK);
	assert_int_equal(messages, 1);
	assert_int_equal(cbx_next_event(machine), 1000);
	options.guest_nanoseconds = 10000;
	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
	assert_int_equal(box->state.ticks, 30);
	/* A device that comes late is reset before it is used. */
	second = add_box(machine);
	assert_int_equal(second->device.instance, 1);
	assert_int_equal(cbx_step(machine, NULL), CBX_OK);
	assert_int_equal(second->resets, 1);
	assert_int_equal(box->resets, 1);
	/* The reset line. */
	options.guest_nanoseconds = 0;
	put_code(machine, "\x30\xc0\xe6\x83\xeb\xfe", 6);       /* xor al,al; out 83h,al; jmp $ */
	assert_int_equal(cbx_run(machine, &options, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_RESET);
	assert_int_equal(box->resets, 2);
	assert_int_equal(get(machine, CBX_RIP), 0xfff0);
	/* Messages are limited. */
	for (i = 0; i < 5000; i++)
		cbx_log(&box->device, "somebody knocked");
	assert_in_range(messages, 1, 1001);
	cbx_log(NULL, "x");
	cbx_log(&box->device, NULL);
	cbx_request_exit(NULL, 1);
	cbx_request_power_off(NULL);
	cbx_request_reset(NULL, true);
	assert_int_equal(cbx_time(NULL), 0);
	cbx_machine_free(machine);
	assert_int_equal(boxes_destroyed, 2);
	assert_int_equal(board, 77);
}

static void test_allocation(void **state)
{
	struct cbx_machine *machine = new_machine();
	uint8_t *bytes = cbx_machine_allocate(machine, 100);
	unsigned i;

	(void)state;
	assert_non_null(bytes);
	for (i = 0; i < 100; i++)
		assert_int_equal(bytes[i], 0);
	cbx_machine_release(machine, bytes);
	cbx_machine_release(machine, NULL);
	cbx_machine_release(NULL, NULL);
	assert_null(cbx_machine_allocate(NULL, 5));
	cbx_machine_free(machine);
}

/* ---- Disassembly ----------------------------------------------------------------------------------- */

static void test_disassembly(void **state)
{
	static const uint8_t code[] = { 0x01, 0xd8, 0x90 };
	char text[80];
	unsigned length;

	(void)state;
	assert_int_equal(cbx_disassemble(code, 3, 32, 0, text, sizeof(text), &length), CBX_OK);
	assert_int_equal(length, 2);
	assert_non_null(strstr(text, "add"));
	assert_int_equal(cbx_disassemble(code, 1, 32, 0, text, sizeof(text), &length), CBX_OK);
	assert_int_equal(length, 0);
	assert_int_equal(cbx_disassemble(code, 3, 32, 0, text, 4, &length), CBX_OK);
	assert_true(strlen(text) < 4);
	assert_int_equal(cbx_disassemble(code, 3, 33, 0, text, sizeof(text), &length),
			 CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_disassemble(NULL, 3, 32, 0, text, sizeof(text), &length),
			 CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_disassemble(code, 3, 32, 0, NULL, 0, &length), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_disassemble(code, 3, 32, 0, text, sizeof(text), NULL),
			 CBX_ERROR_ARGUMENT);
}

/* ---- Functions of a PC on a machine that is none ----------------------------------------------------- */

static void test_no_pc(void **state)
{
	struct cbx_machine *machine = new_machine();
	struct cbx_screen screen;
	struct cbx_cell cell;
	uint32_t pixel;
	char text[8];
	size_t taken;

	(void)state;
	assert_true(cbx_key(machine, 4, true) < 0);
	assert_true(cbx_key(NULL, 4, true) < 0);
	assert_true(cbx_type_text(machine, "x") < 0);
	assert_true(cbx_type_text(NULL, "x") < 0);
	assert_true(cbx_mouse(machine, 1, 1, 0, 0) < 0);
	assert_true(cbx_mouse(NULL, 1, 1, 0, 0) < 0);
	assert_true(cbx_serial_input(machine, 0, "x", 1, &taken) < 0);
	assert_true(cbx_serial_input(NULL, 0, "x", 1, &taken) < 0);
	assert_true(cbx_power_button(machine) < 0);
	assert_true(cbx_power_button(NULL) < 0);
	assert_true(cbx_screen_info(machine, &screen) < 0);
	assert_true(cbx_screen_info(NULL, &screen) < 0);
	assert_true(cbx_screen_render(machine, &pixel, 1, 1) < 0);
	assert_true(cbx_screen_cells(machine, &cell, 1) < 0);
	assert_true(cbx_screen_text(machine, text, sizeof(text)) < 0);
	assert_true(cbx_drive_change(machine, CBX_FLOPPY_A, NULL) < 0);
	assert_true(cbx_drive_change(NULL, CBX_FLOPPY_A, NULL) < 0);
	cbx_machine_free(machine);
}

/* ---- A PC ----------------------------------------------------------------------------------------------- */

static void test_pc(void **state)
{
	struct cbx_pc_options options = { .size = sizeof(options) };
	struct cbx_run_options run = { .size = sizeof(run), .instructions = 2000000 };
	struct cbx_machine *a, *b;
	struct cbx_screen screen;
	struct cbx_error error;
	struct cbx_stop stop;
	uint64_t fresh;
	uint8_t entry[16];
	size_t size;
	void *data;

	(void)state;
	options.machine.memory_bytes = 16 << 20;
	assert_int_equal(cbx_pc_new(&options, &a, &error), CBX_OK);
	assert_int_equal(cbx_pc_new(&options, &b, &error), CBX_OK);
	/* The reset vector is in the ROM. */
	assert_int_equal(cbx_memory_read(a, 0xfffffff0, entry, 16), CBX_OK);
	assert_int_equal(entry[0], 0xea);
	fresh = cbx_state_hash(a);
	assert_true(fresh == cbx_state_hash(b));
	assert_int_equal(cbx_run(a, &run, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	assert_true(cbx_state_hash(a) != fresh);
	assert_int_equal(cbx_screen_info(a, &screen), CBX_OK);
	assert_int_equal(cbx_snapshot_save(a, &data, &size), CBX_OK);
	assert_int_equal(cbx_snapshot_load(b, data, size), CBX_OK);
	assert_true(cbx_state_hash(a) == cbx_state_hash(b));
	assert_int_equal(cbx_run(a, &run, &stop), CBX_OK);
	assert_int_equal(cbx_run(b, &run, &stop), CBX_OK);
	assert_true(cbx_state_hash(a) == cbx_state_hash(b));
	/* Switched off and on it is as new. */
	cbx_machine_reset(a);
	assert_true(cbx_state_hash(a) == fresh);
	cbx_buffer_free(a, data);
	cbx_machine_free(a);
	cbx_machine_free(b);
	options.machine.memory_bytes = 5;
	assert_int_equal(cbx_pc_new(&options, &a, &error), CBX_ERROR_ARGUMENT);
	assert_null(a);
	assert_true(*error.text);
	options.size = 3;
	assert_int_equal(cbx_pc_new(&options, &a, &error), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_pc_new(&options, NULL, &error), CBX_ERROR_ARGUMENT);
}

/* Every allocation of a PC fails once: an error that says so, and nothing is left behind. */
static void test_pc_failing_allocator(void **state)
{
	struct cbx_pc_options options = { .size = sizeof(options) };
	struct cbx_machine *machine;
	struct cbx_error error;
	int left, n;

	(void)state;
	options.machine.memory_bytes = 4 << 20;
	options.machine.reallocate = failing;
	options.machine.user = &left;
	options.debug_exit_port = 0x501;
	for (n = 0;; n++) {
		enum cbx_status status;

		left = n;
		status = cbx_pc_new(&options, &machine, &error);
		if (status == CBX_OK)
			break;
		assert_int_equal(status, CBX_ERROR_MEMORY);
		assert_int_equal(error.status, CBX_ERROR_MEMORY);
		assert_true(*error.text);
		assert_null(machine);
	}
	assert_in_range(n, 50, 5000);
	left = 0;
	cbx_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_creation),
		cmocka_unit_test(test_failing_allocator),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_running),
		cmocka_unit_test(test_triple_fault),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_allocation),
		cmocka_unit_test(test_disassembly),
		cmocka_unit_test(test_no_pc),
		cmocka_unit_test(test_pc),
		cmocka_unit_test(test_pc_failing_allocator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
