/*
 * The registers that gdb sees: one table, from which the target description, the g packet and the
 * numbers of p and P are made.
 *
 * gdb knows code by linear addresses, so rip and eip are linear: the code segment's base plus the
 * offset.  Breakpoints, x/i $pc and stepping are right then in real mode and with segments that do
 * not begin at 0.  The offset itself is register "ip".
 *
 * gdb asks once for the registers and their sizes, and the mode changes later.  So a machine with long
 * mode has rax and eax, rip and eip ... in every mode: gdb takes those that it needs for the architecture
 * that is set, and "set architecture i8086" is possible at any time.  Only when the user has said x86-64
 * are the 64-bit ones alone.
 */
#include "gdb.h"

#include <string.h>

enum { KIND_PLAIN, KIND_PC, KIND_SELECTOR, KIND_STACK, KIND_VECTOR, KIND_VECTOR_HIGH, KIND_COUNT };

#define SEGMENTS(X, SUFFIX, suffix, bits, type)                                                 \
	X("es" suffix, bits, type, CBX_ES##SUFFIX) X("cs" suffix, bits, type, CBX_CS##SUFFIX)    \
	X("ss" suffix, bits, type, CBX_SS##SUFFIX) X("ds" suffix, bits, type, CBX_DS##SUFFIX)    \
	X("fs" suffix, bits, type, CBX_FS##SUFFIX) X("gs" suffix, bits, type, CBX_GS##SUFFIX)    \
	X("ldtr" suffix, bits, type, CBX_LDTR##SUFFIX) X("tr" suffix, bits, type, CBX_TR##SUFFIX)

#define CORE(name, bits, type, source) { name, bits, TYPE_##type, FEATURE_CORE, KIND_PLAIN, source },
#define PC(name, bits) { name, bits, TYPE_CODE, FEATURE_CORE, KIND_PC, CBX_RIP },
#define SELECTOR(name, bits, feature, source)                                                   \
	{ name, bits, TYPE_INT32, FEATURE_##feature, KIND_SELECTOR, source },
#define STACK(n) { "st" #n, 80, TYPE_FLOAT, FEATURE_CORE, KIND_STACK, n },
#define XMM(n) { "xmm" #n, 128, TYPE_XMM, FEATURE_SSE, KIND_VECTOR, n },
#define YMM(n) { "ymm" #n "h", 128, TYPE_YMM_HIGH, FEATURE_AVX, KIND_VECTOR_HIGH, n },
#define SYSTEM(name, bits, type, source)                                                        \
	{ name, bits, TYPE_##type, FEATURE_SYSTEM, KIND_PLAIN, source },
#define MSR(name, source) { name, 64, TYPE_UINT64, FEATURE_MSR, KIND_PLAIN, source },
#define SIXTEEN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* 64-bit ones come first, then those that are halves of them. */
enum { LONG_ONLY = 17, HALVES = 9 };

static const struct gdb_register registers[] = {
	CORE("rax", 64, INT64, CBX_RAX) CORE("rbx", 64, INT64, CBX_RBX)
	CORE("rcx", 64, INT64, CBX_RCX) CORE("rdx", 64, INT64, CBX_RDX)
	CORE("rsi", 64, INT64, CBX_RSI) CORE("rdi", 64, INT64, CBX_RDI)
	CORE("rbp", 64, DATA, CBX_RBP) CORE("rsp", 64, DATA, CBX_RSP)
	CORE("r8", 64, INT64, CBX_R8) CORE("r9", 64, INT64, CBX_R9)
	CORE("r10", 64, INT64, CBX_R10) CORE("r11", 64, INT64, CBX_R11)
	CORE("r12", 64, INT64, CBX_R12) CORE("r13", 64, INT64, CBX_R13)
	CORE("r14", 64, INT64, CBX_R14) CORE("r15", 64, INT64, CBX_R15)
	PC("rip", 64)
	CORE("eax", 32, INT32, CBX_RAX) CORE("ecx", 32, INT32, CBX_RCX)
	CORE("edx", 32, INT32, CBX_RDX) CORE("ebx", 32, INT32, CBX_RBX)
	CORE("esp", 32, INT32, CBX_RSP) CORE("ebp", 32, INT32, CBX_RBP)
	CORE("esi", 32, INT32, CBX_RSI) CORE("edi", 32, INT32, CBX_RDI)
	PC("eip", 32)
	CORE("eflags", 32, FLAGS, CBX_RFLAGS)
	SELECTOR("cs", 32, CORE, CBX_CS) SELECTOR("ss", 32, CORE, CBX_SS)
	SELECTOR("ds", 32, CORE, CBX_DS) SELECTOR("es", 32, CORE, CBX_ES)
	SELECTOR("fs", 32, CORE, CBX_FS) SELECTOR("gs", 32, CORE, CBX_GS)
	STACK(0) STACK(1) STACK(2) STACK(3) STACK(4) STACK(5) STACK(6) STACK(7)
	CORE("fctrl", 32, X87_WORD, CBX_FCW) CORE("fstat", 32, X87_WORD, CBX_FSW)
	CORE("ftag", 32, X87_WORD, CBX_FTW) CORE("fiseg", 32, X87_WORD, CBX_FCS)
	CORE("fioff", 32, X87_WORD, CBX_FIP) CORE("foseg", 32, X87_WORD, CBX_FDS)
	CORE("fooff", 32, X87_WORD, CBX_FDP) CORE("fop", 32, X87_WORD, CBX_FOP)
	SIXTEEN(XMM)
	{ "mxcsr", 32, TYPE_MXCSR, FEATURE_SSE, KIND_PLAIN, CBX_MXCSR },
	SIXTEEN(YMM)
	SYSTEM("ip", 64, UINT64, CBX_RIP)
	SEGMENTS(SYSTEM, _BASE, "_base", 64, UINT64)
	SEGMENTS(SYSTEM, _LIMIT, "_limit", 32, UINT32)
	SEGMENTS(SYSTEM, _ATTRIBUTES, "_attributes", 16, UINT16)
	SYSTEM("ldtr", 16, UINT16, CBX_LDTR) SYSTEM("tr", 16, UINT16, CBX_TR)
	SYSTEM("gdtr_base", 64, UINT64, CBX_GDTR_BASE) SYSTEM("gdtr_limit", 16, UINT16, CBX_GDTR_LIMIT)
	SYSTEM("idtr_base", 64, UINT64, CBX_IDTR_BASE) SYSTEM("idtr_limit", 16, UINT16, CBX_IDTR_LIMIT)
	SYSTEM("cr0", 64, CR0, CBX_CR0) SYSTEM("cr2", 64, UINT64, CBX_CR2)
	SYSTEM("cr3", 64, UINT64, CBX_CR3) SYSTEM("cr4", 64, CR4, CBX_CR4)
	SYSTEM("cr8", 64, UINT64, CBX_CR8)
	SYSTEM("dr0", 64, UINT64, CBX_DR0) SYSTEM("dr1", 64, UINT64, CBX_DR1)
	SYSTEM("dr2", 64, UINT64, CBX_DR2) SYSTEM("dr3", 64, UINT64, CBX_DR3)
	SYSTEM("dr6", 64, UINT64, CBX_DR6) SYSTEM("dr7", 64, UINT64, CBX_DR7)
	SYSTEM("xcr0", 64, UINT64, CBX_XCR0)
	{ "efer", 64, TYPE_EFER, FEATURE_MSR, KIND_PLAIN, CBX_EFER },
	MSR("star", CBX_STAR) MSR("lstar", CBX_LSTAR) MSR("cstar", CBX_CSTAR) MSR("fmask", CBX_FMASK)
	MSR("kernel_gs_base", CBX_KERNEL_GS_BASE) MSR("sysenter_cs", CBX_SYSENTER_CS)
	MSR("sysenter_esp", CBX_SYSENTER_ESP) MSR("sysenter_eip", CBX_SYSENTER_EIP)
	MSR("tsc_aux", CBX_TSC_AUX)
	{ "instructions", 64, TYPE_UINT64, FEATURE_SYSTEM, KIND_COUNT, 0 },
};

enum { REGISTERS = sizeof(registers) / sizeof(registers[0]) };
enum { ATTRIBUTE_L = 0x2000, ATTRIBUTE_DB = 0x4000, CR0_PE = 1, EFER_LMA = 0x400, RFLAGS_VM = 0x20000 };

bool gdb_has_halves(const struct cbx_gdb *gdb)
{
	return gdb->options.architecture != CBX_GDB_X86_64 || !gdb->long_mode;
}

const struct gdb_register *gdb_register(const struct cbx_gdb *gdb, unsigned n)
{
	if (!gdb->long_mode)
		n += LONG_ONLY;
	else if (!gdb_has_halves(gdb) && n >= LONG_ONLY)
		n += HALVES;
	return n < REGISTERS ? &registers[n] : NULL;
}

uint64_t gdb_value(const struct cbx_gdb *gdb, enum cbx_register which)
{
	uint64_t value = 0;

	cbx_register_read(gdb->machine, which, &value);
	return value;
}

/* R8 can be written where it is. */
bool gdb_has_long_mode(const struct cbx_gdb *gdb)
{
	return cbx_register_write(gdb->machine, CBX_R8, gdb_value(gdb, CBX_R8)) == CBX_OK;
}

static bool real_or_v86(const struct cbx_gdb *gdb)
{
	return !(gdb_value(gdb, CBX_CR0) & CR0_PE) || gdb_value(gdb, CBX_RFLAGS) & RFLAGS_VM;
}

unsigned gdb_mode_bits(const struct cbx_gdb *gdb)
{
	uint64_t attributes = gdb_value(gdb, CBX_CS_ATTRIBUTES);

	if (gdb_value(gdb, CBX_EFER) & EFER_LMA && attributes & ATTRIBUTE_L)
		return 64;
	return attributes & ATTRIBUTE_DB ? 32 : 16;
}

const char *gdb_mode_name(const struct cbx_gdb *gdb)
{
	unsigned bits = gdb_mode_bits(gdb);

	if (!(gdb_value(gdb, CBX_CR0) & CR0_PE))
		return "real mode";
	if (gdb_value(gdb, CBX_RFLAGS) & RFLAGS_VM)
		return "virtual-8086 mode";
	if (bits == 64)
		return "64-bit mode";
	return bits == 32 ? "protected mode, 32-bit code" : "protected mode, 16-bit code";
}

static uint64_t code_base(const struct cbx_gdb *gdb)
{
	return gdb_mode_bits(gdb) == 64 ? 0 : gdb_value(gdb, CBX_CS_BASE);
}

uint64_t gdb_pc(const struct cbx_gdb *gdb)
{
	uint64_t pc = code_base(gdb) + gdb_value(gdb, CBX_RIP);

	return gdb_mode_bits(gdb) == 64 ? pc : pc & UINT32_MAX;
}

static void put_value(uint8_t *bytes, unsigned count, uint64_t value)
{
	for (unsigned i = 0; i < count; i++, value >>= 8)
		bytes[i] = (uint8_t)value;
}

static uint64_t get_value(const uint8_t *bytes, unsigned count)
{
	uint64_t value = 0;

	while (count--)
		value = value << 8 | bytes[count];
	return value;
}

/* Where ST(n) is among R0-R7. */
static unsigned stack_register(const struct cbx_gdb *gdb, unsigned n)
{
	return ((unsigned)(gdb_value(gdb, CBX_FSW) >> 11) + n) & 7;
}

/* The first of the two quadwords of an XMM register or of the upper half of a YMM register. */
static enum cbx_register vector_word(const struct gdb_register *r)
{
	return (enum cbx_register)(CBX_YMM0 + 4 * r->source + (r->kind == KIND_VECTOR_HIGH ? 2 : 0));
}

void gdb_register_read(struct cbx_gdb *gdb, const struct gdb_register *r, uint8_t *bytes)
{
	unsigned n;

	switch (r->kind) {
	case KIND_PC:
		put_value(bytes, r->bits / 8, gdb_pc(gdb));
		break;
	case KIND_STACK:
		n = stack_register(gdb, r->source);
		put_value(bytes, 8, gdb_value(gdb, (enum cbx_register)(CBX_FR0 + n)));
		put_value(bytes + 8, 2, gdb_value(gdb, (enum cbx_register)(CBX_FR0_EXPONENT + n)));
		break;
	case KIND_VECTOR:
	case KIND_VECTOR_HIGH:
		put_value(bytes, 8, gdb_value(gdb, vector_word(r)));
		put_value(bytes + 8, 8, gdb_value(gdb, (enum cbx_register)(vector_word(r) + 1)));
		break;
	case KIND_COUNT:
		put_value(bytes, 8, cbx_instruction_count(gdb->machine));
		break;
	default:
		put_value(bytes, r->bits / 8, gdb_value(gdb, (enum cbx_register)r->source));
		break;
	}
}

static bool write_value(struct cbx_gdb *gdb, enum cbx_register which, uint64_t value)
{
	return gdb_value(gdb, which) == value || cbx_register_write(gdb->machine, which, value) == CBX_OK;
}

static bool write_pc(struct cbx_gdb *gdb, uint64_t pc)
{
	uint64_t offset = pc - code_base(gdb);

	if (gdb_mode_bits(gdb) == 64)
		return write_value(gdb, CBX_RIP, pc);
	offset &= UINT32_MAX;
	if (real_or_v86(gdb) && offset > 0xffff)
		return false;           /* not in this code segment: CS is to be written first */
	return write_value(gdb, CBX_RIP, offset);
}

static bool write_plain(struct cbx_gdb *gdb, const struct gdb_register *r, uint64_t value)
{
	enum cbx_register which = (enum cbx_register)r->source;
	bool good;

	/* Half a register leaves the other half. */
	if (which <= CBX_R15 && r->bits == 32)
		value |= gdb_value(gdb, which) & ~(uint64_t)UINT32_MAX;
	if (r->type == TYPE_X87_WORD && which != CBX_FIP && which != CBX_FDP)
		value &= 0xffff;
	if (r->type == TYPE_X87_WORD && (which == CBX_FIP || which == CBX_FDP))
		value |= gdb_value(gdb, which) & ~(uint64_t)UINT32_MAX;
	good = write_value(gdb, which, value);
	/* As loading it does where there are no descriptors. */
	if (good && r->kind == KIND_SELECTOR && real_or_v86(gdb))
		good = write_value(gdb, (enum cbx_register)(CBX_ES_BASE + (which - CBX_ES)), value << 4);
	return good;
}

bool gdb_register_write(struct cbx_gdb *gdb, const struct gdb_register *r, const uint8_t *bytes)
{
	uint8_t old[GDB_REGISTER_MOST];
	unsigned count = r->bits / 8, n;

	/* gdb may write all registers for one: those that stay the same do nothing. */
	gdb_register_read(gdb, r, old);
	if (!memcmp(old, bytes, count))
		return true;
	switch (r->kind) {
	case KIND_PC:
		return write_pc(gdb, get_value(bytes, count));
	case KIND_STACK:
		n = stack_register(gdb, r->source);
		return write_value(gdb, (enum cbx_register)(CBX_FR0 + n), get_value(bytes, 8)) &&
		       write_value(gdb, (enum cbx_register)(CBX_FR0_EXPONENT + n),
				   get_value(bytes + 8, 2));
	case KIND_VECTOR:
	case KIND_VECTOR_HIGH:
		return write_value(gdb, vector_word(r), get_value(bytes, 8)) &&
		       write_value(gdb, (enum cbx_register)(vector_word(r) + 1), get_value(bytes + 8, 8));
	case KIND_COUNT:
		return false;
	default:
		return write_plain(gdb, r, get_value(bytes, count));
	}
}
