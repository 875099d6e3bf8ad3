/*
 * gdb inside your program: gdb -ex 'target remote | ./gdb', then "watch *(short *)0x500", "continue".
 * The protocol is the library's; sockets or anything else can carry the bytes instead.
 */
#define _POSIX_C_SOURCE 200809L
#include <clearbox/clearbox.h>
#include <poll.h>
#include <unistd.h>

/* Real-mode code at F000:FFF0, where the processor begins: counts in memory. */
static const uint8_t program[] = {
	0x31, 0xc0,                     /* xor ax, ax */
	0xa3, 0x00, 0x05,               /* mov [500h], ax */
	0x40,                           /* inc ax */
	0xeb, 0xfa,                     /* jmp to the mov */
};

static void send_bytes(void *user, const void *bytes, size_t count)
{
	(void)user;
	while (count) {
		ssize_t n = write(STDOUT_FILENO, bytes, count);

		if (n <= 0)
			break;
		bytes = (const char *)bytes + n;
		count -= (size_t)n;
	}
}

int main(void)
{
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = 1 << 20 };
	struct cbx_gdb_options server = { .size = sizeof(server), .send = send_bytes };
	struct cbx_run_options slice = { .size = sizeof(slice), .instructions = 1000000 };
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	struct cbx_machine *machine;
	struct cbx_gdb *gdb;
	char bytes[512];
	ssize_t count = 1;

	if (cbx_machine_new(&options, &machine, NULL) || cbx_gdb_new(machine, &server, &gdb))
		return 1;
	cbx_memory_write(machine, 0xffff0, program, sizeof(program));
	cbx_register_write(machine, CBX_CS_BASE, 0xf0000);
	cbx_gdb_connected(gdb, true);
	while (count > 0 && cbx_gdb_state(gdb) != CBX_GDB_KILLED) {
		bool stopped = cbx_gdb_state(gdb) == CBX_GDB_STOPPED;

		if (!stopped)
			cbx_gdb_run(gdb, &slice, NULL);
		if (poll(&input, 1, stopped ? -1 : 0) > 0 && (count = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
			cbx_gdb_receive(gdb, bytes, (size_t)count);
	}
	cbx_gdb_free(gdb);
	cbx_machine_free(machine);
	return 0;
}
