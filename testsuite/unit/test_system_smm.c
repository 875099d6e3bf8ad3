/* System management mode: SMI, both save maps, SMBASE, RSM, and what waits meanwhile. */
#include "long_guest.h"

#include <clearbox/device.h>
#include <string.h>

enum { SMBASE = 0x30000, MARK = 0x500, NMI = 2 };

/* A device that only makes requests of the processor; it says what it hears of SMRAM. */
struct chip_state {
	uint8_t in_smm, changes;
};

struct chip {
	struct cbx_device device;
	struct chip_state state;
};

static void chip_smm(struct cbx_device *device, bool in_smm)
{
	struct chip *chip = (struct chip *)device;

	chip->state.in_smm = in_smm;
	chip->state.changes++;
}

static const struct cbx_field chip_fields[] = {
	CBX_FIELD(struct chip_state, in_smm), CBX_FIELD(struct chip_state, changes), CBX_FIELD_END
};
static const struct cbx_device_type chip_type = {
	.name = "chip", .version = 1, .size = sizeof(struct chip),
	.state_offset = offsetof(struct chip, state), .state_size = sizeof(struct chip_state),
	.fields = chip_fields,
};

/* MOV DWORD PTR [MARK], 1; RSM */
static const char handler[] = "\x66\xc7\x06\x00\x05\x01\x00\x00\x00\x0f\xaa";

static struct chip *prepare(struct guest *guest)
{
	struct cbx_device *device;

	assert_int_equal(cbx_device_new(guest->machine, &chip_type, &device), CBX_OK);
	cbx_cpu_connect_smram(device, chip_smm);
	poke_bytes(guest, SMBASE + 0x8000, handler, sizeof(handler) - 1);
	return (struct chip *)device;
}

static enum cbx_stop_reason one(struct guest *guest)
{
	struct cbx_run_options options = { .size = sizeof(options), .instructions = 1,
					   .stop_on_triple_fault = true, .stop_when_idle = true };
	struct cbx_stop stop;

	assert_int_equal(cbx_run(guest->machine, &options, &stop), CBX_OK);
	return stop.reason;
}

struct registers {
	uint64_t value[CBX_REGISTER_COUNT];
};

static void look(const struct guest *guest, struct registers *registers)
{
	for (unsigned n = 0; n < CBX_REGISTER_COUNT; n++)
		registers->value[n] = reg(guest, n);
}

static void compare(const struct registers *a, const struct registers *b, const char *mode)
{
	for (unsigned n = 0; n < CBX_REGISTER_COUNT; n++) {
		if (a->value[n] == b->value[n])
			continue;
		print_error("%s: %s was %#llx and is %#llx\n", mode, cbx_register_name(n),
			    (unsigned long long)a->value[n], (unsigned long long)b->value[n]);
		fail();
	}
}

/* Whatever the mode, RSM brings all of it back. */
static void there_and_back(void **state)
{
	static const char *const names[] = { "64-bit", "64-bit, CPL 3", "compatibility", "protected",
					     "protected, 32-bit map", "virtual-8086", "real" };
	static struct registers before, after;

	(void)state;
	for (unsigned n = 0; n < 7; n++) {
		bool map64 = n != 4;
		struct guest guest;
		struct chip *chip;

		if (n < 3)
			long_new(&guest, NULL);
		else
			guest_new(&guest, n == 4 ? "pentium3" : "max");
		chip = prepare(&guest);
		switch (n) {
		case 1: long_privilege(&guest, 3); break;
		case 2: compat_privilege(&guest, 3); break;
		case 5: at_v86(&guest, 3); break;
		case 6: at_real(&guest); break;
		default: break;
		}
		for (unsigned r = 0; r < (n < 3 ? 16 : 8); r++)
			if (r != CBX_RSP)
				set(&guest, r, n < 3 ? HIGH_HALF + 0x1111 * r : 0x1111 * r);
		set(&guest, CBX_RFLAGS, reg(&guest, CBX_RFLAGS) | 0x8d5);
		if (n < 3) {
			set(&guest, CBX_FS_BASE, HIGH_HALF + 0x12345);
			set(&guest, CBX_KERNEL_GS_BASE, HIGH_HALF);
		}
		look(&guest, &before);
		cbx_cpu_smi(&chip->device);
		one(&guest);
		assert_int_equal(chip->state.in_smm, 1);
		assert_int_equal(reg(&guest, CBX_CS_BASE), SMBASE);
		assert_int_equal(reg(&guest, CBX_RIP), 0x8009);
		assert_int_equal(reg(&guest, CBX_CR0) & 0x80000001, 0);
		assert_int_equal(reg(&guest, CBX_EFER), 0);
		assert_int_equal(reg(&guest, CBX_RFLAGS), 2);
		assert_int_equal(peek(&guest, MARK, 4), 1);
		assert_int_equal(peek(&guest, SMBASE + 0xfefc, 4), map64 ? 0x20064 : 0x20000);
		assert_int_equal(peek(&guest, SMBASE + (map64 ? 0xff00 : 0xfef8), 4), SMBASE);
		assert_int_equal(peek(&guest, SMBASE + (map64 ? 0xff78 : 0xfff0), 4), (uint32_t)before.value[CBX_RIP]);
		assert_int_equal(peek(&guest, SMBASE + (map64 ? 0xffe0 : 0xffdc), 4), 0x3333);
		one(&guest);
		assert_int_equal(chip->state.in_smm, 0);
		look(&guest, &after);
		compare(&before, &after, names[n]);
		guest_free(&guest);
	}
}

static void smbase_and_registers(void **state)
{
	struct guest guest;
	struct chip *chip;

	(void)state;
	long_new(&guest, NULL);
	chip = prepare(&guest);
	LONG_EXPECT(&guest, "RSM outside", LONG_RUN(&guest, "\x0f\xaa"), UD, 0);
	long_privilege(&guest, 0);
	cbx_cpu_smi(&chip->device);
	one(&guest);
	poke(&guest, SMBASE + 0xff00, 4, 0xa0000);
	poke(&guest, SMBASE + 0xfff8, 8, 0x1122334455667788);
	cbx_cpu_smi(&chip->device);             /* waits until this one is done */
	poke_bytes(&guest, 0xa8000, handler, sizeof(handler) - 1);
	poke(&guest, MARK, 4, 0);
	one(&guest);
	assert_true(reg(&guest, CBX_RAX) == 0x1122334455667788);
	assert_int_equal(reg(&guest, CBX_RIP), CODE_AT);
	one(&guest);
	assert_int_equal(reg(&guest, CBX_CS_BASE), 0xa0000);
	assert_int_equal(reg(&guest, CBX_CS), 0xa000);
	assert_int_equal(peek(&guest, MARK, 4), 1);
	one(&guest);
	assert_int_equal(chip->state.changes, 4);
	guest_free(&guest);
}

/* An NMI waits for RSM; an interrupt does not come, as IF is 0. */
static void nmi_waits(void **state)
{
	struct guest guest;
	struct chip *chip;

	(void)state;
	long_new(&guest, "core2,-apic");
	chip = prepare(&guest);
	cbx_cpu_smi(&chip->device);
	one(&guest);
	cbx_cpu_set_nmi(&chip->device, true);
	one(&guest);
	assert_int_equal(reg(&guest, CBX_RIP), CODE_AT);
	one(&guest);                            /* the NMI, and its handler's HLT */
	assert_int_equal(reg(&guest, CBX_RIP), HANDLERS + 16 * NMI + 1);
	guest_free(&guest);
}

static void halted(void **state)
{
	(void)state;
	for (unsigned on = 0; on < 2; on++) {
		struct guest guest;
		struct chip *chip;

		long_new(&guest, NULL);
		chip = prepare(&guest);
		poke_bytes(&guest, CODE_AT, "\xf4\x40\x90", 3);
		one(&guest);
		cbx_cpu_smi(&chip->device);
		one(&guest);
		assert_int_equal(reg(&guest, CBX_CS_BASE), SMBASE);
		assert_int_equal(peek(&guest, SMBASE + 0xfec9, 1), 1);
		poke(&guest, SMBASE + 0xfec9, 1, !on);
		one(&guest);
		assert_int_equal(reg(&guest, CBX_RIP), CODE_AT + 1);
		assert_int_equal(one(&guest) == CBX_STOP_LIMIT, on);
		guest_free(&guest);
	}
}

/* States that RSM does not return to. */
static void bad_states(void **state)
{
	static const struct {
		const char *name;
		unsigned at;
		uint64_t value;
	} cases[] = {
		{ "CR0: PG without PE", 0xff58, 0x80010030 }, { "CR0: NW without CD", 0xff58, 0xa0010031 },
		{ "CR0: bits 32-63", 0xff58, UINT64_C(0x180010031) }, { "CR4: reserved", 0xff48, 0x10006a0 },
		{ "EFER: reserved", 0xfed0, 0x2d01 }, { "EFER: LMA without LME", 0xfed0, 0x400 },
		{ "CR4: no PAE in long mode", 0xff48, 0x680 }, { "RFLAGS: VM in long mode", 0xff70, 0x20002 },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct guest guest;
		struct chip *chip;

		long_new(&guest, NULL);
		chip = prepare(&guest);
		cbx_cpu_smi(&chip->device);
		one(&guest);
		poke(&guest, SMBASE + cases[n].at, 8, cases[n].value);
		if (one(&guest) != CBX_STOP_TRIPLE_FAULT) {
			print_error("%s: no shutdown\n", cases[n].name);
			fail();
		}
		guest_free(&guest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back), cmocka_unit_test(smbase_and_registers),
		cmocka_unit_test(nmi_waits), cmocka_unit_test(halted), cmocka_unit_test(bad_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
