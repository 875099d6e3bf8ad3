/* Two PCs on a serial cable: one sends a greeting, the other shows it. */
#include <clearbox/clearbox.h>
#include <stdio.h>
#include <string.h>

static struct { uint8_t bytes[4096]; size_t count; } cable;

static enum cbx_status disk_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	memset(bytes, 0, count);
	if (offset < 512)
		memcpy(bytes, (uint8_t *)user + offset, count < 512 - offset ? count : (size_t)(512 - offset));
	return CBX_OK;
}

static void sent(void *user, uint8_t byte)
{
	(void)user;
	if (cable.count < sizeof(cable.bytes))
		cable.bytes[cable.count++] = byte;
}

static struct cbx_machine *boot(uint8_t *sector, const void *code, size_t size)
{
	struct cbx_pc_options pc = { .size = sizeof(pc), .serial[0].write = sent };
	struct cbx_machine *machine = NULL;

	memcpy(sector, code, size);
	memcpy(sector + 510, "\x55\xaa", 2);
	pc.floppy[0] = (struct cbx_disk_backend){ .bytes = 1474560, .read = disk_read, .user = sector };
	return cbx_pc_new(&pc, &machine, NULL) ? NULL : machine;
}

int main(void)
{
	/* mov ax, 0e3h; xor dx, dx; int 14h: COM1 at 9600 baud.  Then mov ah, 1; int 14h for each byte of
	   the text at 7c19h; or mov ah, 2; int 14h; test ah, ah; js again; mov ah, 0eh; int 10h; jmp again */
	static const char sender[] = "\xb8\xe3\0\x31\xd2\xcd\x14\xbe\x19\x7c\xac\x84\xc0\x74\x08\xb4\x01"
		"\x31\xd2\xcd\x14\xeb\xf3\xfa\xf4" "Greetings over a cable";
	static const char receiver[] = "\xb8\xe3\0\x31\xd2\xcd\x14\xb4\x02\x31\xd2\xcd\x14\x84\xe4\x78\xf6"
		"\xb4\x0e\xcd\x10\xeb\xf0";
	struct cbx_run_options slice = { .size = sizeof(slice), .guest_nanoseconds = 1000000 };
	static uint8_t sectors[2][512];
	struct cbx_machine *a = boot(sectors[0], sender, sizeof(sender));
	struct cbx_machine *b = boot(sectors[1], receiver, sizeof(receiver));
	size_t taken = 0, n;

	for (n = 0; a && b && n < 20000 && cbx_expect_screen(b, "Greetings over a cable", 0, NULL); n++) {
		cbx_run(a, &slice, NULL);
		cbx_serial_input(b, 0, cable.bytes, cable.count, &taken);
		memmove(cable.bytes, cable.bytes + taken, cable.count -= taken);
		cbx_run(b, &slice, NULL);
	}
	puts(a && b && n < 20000 ? "b shows: Greetings over a cable" : "nothing came");
	cbx_machine_free(a);
	cbx_machine_free(b);
	return 0;
}
