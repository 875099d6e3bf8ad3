/* Two PCs on a network cable: one sends a frame to all, the other reads it from its NE2000. */
#include <clearbox/clearbox.h>
#include <stdio.h>
#include <string.h>

#define CODE(string) { string, sizeof(string) - 1 }
struct code { const char *bytes; size_t size; };
/* words; broadcasts; a ring from 4600h to 7fffh, its next page 47h; start */
static const struct code set_up = CODE("\0\x21\x0e\x49\x0c\4\x0d\0\1\x46\2\x80\3\x46\7\xff\0\x61\7\x47\0\x22");
static const struct code programs[2][4] = {
	/* mov dx, 310h; mov si, f800h; mov cx, 30; rep cs outsw: the frame to 4000h; transmit it */
	{ CODE(""), CODE("\x08\0\x09\x40\x0a\x3c\x0b\0\0\x12"),
	  CODE("\xba\x10\3\xbe\0\xf8\xb9\x1e\0\xf3\x2e\x6f"), CODE("\4\x40\5\x3c\6\0\0\x26") },
	/* mov dx, 307h; in al, dx until bit 0, a frame.  mov es, 0; mov di, 3000h; rep insw from 4700h */
	{ CODE("\xba\7\3\xec\xa8\1\x74\xfb"), CODE("\x08\0\x09\x47\x0a\x40\x0b\0\0\x0a"),
	  CODE("\x31\xc0\x8e\xc0\xbf\0\x30\xba\x10\3\xb9\x20\0\xf3\x6d"), CODE("") } };
static struct cbx_machine *machines[2];
static uint8_t roms[2][4096];

static void carry(void *other, const uint8_t *frame, size_t count)
{
	cbx_network_receive(*(struct cbx_machine **)other, 0, frame, count);
}

/* Pairs of a register and a value: mov dx, 300h + register; mov al, value; out dx, al for each. */
static uint8_t *outs(uint8_t *to, struct code pairs)
{
	for (size_t n = 0; n < pairs.size; n += 2, to += 6)
		memcpy(to, (uint8_t[]){ 0xba, (uint8_t)pairs.bytes[n], 3, 0xb0, (uint8_t)pairs.bytes[n + 1], 0xee }, 6);
	return to;
}

/* A PC whose guest, in place of the BIOS, sets up its card, then does parts 0 and 2, outs 1 and 3. */
static enum cbx_status make(unsigned which)
{
	struct cbx_pc_options pc = { .size = sizeof(pc), .bios = { roms[which], sizeof(roms[which]) } };
	uint8_t *to = outs(roms[which], set_up);

	for (const struct code *part = programs[which]; part < programs[which] + 4; part += 2)
		to = outs((uint8_t *)memcpy(to, part->bytes, part->size) + part->size, part[1]);
	*to = 0xf4;                     /* hlt; and where it begins, jmp f000:f000 */
	memcpy(roms[which] + 4096 - 16, "\xea\0\xf0\0\xf0", 5);
	pc.card[0] = (struct cbx_card_options){ .kind = CBX_CARD_NE2000_ISA, .network = { carry, &machines[!which] } };
	return cbx_pc_new(&pc, &machines[which], NULL);
}

int main(void)
{
	struct cbx_run_options some = { .size = sizeof(some), .instructions = 10000 };
	char got[64] = "";              /* the ring's header of 4 bytes, then the frame */

	memcpy(roms[0] + 0x800, "\xff\xff\xff\xff\xff\xff\x52\x54\0\0\0\1\x88\xb5Greetings over Ethernet", 38);
	for (unsigned n = 0; n < 5; n++)        /* the second first, since it has to listen */
		if (n < 2 ? make(n) : cbx_run(machines[(n + 1) % 2], &some, NULL))
			return 1;
	cbx_memory_read(machines[1], 0x3000, got, sizeof(got) - 1);
	printf("the second got: %s\n", got + 4 + 14);
	return cbx_machine_free(machines[0]), cbx_machine_free(machines[1]), 0;
}
