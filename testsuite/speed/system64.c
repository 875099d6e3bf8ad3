/*
 * What the 64-bit guest alone has: its page tables and gates, SYSCALL, processes that take turns,
 * and 32-bit programs.
 */
#include "guest.h"
#include "work.h"

/* start64.asm */
extern uint64_t idt[512], boot_pml4[512];
struct process {
	uint64_t stack, root, fs_base, rest;
	uint8_t state[512];
};
extern struct process processes[2];
void syscall_entry(void);
void syscall_loop(void);
void yield_entry(void);
void yield_loop(void);
void compatibility_loop(void);

enum { MSR_STAR = 0xc0000081, MSR_LSTAR = 0xc0000082, MSR_FMASK = 0xc0000084, MSR_KERNEL_GS = 0xc0000102 };

/* The first 64 MiB mapped onto themselves for everyone, and 32 tables more for the window. */
static uint64_t pml4[2][512] __attribute__((aligned(4096)));
static uint64_t pdpt[2][512] __attribute__((aligned(4096)));
static uint64_t directory[2][512] __attribute__((aligned(4096)));
uintptr_t identity[16384] __attribute__((aligned(4096)));
uintptr_t window[16384] __attribute__((aligned(4096)));
uintptr_t space_roots[2];

void set_gate(unsigned vector, void (*entry)(void), unsigned privilege)
{
	uint64_t at = (uintptr_t)entry;

	idt[vector * 2] = ((at & 0xffff0000u) | 0x8e00u | privilege << 13) << 32 | 0x80000u | (at & 0xffffu);
	idt[vector * 2 + 1] = at >> 32;
}

void paging(int on)
{
	for (uintptr_t page = 0; page < 16384; page++)
		identity[page] = page << 12 | 7;
	for (uintptr_t i = 0; i < 32; i++) {
		directory[0][i] = (uintptr_t)(identity + i * 512) | 7;
		directory[1][(WINDOW >> 21 & 511) + i] = (uintptr_t)(window + i * 512) | 7;
	}
	for (int half = 0; half < 2; half++)
		pdpt[half][0] = (uintptr_t)directory[half] | 7;
	for (int d = 0; d < 2; d++) {
		pml4[d][0] = (uintptr_t)pdpt[0] | 7;
		pml4[d][WINDOW >> 39 & 511] = (uintptr_t)pdpt[1] | 7;
		space_roots[d] = (uintptr_t)pml4[d];
	}
	load_space(on ? space_roots[0] : (uintptr_t)boot_pml4);
}

static void syscall_to(void (*entry)(void))
{
	set_gate(0x81, leave_entry, 3);
	write_msr(MSR_STAR, 0x001b0008ull << 32);
	write_msr(MSR_LSTAR, (uintptr_t)entry);
	write_msr(MSR_FMASK, 0x700);
	write_msr(MSR_KERNEL_GS, 0xffff800000000000ull);
}

static uint32_t syscalls(uint32_t count)
{
	syscall_to(syscall_entry);
	paging(1);
	uint32_t sum = user_run(syscall_loop, count);
	paging(0);
	return sum;
}

/* Two processes, each with its page tables, its stack, its FS base and its x87 and SSE state. */
static uint32_t switches(uint32_t count)
{
	syscall_to(yield_entry);
	paging(1);
	for (int i = 0; i < 2; i++) {
		processes[i].root = space_roots[i];
		processes[i].fs_base = 0x1000u * (unsigned)i;
	}
	uint32_t sum = user_run(yield_loop, count);
	paging(0);
	return sum;
}

/* 64-bit code that calls 32-bit code, as ring 3 may. */
static uint32_t compatibility(uint32_t count)
{
	set_gate(0x81, leave_entry, 3);
	paging(1);
	uint32_t sum = user_run(compatibility_loop, count);
	paging(0);
	return sum;
}

const struct work machine_works[] = {
	{ "syscall", CLASS_SYSTEM, syscalls, 2500000 },
	{ "switches", CLASS_SYSTEM, switches, 500000 },
	{ "compatibility", CLASS_SYSTEM, compatibility, 1500000 },
	{ NULL, CLASS_SYSTEM, NULL, 0 },
};
