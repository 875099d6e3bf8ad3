/*
 * The bootable guest: runs the workload whose number is in the boot sector and says on port E9h and
 * on the first serial port when it begins, and when it ends with which checksum after how many ticks
 * of the time-stamp counter (on Bochs: instructions).
 */
#include "guest.h"
#include "work.h"

static void put(char c)
{
	out8(0xe9, (uint8_t)c);
	for (int i = 0; i < 100000 && !(in8(0x3fd) & 0x20); i++)
		;
	out8(0x3f8, (uint8_t)c);
}

static void put_text(const char *text)
{
	while (*text)
		put(*text++);
}

static void put_hex(uint32_t value)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		put("0123456789abcdef"[value >> shift & 15]);
}

static uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

void guest_stop(const char *why, uint32_t what)
{
	put_text("failed: ");
	put_text(why);
	put(' ');
	put_hex(what);
	put('\n');
	for (;;)
		__asm__ volatile("cli; hlt");
}

void guest_exception(const uintptr_t *frame)
{
	put_text("exception ");
	for (int i = 0; i < 4; i++) {
		put_hex((uint32_t)frame[i]);
		put(' ');
	}
	guest_stop("unexpected exception", (uint32_t)frame[0]);
}

void guest_main(uint32_t which)
{
	const struct work *work = NULL;
	uint32_t number = 0;

	for (unsigned i = 0; i < 32; i++)
		set_gate(i, exception_entries[i], 0);
	out8(0x3fb, 0x80);
	out8(0x3f8, 1);
	out8(0x3f9, 0);
	out8(0x3fb, 3);
	out8(0x3fa, 0);
	out8(0x3fc, 3);
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
	for (unsigned i = 0; lists[i]; i++)
		for (const struct work *w = lists[i]; w->name; w++)
			if (number++ == which)
				work = w;
	if (!work)
		guest_stop("no such workload", which);
	put_text("begin ");
	put_text(work->name);
	put('\n');
	uint64_t start = ticks();
	uint32_t sum = work->run(work->count);
	uint64_t end = ticks();
	put_text("end ");
	put_text(work->name);
	put(' ');
	put_hex(sum);
	put(' ');
	put_hex((uint32_t)((end - start) >> 32));
	put_hex((uint32_t)(end - start));
	put('\n');
	/* who measures ends the emulator; an end by the guest's own doing would take its clock away */
	for (;;)
		__asm__ volatile("pause");
}
