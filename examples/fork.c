/* Fork and explore: a guest asks for the digits of a secret.  At each question the machine is forked,
   each child is told another digit, and the one that gets further is kept. */
#include <clearbox/clearbox.h>
#include <stdio.h>

enum { QUESTION = 0x1006 };

int main(void)
{
	static const uint8_t code[] = {
		0xbe, 0x14, 0x10,               /* mov si, secret */
		0xb9, 0x04, 0x00,               /* mov cx, 4 */
		0x90,                           /* question: nop (the embedder puts a digit into al) */
		0x3a, 0x04,                     /* cmp al, [si] */
		0x75, 0x05,                     /* jne wrong */
		0x46,                           /* inc si */
		0xe2, 0xf8,                     /* loop question */
		0xfa, 0xf4,                     /* cli; hlt */
		0xfa, 0xf4, 0x90, 0x90,         /* wrong: cli; hlt */
		4, 0, 9, 6                      /* secret */
	};
	struct cbx_breakpoint question = { .size = sizeof(question), .address = QUESTION };
	struct cbx_machine *machine, *child;
	struct cbx_stop stop;
	unsigned id, forks = 0;

	if (cbx_machine_new(NULL, &machine, NULL))
		return 1;
	cbx_memory_write(machine, 0x1000, code, sizeof(code));
	cbx_register_write(machine, CBX_CS_BASE, 0);
	cbx_register_write(machine, CBX_RIP, 0x1000);
	cbx_breakpoint_add(machine, &question, &id);
	cbx_run(machine, NULL, &stop);
	printf("the secret is ");
	while (stop.reason == CBX_STOP_BREAKPOINT) {
		for (uint64_t digit = 0; digit < 10; digit++) {
			uint64_t si[2] = { 0, 0 };

			if (cbx_fork(machine, NULL, &child, NULL))
				return 1;
			forks++;
			cbx_register_write(child, CBX_RAX, digit);
			cbx_breakpoint_add(child, &question, &id);
			cbx_run(child, NULL, &stop);
			cbx_register_read(machine, CBX_RSI, &si[0]);
			cbx_register_read(child, CBX_RSI, &si[1]);
			if (si[1] > si[0]) {
				cbx_machine_free(machine);
				printf("%u", (unsigned)digit);
				machine = child;
				break;
			}
			cbx_machine_free(child);
		}
	}
	printf(", found with %u forks\n", forks);
	return cbx_machine_free(machine), 0;
}
