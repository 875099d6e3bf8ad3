/*
 * test_fpu_machine.c - x87 errors on a whole PC, both ways
 *
 * A real-mode program divides by zero with ZE unmasked. In MS-DOS compatible mode the next waiting
 * instruction raises FERR#, the latch raises IRQ 13, its handler writes port F0h and may then use
 * the x87 although the error is still pending; with CR0.NE it is exception 16.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <clearbox/clearbox.h>

/* At 0:7C00h; the letters say in which order things happen. */
static const uint8_t program[] = {
	0xfa,				/* cli */
	0xc7, 0x06, 0xd4, 0x01, 0x83, 0x7c,	/* mov word [0x75*4], handler */
	0xc7, 0x06, 0xd6, 0x01, 0x00, 0x00,	/* mov word [0x75*4+2], 0 */
	0xc7, 0x06, 0x40, 0x00, 0x7c, 0x7c,	/* mov word [0x10*4], mf */
	0xc7, 0x06, 0x42, 0x00, 0x00, 0x00,	/* mov word [0x10*4+2], 0 */
	0xb0, 0x11,				/* mov al,0x11 */
	0xe6, 0x20,				/* out 0x20,al */
	0xe6, 0xa0,				/* out 0xa0,al */
	0xb0, 0x08,				/* mov al,8 */
	0xe6, 0x21,				/* out 0x21,al */
	0xb0, 0x70,				/* mov al,0x70 */
	0xe6, 0xa1,				/* out 0xa1,al */
	0xb0, 0x04,				/* mov al,4 */
	0xe6, 0x21,				/* out 0x21,al */
	0xb0, 0x02,				/* mov al,2 */
	0xe6, 0xa1,				/* out 0xa1,al */
	0xb0, 0x01,				/* mov al,1 */
	0xe6, 0x21,				/* out 0x21,al */
	0xe6, 0xa1,				/* out 0xa1,al */
	0xb0, 0xfb,				/* mov al,0xfb */
	0xe6, 0x21,				/* out 0x21,al */
	0xb0, 0xdf,				/* mov al,0xdf */
	0xe6, 0xa1,				/* out 0xa1,al */
	0x0f, 0x20, 0xc0,			/* mov eax,cr0 */
	0x24, 0xd3,				/* and al,~0x2c */
	0x0f, 0x22, 0xc0,			/* mov cr0,eax */
	0xdb, 0xe3,				/* fninit */
	0xd9, 0x2e, 0x9e, 0x7c,		/* fldcw [cw] */
	0xfb,				/* sti */
	0xd9, 0xee,				/* fldz */
	0xd9, 0xe8,				/* fld1 */
	0xd8, 0xf1,				/* fdiv st0,st1 */
	0xb0, 0x41,				/* mov al,'A' */
	0xe6, 0xe9,				/* out 0xe9,al */
	0x9b,				/* fwait */
	0xb0, 0x42,				/* mov al,'B' */
	0xe6, 0xe9,				/* out 0xe9,al */
	0x0f, 0x20, 0xc0,			/* mov eax,cr0 */
	0x0c, 0x20,				/* or al,0x20 */
	0x0f, 0x22, 0xc0,			/* mov cr0,eax */
	0xdb, 0xe3,				/* fninit */
	0xd9, 0x2e, 0x9e, 0x7c,		/* fldcw [cw] */
	0xd9, 0xee,				/* fldz */
	0xd9, 0xe8,				/* fld1 */
	0xd8, 0xf1,				/* fdiv st0,st1 */
	0xb0, 0x43,				/* mov al,'C' */
	0xe6, 0xe9,				/* out 0xe9,al */
	0xd9, 0xe8,				/* fld1 */
	0xb0, 0x44,				/* mov al,'D' */
	0xe6, 0xe9,				/* out 0xe9,al */
	0xe6, 0xf4,				/* out 0xf4,al */
	0xf4,				/* hlt */
	0xb0, 0x4d,				/* mov al,'M' */
	0xe6, 0xe9,				/* out 0xe9,al */
	0xdb, 0xe2,				/* fnclex */
	0xcf,				/* iret */
	0xb0, 0x48,				/* mov al,'H' */
	0xe6, 0xe9,				/* out 0xe9,al */
	0xe6, 0xf0,				/* out 0xf0,al */
	0xdf, 0xe0,				/* fnstsw ax */
	0xa8, 0x80,				/* test al,0x80 */
	0x74, 0x04,				/* jz .no */
	0xb0, 0x53,				/* mov al,'S' */
	0xe6, 0xe9,				/* out 0xe9,al */
	0xdd, 0xd8,				/* fstp st0 */
	0xdb, 0xe2,				/* fnclex */
	0xb0, 0x20,				/* mov al,0x20 */
	0xe6, 0xa0,				/* out 0xa0,al */
	0xe6, 0x20,				/* out 0x20,al */
	0xcf,				/* iret */
	0x7b, 0x03,				/* the control word */
};

struct printed {
	char text[32];
	size_t count;
};

static void print(void *user, uint8_t byte)
{
	struct printed *printed = user;

	if (printed->count < sizeof(printed->text) - 1)
		printed->text[printed->count++] = (char)byte;
}

static void set(struct cbx_machine *machine, enum cbx_register which, uint64_t value)
{
	assert_int_equal(cbx_register_write(machine, which, value), CBX_OK);
}

static void test_errors(void **state)
{
	struct printed printed = { .count = 0 };
	struct cbx_pc_options options = {
		/* without a local APIC, which would want its LINT0 set up before interrupts come */
		.size = sizeof(options), .machine.memory_bytes = 1 << 20, .machine.cpu = "486",
		.debug_console = { print, &printed }, .debug_exit_port = 0xf4,
	};
	struct cbx_run_options limit = { .size = sizeof(limit), .instructions = 100000 };
	struct cbx_stop stop;
	struct cbx_machine *machine;

	(void)state;
	assert_int_equal(cbx_pc_new(&options, &machine, NULL), CBX_OK);
	assert_int_equal(cbx_memory_write(machine, 0x7c00, program, sizeof(program)), CBX_OK);
	set(machine, CBX_CS, 0);
	set(machine, CBX_CS_BASE, 0);
	set(machine, CBX_RIP, 0x7c00);
	set(machine, CBX_SS_BASE, 0);
	set(machine, CBX_DS_BASE, 0);
	set(machine, CBX_RSP, 0x7c00);
	assert_int_equal(cbx_run(machine, &limit, &stop), CBX_OK);
	assert_int_equal(stop.reason, CBX_STOP_EXIT);
	assert_string_equal(printed.text, "AHSBCMD");
	cbx_machine_free(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
