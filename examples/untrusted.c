/* Runs code that nobody trusts: it gets so many instructions, so much memory, and an answer is all. */
#include <clearbox/clearbox.h>
#include <stdio.h>

static void run(const char *name, const void *code, size_t size)
{
	struct cbx_machine_options options = {
		.size = sizeof(options), .memory_bytes = 64 << 20, .memory_limit = 16 << 20,
		.instruction_limit = 10000000
	};
	struct cbx_machine *machine;
	struct cbx_error error;
	struct cbx_stop stop;
	uint64_t ax = 0;

	if (cbx_machine_new(&options, &machine, &error)) {
		printf("%s: %s\n", name, error.text);
		return;
	}
	cbx_memory_write(machine, 0x1000, code, size);
	cbx_register_write(machine, CBX_CS_BASE, 0);
	cbx_register_write(machine, CBX_RIP, 0x1000);
	cbx_register_write(machine, CBX_DS_LIMIT, 0xffffffff);
	cbx_run(machine, &(struct cbx_run_options){ .size = sizeof(struct cbx_run_options),
						    .stop_on_triple_fault = true }, &stop);
	cbx_register_read(machine, CBX_RAX, &ax);
	printf("%s: ", name);
	switch (stop.reason) {
	case CBX_STOP_HALTED:       printf("the answer is %u\n", (unsigned)(ax & 0xffff)); break;
	case CBX_STOP_LIMIT:        printf("stopped: %s\n", stop.detail); break;
	case CBX_STOP_MEMORY_LIMIT: printf("stopped: it wanted too much memory\n"); break;
	case CBX_STOP_TRIPLE_FAULT: printf("stopped: triple fault\n"); break;
	default:                    printf("stopped: reason %d\n", (int)stop.reason); break;
	}
	cbx_machine_free(machine);
}

int main(void)
{
	/* mov ax, 6; mov bx, 7; mul bx; cli; hlt */
	run("good", "\xb8\x06\0\xbb\x07\0\xf7\xe3\xfa\xf4", 10);
	/* again: jmp again */
	run("endless", "\xeb\xfe", 2);
	/* mov ebx, 100000h; again: mov [ebx], al; add ebx, 1000h; jmp again */
	run("greedy", "\x66\xbb\0\0\x10\0\x67\x88\x03\x66\x81\xc3\0\x10\0\0\xeb\xf4", 18);
	/* lidt [0]; int3 with an empty table */
	run("broken", "\x31\xc0\xa3\0\x05\x0f\x01\x1e\0\x05\xcc", 11);
	return 0;
}
