/*
 * What the 32-bit guest alone has: its page tables and gates, SYSENTER, real mode, and code that
 * changes its very next instruction.
 */
#include "guest.h"
#include "work.h"

/* start.asm */
extern const uint8_t real16_image[], real16_end[];
extern uint64_t idt[256];
void sysenter_entry(void);
void sysenter_loop(void);
uint32_t real16_run(uint32_t count);

/* The first 64 MiB mapped onto themselves for everyone, and 16 tables more for other addresses. */
static uint32_t directory[2][1024] __attribute__((aligned(4096)));
uintptr_t identity[16384] __attribute__((aligned(4096)));
uintptr_t window[16384] __attribute__((aligned(4096)));
uintptr_t space_roots[2];

void set_gate(unsigned vector, void (*entry)(void), unsigned privilege)
{
	uint32_t at = (uint32_t)(uintptr_t)entry;

	idt[vector] = (uint64_t)((at & 0xffff0000u) | 0x8e00u | privilege << 13) << 32 | 0x80000u | (at & 0xffffu);
}

void paging(int on)
{
	for (uint32_t page = 0; page < 16384; page++)
		identity[page] = page << 12 | 7;
	for (int d = 0; d < 2; d++) {
		for (uint32_t i = 0; i < 16; i++) {
			directory[d][i] = (uintptr_t)(identity + i * 1024) | 7;
			directory[d][(WINDOW >> 22) + i] = (uintptr_t)(window + i * 1024) | 7;
		}
		space_roots[d] = (uintptr_t)directory[d];
	}
	load_space(space_roots[0]);
	uint32_t cr0;
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	cr0 = on ? cr0 | 0x80000000u : cr0 & 0x7fffffffu;
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
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

/* Programs of the 16-bit world, run in real mode. */
static uint32_t real_mode(uint32_t count)
{
	memcpy((void *)0x80000, real16_image, (size_t)(real16_end - real16_image));
	return real16_run(count);
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

const struct work machine_works[] = {
	{ "sysenter", CLASS_SYSTEM, sysenter, 2500000 },
	{ "real-mode", CLASS_SYSTEM, real_mode, 6000 },
	{ "modify-next", CLASS_SYSTEM, modify_next, 300000 },
	{ NULL, CLASS_SYSTEM, NULL, 0 },
};
