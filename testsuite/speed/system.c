/*
 * What only an operating system does: privilege changes, faults, page tables, interrupts, ports,
 * the screen, 16-bit code, and code that writes code.
 */
#include "guest.h"
#include "work.h"

uint32_t irq_count;

/* The first 64 MiB mapped onto themselves for everyone, and 16 tables more for other addresses. */
static uint32_t directory[2][1024] __attribute__((aligned(4096)));
static uint32_t identity[16][1024] __attribute__((aligned(4096)));
static uint32_t window[16][1024] __attribute__((aligned(4096)));
#define WINDOW 0x10000000u

static void paging(int on)
{
	for (uint32_t i = 0; i < 16; i++) {
		for (uint32_t j = 0; j < 1024; j++)
			identity[i][j] = i << 22 | j << 12 | 7;
		for (int d = 0; d < 2; d++) {
			directory[d][i] = (uint32_t)(uintptr_t)identity[i] | 7;
			directory[d][(WINDOW >> 22) + i] = (uint32_t)(uintptr_t)window[i] | 7;
		}
	}
	__asm__ volatile("mov %0, %%cr3" : : "r"(directory[0]) : "memory");
	uint32_t cr0;
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	cr0 = on ? cr0 | 0x80000000u : cr0 & 0x7fffffffu;
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
}

static inline void forget_page(uint32_t address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

/* Called by the page fault's entry: maps the page that was missing. */
void page_fault_fix(uint32_t error, uint32_t address)
{
	if (address - WINDOW >= 16u << 22 || (error & 1))
		guest_stop("page fault", address);
	uint32_t page = (address - WINDOW) >> 12;
	window[page >> 10][page & 1023] = ((uint32_t)(uintptr_t)arena & ~0xfffu) + ((page & 1023) << 12) + 3;
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
			uint32_t at = WINDOW + (page * 37 % 1024 << 12) + (page << 2);
			*(volatile uint32_t *)at += count;
			sum += *(volatile uint32_t *)at;
		}
		for (uint32_t page = 0; page < 256; page++) {
			uint32_t at = page * 37 % 1024;
			window[0][at] = 0;
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
		window[page >> 10][page & 1023] = ((uint32_t)(uintptr_t)arena & ~0xfffu) + ((page & 1023) << 12) + 3;
	memset(arena, 1, 1024 * 4096);
	paging(1);
	while (count--)
		for (uint32_t page = 0; page < 16384; page++) {
			uint32_t at = WINDOW + ((page * 4099 & 16383) << 12) + (page & 1023) * 4;
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
		window[0][page] = ((uint32_t)(uintptr_t)arena & ~0xfffu) + (page << 12) + 3;
	memset(arena, 1, 1024 * 4096);
	paging(1);
	while (count--) {
		__asm__ volatile("mov %0, %%cr3" : : "r"(directory[count & 1]) : "memory");
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
	set_gate(0x80, syscall_entry, 3);
	set_gate(0x81, leave_entry, 3);
	paging(1);
	uint32_t sum = user_run(syscall_loop, count);
	paging(0);
	return sum;
}

static uint32_t sysenter(uint32_t count)
{
	set_gate(0x81, leave_entry, 3);
	write_msr(0x174, 0x08);
	write_msr(0x175, 0x9f000);
	write_msr(0x176, (uint32_t)(uintptr_t)sysenter_entry);
	paging(1);
	uint32_t sum = user_run(sysenter_loop, count);
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

/* Programs of the 16-bit world, run in real mode. */
static uint32_t real_mode(uint32_t count)
{
	memcpy((void *)0x80000, real16_image, (size_t)(real16_end - real16_image));
	return real16_run(count);
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

/* Code that changes the instruction right after the one that is running. */
static uint32_t modify_next(uint32_t count)
{
	/*
	 * next: mov [imm], eax; imm: mov edx, imm32; add eax, edx; inc eax; rol eax, 3; dec ecx; jnz next; ret
	 */
	static const uint8_t code[] = {
		0xa3, 0, 0, 0, 0, 0xba, 0, 0, 0, 0, 0x01, 0xd0, 0x40, 0xc1, 0xc0, 0x03, 0x49, 0x75, 0xed,
		0xc3
	};
	uint32_t target = (uint32_t)(uintptr_t)(arena + 6), sum = 0x1234;

	memcpy(arena, code, sizeof(code));
	memcpy(arena + 1, &target, 4);
	__asm__ volatile("call *%2" : "+a"(sum), "+c"(count) : "r"(arena) : "edx", "memory", "cc");
	return sum;
}

/* A small compiler: writes a hundred instructions, runs them a few times, writes others. */
static uint32_t generate(uint32_t count)
{
	uint32_t (*function)(uint32_t) = (uint32_t (*)(uint32_t))(uintptr_t)arena, sum = 1, seed = 31;

	while (count--) {
		uint8_t *at = arena;
		const uint8_t load[] = { 0x8b, 0x44, 0x24, 0x04 };
		memcpy(at, load, 4);
		at += 4;
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
	{ "real-mode", CLASS_SYSTEM, real_mode, 6000 },
	{ "modify-calls", CLASS_SYSTEM, modify_calls, 400000 },
	{ "modify-next", CLASS_SYSTEM, modify_next, 300000 },
	{ "generate", CLASS_SYSTEM, generate, 10000 },
	{ "page-faults", CLASS_SYSTEM, page_faults, 2000 },
	{ "tlb-misses", CLASS_SYSTEM, tlb_misses, 300 },
	{ "address-spaces", CLASS_SYSTEM, address_spaces, 60000 },
	{ "system-calls", CLASS_SYSTEM, system_calls, 1500000 },
	{ "sysenter", CLASS_SYSTEM, sysenter, 2500000 },
	{ "interrupts", CLASS_SYSTEM, interrupts, 1000000 },
	{ "segments", CLASS_SYSTEM, segments, 2000000 },
	{ "ports", CLASS_SYSTEM, ports, 1500000 },
	{ "screen", CLASS_SYSTEM, screen, 8000 },
	{ NULL, CLASS_SYSTEM, NULL, 0 },
};
