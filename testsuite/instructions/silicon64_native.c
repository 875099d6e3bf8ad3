/*
 * The host's side of the flat test: x86-64 Linux.
 *
 * All registers are loaded and the case's code is jumped to.  Behind the instruction stands a
 * jump that leads back here, so most cases take no signal.  What faults, and what changes RIP (that is
 * single-stepped), brings one; its handler goes back to the caller for good.
 */
#define _GNU_SOURCE
#include "silicon64.h"

#if defined(__x86_64__) && defined(__linux__)

#include <asm/ldt.h>
#include <cpuid.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* XSAVE's area, standard form; what comes after the upper halves of YMM is not asked for. */
enum { AREA_XMM = 160, AREA_HEADER = 512, AREA_UPPER = 576, AREA_BYTES = 832 };

struct host64 {
	uint64_t stack;                 /* 0 */
	uint64_t target;                /* 8 */
	uint64_t fs_base, gs_base;      /* 16, 24: the tester's own */
	uint64_t context;               /* 32: at a signal, else 0 */
	uint64_t flags;                 /* 40 */
	uint64_t fs_after, gs_after;    /* 48, 56 */
	uint64_t reg[16];               /* 64 */
	uint16_t segment[6];            /* 192: ES, -, SS, DS, FS, GS after it */
} host64 __attribute__((visibility("hidden")));
uint8_t host64_area[1024] __attribute__((visibility("hidden"), aligned(64)));

void host64_jump(const struct state64 *state, const void *area) __attribute__((visibility("hidden")));
void host64_iret(const struct state64 *state, const void *area, const uint64_t *frame)
	__attribute__((visibility("hidden")));
void host64_exit(void) __attribute__((visibility("hidden")));
void host64_signal(int number, siginfo_t *info, void *context) __attribute__((visibility("hidden")));

_Static_assert(offsetof(struct state64, rflags) == 136 && offsetof(struct state64, fs_base) == 144 &&
	       offsetof(struct state64, segment) == 160 &&
	       offsetof(struct host64, reg) == 64 && offsetof(struct host64, segment) == 192 &&
	       FLAT_DATA == 0x2b, "as the assembler code has it");

#define FUNCTION(name) ".globl " name "\n.hidden " name "\n.type " name ", @function\n" name ":\n"
#define BEGIN                                                                           \
	"	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n" \
	"	mov %rsp, host64(%rip)\n"                                                \
	"	movq $0, 32+host64(%rip)\n"                                              \
	"	mov %rdx, %rcx\n"                                                        \
	"	mov $7, %eax\n	xor %edx, %edx\n"                                        \
	"	xrstor64 (%rsi)\n"                                                       \
	"	mov 144(%rdi), %rax\n	wrfsbase %rax\n"                                 \
	"	mov 152(%rdi), %rax\n	wrgsbase %rax\n"
#define LOAD                                                                             \
	"	mov 0(%rdi), %rax\n	mov 8(%rdi), %rcx\n	mov 16(%rdi), %rdx\n"     \
	"	mov 24(%rdi), %rbx\n	mov 40(%rdi), %rbp\n	mov 48(%rdi), %rsi\n"     \
	"	mov 64(%rdi), %r8\n	mov 72(%rdi), %r9\n	mov 80(%rdi), %r10\n"     \
	"	mov 88(%rdi), %r11\n	mov 96(%rdi), %r12\n	mov 104(%rdi), %r13\n"    \
	"	mov 112(%rdi), %r14\n	mov 120(%rdi), %r15\n"
#define END                                                                              \
	"	push $0x202\n	popfq\n"                                                 \
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	pop %rbx\n" \
	"	ret\n"
#define OWN_SEGMENTS                                                                     \
	"	movw %es, 192+host64(%rip)\n	movw %ss, 196+host64(%rip)\n"            \
	"	movw %ds, 198+host64(%rip)\n	movw %fs, 200+host64(%rip)\n"            \
	"	movw %gs, 202+host64(%rip)\n"                                            \
	"	rdfsbase %rax\n	mov %rax, 48+host64(%rip)\n"                             \
	"	rdgsbase %rax\n	mov %rax, 56+host64(%rip)\n"                             \
	"	mov $0x2b, %eax\n	movw %ax, %es\n	movw %ax, %ds\n"                 \
	"	xor %eax, %eax\n	movw %ax, %fs\n	movw %ax, %gs\n"                 \
	"	mov 16+host64(%rip), %rax\n	wrfsbase %rax\n"                         \
	"	mov 24+host64(%rip), %rax\n	wrgsbase %rax\n"
__asm__(
	".text\n"
	FUNCTION("host64_jump")
	BEGIN
	"	push 136(%rdi)\n	popfq\n"
	LOAD
	"	mov 32(%rdi), %rsp\n"
	"	mov 56(%rdi), %rdi\n"
	"	jmp *8+host64(%rip)\n"
	FUNCTION("host64_iret")
	BEGIN
	"	cmpw $0, 168(%rdi)\n	je 1f\n	movw 168(%rdi), %fs\n"
	"1:	cmpw $0, 170(%rdi)\n	je 2f\n	movw 170(%rdi), %gs\n"
	"2:\n"
	"	mov %rcx, %rsp\n"
	LOAD
	"	mov 56(%rdi), %rdi\n"
	"	iretq\n"
	FUNCTION("host64_exit")
	"	mov %rsp, 96+host64(%rip)\n"
	"	mov host64(%rip), %rsp\n"
	"	pushfq\n"
	"	popq 40+host64(%rip)\n"
	"	mov %rax, 64+host64(%rip)\n	mov %rcx, 72+host64(%rip)\n	mov %rdx, 80+host64(%rip)\n"
	"	mov %rbx, 88+host64(%rip)\n	mov %rbp, 104+host64(%rip)\n	mov %rsi, 112+host64(%rip)\n"
	"	mov %rdi, 120+host64(%rip)\n	mov %r8, 128+host64(%rip)\n	mov %r9, 136+host64(%rip)\n"
	"	mov %r10, 144+host64(%rip)\n	mov %r11, 152+host64(%rip)\n	mov %r12, 160+host64(%rip)\n"
	"	mov %r13, 168+host64(%rip)\n	mov %r14, 176+host64(%rip)\n	mov %r15, 184+host64(%rip)\n"
	OWN_SEGMENTS
	"	mov $7, %eax\n	xor %edx, %edx\n"
	"	xsave64 host64_area(%rip)\n"
	"	fninit\n"
	"	push $0x1f80\n	ldmxcsr (%rsp)\n	pop %rax\n"
	END
	FUNCTION("host64_signal")
	"	mov %rdx, 32+host64(%rip)\n"
	OWN_SEGMENTS
	"	mov host64(%rip), %rsp\n"
	END
);

static uint8_t *code;                   /* CODE, writable, somewhere else */
static uint8_t area[1024] __attribute__((aligned(64)));

static bool map_at(int file, uint64_t base)
{
	void *low = mmap((void *)(uintptr_t)(base + CODE_AT), CODE_BYTES, PROT_READ | PROT_EXEC,
			 MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, file, 0);
	void *data = mmap((void *)(uintptr_t)(base + DATA_AT), DATA_BYTES, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, file, CODE_BYTES);
	void *rest = mmap((void *)(uintptr_t)(base + DATA_AT + DATA_BYTES), READ_ONLY_BYTES, PROT_READ,
			  MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, file, CODE_BYTES + DATA_BYTES);

	return low != MAP_FAILED && data != MAP_FAILED && rest != MAP_FAILED;
}

/* A way back from 32-bit code: a far jump leads there.  Nothing may read it, so it is off CODE. */
enum { WAY_BACK = 0x100000, EXIT_POINTER = FRAME /* in CODE: for 64-bit code */ };

static bool map_memory(void)
{
	static const uint8_t jump[6] = { 0xff, 0x25, 2 };       /* JMP [RIP+2], for the alignment check */
	const uint64_t exit = (uintptr_t)host64_exit;
	int file = memfd_create("memory", 0);
	uint8_t *all, *way;

	if (file < 0 || ftruncate(file, CODE_BYTES + DATA_BYTES + READ_ONLY_BYTES))
		return false;
	all = mmap(NULL, CODE_BYTES + DATA_BYTES + READ_ONLY_BYTES, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_POPULATE, file, 0);
	way = mmap((void *)(uintptr_t)WAY_BACK, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (all == MAP_FAILED || way == MAP_FAILED || !map_at(file, 0) || !map_at(file, HIGH))
		return false;
	close(file);
	code = all;
	memset(all, 0xcc, CODE_BYTES);
	memset(all + CODE_BYTES, 0x5a, DATA_BYTES + READ_ONLY_BYTES);
	memcpy(way, jump, sizeof jump);
	memcpy(way + 8, &exit, sizeof exit);
	memcpy(all + EXIT_POINTER, &exit, sizeof exit);
	return !mprotect(way, 4096, PROT_EXEC);
}

static bool load_ldt(void)
{
	for (unsigned n = 0; n < LDT64_COUNT; n++) {
		struct user_desc entry = {
			.entry_number = n, .base_addr = ldt64[n].base, .limit = ldt64[n].limit,
			.seg_32bit = ldt64[n].big, .contents = ldt64[n].contents & 3u,
			.read_exec_only = ldt64[n].read_exec_only,
		};

		if (syscall(SYS_modify_ldt, 0x11, &entry, sizeof entry))
			return false;
	}
	return true;
}

const char *native64_start(bool *with_ldt)
{
	static const int signals[] = { SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS };
	static uint8_t signal_stack[65536];
	stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof signal_stack };
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	if (!(getauxval(AT_HWCAP2) & 2))
		return "the kernel does not let programs write FS.base";
	if (!(native64_features() & FEAT_AVX))
		return "the host has no AVX";
	if (!map_memory())
		return "low memory cannot be mapped";
	*with_ldt = load_ldt();
	__asm__ volatile("rdfsbase %0" : "=r"(host64.fs_base));
	__asm__ volatile("rdgsbase %0" : "=r"(host64.gs_base));
	/* 32-bit code needs them; 64-bit code does not mind. */
	__asm__ volatile("mov %0, %%ds\n\tmov %0, %%es" : : "r"(FLAT_DATA));
	if (sigaltstack(&stack, NULL))
		return "no signal stack";
	action.sa_sigaction = host64_signal;
	for (unsigned n = 0; n < sizeof signals / sizeof *signals; n++)
		if (sigaction(signals[n], &action, NULL))
			return "signals cannot be caught";
	return NULL;
}

bool native64_is_amd(void)
{
	static int known = -1;
	uint32_t a, b = 0, c, d;

	if (known < 0)
		known = __get_cpuid(0, &a, &b, &c, &d) && b == 0x68747541;      /* "Auth" */
	return known;
}

uint64_t native64_features(void)
{
	static const struct {
		uint32_t leaf;
		uint8_t word, bit;
		uint64_t feature;
	} bits[] = {
		{ 1, 3, 0, FEAT_FPU }, { 1, 3, 4, FEAT_TSC }, { 1, 3, 5, FEAT_MSR }, { 1, 3, 8, FEAT_CX8 },
		{ 1, 3, 11, FEAT_SEP }, { 1, 3, 15, FEAT_CMOV }, { 1, 3, 19, FEAT_CLFSH },
		{ 1, 3, 23, FEAT_MMX }, { 1, 3, 24, FEAT_FXSR }, { 1, 3, 25, FEAT_SSE },
		{ 1, 3, 26, FEAT_SSE2 }, { 1, 2, 0, FEAT_SSE3 }, { 1, 2, 1, FEAT_PCLMUL },
		{ 1, 2, 3, FEAT_MONITOR }, { 1, 2, 9, FEAT_SSSE3 }, { 1, 2, 12, FEAT_FMA },
		{ 1, 2, 13, FEAT_CX16 }, { 1, 2, 19, FEAT_SSE41 }, { 1, 2, 20, FEAT_SSE42 },
		{ 1, 2, 22, FEAT_MOVBE }, { 1, 2, 23, FEAT_POPCNT }, { 1, 2, 25, FEAT_AES },
		{ 1, 2, 26, FEAT_XSAVE }, { 1, 2, 28, FEAT_AVX }, { 1, 2, 29, FEAT_F16C },
		{ 1, 2, 30, FEAT_RDRAND }, { 7, 1, 0, FEAT_FSGSBASE }, { 7, 1, 3, FEAT_BMI1 },
		{ 7, 1, 5, FEAT_AVX2 }, { 7, 1, 8, FEAT_BMI2 }, { 7, 1, 10, FEAT_INVPCID },
		{ 7, 1, 18, FEAT_RDSEED }, { 7, 1, 19, FEAT_ADX }, { 7, 1, 20, FEAT_SMAP },
		{ 7, 1, 23, FEAT_CLFLUSHOPT }, { 7, 1, 24, FEAT_CLWB }, { 7, 1, 29, FEAT_SHA },
		{ 7, 2, 22, FEAT_RDPID }, { 0x80000001, 2, 0, FEAT_LAHF64 }, { 0x80000001, 2, 5, FEAT_LZCNT },
		{ 0x80000001, 2, 8, FEAT_PREFETCHW }, { 0x80000001, 3, 11, FEAT_SYSCALL },
		{ 0x80000001, 3, 27, FEAT_RDTSCP }, { 0x80000001, 3, 29, FEAT_LM },
	};
	/* What every processor with 64 bits has, or what has no bit of its own. */
	uint64_t features = FEAT_CPUID | FEAT_NOPL | FEAT_486 | FEAT_PMC | FEAT_XSAVEOPT | FEAT_XSAVEC |
			    FEAT_XSAVES;

	for (unsigned n = 0; n < sizeof bits / sizeof *bits; n++) {
		uint32_t r[4] = { 0, 0, 0, 0 };

		__get_cpuid_count(bits[n].leaf, 0, &r[0], &r[1], &r[2], &r[3]);
		if (r[bits[n].word] >> bits[n].bit & 1)
			features |= bits[n].feature;
	}
	return features;
}

void native64_poke(uint64_t linear, const void *bytes, unsigned count)
{
	memcpy((void *)(uintptr_t)linear, bytes, count);
}

const uint8_t *native64_data(void)
{
	return (const uint8_t *)(uintptr_t)DATA_AT;
}

/*
 * 64-bit code goes on with JMP [RIP], other code with a far jump of 32 bits, neither of which changes
 * anything else.  What is single-stepped has nothing behind it; a sequence ends at a breakpoint.
 */
void native64_prepare(struct case64 *c)
{
	static const uint8_t far[8] = { 0x66, 0xea, 0, 0, WAY_BACK >> 16, 0, LONG_CODE, 0 };
	uint8_t near[6] = { 0xff, 0x25 };
	uint32_t distance = EXIT_POINTER - ((uint32_t)c->code - CODE_AT + c->length + (uint32_t)sizeof near);

	if (c->flow || c->instructions > 1)
		return;
	if (c->wide) {
		memcpy(near + 2, &distance, sizeof distance);
		memcpy(c->bytes + c->length, near, sizeof near);
	} else {
		memcpy(c->bytes + c->length, far + (c->bits == 32), sizeof far - (c->bits == 32));
	}
}

/* XSAVE's form has the x87 registers by their place on the stack. */
static void put_registers(const struct state64 *s)
{
	const uint64_t components = 7;

	memcpy(area, &s->fpu.control, 2);
	memcpy(area + 2, &s->fpu.status, 2);
	area[4] = s->fpu.valid;
	memcpy(area + 24, &s->mxcsr, 4);
	for (unsigned n = 0; n < 8; n++)
		memcpy(area + 32 + 16 * n, s->fpu.reg[(n + (s->fpu.status >> 11)) & 7], 10);
	for (unsigned n = 0; n < 16; n++) {
		memcpy(area + AREA_XMM + 16 * n, s->v[n].q, 16);
		memcpy(area + AREA_UPPER + 16 * n, s->v[n].q + 2, 16);
	}
	memcpy(area + AREA_HEADER, &components, 8);
}

static void get_registers(struct state64 *s, const uint8_t *from)
{
	uint64_t components;

	memcpy(&components, from + AREA_HEADER, 8);
	memcpy(&s->mxcsr, from + 24, 4);
	if (components & 1) {
		memcpy(&s->fpu.control, from, 2);
		memcpy(&s->fpu.status, from + 2, 2);
		s->fpu.valid = from[4];
		for (unsigned n = 0; n < 8; n++)
			memcpy(s->fpu.reg[(n + (s->fpu.status >> 11)) & 7], from + 32 + 16 * n, 10);
	} else {
		s->fpu.control = 0x37f;
		s->fpu.status = s->fpu.valid = 0;
		memset(s->fpu.reg, 0, sizeof s->fpu.reg);
	}
	memset(s->v, 0, sizeof s->v);
	for (unsigned n = 0; n < 16; n++) {
		if (components & 2)
			memcpy(s->v[n].q, from + AREA_XMM + 16 * n, 16);
		if (components & 4)
			memcpy(s->v[n].q + 2, from + AREA_UPPER + 16 * n, 16);
	}
}

static void from_signal(const struct case64 *c, struct state64 *after)
{
	static const int order[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
		REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
	const ucontext_t *context = (const ucontext_t *)host64.context;
	const greg_t *got = context->uc_mcontext.gregs;
	uint64_t selectors = (uint64_t)got[REG_CSGSFS];

	for (unsigned n = 0; n < 16; n++)
		after->reg[n] = (uint64_t)got[order[n]];
	after->rip = (uint64_t)got[REG_RIP];
	after->rflags = (uint64_t)got[REG_EFL];
	after->cs = (uint16_t)selectors;
	after->ss = (uint16_t)(selectors >> 48);
	after->vector = (int)got[REG_TRAPNO];
	after->error = (uint32_t)got[REG_ERR];
	after->cr2 = (uint64_t)got[REG_CR2];
	get_registers(after, (const uint8_t *)context->uc_mcontext.fpregs);
	if (c->instructions > 1 && after->vector == VECTOR_BP) {
		after->vector = -1;
		after->rip--;
	}
	if (c->flow) {
		after->rflags &= ~(uint64_t)FLAG_TF;
		if (after->vector == VECTOR_DB)
			after->vector = -1;
	}
}

void native64_run(const struct case64 *c, struct state64 *after)
{
	const struct state64 *s = &c->before;
	uint64_t frame[5] = { s->rip, s->cs, s->rflags | (c->flow ? FLAG_TF : 0u), s->reg[REG_SP], s->ss };

	memcpy(code + (c->code & 0xffff), c->bytes, CASE_ROOM);
	put_registers(s);
	host64.target = c->code;
	if (c->flow || !c->wide)
		host64_iret(s, area, frame);
	else
		host64_jump(s, area);
	after->fs_base = host64.fs_after;
	after->gs_base = host64.gs_after;
	memcpy(after->segment, host64.segment, sizeof after->segment);
	if (host64.context) {
		from_signal(c, after);
		return;
	}
	memcpy(after->reg, host64.reg, sizeof after->reg);
	after->rip = s->rip + c->length;
	after->rflags = host64.flags;
	after->cs = s->cs;
	after->ss = host64.segment[SEG_SS];
	after->vector = -1;
	after->error = 0;
	after->cr2 = 0;
	get_registers(after, host64_area);
}

#else

const char *native64_start(bool *with_ldt)
{
	*with_ldt = false;
	return "the host is not x86-64 Linux";
}

bool native64_is_amd(void)
{
	return false;
}

uint64_t native64_features(void)
{
	return 0;
}

void native64_poke(uint64_t linear, const void *bytes, unsigned count)
{
	(void)linear, (void)bytes, (void)count;
}

const uint8_t *native64_data(void)
{
	return NULL;
}

void native64_prepare(struct case64 *c)
{
	(void)c;
}

void native64_run(const struct case64 *c, struct state64 *after)
{
	(void)c, (void)after;
}

#endif
