/* Which bytes of a guest's function run, and with which inputs: coverage by a hook on a range. */
#include <clearbox/clearbox.h>
#include <stdio.h>
#include <string.h>

enum { FUNCTION = 0x1000, BYTES = 17 };

static const uint8_t function[BYTES] = {        /* ax = the sign of ax */
	0x85, 0xc0,                             /* test ax, ax */
	0x74, 0x09,                             /* jz zero */
	0x78, 0x04,                             /* js negative */
	0xb8, 0x01, 0x00, 0xc3,                 /* mov ax, 1; ret */
	0xb8, 0xff, 0xff,                       /* negative: mov ax, -1 */
	0xc3,                                   /* zero: ret */
	0x31, 0xc0, 0xc3                        /* never reached: xor ax, ax; ret */
};

static enum cbx_hook_action executed(void *user, struct cbx_machine *machine, struct cbx_event *event)
{
	uint8_t *seen = user;

	(void)machine;
	memset(seen + (event->rip - FUNCTION), 'x', event->width);
	return CBX_HOOK_CONTINUE;
}

int main(void)
{
	static const int inputs[] = { 0, 5, -7 };
	char seen[BYTES + 1];
	struct cbx_hook hook = {
		.size = sizeof(hook), .kind = CBX_HOOK_INSTRUCTION, .first = FUNCTION,
		.last = FUNCTION + BYTES - 1, .call = executed, .user = seen
	};
	struct cbx_breakpoint end = { .size = sizeof(end), .address = 0x803 };
	struct cbx_machine *machine;
	uint64_t result = 0;
	unsigned id;

	if (cbx_machine_new(NULL, &machine, NULL) || cbx_hook_add(machine, &hook, &id))
		return 1;
	cbx_memory_write(machine, FUNCTION, function, BYTES);
	cbx_memory_write(machine, 0x800, "\xe8\xfd\x07", 3);    /* call 1000h */
	cbx_breakpoint_add(machine, &end, &id);
	cbx_register_write(machine, CBX_CS_BASE, 0);
	cbx_register_write(machine, CBX_RSP, 0x8000);
	memset(seen, '.', BYTES);
	seen[BYTES] = 0;
	for (unsigned n = 0; n < 3; n++) {
		cbx_register_write(machine, CBX_RIP, 0x800);
		cbx_register_write(machine, CBX_RAX, (uint64_t)inputs[n] & 0xffff);
		cbx_run(machine, NULL, NULL);
		cbx_register_read(machine, CBX_RAX, &result);
		printf("sign(%2d) = %2d   %s\n", inputs[n], (int16_t)result, seen);
	}
	cbx_machine_free(machine);
	return 0;
}
