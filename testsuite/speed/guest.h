/* What the parts of the bootable guests know of each other. */
#ifndef GUEST_H
#define GUEST_H

#include <stdint.h>

/* start.asm and start64.asm */
extern void (*const exception_entries[32])(void);
void interrupt_call_entry(void);
void leave_entry(void);
void irq_entry(void);
void page_fault_entry(void);
void interrupt_call_loop(void);
uint32_t user_run(void (*entry)(void), uint32_t count);
uint32_t segment_loop(uint32_t count);

/* system32.c and system64.c: page tables that show the first 64 MiB, and a window of 64 MiB */
extern uintptr_t identity[16384], window[16384], space_roots[2];
void set_gate(unsigned vector, void (*entry)(void), unsigned privilege);
void paging(int on);

#ifdef __x86_64__
#define WINDOW 0xffff800010000000ull
#else
#define WINDOW 0x10000000u
#endif

/* guest.c; these two are called by start.asm as well */
void guest_main(uint32_t which);
void guest_exception(const uintptr_t *frame);
void guest_stop(const char *why, uint32_t what);
void page_fault_fix(uintptr_t error, uintptr_t address);

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void write_msr(uint32_t number, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline void load_space(uintptr_t root)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory");
}

#endif
