/* Prints every instruction that a guest executes, and what it writes: two hooks. */
#include <clearbox/clearbox.h>
#include <stdio.h>

static enum cbx_hook_action instruction(void *user, struct cbx_machine *machine, struct cbx_event *event)
{
	uint8_t bytes[15] = { 0 };
	char text[80];
	unsigned length;

	(void)user;
	for (unsigned n = 0; n < sizeof(bytes); n++)
		cbx_linear_read(machine, event->linear + n, bytes + n, 1);
	cbx_disassemble(bytes, sizeof(bytes), 16, event->rip, text, sizeof(text), &length);
	printf("%04llx  %s\n", (unsigned long long)event->rip, text);
	return CBX_HOOK_CONTINUE;
}

static enum cbx_hook_action write(void *user, struct cbx_machine *machine, struct cbx_event *event)
{
	(void)user, (void)machine;
	printf("      %u byte(s) to %05llx\n", (unsigned)event->width, (unsigned long long)event->address);
	return CBX_HOOK_CONTINUE;
}

int main(void)
{
	static const uint8_t code[] = {
		0xb9, 0x03, 0x00,               /* mov cx, 3 */
		0xbf, 0x00, 0x20,               /* mov di, 2000h */
		0x89, 0x0d,                     /* again: mov [di], cx */
		0x47, 0x47,                     /* inc di; inc di */
		0xe2, 0xfa,                     /* loop again */
		0xfa, 0xf4                      /* cli; hlt */
	};
	struct cbx_hook each = { .size = sizeof(each), .kind = CBX_HOOK_INSTRUCTION, .call = instruction };
	struct cbx_hook writes = { .size = sizeof(writes), .kind = CBX_HOOK_WRITE, .call = write };
	struct cbx_machine *machine;
	unsigned id;

	if (cbx_machine_new(NULL, &machine, NULL))
		return 1;
	cbx_memory_write(machine, 0x1000, code, sizeof(code));
	cbx_register_write(machine, CBX_CS, 0);
	cbx_register_write(machine, CBX_CS_BASE, 0);
	cbx_register_write(machine, CBX_RIP, 0x1000);
	cbx_hook_add(machine, &each, &id);
	cbx_hook_add(machine, &writes, &id);
	cbx_run(machine, NULL, NULL);
	cbx_machine_free(machine);
	return 0;
}
