/*
 * The host's side: x86-64 Linux.
 *
 * IRET from 64-bit code to a 32-bit or 16-bit code segment starts an instruction with all
 * registers set; a single-step trap, a breakpoint behind it, or the exception it raises
 * brings a signal, whose handler goes back to the caller for good.  Programs of 32 bits
 * can reach the low 4 GiB only, where nothing is mapped but what silicon.h says.
 */
#define _GNU_SOURCE
#include "silicon.h"

#if defined(__x86_64__) && defined(__linux__)

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

struct native {
	uint64_t stack, fs_base, context;
	uint16_t segment[6];            /* ES, -, -, DS, FS, GS at the signal */
} silicon_native __attribute__((visibility("hidden")));

void silicon_enter(const struct state *state, const void *fxsave) __attribute__((visibility("hidden")));
void silicon_signal(int number, siginfo_t *info, void *context) __attribute__((visibility("hidden")));

/*
 * struct state: reg[8] at 0, segment[] at 40.  The frame for IRET is ready; it stands in low
 * memory so that what IRET leaves of ESP when SS is a 16-bit segment is known.
 */
#define STRING(x) #x
#define VALUE(x) STRING(x)
#define FRAME_AT 0x201f80
_Static_assert(FRAME_AT == CODE_AT + FRAME && offsetof(struct state, segment) == 40 &&
	       offsetof(struct native, segment) == 24, "as the assembler code has it");
__asm__(
	".text\n"
	".globl silicon_enter\n"
	".hidden silicon_enter\n"
	".type silicon_enter, @function\n"
	"silicon_enter:\n"
	"	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
	"	mov %rsp, silicon_native(%rip)\n"
	"	test %rsi, %rsi\n"
	"	jz 1f\n"
	"	fxrstor (%rsi)\n"
	"1:\n"
	"	movw 40(%rdi), %es\n"
	"	movw 46(%rdi), %ds\n"
	"	movw 48(%rdi), %fs\n"
	"	movw 50(%rdi), %gs\n"
	"	mov $" VALUE(FRAME_AT) ", %esp\n"
	"	mov 0(%rdi), %eax\n	mov 4(%rdi), %ecx\n	mov 8(%rdi), %edx\n"
	"	mov 12(%rdi), %ebx\n	mov 20(%rdi), %ebp\n	mov 24(%rdi), %esi\n"
	"	mov 28(%rdi), %edi\n"
	"	iretq\n"
	".size silicon_enter, . - silicon_enter\n"
	".globl silicon_signal\n"
	".hidden silicon_signal\n"
	".type silicon_signal, @function\n"
	"silicon_signal:\n"
	"	mov %rdx, 16+silicon_native(%rip)\n"
	"	movw %es, 24+silicon_native(%rip)\n"
	"	movw %ds, 30+silicon_native(%rip)\n"
	"	movw %fs, 32+silicon_native(%rip)\n"
	"	movw %gs, 34+silicon_native(%rip)\n"
	"	xor %eax, %eax\n"
	"	movw %ax, %ds\n	movw %ax, %es\n	movw %ax, %fs\n	movw %ax, %gs\n"
	"	mov $158, %eax\n"       /* arch_prctl(ARCH_SET_FS, base) */
	"	mov $0x1002, %edi\n"
	"	mov 8+silicon_native(%rip), %rsi\n"
	"	syscall\n"
	"	mov silicon_native(%rip), %rsp\n"
	"	push $0x202\n	popfq\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	pop %rbx\n"
	"	ret\n"
	".size silicon_signal, . - silicon_signal\n"
);

static uint8_t *code;                   /* CODE, writable, somewhere else */

static bool low_memory_free(void)
{
	unsigned long from;
	char line[512];
	bool free = true;
	FILE *maps = fopen("/proc/self/maps", "r");

	if (!maps)
		return false;
	while (fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-", &from) == 1 && from < 0x100000000ul)
			free = false;
	fclose(maps);
	return free;
}

static bool map_memory(void)
{
	int file = memfd_create("code", 0);
	void *low, *data;

	if (file < 0 || ftruncate(file, CODE_BYTES))
		return false;
	code = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
	low = mmap((void *)(uintptr_t)CODE_AT, CODE_BYTES, PROT_READ | PROT_EXEC,
		   MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, file, 0);
	close(file);
	data = mmap((void *)(uintptr_t)DATA_AT, DATA_BYTES + READ_ONLY_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);
	if (code == MAP_FAILED || low == MAP_FAILED || data == MAP_FAILED)
		return false;
	memset(data, 0x5a, DATA_BYTES + READ_ONLY_BYTES);
	memset(code, 0xcc, CODE_BYTES);
	return !mprotect((uint8_t *)data + DATA_BYTES, READ_ONLY_BYTES, PROT_READ);
}

static bool load_ldt(void)
{
	for (unsigned n = 0; n < LDT_COUNT; n++) {
		struct user_desc entry = {
			.entry_number = n, .base_addr = ldt[n].base,
			.limit = ldt[n].pages ? ldt[n].limit >> 12 : ldt[n].limit,
			.seg_32bit = ldt[n].big, .contents = ldt[n].contents & 3u,
			.read_exec_only = ldt[n].read_exec_only, .limit_in_pages = ldt[n].pages,
			.seg_not_present = ldt[n].not_present,
		};

		if (!ldt[n].empty && syscall(SYS_modify_ldt, 0x11, &entry, sizeof entry))
			return false;
	}
	return true;
}

static bool has_flat_selectors(void)
{
	uint32_t code_rights = 0, data_rights = 0;

	__asm__("lar %1, %0" : "+r"(code_rights) : "r"((uint32_t)FLAT_CODE) : "cc");
	__asm__("lar %1, %0" : "+r"(data_rights) : "r"((uint32_t)FLAT_DATA) : "cc");
	return (code_rights & 0x60fe00) == 0x40fa00 && (data_rights & 0x40fe00) == 0x40f200;
}

const char *native_start(bool *with_ldt)
{
	static const int signals[] = { SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS };
	static uint8_t signal_stack[65536];
	stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof signal_stack };
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	if (!low_memory_free())
		return "something else is mapped below 4 GiB";
	if (!has_flat_selectors())
		return "the kernel runs no 32-bit programs";
	if (!map_memory())
		return "low memory cannot be mapped";
	*with_ldt = load_ldt();
	if (sigaltstack(&stack, NULL) ||
	    syscall(SYS_arch_prctl, ARCH_GET_FS, &silicon_native.fs_base))
		return "no signal stack";
	action.sa_sigaction = silicon_signal;
	for (unsigned n = 0; n < sizeof signals / sizeof *signals; n++)
		if (sigaction(signals[n], &action, NULL))
			return "signals cannot be caught";
	return NULL;
}

void native_poke(uint32_t linear, const void *bytes, unsigned count)
{
	memcpy((void *)(uintptr_t)linear, bytes, count);
}

const uint8_t *native_data(void)
{
	return (const uint8_t *)(uintptr_t)DATA_AT;
}

/* FXSAVE's form has the registers by their place on the stack. */
static void put_x87(const struct fpu_state *state, uint8_t image[512])
{
	const uint32_t mxcsr = 0x1f80;

	memset(image, 0, 512);
	memcpy(image, &state->control, 2);
	memcpy(image + 2, &state->status, 2);
	image[4] = state->valid;
	memcpy(image + 24, &mxcsr, 4);
	for (unsigned n = 0; n < 8; n++)
		memcpy(image + 32 + 16 * n, state->reg[(n + (state->status >> 11)) & 7], 10);
}

static void get_x87(struct fpu_state *state, const uint8_t *image)
{
	memcpy(&state->control, image, 2);
	memcpy(&state->status, image + 2, 2);
	state->valid = image[4];
	for (unsigned n = 0; n < 8; n++)
		memcpy(state->reg[(n + (state->status >> 11)) & 7], image + 32 + 16 * n, 10);
}

void native_run(const struct test_case *c, struct state *after)
{
	static _Alignas(64) uint8_t image[512];
	static const int order[8] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI,
				      REG_RDI };
	uint64_t frame[5];
	const ucontext_t *context;
	const greg_t *got;
	uint64_t selectors;

	return_frame(c, frame);
	memcpy(code + FRAME, frame, sizeof frame);
	memcpy(code + (c->code - CODE_AT), c->bytes, CODE_ROOM);
	if (c->x87)
		put_x87(&c->before.fpu, image);
	silicon_enter(&c->before, c->x87 ? image : NULL);
	context = (const ucontext_t *)silicon_native.context;
	get_x87(&after->fpu, (const uint8_t *)context->uc_mcontext.fpregs);
	got = context->uc_mcontext.gregs;
	for (unsigned n = 0; n < 8; n++)
		after->reg[n] = (uint32_t)got[order[n]];
	after->eip = (uint32_t)got[REG_RIP];
	after->eflags = (uint32_t)got[REG_EFL];
	memcpy(after->segment, silicon_native.segment, sizeof after->segment);
	selectors = (uint64_t)got[REG_CSGSFS];
	after->segment[SEG_CS] = (uint16_t)selectors;
	after->segment[SEG_SS] = (uint16_t)(selectors >> 48);
	after->vector = (int)got[REG_TRAPNO];
	after->error = (uint32_t)got[REG_ERR];
	after->cr2 = (uint32_t)got[REG_CR2];
	if (c->trap_after && after->vector == VECTOR_DB) {
		after->vector = -1;
	} else if (!c->trap_after && after->vector == VECTOR_BP &&
		   (after->eip != c->before.eip + 1 || c->op != OP_INT3)) {
		after->vector = -1;
		after->eip--;
	}
	if (c->trap_after)
		after->eflags &= ~(uint32_t)FLAG_TF;
}

#else

const char *native_start(bool *with_ldt)
{
	*with_ldt = false;
	return "the host is not x86-64 Linux";
}

void native_poke(uint32_t linear, const void *bytes, unsigned count)
{
	(void)linear, (void)bytes, (void)count;
}

const uint8_t *native_data(void)
{
	return NULL;
}

void native_run(const struct test_case *c, struct state *after)
{
	(void)c, (void)after;
}

#endif
