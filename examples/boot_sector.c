/* Boots a sector from memory as a floppy and prints what it wrote on the screen. */
#include <clearbox/clearbox.h>
#include <stdio.h>
#include <string.h>

static const uint8_t code[] = {
	0xbe, 0x0e, 0x7c,                       /* mov si, text */
	0xac,                                   /* next: lodsb */
	0x84, 0xc0,                             /* test al, al */
	0x74, 0x13,                             /* jz end */
	0xb4, 0x0e,                             /* mov ah, 0eh: write a character */
	0xcd, 0x10,                             /* int 10h */
	0xeb, 0xf5,                             /* jmp next */
	'H', 'e', 'l', 'l', 'o', ',', ' ', 'w', 'o', 'r', 'l', 'd', 0,
	0xf4,                                   /* end: hlt */
	0xeb, 0xfd                              /* jmp end */
};

static enum cbx_status floppy_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	memset(bytes, 0, count);
	if (offset < 512)
		memcpy(bytes, (uint8_t *)user + offset, count < 512 - offset ? count : (size_t)(512 - offset));
	return CBX_OK;
}

int main(void)
{
	uint8_t sector[512] = { 0 };
	struct cbx_pc_options pc = { .size = sizeof(pc) };
	struct cbx_machine *machine;
	struct cbx_error error;
	static char text[10000];

	memcpy(sector, code, sizeof(code));
	sector[510] = 0x55;
	sector[511] = 0xaa;
	pc.floppy[0] = (struct cbx_disk_backend){
		.bytes = 1474560, .read_only = true, .read = floppy_read, .user = sector
	};
	if (cbx_pc_new(&pc, &machine, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	if (cbx_expect_screen(machine, "Hello, world", 10000000000u, NULL)) {
		fprintf(stderr, "the text did not come\n");
		return 1;
	}
	cbx_screen_text(machine, text, sizeof(text));
	puts(strstr(text, "Hello") ? "the screen says: Hello, world" : "?");
	cbx_machine_free(machine);
	return 0;
}
