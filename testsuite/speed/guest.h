/* What the parts of the bootable guest know of each other. */
#ifndef GUEST_H
#define GUEST_H

#include <stdint.h>

/* start.asm */
extern const uint8_t real16_image[], real16_end[];
extern void (*const exception_entries[32])(void);
extern uint64_t idt[256];
void syscall_entry(void);
void sysenter_entry(void);
void leave_entry(void);
void irq_entry(void);
void page_fault_entry(void);
void syscall_loop(void);
void sysenter_loop(void);
uint32_t user_run(void (*entry)(void), uint32_t count);
uint32_t real16_run(uint32_t count);
uint32_t segment_loop(uint32_t count);

/* guest.c; these two are called by start.asm as well */
void guest_main(uint32_t which);
void guest_exception(const uint32_t *frame);
void guest_stop(const char *why, uint32_t what);
void set_gate(unsigned vector, void (*entry)(void), unsigned privilege);
void page_fault_fix(uint32_t error, uint32_t address);

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

static inline void write_msr(uint32_t number, uint32_t value)
{
	__asm__ volatile("wrmsr" : : "c"(number), "a"(value), "d"(0));
}

#endif
