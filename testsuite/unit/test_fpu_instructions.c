/*
 * test_fpu_instructions.c - the x87 handlers against the host's own instructions
 *
 * Each row D8 to DF of the instruction table: a random register stack with empty registers, control
 * and status words, flags and memory operands, one instruction run natively and one by its handler;
 * everything must be equal but the pointers to the last instruction, which AMD keeps only for errors.
 * Handlers run one at a time on a processor that has nothing but a page of memory. Only x86-64 hosts
 * with Linux can build this.
 */
#define _DEFAULT_SOURCE		/* MAP_ANONYMOUS */

#include "test_fpu_host.h"

#include "op_x87.h"
#include "flags.h"

#include <sys/mman.h>

enum { PAGE_LINEAR = 0x10000, OPERAND = 256, OPERAND_MOST = 128 };

struct row {
	const char *name;
	uint8_t opcode, modrm, count;
	bool memory;
	insn_fn *run;
};

#define ROW_FPM(byte, digit, name) { #name, byte, (digit) << 3, 1, true, name },
#define ROW_FPR(byte, digit, name) { #name, byte, digit, 8, false, name },
#define ROW_FP1(byte, digit, name) { #name, byte, digit, 1, false, name },

static const struct row rows[] = {
#define FX(enc, byte, digit, name, ...) ROW_##enc(byte, digit, op_##name)
#include "opcodes_x87.h"
#undef FX
};

/* ---- What the handlers need of the processor --------------------------------------------------- */

struct test_cpu {
	struct cpu cpu;
	bool slow;
};

static _Alignas(4096) uint8_t memory[2 * PAGE_SIZE];

/* Every access but those to the page faults. */
static bool inside(uint64_t linear, unsigned width)
{
	return linear >= PAGE_LINEAR && linear + width <= PAGE_LINEAR + PAGE_SIZE;
}

bool load_slow(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	(void)i;
	cpu->loaded = 0;
	if (!inside(linear, width))
		return cpu_raise(cpu, VECTOR_PF);
	for (unsigned n = 0; n < width; n++)
		cpu->loaded |= (uint64_t)memory[linear - PAGE_LINEAR + n] << 8 * n;
	return true;
}

bool store_slow(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width,
		uint64_t value)
{
	(void)i;
	if (!inside(linear, width))
		return cpu_raise(cpu, VECTOR_PF);
	for (unsigned n = 0; n < width; n++)
		memory[linear - PAGE_LINEAR + n] = (uint8_t)(value >> 8 * n);
	return true;
}

bool store_check(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	(void)i;
	return inside(linear, width) || cpu_raise(cpu, VECTOR_PF);
}

bool load_check(struct cpu *cpu, const struct insn *i, uint64_t linear, unsigned width)
{
	return store_check(cpu, i, linear, width);
}

const struct insn *cpu_fault(struct cpu *cpu, const struct insn *i)
{
	cpu->rip = i->ip;
	cpu->activity = 100 + cpu->fault.vector;
	return NULL;
}

const struct insn *cpu_fault_vector(struct cpu *cpu, const struct insn *i, uint32_t vector)
{
	cpu_raise(cpu, vector);
	return cpu_fault(cpu, i);
}

const struct insn *cpu_fault_gp0(struct cpu *cpu, const struct insn *i)
{
	cpu_raise_error(cpu, VECTOR_GP, 0);
	return cpu_fault(cpu, i);
}

const struct insn *cpu_leave(struct cpu *cpu, const struct insn *i)
{
	(void)cpu;
	(void)i;
	return NULL;
}

static const struct insn *stop(struct cpu *cpu, const struct insn *i)
{
	cpu->rip = i->ip;
	return NULL;
}

static void run_ours(struct cpu *cpu, const struct row *row, uint8_t modrm, uint64_t linear)
{
	struct insn code[2] = {
		{ .run = row->run, .base = REG_ZERO, .index = REG_ZERO, .segment = SEG_DS,
		  .length = 2, .n = 1, .width = 4, .opcode = row->opcode, .modrm = modrm,
		  .rm = modrm & 7, .dst = modrm & 7, .ip = 0x1000,
		  .flags = row->memory ? INSN_MEMORY : 0, .displacement = (int64_t)linear },
		{ .run = stop, .ip = 0x1002 },
	};
	const struct insn *i = code;

	while (i)
		i = i->run(cpu, i);
}

/* ---- The host ------------------------------------------------------------------------------------- */

struct environment {
	uint32_t control, status, tags, fip, fcs, fdp, fds;
	uint8_t registers[8][10];
};

struct native {
	struct environment before, after;
	uint64_t flags_before, flags_after, ax;
	uint8_t operand[OPERAND_MOST];
};

static uint8_t *native_code;

/* rdi = the native structure: FRSTOR, flags, the instruction on [rbx], flags, FNSAVE. */
static void run_native(struct native *native, uint8_t opcode, uint8_t modrm, bool on_memory)
{
	static const uint8_t head[] = {
		0x53,					/* push rbx */
		0xdd, 0x27,				/* frstor [rdi] */
		0x48, 0x8d, 0x9f, 0, 0, 0, 0,		/* lea rbx, [rdi + operand] */
		0x48, 0x8b, 0x87, 0, 0, 0, 0,		/* mov rax, [rdi + ax] */
		0xff, 0xb7, 0, 0, 0, 0,			/* push qword [rdi + flags_before] */
		0x9d,					/* popfq */
	};
	static const uint8_t tail[] = {
		0x9c,					/* pushfq */
		0x8f, 0x87, 0, 0, 0, 0,			/* pop qword [rdi + flags_after] */
		0x48, 0x89, 0x87, 0, 0, 0, 0,		/* mov [rdi + ax], rax */
		0xdd, 0xb7, 0, 0, 0, 0,			/* fnsave [rdi + after] */
		0xdb, 0xe3,				/* fninit */
		0x5b, 0xc3,				/* pop rbx; ret */
	};
	uint32_t operand = offsetof(struct native, operand), ax = offsetof(struct native, ax);
	uint32_t before = offsetof(struct native, flags_before);
	uint32_t flags = offsetof(struct native, flags_after), after = offsetof(struct native, after);
	uint8_t *at = native_code;
	void (*call)(struct native *);

	memcpy(at, head, sizeof(head));
	memcpy(at + 6, &operand, 4);
	memcpy(at + 13, &ax, 4);
	memcpy(at + 19, &before, 4);
	at += sizeof(head);
	*at++ = opcode;
	*at++ = (uint8_t)(on_memory ? modrm | 3 : modrm);
	memcpy(at, tail, sizeof(tail));
	memcpy(at + 3, &flags, 4);
	memcpy(at + 10, &ax, 4);
	memcpy(at + 16, &after, 4);
	memcpy(&call, &native_code, sizeof(call));
	call(native);
}

/* ---- Cases ------------------------------------------------------------------------------------------ */

static uint64_t random_operand64(struct random_state *random)
{
	struct fpu_context context = fpu_context(0x37f);
	uint64_t choice = random_next(random);

	switch (choice & 3) {
	case 0:
		return f80_to_float64(random_float80(random), &context);
	case 1:
		return f80_to_float32(random_float80(random), &context) |
		       random_next(random) << 32;
	case 2:
		return random_significand(random);
	default:
		return random_next(random) >> (choice >> 8 & 63);
	}
}

static void random_case(struct random_state *random, struct native *native)
{
	uint64_t choice = random_next(random), flags = random_next(random), empties;
	uint32_t exceptions;

	memset(native, 0, sizeof(*native));
	native->before.control = test_control((unsigned int)(choice % TEST_CONTROLS)) | 0x40;
	/* No exception pending: flags only where masked. */
	exceptions = (uint32_t)(random_next(random) & 0x3f & native->before.control);
	native->before.status = exceptions | (uint32_t)(random_next(random) & 0x7f40);
	empties = random_next(random);
	if (choice >> 40 & 3)
		empties &= empties >> 8 & empties >> 16;
	if ((choice >> 42 & 3) == 1)
		empties = (uint64_t)1 << (((native->before.status >> 11) - 1) & 7);
	for (int n = 0; n < 8; n++) {
		struct float80 value = choice >> 32 & 1
			? random_float80(random)
			: special_operand((size_t)(random_next(random) % SPECIAL_COUNT));

		if (empties >> n & 1)
			native->before.tags |= 3u << 2 * n;
		if ((choice >> 44 & 3) && (f80_exponent(value) == 0x7fff || !(value.significand >> 63)))
			value = random_float80(random);
		host_put(native->before.registers[n], value);
	}
	native->flags_before = (flags & 0x8d5) | 0x202;
	native->ax = random_next(random);
	for (unsigned n = 0; n < OPERAND_MOST; n += 8) {
		uint64_t word = random_operand64(random);

		memcpy(native->operand + n, &word, 8);
	}
	/* Loads of environments take the words as they are, but must not leave anything pending. */
	memcpy(native->operand, &native->before.control, 2);
	if (choice >> 50 & 1)
		random_next(random);
}

static void set_ours(struct cpu *cpu, const struct native *native, bool tlb)
{
	struct x87 *x87 = &cpu->x87;

	memset(cpu, 0, sizeof(*cpu));
	cpu->tlb = &cpu->tlbs[0];
	cpu->linear_mask = UINT32_MAX;
	for (unsigned n = 0; n < TLB_ENTRIES; n++)
		cpu->tlb->read[n].tag = cpu->tlb->write[n].tag = TLB_EMPTY;
	if (tlb) {
		struct tlb_entry entry = { PAGE_LINEAR, (uintptr_t)memory - PAGE_LINEAR };

		cpu->tlb->read[PAGE_LINEAR >> PAGE_BITS & (TLB_ENTRIES - 1)] = entry;
		cpu->tlb->write[PAGE_LINEAR >> PAGE_BITS & (TLB_ENTRIES - 1)] = entry;
	}
	cpu->cr0 = CR0_PE | CR0_NE;
	cpu->seg[SEG_CS].selector = 0x33;
	cpu->seg[SEG_DS].selector = 0x2b;
	cpu->reg[REG_AX] = native->ax;
	cpu->eflags = 0x202;
	flags_set_arithmetic(cpu, (uint32_t)native->flags_before);
	x87_set_control_word(x87, (uint16_t)native->before.control);
	x87_set_status_word(x87, (uint16_t)native->before.status);
	x87_set_tag_word(x87, (uint16_t)native->before.tags);
	for (unsigned n = 0; n < 8; n++)
		x87_set_physical(x87, (x87->top + n) & 7, host_get(native->before.registers[n]));
}

static bool is_transcendental(const struct row *row)
{
	static const char *const names[] = {
		"op_F2XM1", "op_FYL2X", "op_FYL2XP1", "op_FPTAN", "op_FPATAN", "op_FSIN", "op_FCOS",
		"op_FSINCOS"
	};

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		if (!strcmp(row->name, names[n]))
			return true;
	return false;
}

static bool nearly(struct float80 a, struct float80 b)
{
	uint64_t distance = a.significand - b.significand;

	/* Neighbours across a power of two count as well. */
	if (a.sign_exponent != b.sign_exponent)
		return (uint16_t)(a.sign_exponent - b.sign_exponent + 1) <= 2 &&
		       (a.significand + 2 < 5 || b.significand + 2 < 5 ||
			a.significand << 1 < 8 || b.significand << 1 < 8 ||
			~a.significand < 4 || ~b.significand < 4);
	return distance + 2 <= 4;
}

/*
 * Where silicon's transcendentals can be compared: within the instruction's range, and small enough
 * that its shorter pi does not show.
 */
static bool in_good_range(const struct row *row, const struct native *native)
{
	struct float80 a = host_get(native->before.registers[0]);

	if (!strcmp(row->name, "op_FYL2X") || !strcmp(row->name, "op_FPATAN"))
		return true;
	if (!strcmp(row->name, "op_FYL2XP1"))
		return f80_exponent(a) < 0x3ffd || f80_is_nan(a);
	return f80_exponent(a) < 0x3fff || f80_exponent(a) > 0x3fff + 63;
}

/* Equal but for what the SDM leaves open or this silicon does its own way. */
static bool equal(const struct row *row, const struct native *native, const struct cpu *cpu,
		  const uint8_t *ours)
{
	const struct x87 *x87 = &cpu->x87;
	uint16_t status = x87_status_word(x87), host = (uint16_t)native->after.status, mask = 0xffff;
	bool loose = is_transcendental(row), open = loose && !in_good_range(row, native);
	unsigned skip = 0;

	/* Silicon calls some exact results inexact, and may differ by the last place. */
	if (loose)
		mask &= (uint16_t)~(FPU_C1 | FPU_PE | FPU_UE | FPU_ES | FPU_BUSY);
	if (open && !strcmp(row->name, "op_FYL2XP1"))
		return true;
	if ((status ^ host) & mask || x87->control != (uint16_t)native->after.control)
		return false;
	for (unsigned n = 0; n < 8; n++) {
		struct float80 a = x87_get(x87, n), b = host_get(native->after.registers[n]);

		if (x87_empty(x87, n) != ((native->after.tags >> 2 * x87_number(x87, n) & 3) == 3))
			return false;
		/* What an empty register holds after an instruction nobody promises. */
		if (x87_empty(x87, n))
			continue;
		if ((a.significand != b.significand || a.sign_exponent != b.sign_exponent) && !open &&
		    !(loose && nearly(a, b)))
			return false;
	}
	if ((flags_arithmetic(cpu) ^ native->flags_after) & 0x8d5 || cpu->reg[REG_AX] != native->ax)
		return false;
	if (!strcmp(row->name, "op_FNSTENV") || !strcmp(row->name, "op_FNSAVE"))
		skip = 16;
	/* The pointers: 16 bytes from the fourth word on. */
	if (memcmp(ours, native->operand, 12))
		return false;
	return !memcmp(ours + 12 + skip, native->operand + 12 + skip, OPERAND_MOST - 12 - skip);
}

static void report(const struct row *row, uint8_t modrm, const struct native *native,
		   const struct cpu *cpu, const uint8_t *ours)
{
	const struct x87 *x87 = &cpu->x87;

	print_error("%s %02x %02x: control %04x status %04x tags %04x flags %03x\n", row->name,
		    row->opcode, modrm, native->before.control, native->before.status,
		    native->before.tags, (unsigned)native->flags_before);
	print_error("  host: control %04x status %04x tags %04x flags %03x\n",
		    native->after.control & 0xffff, native->after.status & 0xffff,
		    native->after.tags & 0xffff, (unsigned)native->flags_after & 0x8d5);
	print_error("  ours: control %04x status %04x tags %04x flags %03x\n", x87->control,
		    x87_status_word(x87), x87_tag_word(x87), flags_arithmetic(cpu));
	for (unsigned n = 0; n < 8; n++) {
		struct float80 a = host_get(native->before.registers[n]);
		struct float80 b = host_get(native->after.registers[n]), c = x87_get(x87, n);

		if (n > 1 && b.significand == c.significand && b.sign_exponent == c.sign_exponent)
			continue;
		print_error("  st%u before %04x:%016llx host %04x:%016llx ours %04x:%016llx\n", n,
			    a.sign_exponent, (unsigned long long)a.significand, b.sign_exponent,
			    (unsigned long long)b.significand, c.sign_exponent,
			    (unsigned long long)c.significand);
	}
	for (unsigned n = 0; n < OPERAND_MOST; n++)
		if (ours[n] != native->operand[n])
			print_error("  memory[%u] host %02x ours %02x\n", n, native->operand[n],
				    ours[n]);
}

/* For FLDENV and FRSTOR: an image that leaves nothing pending. */
static void tame_operand(const struct row *row, struct native *native)
{
	if (strcmp(row->name, "op_FLDENV") && strcmp(row->name, "op_FRSTOR") &&
	    strcmp(row->name, "op_FLDCW"))
		return;
	native->operand[4] &= native->operand[0] | 0xc0;
	memset(native->operand + 12, 0, 16);
	if (!strcmp(row->name, "op_FLDCW"))
		native->operand[0] |= native->before.status & 0x3f;
}

static void test_rows(void **state)
{
	struct random_state random = { environment_number("CLEARBOX_FPU_SEED", 1) };
	unsigned long count = environment_number("CLEARBOX_FPU_CASES", 3000), total = 0;
	const char *only = getenv("CLEARBOX_FPU_ONLY");
	struct cpu *cpu = malloc(sizeof(*cpu));

	(void)state;
	assert_non_null(cpu);
	native_code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (native_code == MAP_FAILED)
		skip();
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		unsigned long different = 0;

		if (only && strcmp(only, rows[r].name))
			continue;
		for (unsigned long n = 0; n < count; n++) {
			uint8_t modrm = (uint8_t)(rows[r].modrm + random_next(&random) % rows[r].count);
			uint8_t *ours = memory + OPERAND;
			struct native native;

			random_case(&random, &native);
			tame_operand(&rows[r], &native);
			memcpy(ours, native.operand, OPERAND_MOST);
			set_ours(cpu, &native, n & 3);
			run_ours(cpu, &rows[r], modrm, PAGE_LINEAR + OPERAND);
			run_native(&native, rows[r].opcode, modrm, rows[r].memory);
			if (equal(&rows[r], &native, cpu, ours))
				continue;
			if (different++ < environment_number("CLEARBOX_FPU_REPORTS", 3))
				report(&rows[r], modrm, &native, cpu, ours);
		}
		if (different)
			print_error("%s: %lu cases differ\n", rows[r].name, different);
		total += different;
	}
	munmap(native_code, 4096);
	free(cpu);
	assert_int_equal(total, 0);
}

/* A memory operand that faults leaves everything as it was. */
static void test_faults(void **state)
{
	struct random_state random = { 7 };
	struct cpu *cpu = malloc(sizeof(*cpu)), *before = malloc(sizeof(*cpu));

	(void)state;
	assert_non_null(cpu);
	assert_non_null(before);
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		for (int n = 0; rows[r].memory && n < 200; n++) {
			struct native native;

			random_case(&random, &native);
			set_ours(cpu, &native, n & 1);
			cpu->x87.control |= FPU_EXCEPTIONS;
			*before = *cpu;
			memcpy(memory + PAGE_SIZE - 1, "a", 2);
			run_ours(cpu, &rows[r], rows[r].modrm, PAGE_LINEAR + PAGE_SIZE - 1);
			assert_int_equal(cpu->activity, 100 + VECTOR_PF);
			assert_memory_equal(&cpu->x87, &before->x87, sizeof(cpu->x87));
			assert_memory_equal(cpu->reg, before->reg, sizeof(cpu->reg));
			assert_int_equal(flags_get(cpu), flags_get(before));
			assert_memory_equal(memory + PAGE_SIZE - 1, "a", 2);
		}
	}
	free(before);
	free(cpu);
}

static bool waits(const struct row *row)
{
	static const char *const names[] = {
		"op_FNSTENV", "op_FNSAVE", "op_FNSTCW", "op_FNSTSW_Mw", "op_FNSTSW_AX", "op_FNCLEX",
		"op_FNINIT", "op_FNENI", "op_FNDISI", "op_FNSETPM"
	};

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		if (!strcmp(row->name, names[n]))
			return false;
	return row->opcode != 0xdb || row->memory || row->modrm < 0xe0 || row->modrm > 0xe4;
}

/* #NM by EM or TS; #MF for a pending exception, which only waiting instructions see. */
static void test_not_available(void **state)
{
	struct random_state random = { 8 };
	struct cpu *cpu = malloc(sizeof(*cpu));

	(void)state;
	assert_non_null(cpu);
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		for (int kind = 0; kind < 3; kind++) {
			struct native native;

			random_case(&random, &native);
			tame_operand(&rows[r], &native);
			set_ours(cpu, &native, true);
			memcpy(memory + OPERAND, native.operand, OPERAND_MOST);
			if (kind == 2) {
				cpu->x87.control &= (uint16_t)~FPU_ZE;
				cpu->x87.status |= FPU_ZE;
				x87_update_summary(&cpu->x87);
			} else {
				cpu->cr0 |= kind ? CR0_TS : CR0_EM;
			}
			run_ours(cpu, &rows[r], rows[r].modrm, PAGE_LINEAR + OPERAND);
			if (kind < 2)
				assert_int_equal(cpu->activity, 100 + VECTOR_NM);
			else if (waits(&rows[r]))
				assert_int_equal(cpu->activity, 100 + VECTOR_MF);
			else
				assert_int_equal(cpu->activity, 0);
		}
	}
	free(cpu);
}

/* The four layouts of FNSTENV, written and read back. */
static void test_environment(void **state)
{
	struct cpu *cpu = malloc(sizeof(*cpu));
	struct native native = { .before = { .control = 0x37f, .tags = 0xffff } };
	uint8_t *at = memory + OPERAND;

	(void)state;
	assert_non_null(cpu);
	for (int kind = 0; kind < 4; kind++) {
		bool wide = kind & 1, protected = kind & 2;
		struct insn code[2] = {
			{ .run = op_FNSTENV, .base = REG_ZERO, .index = REG_ZERO, .segment = SEG_DS,
			  .width = wide ? 4 : 2, .opcode = 0xd9, .modrm = 0x30,
			  .flags = INSN_MEMORY, .displacement = PAGE_LINEAR + OPERAND },
			{ .run = stop },
		};

		set_ours(cpu, &native, true);
		cpu->cr0 = protected ? CR0_PE : 0;
		cpu->x87.ip = 0x5678;
		cpu->x87.cs = 0x1234;
		cpu->x87.dp = 0x9abc;
		cpu->x87.ds = 0xf000;
		cpu->x87.opcode = 0x7d1;
		x87_push(&cpu->x87, F80_ONE);
		x87_push(&cpu->x87, F80_ZERO);
		assert_null(code[0].run(cpu, code));
		assert_int_equal(cpu->x87.control, 0x37f);
		if (!wide) {
			assert_int_equal(get16(at), 0x37f);
			assert_int_equal(get16(at + 2), 6 << 11);
			assert_int_equal(get16(at + 4), 0x1fff);
			assert_int_equal(get16(at + 6), protected ? 0x5678 : 0x79b8);
			assert_int_equal(get16(at + 8), protected ? 0x1234 : 0x17d1);
			assert_int_equal(get16(at + 10), protected ? 0x9abc : 0x9abc);
			assert_int_equal(get16(at + 12), 0xf000);
		} else {
			assert_int_equal(get32(at), 0xffff037f);
			assert_int_equal(get32(at + 4), 0xffff0000 | 6 << 11);
			assert_int_equal(get32(at + 8), 0xffff1fff);
			assert_int_equal(get32(at + 12), protected ? 0x5678 : 0xffff79b8);
			assert_int_equal(get32(at + 16), protected ? 0x07d11234 : 0x000017d1);
			assert_int_equal(get32(at + 20), protected ? 0x9abc : 0xffff9abc);
			assert_int_equal(get32(at + 24), protected ? 0xfffff000 : 0x0000f000);
		}
		x87_initialise(&cpu->x87);
		code[0].run = op_FLDENV;
		assert_null(code[0].run(cpu, code));
		assert_int_equal(x87_tag_word(&cpu->x87), 0x1fff);
		assert_int_equal(cpu->x87.top, 6);
		assert_int_equal(cpu->x87.ip, protected ? 0x5678 : 0x179b8);
		assert_int_equal(cpu->x87.dp, protected ? 0x9abc : 0xf9abc);
		assert_int_equal(cpu->x87.opcode, protected && !wide ? 0 : 0x7d1);
	}
	free(cpu);
}

/* FXSAVE against the host's, FXRSTOR of what it wrote, #GP when not aligned. */
static void test_fxsave(void **state)
{
	struct random_state random = { 9 };
	struct cpu *cpu = malloc(sizeof(*cpu));
	uint8_t *at = memory + OPERAND;
	struct insn code[2] = {
		{ .run = op_FXSAVE, .base = REG_ZERO, .index = REG_ZERO, .segment = SEG_DS,
		  .width = 4, .opcode = 0xae, .flags = INSN_MEMORY,
		  .displacement = PAGE_LINEAR + OPERAND },
		{ .run = stop },
	};

	(void)state;
	assert_non_null(cpu);
	for (int n = 0; n < 1000; n++) {
		_Alignas(16) static uint8_t host[512];
		struct native native;
		struct x87 before;

		random_case(&random, &native);
		set_ours(cpu, &native, n & 1);
		memset(at, 0xee, 512);
		code[0].run = op_FXSAVE;
		assert_null(code[0].run(cpu, code));
		__asm__ volatile("frstor %1\n\tfxsave %0\n\tfninit"
				 : "=m" (host) : "m" (native.before) : "memory");
		assert_memory_equal(at, host, 6);
		for (int r = 0; r < 8; r++)
			assert_memory_equal(at + 32 + 16 * r, host + 32 + 16 * r, 10);
		/* Without SSE its parts stay as they were. */
		for (int byte = 24; byte < 32; byte++)
			assert_int_equal(at[byte], 0xee);
		for (int byte = 160; byte < 512; byte++)
			assert_int_equal(at[byte], 0xee);
		before = cpu->x87;
		memset(&cpu->x87, 0, sizeof(cpu->x87));
		code[0].run = op_FXRSTOR;
		assert_null(code[0].run(cpu, code));
		assert_memory_equal(&cpu->x87, &before, sizeof(before));
	}
	code[0].displacement += 8;
	assert_null(code[0].run(cpu, code));
	assert_int_equal(cpu->activity, 100 + VECTOR_GP);
	free(cpu);
}

/* MS-DOS compatible mode: FERR# rises when a waiting instruction meets a pending error. */
static bool ferr_level;

static void ferr_set(void *target, unsigned number, bool level)
{
	(void)target;
	(void)number;
	ferr_level = level;
}

static void test_ferr(void **state)
{
	struct cpu *cpu = malloc(sizeof(*cpu));
	struct native native = { .before = { .control = 0x37b, .tags = 0xffff } };
	struct insn code[2] = {
		{ .run = op_FLD1, .opcode = 0xd9, .modrm = 0xe8, .ip = 0x77, .width = 4, .length = 2 },
		{ .run = stop, .ip = 0x79 },
	};

	(void)state;
	assert_non_null(cpu);
	set_ours(cpu, &native, true);
	cpu->cr0 = 0;
	cpu->ferr.set = ferr_set;
	cpu->x87.status |= FPU_ZE;
	x87_update_summary(&cpu->x87);
	ferr_level = false;
	/* In the middle of a block: to be run again alone. */
	assert_null(code[0].run(cpu, code));
	assert_int_equal(cpu->activity, 100 + VECTOR_RESTART);
	assert_false(ferr_level);
	code[0].flags |= INSN_LAST;
	assert_null(code[0].run(cpu, code));
	assert_int_equal(cpu->activity, ACTIVITY_HALTED);
	assert_int_equal(cpu->rip, 0x77);
	assert_true(ferr_level);
	/* With IGNNE# it runs. */
	cpu->ignne_line = 1;
	assert_null(code[0].run(cpu, code));
	assert_int_equal(cpu->rip, 0x79);
	assert_false(x87_empty(&cpu->x87, 0));
	code[0].run = op_FNCLEX;
	assert_null(code[0].run(cpu, code));
	assert_false(ferr_level);
	assert_int_equal(x87_status_word(&cpu->x87), 7 << 11);
	free(cpu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_not_available),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_fxsave),
		cmocka_unit_test(test_ferr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
