/*
 * What an instruction hook on everything costs, beside Unicorn 2 (UC_HOOK_CODE) in the same run:
 * the same loop of 32-bit code, a callback for each instruction that adds the addresses up.
 *
 * usage: hooks [MILLIONS OF INSTRUCTIONS]
 */
#define _POSIX_C_SOURCE 199309L         /* clock_gettime */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unicorn/unicorn.h>

#include <clearbox/clearbox.h>

enum { CODE = 0x10000, DATA = 0x20000, MEMORY = 1 << 20 };

/* A byte sum, an exclusive or, a store, a call: what compilers make of loops. */
static const uint8_t code[] = {
	0xbe, 0x00, 0x00, 0x02, 0x00,           /* 00 mov esi, DATA */
	0xb9, 0x00, 0x04, 0x00, 0x00,           /* 05 mov ecx, 1024 */
	0x0f, 0xb6, 0x06,                       /* 0a movzx eax, byte [esi] */
	0x01, 0xc3,                             /* 0d add ebx, eax */
	0x8d, 0x54, 0x1b, 0x07,                 /* 0f lea edx, [ebx + ebx + 7] */
	0x31, 0xd3,                             /* 13 xor ebx, edx */
	0x88, 0x5e, 0x01,                       /* 15 mov [esi + 1], bl */
	0xe8, 0x06, 0x00, 0x00, 0x00,           /* 18 call 23 */
	0x46,                                   /* 1d inc esi */
	0x49,                                   /* 1e dec ecx */
	0x75, 0xe9,                             /* 1f jnz 0a */
	0xeb, 0xdd,                             /* 21 jmp 00 */
	0x83, 0xc3, 0x03,                       /* 23 add ebx, 3 */
	0xc3                                    /* 26 ret */
};

struct sum {
	uint64_t calls, addresses;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
	fprintf(stderr, "hooks: %s\n", what);
	exit(1);
}

static enum cbx_hook_action count(void *user, struct cbx_machine *machine, struct cbx_event *event)
{
	struct sum *sum = user;

	(void)machine;
	sum->calls++;
	sum->addresses += event->linear;
	return CBX_HOOK_CONTINUE;
}

static double clearbox(uint64_t instructions, bool hooked, struct sum *sum)
{
	static const enum cbx_register bases[] = { CBX_CS_BASE, CBX_DS_BASE, CBX_ES_BASE, CBX_SS_BASE };
	static const enum cbx_register limits[] = { CBX_CS_LIMIT, CBX_DS_LIMIT, CBX_ES_LIMIT, CBX_SS_LIMIT };
	static const enum cbx_register attributes[] = { CBX_CS_ATTRIBUTES, CBX_DS_ATTRIBUTES,
							CBX_ES_ATTRIBUTES, CBX_SS_ATTRIBUTES };
	struct cbx_machine_options options = { .size = sizeof(options), .memory_bytes = MEMORY };
	struct cbx_hook hook = { .size = sizeof(hook), .kind = CBX_HOOK_INSTRUCTION, .call = count,
				 .user = sum };
	struct cbx_run_options run = { .size = sizeof(run), .instructions = instructions };
	struct cbx_machine *machine;
	struct cbx_stop stop;
	unsigned id;
	double start;

	if (cbx_machine_new(&options, &machine, NULL))
		die("no machine");
	cbx_memory_write(machine, CODE, code, sizeof(code));
	cbx_register_write(machine, CBX_CR0, 0x11);
	for (unsigned n = 0; n < 4; n++) {
		cbx_register_write(machine, bases[n], 0);
		cbx_register_write(machine, limits[n], 0xffffffff);
		cbx_register_write(machine, attributes[n], n ? 0xc093 : 0xc09b);
	}
	cbx_register_write(machine, CBX_RIP, CODE);
	cbx_register_write(machine, CBX_RSP, MEMORY);
	if (hooked && cbx_hook_add(machine, &hook, &id))
		die("no hook");
	start = now();
	if (cbx_run(machine, &run, &stop) || stop.reason != CBX_STOP_LIMIT)
		die("the run ended for another reason");
	start = now() - start;
	cbx_machine_free(machine);
	return start;
}

static void uc_count(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
	struct sum *sum = user;

	(void)uc;
	(void)size;
	sum->calls++;
	sum->addresses += address;
}

static double unicorn(uint64_t instructions, bool hooked, struct sum *sum)
{
	uint32_t esp = MEMORY;
	uc_engine *uc;
	uc_hook hook;
	double start;

	if (uc_open(UC_ARCH_X86, UC_MODE_32, &uc) || uc_mem_map(uc, 0, MEMORY, UC_PROT_ALL) ||
	    uc_mem_write(uc, CODE, code, sizeof(code)) || uc_reg_write(uc, UC_X86_REG_ESP, &esp))
		die("no Unicorn");
	/* Its own way of counting is such a hook, too. */
	if (uc_hook_add(uc, &hook, UC_HOOK_CODE, (void *)uc_count, sum, 1, 0))
		die("no Unicorn hook");
	(void)hooked;
	start = now();
	if (uc_emu_start(uc, CODE, 0, 0, instructions))
		die("Unicorn stopped");
	start = now() - start;
	uc_close(uc);
	return start;
}

int main(int argc, char **argv)
{
	uint64_t millions = argc > 1 ? strtoull(argv[1], NULL, 0) : 300;
	struct sum ours = { 0, 0 }, theirs = { 0, 0 };
	double plain, hooked, peer;

	if (!millions)
		die("how many millions?");
	plain = clearbox(millions * 1000000, false, &ours);
	hooked = clearbox(millions * 1000000, true, &ours);
	peer = unicorn(millions * 1000000, true, &theirs);
	if (ours.calls != millions * 1000000 || ours.addresses != theirs.addresses)
		die("the two do not agree on what was executed");
	printf("million instructions a second: no hook %.0f, a hook on each %.0f; Unicorn 2, a hook on each %.0f\n",
	       (double)millions / plain, (double)millions / hooked, (double)millions / peer);
	printf("clearbox / unicorn: %.2f (at least 0.5 or 60 million a second, whichever is more)\n", peer / hooked);
	return 0;
}
