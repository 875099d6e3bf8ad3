/* Pushes and pops through SS with every check, for any stack width (SDM 1, 6.2). */
#include "access.h"

void stack_begin(struct cpu *cpu, struct stack *stack, const struct insn *i)
{
	stack->mask = cpu->mode & MODE_64 ? UINT64_MAX
		    : cpu->seg[SEG_SS].attributes & ATTR_DB ? 0xffffffff : 0xffff;
	stack->sp = cpu->reg[REG_SP] & stack->mask;
	stack->insn = i;
}

static bool stack_linear(struct cpu *cpu, uint64_t offset, unsigned width, bool write, uint64_t *linear)
{
	if (cpu->mode & MODE_FLAT) {
		*linear = offset;
		if ((cpu->mode & MODE_64) && !stack_canonical(offset, width))
			return cpu_raise_error(cpu, VECTOR_SS, 0);
		return true;
	}
	return segment_linear(cpu, SEG_SS, offset, width, write, linear);
}

bool stack_push(struct cpu *cpu, struct stack *stack, unsigned width, uint64_t value)
{
	uint64_t sp = (stack->sp - width) & stack->mask, linear;

	if (!stack_linear(cpu, sp, width, true, &linear) ||
	    !store_width(cpu, stack->insn, linear, width, value))
		return false;
	stack->sp = sp;
	return true;
}

bool stack_pop(struct cpu *cpu, struct stack *stack, unsigned width, uint64_t *value)
{
	uint64_t linear;

	if (!stack_linear(cpu, stack->sp, width, false, &linear) ||
	    !load_width(cpu, stack->insn, linear, width, value))
		return false;
	stack->sp = (stack->sp + width) & stack->mask;
	return true;
}

void stack_commit(struct cpu *cpu, const struct stack *stack)
{
	cpu->reg[REG_SP] = stack->mask == 0xffff ? (cpu->reg[REG_SP] & ~(uint64_t)0xffff) | stack->sp
						 : stack->sp;
}

bool push_one(struct cpu *cpu, const struct insn *i, unsigned width, uint64_t value)
{
	struct stack stack;

	stack_begin(cpu, &stack, i);
	if (!stack_push(cpu, &stack, width, value))
		return false;
	stack_commit(cpu, &stack);
	return true;
}

bool pop_one(struct cpu *cpu, const struct insn *i, unsigned width)
{
	struct stack stack;
	uint64_t value;

	stack_begin(cpu, &stack, i);
	if (!stack_pop(cpu, &stack, width, &value))
		return false;
	stack_commit(cpu, &stack);
	cpu->loaded = value;
	return true;
}

bool segment_address(struct cpu *cpu, unsigned which, uint64_t offset, unsigned width, bool write)
{
	uint64_t linear;

	if (!segment_linear(cpu, which, offset, width, write, &linear))
		return false;
	cpu->loaded = linear;
	return true;
}
