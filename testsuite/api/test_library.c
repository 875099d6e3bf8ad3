/*
 * The library as a product: limits, automation, failing allocators during a boot, an embedder's own
 * devices on a PC, and many machines one after the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <clearbox/clearbox.h>

/* ---- An allocator that counts and fails --------------------------------------------------------- */

struct heap {
	size_t blocks, calls;
	size_t fail_every;              /* 0: never */
	size_t fail_at;                 /* this one alone; 0: none */
};

static void *heap_reallocate(void *user, void *memory, size_t size)
{
	struct heap *heap = user;
	void *result;

	if (!size) {
		heap->blocks -= memory != NULL;
		free(memory);
		return NULL;
	}
	heap->calls++;
	if ((heap->fail_every && heap->calls % heap->fail_every == 0) || heap->calls == heap->fail_at)
		return NULL;
	result = realloc(memory, size);
	heap->blocks += !memory && result;
	return result;
}

/* ---- A boot sector ------------------------------------------------------------------------------ */

struct sector {
	uint8_t bytes[512];
	uint64_t written;
};

static enum cbx_status sector_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	struct sector *sector = user;

	memset(bytes, 0, count);
	if (offset < 512)
		memcpy(bytes, sector->bytes + offset, count < 512 - offset ? count : 512 - (size_t)offset);
	return CBX_OK;
}

static enum cbx_status sector_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	(void)offset;
	(void)bytes;
	((struct sector *)user)->written += count;
	return CBX_OK;
}

static void sector_fill(struct sector *sector, const void *code, size_t size)
{
	memset(sector, 0, sizeof(*sector));
	memcpy(sector->bytes, code, size);
	memcpy(sector->bytes + 510, "\x55\xaa", 2);
}

static void pc_from(struct cbx_pc_options *pc, struct sector *sector)
{
	memset(pc, 0, sizeof(*pc));
	pc->size = sizeof(*pc);
	pc->machine.size = sizeof(pc->machine);
	pc->machine.memory_bytes = 4 << 20;
	pc->floppy[0] = (struct cbx_disk_backend){ .bytes = 1474560, .read = sector_read, .write = sector_write,
						   .user = sector };
}

/*
 * Writes "ready" by INT 10h, sends it to COM1 by port, then for ever counts at 500h:
 * mov dx, 3fah; mov al, 1; out dx, al (the FIFO); inc dx; mov al, 3; out dx, al (8 bits); mov si, text;
 * next: lodsb; test al, al; jz end; mov ah, 0eh; int 10h; mov dx, 3f8h; out dx, al; jmp next;
 * end: inc word [500h]; hlt; jmp end
 */
static const char talker[] = "\xba\xfa\x03\xb0\x01\xee\x42\xb0\x03\xee\xbe\x23\x7c"
	"\xac\x84\xc0\x74\x0a\xb4\x0e\xcd\x10\xba\xf8\x03\xee\xeb\xf1\xff\x06\0\x05\xf4\xeb\xf9" "ready\r\n";

/* ---- Limits --------------------------------------------------------------------------------------- */

static struct cbx_machine *bare(const struct cbx_machine_options *limits, const void *code, size_t size)
{
	struct cbx_machine_options options = *limits;
	struct cbx_machine *machine;
	struct cbx_error error;

	options.size = sizeof(options);
	assert_int_equal(cbx_machine_new(&options, &machine, &error), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0x1000, code, size), CBX_OK);
	cbx_register_write(machine, CBX_CS_BASE, 0);
	cbx_register_write(machine, CBX_RIP, 0x1000);
	return machine;
}

static void test_limits(void **state)
{
	struct cbx_machine_options limits = { .instruction_limit = 1000 };
	struct cbx_run_options run = { .size = sizeof(run), .instructions = 300 };
	struct cbx_machine *machine = bare(&limits, "\xeb\xfe", 2);
	struct cbx_error error;
	struct cbx_stop stop;

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(cbx_run(machine, &run, &stop), CBX_OK);
		assert_int_equal(stop.instructions, 300);
		assert_string_equal(stop.detail, "");
	}
	for (unsigned n = 0; n < 2; n++) {
		assert_int_equal(cbx_run(machine, NULL, &stop), CBX_OK);
		assert_int_equal(stop.reason, CBX_STOP_LIMIT);
		assert_int_equal(stop.instructions, n ? 0 : 100);
		assert_int_equal(stop.rip, 0x1000);
		assert_non_null(strstr(stop.detail, "instruction_limit"));
	}
	assert_int_equal(cbx_instruction_count(machine), 1000);
	cbx_machine_free(machine);

	limits = (struct cbx_machine_options){ .guest_time_limit = 5000, .nanoseconds_per_instruction = 50 };
	machine = bare(&limits, "\xeb\xfe", 2);
	assert_int_equal(cbx_run(machine, NULL, &stop), CBX_OK);
	assert_int_equal(stop.instructions, 100);
	assert_non_null(strstr(stop.detail, "guest_time_limit"));
	cbx_machine_free(machine);

	/* Too little for a machine at all, in many sizes. */
	for (uint64_t limit = 1; limit < 1 << 20; limit = limit * 3 + 1) {
		limits = (struct cbx_machine_options){ .size = sizeof(limits), .memory_limit = limit };
		if (cbx_machine_new(&limits, &machine, &error) == CBX_OK)
			cbx_machine_free(machine);
		else
			assert_int_equal(error.status, CBX_ERROR_MEMORY);
	}
}

/* xor ebx, ebx; again: add ebx, 1000h; mov [ebx+100000h], bl; jmp again; DS has 4 GiB */
static const char greedy[] = "\x66\x31\xdb\x66\x81\xc3\0\x10\0\0\x67\x88\x9b\0\0\x10\0\xeb\xf0";

static void test_memory_limit(void **state)
{
	struct heap heap = { 0 };
	struct cbx_machine_options limits = { .memory_bytes = 256 << 20, .memory_limit = 24 << 20,
					      .reallocate = heap_reallocate, .user = &heap };
	struct cbx_machine *machine = bare(&limits, greedy, sizeof(greedy)), *fork;
	struct cbx_stop stop;
	uint64_t rbx[2];

	(void)state;
	cbx_register_write(machine, CBX_DS_LIMIT, 0xffffffff);
	assert_int_equal(cbx_run(machine, NULL, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_MEMORY_LIMIT);
	cbx_register_read(machine, CBX_RBX, &rbx[0]);
	assert_in_range(rbx[0], 4 << 20, 24 << 20);
	/* The same instruction, again and again, and nothing lost. */
	assert_int_equal(cbx_run(machine, NULL, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_MEMORY_LIMIT);
	cbx_register_read(machine, CBX_RBX, &rbx[1]);
	assert_int_equal(rbx[0], rbx[1]);
	/* A fork shares the account, or is refused. */
	if (cbx_fork(machine, NULL, &fork, NULL) == CBX_OK) {
		cbx_machine_free(machine);
		machine = fork;
	}
	cbx_machine_free(machine);
	assert_int_equal(heap.blocks, 0);
}

struct chatter {
	struct cbx_device device;
	uint8_t nothing;
};

static void chatter_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	(void)offset;
	(void)value;
	(void)width;
	cbx_log(device, "a message of thirty-two bytes ..");
}

static unsigned messages;

static void count_message(void *user, const char *device, const char *text)
{
	(void)user;
	(void)device;
	(void)text;
	messages++;
}

static void test_log_limit(void **state)
{
	static const struct cbx_device_type type = { .name = "chatter", .size = sizeof(struct chatter) };
	static const struct cbx_io io = { .widths = 1, .write = chatter_write };
	struct cbx_machine_options limits = { .log_limit = 1000 };
	/* again: out 80h, al; jmp again */
	struct cbx_machine *machine = bare(&limits, "\xe6\x80\xeb\xfc", 4);
	struct cbx_run_options run = { .size = sizeof(run), .instructions = 10000 };
	struct cbx_device *device;
	struct cbx_stop stop;

	(void)state;
	assert_int_equal(cbx_device_new(machine, &type, &device), CBX_OK);
	assert_int_equal(cbx_ports_map(device, 0x80, 1, &io), CBX_OK);
	cbx_machine_set_log(machine, count_message, NULL);
	messages = 0;
	assert_int_equal(cbx_run(machine, &run, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LOG_LIMIT);
	assert_int_equal(messages, 1000 / 32);
	assert_int_equal(stop.instructions, 2 * (1000 / 32) + 1);
	/* It goes on, without a word. */
	assert_int_equal(cbx_run(machine, &run, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	assert_int_equal(messages, 1000 / 32);
	cbx_machine_free(machine);
}

static void test_overlay_limit(void **state)
{
	/*
	 * mov ch, 0; mov bx, 7c00h; again: mov ax, 0301h; mov cl, 1; mov dx, 0; int 13h; inc ch; jmp again:
	 * one sector on each cylinder of a floppy
	 */
	static const char writer[] = "\xb5\0\xbb\0\x7c\xb8\x01\x03\xb1\x01\xba\0\0\xcd\x13\xfe\xc5\xeb\xf2";
	struct cbx_overlay_options limit = { .size = sizeof(limit), .limit_bytes = 40000 };
	struct sector sector;
	struct cbx_pc_options pc;
	struct cbx_overlay *overlay;
	struct cbx_disk_backend disk;
	struct cbx_machine *machine;
	struct cbx_run_options run = { .size = sizeof(run), .guest_nanoseconds = UINT64_C(600000000000) };
	struct cbx_stop stop;

	(void)state;
	sector_fill(&sector, writer, sizeof(writer));
	pc_from(&pc, &sector);
	assert_int_equal(cbx_overlay_new(&pc.floppy[0], &limit, &overlay, &disk), CBX_OK);
	pc.floppy[0] = disk;
	assert_int_equal(cbx_pc_new(&pc, &machine, NULL), CBX_OK);
	assert_int_equal(cbx_run(machine, &run, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_BACKEND_LIMIT);
	assert_non_null(strstr(stop.detail, "no room"));
	assert_true(cbx_overlay_bytes(overlay) <= 40000);
	assert_int_equal(sector.written, 0);
	/* With room again the guest goes on. */
	cbx_overlay_discard(overlay);
	assert_int_equal(cbx_run(machine, &run, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_BACKEND_LIMIT);
	assert_true(stop.instructions > 100);
	assert_true(cbx_overlay_bytes(overlay) > 20000);
	cbx_machine_free(machine);
	cbx_overlay_free(overlay);
}

/* ---- Automation ------------------------------------------------------------------------------------ */

static void serial_byte(void *user, uint8_t byte)
{
	char *text = user;
	size_t length = strlen(text);

	if (length < 15)
		text[length] = (char)byte;
}

static void test_automation(void **state)
{
	uint64_t hashes[2], pictures[2], counts[2];
	struct cbx_machine *machine;
	struct cbx_pc_options pc;
	struct sector sector;
	struct cbx_stop stop;

	(void)state;
	sector_fill(&sector, talker, sizeof(talker));
	for (unsigned n = 0; n < 2; n++) {
		char serial[16] = "";

		pc_from(&pc, &sector);
		pc.serial[0] = (struct cbx_character_backend){ .write = serial_byte, .user = serial };
		assert_int_equal(cbx_pc_new(&pc, &machine, NULL), CBX_OK);
		assert_int_equal(cbx_expect_screen(machine, "ready", 0, &stop), CBX_ERROR_LIMIT);
		assert_int_equal(cbx_expect_screen(machine, "ready", 1000000, &stop), CBX_ERROR_LIMIT);
		assert_int_equal(cbx_expect_screen(machine, "ready", 20000000000u, NULL), CBX_OK);
		assert_int_equal(cbx_expect_serial(machine, 0, "dy\r\n", 1000000000, &stop), CBX_OK);
		assert_string_equal(serial, "ready\r\n");
		/* Found once, gone. */
		assert_int_equal(cbx_expect_serial(machine, 0, "ready", 50000000, &stop), CBX_ERROR_LIMIT);
		assert_int_equal(stop.reason, CBX_STOP_LIMIT);
		assert_int_equal(cbx_type_text(machine, "hello\n"), CBX_OK);
		assert_int_equal(cbx_click(machine, 3, -3, 1, &stop), CBX_OK);
		assert_int_equal(cbx_click(machine, 0, 0, 2, NULL), CBX_OK);
		assert_int_equal(cbx_screen_hash(machine, &pictures[n]), CBX_OK);
		hashes[n] = cbx_state_hash(machine);
		counts[n] = cbx_instruction_count(machine);
		/* A run that ends otherwise. */
		cbx_request_stop(machine);
		assert_int_equal(cbx_expect_screen(machine, "never", 1000000000, &stop), CBX_ERROR_STATE);
		assert_int_equal(stop.reason, CBX_STOP_REQUEST);
		cbx_machine_free(machine);
	}
	assert_true(hashes[0] == hashes[1]);
	assert_true(pictures[0] == pictures[1]);
	assert_true(counts[0] == counts[1]);
	/* Arguments. */
	assert_int_equal(cbx_machine_new(NULL, &machine, NULL), CBX_OK);
	assert_int_equal(cbx_expect_screen(machine, "x", 0, NULL), CBX_ERROR_UNSUPPORTED);
	assert_int_equal(cbx_expect_screen(machine, "", 0, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_expect_screen(machine, NULL, 0, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_expect_screen(NULL, "x", 0, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_expect_serial(machine, 0, "x", 0, NULL), CBX_ERROR_UNSUPPORTED);
	assert_int_equal(cbx_expect_serial(machine, 4, "x", 0, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_expect_serial(NULL, 0, "x", 0, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_click(machine, 0, 0, 1, NULL), CBX_ERROR_UNSUPPORTED);
	assert_int_equal(cbx_click(NULL, 0, 0, 1, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_screen_hash(machine, &hashes[0]), CBX_ERROR_UNSUPPORTED);
	assert_int_equal(cbx_screen_hash(machine, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_screen_hash(NULL, &hashes[0]), CBX_ERROR_ARGUMENT);
	cbx_machine_free(machine);
}

/* ---- Allocations that fail while a guest boots ------------------------------------------------------ */

/* fail_every and fail_at count from power-on.  *calls: how many allocations there were from there on. */
static uint64_t boot_hash(struct heap *heap, size_t fail_every, size_t fail_at, unsigned *stops, size_t *calls)
{
	struct cbx_run_options run = { .size = sizeof(run), .instructions = 2000000 };
	struct cbx_machine *machine;
	struct cbx_pc_options pc;
	struct sector sector;
	struct cbx_stop stop;
	uint64_t hash;

	sector_fill(&sector, talker, sizeof(talker));
	pc_from(&pc, &sector);
	pc.machine.reallocate = heap_reallocate;
	pc.machine.user = heap;
	*heap = (struct heap){ 0 };
	assert_int_equal(cbx_pc_new(&pc, &machine, NULL), CBX_OK);
	heap->fail_every = fail_every;
	heap->fail_at = fail_at;
	heap->calls = 0;
	*stops = 0;
	while (run.instructions) {
		assert_int_equal(cbx_run(machine, &run, &stop), CBX_OK);
		run.instructions -= stop.instructions;
		if (stop.reason == CBX_STOP_HOST_MEMORY)
			assert_true(++*stops < 100000);
		else
			assert_int_equal(stop.reason, CBX_STOP_LIMIT);
	}
	heap->fail_every = heap->fail_at = 0;
	*calls = heap->calls;
	assert_true(cbx_screen_info(machine, &(struct cbx_screen){ 0 }) == CBX_OK);
	hash = cbx_state_hash(machine);
	cbx_machine_free(machine);
	assert_int_equal(heap->blocks, 0);
	return hash;
}

static void test_failing_boot(void **state)
{
	struct heap heap;
	unsigned stops, total = 0;
	size_t calls, others;
	uint64_t good = boot_hash(&heap, 0, 0, &stops, &calls);

	(void)state;
	assert_int_equal(stops, 0);
	for (size_t every = 3; every < 12; every++) {
		uint64_t hash = boot_hash(&heap, every, 0, &stops, &others);

		/* What the processor needed was there in the end. */
		assert_true(hash == good);
		total += stops;
	}
	assert_true(total > 0);
	/* Each allocation of the boot, alone; there are few, since memory comes in slabs. */
	assert_in_range(calls, 5, 2000);
	for (size_t at = 1; at <= calls; at++)
		assert_true(boot_hash(&heap, 0, at, &stops, &others) == good);
}

static void test_failing_creation(void **state)
{
	struct heap heap = { 0 };
	struct cbx_machine *machine;
	struct cbx_pc_options pc;
	struct cbx_error error;
	struct sector sector;
	size_t n;

	(void)state;
	sector_fill(&sector, talker, sizeof(talker));
	pc_from(&pc, &sector);
	pc.machine.reallocate = heap_reallocate;
	pc.machine.user = &heap;
	for (n = 1;; n++) {
		enum cbx_status status;

		heap.calls = 0;
		heap.fail_every = n;
		status = cbx_pc_new(&pc, &machine, &error);
		if (status == CBX_OK)
			break;
		assert_int_equal(status, CBX_ERROR_MEMORY);
		assert_true(*error.text);
		assert_int_equal(heap.blocks, 0);
	}
	assert_in_range(n, 20, 2000);
	heap.fail_every = 0;
	cbx_machine_free(machine);
	assert_int_equal(heap.blocks, 0);
}

/* ---- A device of an embedder's on a PC: PCI, DMA, a legacy interrupt, saved state ------------------- */

struct adder_state {
	uint32_t address, sum;
};

struct adder {
	struct cbx_device device;
	struct adder_state state;
	struct cbx_pci_function *function;
};

static const struct cbx_field adder_fields[] = {
	CBX_FIELD(struct adder_state, address), CBX_FIELD(struct adder_state, sum), CBX_FIELD_END
};

/* Port 0: the address of four bytes in memory; what is written to port 4 is added to them by DMA. */
static void adder_write(struct cbx_device *device, uint64_t offset, uint64_t value, unsigned width)
{
	struct adder *adder = (struct adder *)device;
	uint8_t bytes[4];

	(void)width;
	if (offset == 0) {
		adder->state.address = (uint32_t)value;
	} else if (offset == 4) {
		cbx_dma_read(device, adder->state.address, bytes, 4);
		adder->state.sum = (uint32_t)(bytes[0] | bytes[1] << 8) + (uint32_t)value;
		bytes[0] = (uint8_t)adder->state.sum;
		bytes[1] = (uint8_t)(adder->state.sum >> 8);
		cbx_dma_write(device, adder->state.address, bytes, 2);
		cbx_pci_set_irq(adder->function, true);
	}
}

static void test_own_device(void **state)
{
	static const struct cbx_device_type type = {
		.name = "adder", .version = 1, .size = sizeof(struct adder), .fields = adder_fields,
		.state_offset = offsetof(struct adder, state), .state_size = sizeof(struct adder_state)
	};
	static const struct cbx_io io = { .widths = 4, .write = adder_write };
	/* 32-bit out to the ports at 0d000h: address 600h, then 5; mov word [600h], 37 first */
	static const char code[] = "\xc7\x06\0\x06\x25\0\xba\0\xd0\x66\xb8\0\x06\0\0\x66\xef\x83\xc2\x04"
		"\x66\xb8\x05\0\0\0\x66\xef\xf4\xeb\xfd";
	struct cbx_pci_options options = { .size = sizeof(options), .slot = CBX_PCI_FREE_SLOT, .vendor_id = 0x1234,
		.device_id = 0x5678, .class_code = 0xff0000, .interrupt_pin = 1,
		.bars[0] = { .size = 32, .ports = &io } };
	struct cbx_machine *machines[2];
	struct cbx_pc_options pc;
	struct sector sector;
	struct cbx_line line;
	uint8_t bytes[2];
	size_t size;
	void *data;

	(void)state;
	sector_fill(&sector, code, sizeof(code));
	for (unsigned n = 0; n < 2; n++) {
		struct cbx_device *device;
		struct adder *adder;

		pc_from(&pc, &sector);
		assert_int_equal(cbx_pc_new(&pc, &machines[n], NULL), CBX_OK);
		assert_int_equal(cbx_device_new(machines[n], &type, &device), CBX_OK);
		adder = (struct adder *)device;
		assert_int_equal(cbx_pci_function_new(cbx_pc_pci_bus(machines[n]), device, &options,
						      &adder->function), CBX_OK);
		assert_int_equal(cbx_ports_map(device, 0xd000, 8, &io), CBX_OK);
		assert_int_equal(cbx_pc_irq_line(machines[n], 5, &line), CBX_OK);
		cbx_line_set(&line, true);
		cbx_line_set(&line, false);
		cbx_machine_reset(machines[n]);
	}
	assert_int_equal(cbx_run(machines[0], &(struct cbx_run_options){ .size = sizeof(struct cbx_run_options),
		.guest_nanoseconds = 5000000000u }, NULL), CBX_OK);
	assert_int_equal(cbx_memory_read(machines[0], 0x600, bytes, 2), CBX_OK);
	assert_int_equal(bytes[0], 42);
	/* Its state goes along. */
	assert_int_equal(cbx_snapshot_save(machines[0], &data, &size), CBX_OK);
	assert_int_equal(cbx_snapshot_load(machines[1], data, size), CBX_OK);
	cbx_buffer_free(machines[0], data);
	assert_true(cbx_state_hash(machines[0]) == cbx_state_hash(machines[1]));
	assert_int_equal(cbx_pc_irq_line(machines[0], 2, &line), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_pc_irq_line(machines[0], 16, &line), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_pc_irq_line(machines[0], 5, NULL), CBX_ERROR_ARGUMENT);
	assert_int_equal(cbx_pc_irq_line(NULL, 5, &line), CBX_ERROR_ARGUMENT);
	cbx_machine_free(machines[0]);
	cbx_machine_free(machines[1]);
	assert_int_equal(cbx_machine_new(NULL, &machines[0], NULL), CBX_OK);
	assert_int_equal(cbx_pc_irq_line(machines[0], 5, &line), CBX_ERROR_UNSUPPORTED);
	cbx_request_limit(NULL, "nothing");
	cbx_machine_free(machines[0]);
}

/* ---- Many machines ------------------------------------------------------------------------------------ */

static unsigned number(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

#if defined(__SANITIZE_ADDRESS__)
enum { OWN_HEAP = 1 };
#else
enum { OWN_HEAP = 0 };
#endif

/* Resident pages of this process; 0 where nobody says. */
static unsigned long resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long size = 0, pages = 0;

	if (!file || fscanf(file, "%lu %lu", &size, &pages) != 2)
		pages = 0;
	if (file)
		fclose(file);
	return pages;
}

static void test_ten_thousand(void **state)
{
	unsigned count = number("CLEARBOX_MACHINES", 10000);
	struct heap heap = { 0 };
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 1 << 20,
		.small_caches = true, .reallocate = heap_reallocate, .user = &heap };
	struct cbx_run_options run = { .size = sizeof(run), .instructions = 1000 };
	unsigned long before = 0, after;
	struct sector sector;
	struct cbx_pc_options pc;

	(void)state;
	sector_fill(&sector, talker, sizeof(talker));
	for (unsigned n = 0; n < count; n++) {
		struct cbx_machine *machine;

		if (n == count / 10)
			before = resident();
		if (n % 50 == 0) {      /* a PC now and then */
			pc_from(&pc, &sector);
			pc.machine.reallocate = heap_reallocate;
			pc.machine.user = &heap;
			assert_int_equal(cbx_pc_new(&pc, &machine, NULL), CBX_OK);
		} else {
			assert_int_equal(cbx_machine_new(&options, &machine, NULL), CBX_OK);
			cbx_memory_write(machine, 0x1000, "\x40\xa3\0\x20\xeb\xfa", 6);
			cbx_register_write(machine, CBX_CS_BASE, 0);
			cbx_register_write(machine, CBX_RIP, 0x1000);
		}
		assert_int_equal(cbx_run(machine, &run, NULL), CBX_OK);
		cbx_machine_free(machine);
		assert_int_equal(heap.blocks, 0);
	}
	after = resident();
	/* AddressSanitizer keeps what was freed for a while. */
	if (!OWN_HEAP)
		assert_true(after <= before + before / 10 + 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits), cmocka_unit_test(test_memory_limit),
		cmocka_unit_test(test_log_limit), cmocka_unit_test(test_overlay_limit),
		cmocka_unit_test(test_automation), cmocka_unit_test(test_failing_boot),
		cmocka_unit_test(test_failing_creation), cmocka_unit_test(test_own_device),
		cmocka_unit_test(test_ten_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
