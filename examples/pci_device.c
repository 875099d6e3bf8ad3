/*
 * A PCI device of one's own: a bus master that puts into capitals the text whose address the guest writes
 * to its port, then interrupts, and counts what it did.  The guest finds it and its port by the BIOS.
 */
#include <clearbox/clearbox.h>
#include <stdio.h>
#include <string.h>

struct shout_state { uint32_t texts; };
struct shout { struct cbx_device device; struct shout_state state; struct cbx_pci_function *pci; };
static const struct cbx_field fields[] = { CBX_FIELD(struct shout_state, texts), CBX_FIELD_END };
static const struct cbx_device_type type = { .name = "shout", .version = 1, .size = sizeof(struct shout),
	.fields = fields, .state_offset = offsetof(struct shout, state), .state_size = sizeof(struct shout_state) };

static void order(struct cbx_device *device, uint64_t offset, uint64_t address, unsigned width)
{
	uint8_t text[16];

	cbx_dma_read(device, address, text, sizeof(text));
	for (unsigned n = 0; n < sizeof(text); n++)
		text[n] = text[n] >= 'a' && text[n] <= 'z' ? (uint8_t)(text[n] - 32) : text[n];
	cbx_dma_write(device, address, text, sizeof(text));
	((struct shout *)device)->state.texts += offset + width == 4;
	cbx_pci_set_irq(((struct shout *)device)->pci, true);
}
static uint64_t texts(struct cbx_device *device, uint64_t offset, unsigned width)
{
	cbx_pci_set_irq(((struct shout *)device)->pci, false);  /* reading takes the interrupt back */
	return offset + width == 4 ? ((struct shout *)device)->state.texts : 0;
}
static enum cbx_status sector(void *user, uint64_t offset, void *bytes, size_t count)
{
	memset(bytes, 0, count);
	return offset ? CBX_OK : (memcpy(bytes, user, 512), CBX_OK);
}

int main(void)
{
	/* ds = 0; int 1ah, b102h: 1234h:5678h; b109h: BAR 0; out dx, eax; in eax, dx; int 10h, 0eh: all of it */
	static char boot[512] = "\x31\xc0\x8e\xd8\xb8\2\xb1\xb9\x78\x56\xba\x34\x12\x31\xf6\xcd\x1a\xb8\x09\xb1\xbf\x10\0"
		"\xcd\x1a\x80\xe1\xfc\x89\xca\x66\xb8\x40\x7c\0\0\x66\xef\x66\xed\xbe\x40\x7c\xac\x84\xc0\x74\6\xb4\x0e"
		"\xcd\x10\xeb\xf5\xf4\xeb\xfd-------quietly said";
	static const struct cbx_io io = { .widths = 4, .read = texts, .write = order };
	struct cbx_pci_options pci = { .size = sizeof(pci), .slot = CBX_PCI_FREE_SLOT, .vendor_id = 0x1234,
		.device_id = 0x5678, .class_code = 0xff0000, .interrupt_pin = 1, .bars[0] = { .size = 32, .ports = &io } };
	struct cbx_pc_options pc = { .size = sizeof(pc), .floppy[0] = { .bytes = 1474560, .read = sector, .user = boot } };
	struct cbx_machine *machine;
	struct cbx_device *shout;

	memcpy(boot + 510, "\x55\xaa", 2);
	if (cbx_pc_new(&pc, &machine, NULL) || cbx_device_new(machine, &type, &shout) ||
	    cbx_pci_function_new(cbx_pc_pci_bus(machine), shout, &pci, &((struct shout *)shout)->pci))
		return 1;
	cbx_machine_reset(machine);
	puts(cbx_expect_screen(machine, "QUIETLY SAID", 20000000000u, NULL) ? "silence" : "QUIETLY SAID");
	return cbx_machine_free(machine), 0;
}
