/* The last exceptions, for an account of what went wrong (clearbox/debug.h). */
#include "hooks.h"

void exception_note(struct cpu *cpu, bool in_delivery)
{
	const struct segment *cs = &cpu->seg[SEG_CS];

	cpu->exceptions[cpu->exception_count++ % EXCEPTIONS_KEPT] = (struct cbx_exception){
		.instructions = cpu->count, .rip = cpu->rip, .cs_base = cs->base, .cr2 = cpu->cr2,
		.cr3 = cpu->cr3, .vector = cpu->fault.vector, .error = cpu->fault.error,
		.cs = cs->selector, .cpl = cpu->cpl, .has_error = cpu->fault.has_error,
		.in_delivery = in_delivery
	};
}

enum cbx_status cbx_exception_read(const struct cbx_machine *machine, unsigned n,
				   struct cbx_exception *exception)
{
	const struct cpu *cpu = machine ? machine->cpu : NULL;

	if (!cpu || !exception || n >= EXCEPTIONS_KEPT || n >= cpu->exception_count)
		return CBX_ERROR_ARGUMENT;
	*exception = cpu->exceptions[(cpu->exception_count - 1 - n) % EXCEPTIONS_KEPT];
	return CBX_OK;
}
