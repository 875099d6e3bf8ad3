/*
 * System instructions of 64-bit processors, and the quick system calls: SYSCALL, SYSENTER and
 * their returns, SWAPGS, FS and GS bases, XCR0, SMAP's CLAC and STAC, INVPCID, RDTSCP, RDPID.
 * SDM 2A and 2B under these names; the AMD64 manual, volume 3, for what AMD does otherwise.
 */
#include "branch.h"
#include "handlers.h"
#include "models.h"
#include "op_system.h"

static INLINE bool has(const struct cpu *cpu, uint64_t feature)
{
	return cpu->model->features & feature;
}

/* ---- Quick system calls ----------------------------------------------------------------------- */

enum code_kind { CODE_32, CODE_64 };

/* These make flat segments without looking at the descriptors. */
static void flat_code(struct cpu *cpu, uint16_t selector, unsigned cpl, enum code_kind kind)
{
	struct descriptor d = { .limit = 0xffffffffu };

	d.attributes = (uint16_t)(ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_ACCESSED | ATTR_G |
				  (kind == CODE_64 ? ATTR_L : ATTR_DB) | cpl << ATTR_DPL_SHIFT);
	segment_set_code(cpu, selector, &d, cpl);
}

static void flat_stack(struct cpu *cpu, uint16_t selector, unsigned cpl)
{
	struct descriptor d = { .limit = 0xffffffffu };

	d.attributes = (uint16_t)(ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_G | ATTR_DB |
				  cpl << ATTR_DPL_SHIFT);
	segment_set(cpu, SEG_SS, (uint16_t)((selector & ~3u) | cpl), &d);
}

/* AMD's processors have these two in legacy mode only. */
static bool sysenter_exists(const struct cpu *cpu)
{
	return !(long_mode(cpu) && model_is_amd(cpu->model));
}

HANDLER(op_SYSENTER)
{
	uint16_t code = (uint16_t)(cpu->msr_sysenter_cs & 0xfffc);

	if (!sysenter_exists(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!(cpu->cr0 & CR0_PE) || !code)
		return cpu_fault_gp0(cpu, i);
	cpu->eflags &= ~(uint64_t)(FLAG_VM | FLAG_IF | FLAG_RF);
	flat_code(cpu, code, 0, long_mode(cpu) ? CODE_64 : CODE_32);
	flat_stack(cpu, (uint16_t)(code + 8), 0);
	if (long_mode(cpu)) {
		cpu->reg[REG_SP] = cpu->msr_sysenter_esp;
		cpu->rip = cpu->msr_sysenter_eip;
	} else {
		set_reg32(cpu, REG_SP, (uint32_t)cpu->msr_sysenter_esp);
		cpu->rip = (uint32_t)cpu->msr_sysenter_eip;
	}
	cpu_mode_changed(cpu);
	return system_proceed(cpu, i);
}

HANDLER(op_SYSEXIT)
{
	uint16_t code = (uint16_t)(cpu->msr_sysenter_cs & 0xfffc);
	bool to_64 = i->width == 8;

	if (!sysenter_exists(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!(cpu->cr0 & CR0_PE) || !code || !privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	if (to_64 && (!address_canonical(cpu->reg[REG_CX]) || !address_canonical(cpu->reg[REG_DX])))
		return cpu_fault_gp0(cpu, i);
	flat_code(cpu, (uint16_t)((code + (to_64 ? 32 : 16)) | 3), 3, to_64 ? CODE_64 : CODE_32);
	flat_stack(cpu, (uint16_t)(code + (to_64 ? 40 : 24)), 3);
	cpu->reg[REG_SP] = to_64 ? cpu->reg[REG_CX] : reg32(cpu, REG_CX);
	cpu->rip = to_64 ? cpu->reg[REG_DX] : reg32(cpu, REG_DX);
	cpu_mode_changed(cpu);
	return system_proceed(cpu, i);
}

/* Intel's processors have SYSCALL and SYSRET in 64-bit mode only. */
static bool syscall_exists(const struct cpu *cpu)
{
	return (cpu->efer & EFER_SCE) && (mode_64(cpu) || model_is_amd(cpu->model));
}

HANDLER(op_SYSCALL)
{
	uint16_t code = (uint16_t)(cpu->msr_star >> 32 & 0xfffc);
	uint64_t flags = flags_get(cpu);

	if (!syscall_exists(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (model_is_amd(cpu->model))
		flags &= ~(uint64_t)FLAG_RF;
	if (long_mode(cpu)) {
		cpu->reg[REG_CX] = rip_after(cpu, i);
		cpu->reg[11] = flags;
		cpu->rip = mode_64(cpu) ? cpu->msr_lstar : cpu->msr_cstar;
		flags_set(cpu, (flags & ~cpu->msr_fmask & ~(uint64_t)FLAG_RF) | FLAG_1);
		flat_code(cpu, code, 0, CODE_64);
	} else {
		set_reg32(cpu, REG_CX, (uint32_t)rip_after(cpu, i));
		cpu->rip = (uint32_t)cpu->msr_star;
		flags_set(cpu, flags & ~(uint64_t)(FLAG_VM | FLAG_IF | FLAG_RF));
		flat_code(cpu, code, 0, CODE_32);
	}
	flat_stack(cpu, (uint16_t)(code + 8), 0);
	if (!(cpu->eflags & FLAG_TF))
		cpu->trap_after = false;        /* masked with the rest: no trap into the kernel */
	cpu_mode_changed(cpu);
	return system_proceed(cpu, i);
}

/* AMD's processors change SS's selector and privilege and leave the rest as it is. */
static void sysret_stack(struct cpu *cpu, uint16_t selector)
{
	struct segment *ss = &cpu->seg[SEG_SS];

	if (!model_is_amd(cpu->model)) {
		flat_stack(cpu, selector, 3);
		return;
	}
	ss->selector = selector | 3;
	ss->attributes |= ATTR_DPL;
}

HANDLER(op_SYSRET)
{
	uint16_t code = (uint16_t)(cpu->msr_star >> 48 & 0xfffc);
	uint64_t flags = flags_get(cpu);
	bool to_64 = i->width == 8;

	if (!syscall_exists(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!privileged(cpu) || !(cpu->cr0 & CR0_PE))
		return cpu_fault_gp0(cpu, i);
	if (to_64 && !model_is_amd(cpu->model) && !address_canonical(cpu->reg[REG_CX]))
		return cpu_fault_gp0(cpu, i);
	if (long_mode(cpu))
		flags_set(cpu, (cpu->reg[11] & flags_writable(cpu) & ~(uint64_t)(FLAG_RF | FLAG_VM)) | FLAG_1);
	else
		flags_set(cpu, flags | FLAG_IF);
	flat_code(cpu, (uint16_t)((code + (to_64 ? 16 : 0)) | 3), 3, to_64 ? CODE_64 : CODE_32);
	sysret_stack(cpu, (uint16_t)(code + 8));
	cpu->rip = to_64 ? cpu->reg[REG_CX] : reg32(cpu, REG_CX);
	cpu_mode_changed(cpu);
	return system_proceed(cpu, i);
}

/* ---- FS and GS ------------------------------------------------------------------------------------ */

HANDLER(op_SWAPGS)
{
	uint64_t base = cpu->seg[SEG_GS].base;

	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	cpu->seg[SEG_GS].base = cpu->msr_kernel_gs_base;
	cpu->msr_kernel_gs_base = base;
	NEXT(cpu, i);
}

static INLINE const struct insn *base_read(struct cpu *cpu, const struct insn *i, unsigned which)
{
	if (!(cpu->cr4 & CR4_FSGSBASE))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	set_reg64(cpu, i->dst, i->width == 8 ? cpu->seg[which].base : (uint32_t)cpu->seg[which].base);
	NEXT(cpu, i);
}

static INLINE const struct insn *base_write(struct cpu *cpu, const struct insn *i, unsigned which)
{
	uint64_t base = i->width == 8 ? reg64(cpu, i->dst) : reg32(cpu, i->dst);

	if (!(cpu->cr4 & CR4_FSGSBASE))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!address_canonical(base))
		return cpu_fault_gp0(cpu, i);
	cpu->seg[which].base = base;
	NEXT(cpu, i);
}

HANDLER(op_RDFSBASE_Ev) { return base_read(cpu, i, SEG_FS); }
HANDLER(op_RDGSBASE_Ev) { return base_read(cpu, i, SEG_GS); }
HANDLER(op_WRFSBASE_Ev) { return base_write(cpu, i, SEG_FS); }
HANDLER(op_WRGSBASE_Ev) { return base_write(cpu, i, SEG_GS); }

/* ---- Extended control registers ---------------------------------------------------------------------- */

/* Which of the enabled state components are in use?  None is known not to be. */
HANDLER(op_XGETBV)
{
	uint32_t index = reg32(cpu, REG_CX);
	bool in_use = index == 1 && (cpu->model->system & SYS_XGETBV1);

	if (!(cpu->cr4 & CR4_OSXSAVE))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (index != 0 && !in_use)
		return cpu_fault_gp0(cpu, i);
	set_reg32(cpu, REG_AX, (uint32_t)cpu->xcr0);
	set_reg32(cpu, REG_DX, (uint32_t)(cpu->xcr0 >> 32));
	NEXT(cpu, i);
}

HANDLER(op_XSETBV)
{
	uint64_t value = (uint64_t)reg32(cpu, REG_DX) << 32 | reg32(cpu, REG_AX);

	if (!(cpu->cr4 & CR4_OSXSAVE))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	if (!privileged(cpu))
		return cpu_fault_gp0(cpu, i);
	if (!xcr_write(cpu, reg32(cpu, REG_CX), value))
		return cpu_fault(cpu, i);
	return cpu_leave_next(cpu, i);
}

/* ---- Paging and protection ------------------------------------------------------------------------- */

static const struct insn *access_flag(struct cpu *cpu, const struct insn *i, uint64_t flag)
{
	if (!privileged(cpu) || cpu_v86(cpu))
		return cpu_fault_vector(cpu, i, VECTOR_UD);
	cpu->eflags = (cpu->eflags & ~(uint64_t)FLAG_AC) | flag;
	cpu_mode_changed(cpu);
	return cpu_next_block(cpu, i);
}

HANDLER(op_CLAC) { return access_flag(cpu, i, 0); }
HANDLER(op_STAC) { return access_flag(cpu, i, FLAG_AC); }

static NOINLINE bool invpcid(struct cpu *cpu, const struct insn *i)
{
	uint64_t type = mode_64(cpu) ? reg64(cpu, i->dst) : reg32(cpu, i->dst), pcid, linear;
	uint64_t at = ea(cpu, i);

	if (!privileged(cpu) || cpu_v86(cpu))
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	return load_width(cpu, i, at, 8, &pcid) &&
	       load_width(cpu, i, (at + 8) & cpu->linear_mask, 8, &linear) &&
	       tlb_invpcid(cpu, type, pcid, linear);
}

HANDLER(op_INVPCID_Gv_Mdq)
{
	return invpcid(cpu, i) ? cpu_next_block(cpu, i) : cpu_fault(cpu, i);
}

/* ---- Time, and who we are ------------------------------------------------------------------------------ */

HANDLER(op_RDTSCP)
{
	uint64_t value;

	if ((cpu->cr4 & CR4_TSD) && !privileged(cpu) && (cpu->cr0 & CR0_PE))
		return cpu_fault_gp0(cpu, i);
	cpu_expose(cpu, i);
	value = tsc_read(cpu);
	cpu->current = NULL;
	set_reg32(cpu, REG_AX, (uint32_t)value);
	set_reg32(cpu, REG_DX, (uint32_t)(value >> 32));
	set_reg32(cpu, REG_CX, (uint32_t)cpu->msr_tsc_aux);
	NEXT(cpu, i);
}

HANDLER(op_RDPID_Ev)
{
	set_reg64(cpu, i->dst, cpu->msr_tsc_aux);
	NEXT(cpu, i);
}

/* ---- CMPXCHG16B ------------------------------------------------------------------------------------------ */

static NOINLINE bool cmpxchg16b(struct cpu *cpu, const struct insn *i)
{
	uint64_t at = ea(cpu, i), low, high;
	uint8_t bytes[16];
	bool equal;

	if (!has(cpu, FEAT_CX16))
		return cpu_raise(cpu, VECTOR_UD);
	if (at & 15)
		return cpu_raise_error(cpu, VECTOR_GP, 0);
	/* It writes in any case, so it faults as a write does. */
	if (!store_check(cpu, i, at, 16) || !load_width(cpu, i, at, 8, &low) ||
	    !load_width(cpu, i, at + 8, 8, &high))
		return false;
	equal = low == cpu->reg[REG_AX] && high == cpu->reg[REG_DX];
	put64(bytes, equal ? cpu->reg[REG_BX] : low);
	put64(bytes + 8, equal ? cpu->reg[REG_CX] : high);
	if (!store_bytes(cpu, i, at, 16, bytes))
		return false;
	if (!equal) {
		cpu->reg[REG_AX] = low;
		cpu->reg[REG_DX] = high;
	}
	flag_set_zf(cpu, equal);
	return true;
}

/* With REX.W; without, it is CMPXCHG8B. */
HANDLER_OF(op_CMPXCHG8B_M2y_64, cmpxchg16b)
