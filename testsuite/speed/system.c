/*
 * What only an operating system does, alike in 32 and 64 bits: page faults and tables, system calls
 * through gates, interrupts, ports, the screen, and code that writes code.
 */
#include "guest.h"
#include "work.h"

uint32_t irq_count;

static inline void forget_page(uintptr_t address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

/* What the window shows at a page: a page of the arena. */
static uintptr_t arena_page(uintptr_t page)
{
	return ((uintptr_t)arena & ~0xfffull) + ((page & 1023) << 12) + 3;
}

/* Called by the page fault's entry: maps the page that was missing. */
void page_fault_fix(uintptr_t error, uintptr_t address)
{
	if (address - WINDOW >= 16u << 22 || (error & 1))
		guest_stop("page fault", (uint32_t)address);
	uintptr_t page = (address - WINDOW) >> 12;
	window[page] = arena_page(page);
}

static uint32_t page_faults(uint32_t count)
{
	uint32_t sum = 0;

	set_gate(14, page_fault_entry, 0);
	memset(window, 0, sizeof(window));
	memset(arena, 0, 1024 * 4096);
	paging(1);
	while (count--) {
		for (uint32_t page = 0; page < 256; page++) {
			uintptr_t at = WINDOW + (page * 37 % 1024 << 12) + (page << 2);
			*(volatile uint32_t *)at += count;
			sum += *(volatile uint32_t *)at;
		}
		for (uint32_t page = 0; page < 256; page++) {
			uint32_t at = page * 37 % 1024;
			window[at] = 0;
			forget_page(WINDOW + (at << 12));
		}
	}
	paging(0);
	return sum;
}

static uint32_t tlb_misses(uint32_t count)
{
	uint32_t sum = 0;

	for (uint32_t page = 0; page < 16384; page++)
		window[page] = arena_page(page);
	memset(arena, 1, 1024 * 4096);
	paging(1);
	while (count--)
		for (uint32_t page = 0; page < 16384; page++) {
			uintptr_t at = WINDOW + ((page * 4099 & 16383) << 12) + (page & 1023) * 4;
			sum += *(volatile uint32_t *)at;
		}
	paging(0);
	return sum;
}

/* Two address spaces taking turns, as processes do. */
static uint32_t address_spaces(uint32_t count)
{
	uint32_t sum = 0;

	for (uint32_t page = 0; page < 1024; page++)
		window[page] = arena_page(page);
	memset(arena, 1, 1024 * 4096);
	paging(1);
	while (count--) {
		load_space(space_roots[count & 1]);
		for (uint32_t page = 0; page < 24; page++) {
			volatile uint32_t *at = (volatile uint32_t *)(WINDOW + (page << 12) + (count & 1023) * 4);
			*at += page;
			sum += *at;
		}
	}
	paging(0);
	return sum;
}

static uint32_t system_calls(uint32_t count)
{
	set_gate(0x80, interrupt_call_entry, 3);
	set_gate(0x81, leave_entry, 3);
	paging(1);
	uint32_t sum = user_run(interrupt_call_loop, count);
	paging(0);
	return sum;
}

/*
 * Interrupts from a chip, each raised by the guest itself so that their number is known: the serial
 * port says "transmitter empty" whenever that interrupt is switched on.
 */
static uint32_t interrupts(uint32_t count)
{
	out8(0x20, 0x11);
	out8(0x21, 0x20);
	out8(0x21, 0x04);
	out8(0x21, 0x01);
	out8(0x21, 0xef);
	set_gate(0x24, irq_entry, 0);
	out8(0x3fc, 0x0b);
	out8(0x3f9, 0);
	(void)in8(0x3fa);
	irq_count = 0;
	__asm__ volatile("sti");
	for (uint32_t i = 0; i < count; i++) {
		volatile uint32_t *seen = &irq_count;
		out8(0x3f9, 2);
		while (*seen == i)
			;
		out8(0x3f9, 0);
	}
	__asm__ volatile("cli");
	out8(0x21, 0xff);
	return irq_count == count ? count * 3 : 0xbad;
}

static uint32_t segments(uint32_t count)
{
	return segment_loop(count);
}

static uint32_t ports(uint32_t count)
{
	uint32_t sum = 0;

	while (count--) {
		out8(0x80, (uint8_t)count);
		out8(0x21, (uint8_t)count);
		sum += in8(0x21) * 3u;
		out8(0x3d4, 0x0f);
		out8(0x3d5, (uint8_t)count);
		sum = mix(sum, in8(0x3d5));
		out8(0x70, 0x0e);
		(void)in8(0x71);
		(void)in8(0x61);
		(void)in8(0x64);
	}
	out8(0x21, 0xff);
	return sum;
}

/* A console that scrolls: lines of text written, the screen moved up, cells read back. */
static uint32_t screen(uint32_t count)
{
	volatile uint16_t *cells = (volatile uint16_t *)0xb8000;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < 2000; i++)
		cells[i] = 0x0720;
	while (count--) {
		for (uint32_t i = 0; i < 24 * 80; i += 2)
			*(volatile uint32_t *)&cells[i] = *(volatile uint32_t *)&cells[i + 80];
		for (uint32_t i = 0; i < 80; i++)
			cells[24 * 80 + i] = (uint16_t)(0x0700 | (' ' + (count * 7 + i) % 90));
		sum = mix(sum, cells[count % 2000]);
	}
	return sum;
}

/* A function whose constant is changed before each call. */
static uint32_t modify_calls(uint32_t count)
{
	/* mov eax, imm32; lea eax, [eax+eax*2]; ret */
	static const uint8_t code[] = { 0xb8, 0, 0, 0, 0, 0x8d, 0x04, 0x40, 0xc3 };
	uint32_t (*function)(void) = (uint32_t (*)(void))(uintptr_t)arena, sum = 0;

	memcpy(arena, code, sizeof(code));
	while (count--) {
		memcpy(arena + 1, &sum, 4);
		sum += function() + count;
	}
	return sum;
}

/* mov eax, [esp + 4], or where arguments come in registers: mov eax, edi */
#ifdef __x86_64__
static const uint8_t load_argument[] = { 0x89, 0xf8 };
#else
static const uint8_t load_argument[] = { 0x8b, 0x44, 0x24, 0x04 };
#endif

/* A small compiler: writes a hundred instructions, runs them a few times, writes others. */
static uint32_t generate(uint32_t count)
{
	uint32_t (*function)(uint32_t) = (uint32_t (*)(uint32_t))(uintptr_t)arena, sum = 1, seed = 31;

	while (count--) {
		uint8_t *at = arena;
		memcpy(at, load_argument, sizeof(load_argument));
		at += sizeof(load_argument);
		for (int i = 0; i < 100; i++) {
			uint32_t r = next_random(&seed);
			switch (r & 3) {
			case 0: *at++ = 0x05; break;	/* add eax, imm32 */
			case 1: *at++ = 0x35; break;	/* xor eax, imm32 */
			case 2: *at++ = 0x2d; break;	/* sub eax, imm32 */
			default:
				*at++ = 0xc1;		/* rol eax, imm8 */
				*at++ = 0xc0;
				*at++ = 5;
				continue;
			}
			memcpy(at, &r, 4);
			at += 4;
		}
		*at = 0xc3;
		for (int i = 0; i < 20; i++)
			sum = function(sum);
	}
	return sum;
}

const struct work system_works[] = {
	{ "modify-calls", CLASS_SYSTEM, modify_calls, 400000 },
	{ "generate", CLASS_SYSTEM, generate, 10000 },
	{ "page-faults", CLASS_SYSTEM, page_faults, 2000 },
	{ "tlb-misses", CLASS_SYSTEM, tlb_misses, 300 },
	{ "address-spaces", CLASS_SYSTEM, address_spaces, 60000 },
	{ "system-calls", CLASS_SYSTEM, system_calls, 1500000 },
	{ "interrupts", CLASS_SYSTEM, interrupts, 1000000 },
	{ "segments", CLASS_SYSTEM, segments, 2000000 },
	{ "ports", CLASS_SYSTEM, ports, 1500000 },
	{ "screen", CLASS_SYSTEM, screen, 8000 },
	{ NULL, CLASS_SYSTEM, NULL, 0 },
};
