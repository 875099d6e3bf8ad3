/* A disk in memory: a backend of two functions.  A guest writes a sector; the embedder looks. */
#include <clearbox/clearbox.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DISK_BYTES = 16 << 20 };

static enum cbx_status disk_read(void *user, uint64_t offset, void *bytes, size_t count)
{
	memcpy(bytes, (uint8_t *)user + offset, count);
	return CBX_OK;
}

static enum cbx_status disk_write(void *user, uint64_t offset, const void *bytes, size_t count)
{
	memcpy((uint8_t *)user + offset, bytes, count);
	return CBX_OK;
}

int main(void)
{
	static const uint8_t boot_sector[] = {
		0xc7, 0x06, 0x00, 0x7e, 'h', 'i',       /* mov word [7e00h], "hi" */
		0xbb, 0x00, 0x7e,                       /* mov bx, 7e00h */
		0xb9, 0x05, 0x00,                       /* mov cx, 5: cylinder 0, sector 5 */
		0xba, 0x80, 0x00,                       /* mov dx, 80h: head 0, first disk */
		0xb8, 0x01, 0x03,                       /* mov ax, 0301h: write one sector */
		0xcd, 0x13,                             /* int 13h */
		0xfa, 0xf4                              /* cli; hlt */
	};
	struct cbx_pc_options pc = { .size = sizeof(pc) };
	struct cbx_machine *machine;
	struct cbx_stop stop;
	uint8_t *disk = calloc(1, DISK_BYTES);

	if (!disk)
		return 1;
	memcpy(disk, boot_sector, sizeof(boot_sector));
	disk[510] = 0x55;
	disk[511] = 0xaa;
	pc.ide[0].present = true;
	pc.ide[0].disk = (struct cbx_disk_backend){
		.bytes = DISK_BYTES, .read = disk_read, .write = disk_write, .user = disk
	};
	if (cbx_pc_new(&pc, &machine, NULL))
		return 1;
	cbx_run(machine, NULL, &stop);          /* until it has halted for ever */
	printf("stopped for %s; sector 5 says \"%.2s\"\n",
	       stop.reason == CBX_STOP_HALTED ? "good" : "another reason", disk + 4 * 512);
	cbx_machine_free(machine);
	free(disk);
	return 0;
}
