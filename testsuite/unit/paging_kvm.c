/*
 * The model that test_paging.c holds our page walks to, held to the host's KVM: random tables of
 * four levels, one read, write or fetch, and what came of it: fault, error code, CR2, A and D bits.
 *
 * usage: paging_kvm [CASES [SEED]]         exits with 77 where there is no KVM
 *
 * The guest writes its tables itself: whoever follows them from outside sees those writes only.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "paging_model.h"

enum {
	MEMORY = 16 << 20, SKIPPED = 77,
	/* The first 2 MiB are the supervisor's, the next the user's; then what is tried. */
	ROOT = 0x1000, LOW_POINTERS = 0x2000, LOW_DIRECTORY = 0x3000, POINTERS = 0x5000,
	DIRECTORY = 0x6000, TABLE = 0x7000, IDT = 0x8000, HANDLERS = 0x9000, GDT = 0xa000,
	TSS = 0xb000, ENTRIES = 0xd000, SETTER = 0xe000, STACK0 = 0xf000, CODE0 = 0x10000, CODE3 = 0x210000,
	STACK3 = 0x220000, DATA = 0x800000,
	SELECTOR_CODE0 = 0x08, SELECTOR_DATA0 = 0x10, SELECTOR_CODE3 = 0x1b, SELECTOR_DATA3 = 0x23
};
#define LINEAR (1ull << 39 | 2ull << 30 | 3ull << 21 | 5ull << 12 | 0x678)

static const uint32_t entry_at[4] = { TABLE + 5 * 8, DIRECTORY + 3 * 8, POINTERS + 2 * 8, ROOT + 8 };

struct machine {
	uint8_t *memory;
	int cpu;
	struct kvm_run *run;
	struct kvm_sregs at_reset;
	bool gigabyte, smep, smap, high_bit;    /* what the processor has; a bit above addresses */
};

static uint64_t seed;

static uint32_t pick(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

static void put(struct machine *machine, uint32_t at, uint64_t value)
{
	memcpy(machine->memory + at, &value, 8);
}

static uint64_t get(const struct machine *machine, uint64_t at)
{
	uint64_t value;

	memcpy(&value, machine->memory + at, 8);
	return value;
}

/* ---- The machine ----------------------------------------------------------------------------- */

/* At SETTER: the four entries from ENTRIES to their places, MOV CR3, HLT. */
static void put_setter(struct machine *machine)
{
	uint8_t *to = machine->memory + SETTER;

	for (unsigned n = 0; n < 4; n++, to += 16) {
		uint32_t from = ENTRIES + 8 * n;

		memcpy(to, "\x48\x8b\x04\x25....\x48\x89\x04\x25....", 16);
		memcpy(to + 4, &from, 4);
		memcpy(to + 12, &entry_at[n], 4);
	}
	memcpy(to, "\x0f\x20\xd8\x0f\x22\xd8\xf4", 7);
}

static void fill_memory(struct machine *machine)
{
	static const char *const code[] = { "\x8b\x03\xf4", "\x89\x03\xf4", "\xff\xe3\xf4" };

	put(machine, ROOT, LOW_POINTERS | P | W | U);
	put(machine, LOW_POINTERS, LOW_DIRECTORY | P | W | U);
	put(machine, LOW_DIRECTORY, P | W | PS | A | D);
	put(machine, LOW_DIRECTORY + 8, 0x200000 | P | W | U | PS | A | D);
	for (uint32_t n = 0; n < 32; n++) {
		put(machine, IDT + 16 * n, (HANDLERS + 16 * n) | SELECTOR_CODE0 << 16 | 0x8eull << 40);
		machine->memory[HANDLERS + 16 * n] = 0xf4;
	}
	put(machine, GDT + SELECTOR_CODE0, 0x00af9b000000ffffull);
	put(machine, GDT + SELECTOR_DATA0, 0x00cf93000000ffffull);
	put(machine, GDT + (SELECTOR_CODE3 & ~7), 0x00affb000000ffffull);
	put(machine, GDT + (SELECTOR_DATA3 & ~7), 0x00cff3000000ffffull);
	put(machine, TSS + 4, STACK0);
	put_setter(machine);
	for (unsigned n = 0; n < 3; n++) {
		memcpy(machine->memory + CODE0 + 16 * n, code[n], 3);
		memcpy(machine->memory + CODE3 + 16 * n, code[n], 3);
	}
}

static bool open_machine(struct machine *machine)
{
	static union {
		struct kvm_cpuid2 head;
		uint8_t bytes[sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2)];
	} cpuid;
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };
	int kvm = open("/dev/kvm", O_RDWR), vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0), size;

	if (vm < 0)
		return false;
	cpuid.head.nent = 256;
	machine->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (machine->memory == MAP_FAILED)
		return false;
	region.userspace_addr = (uintptr_t)machine->memory;
	ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	machine->cpu = ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) ? -1 :
		       ioctl(vm, KVM_CREATE_VCPU, 0);
	if (machine->cpu < 0 || ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) ||
	    ioctl(machine->cpu, KVM_SET_CPUID2, &cpuid))
		return false;
	for (unsigned n = 0; n < cpuid.head.nent; n++) {
		const struct kvm_cpuid_entry2 *entry = &cpuid.head.entries[n];

		if (entry->function == 7 && !entry->index) {
			machine->smep = entry->ebx >> 7 & 1;
			machine->smap = entry->ebx >> 20 & 1;
		} else if (entry->function == 0x80000001) {
			machine->gigabyte = entry->edx >> 26 & 1;
		} else if (entry->function == 0x80000008) {
			machine->high_bit = (entry->eax & 0xff) < 52;
		}
	}
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	machine->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, machine->cpu, 0);
	fill_memory(machine);
	return machine->run != MAP_FAILED && !ioctl(machine->cpu, KVM_GET_SREGS, &machine->at_reset);
}

static struct kvm_segment segment(unsigned selector, unsigned type, bool code)
{
	return (struct kvm_segment){ .limit = 0xffffffff, .selector = (uint16_t)selector,
				     .type = (uint8_t)type, .present = 1, .dpl = selector & 3, .s = 1,
				     .l = code, .db = !code, .g = 1 };
}

/* Runs from rip to the next HLT; false: it came to something else. */
static bool run_at(struct machine *machine, const struct setting *mode, bool cpl3, uint64_t rip)
{
	struct kvm_regs regs = { .rip = rip, .rbx = LINEAR, .rax = 0xf4f4f4f4,
				 .rsp = cpl3 ? STACK3 : STACK0,
				 .rflags = 2 | (mode->ac ? 1 << 18 : 0) };
	struct kvm_sregs sregs = machine->at_reset;

	sregs.cr0 = 0x80000031 | (mode->wp ? 1 << 16 : 0);
	sregs.cr3 = ROOT;
	sregs.cr4 = 0x20 | (mode->smep ? 1 << 20 : 0) | (mode->smap ? 1 << 21 : 0);
	sregs.efer = 0x501 | (mode->nxe ? 0x800 : 0);
	sregs.cs = segment(cpl3 ? SELECTOR_CODE3 : SELECTOR_CODE0, 11, true);
	sregs.ss = sregs.ds = sregs.es = segment(cpl3 ? SELECTOR_DATA3 : SELECTOR_DATA0, 3, false);
	sregs.tr = (struct kvm_segment){ .base = TSS, .limit = 0x67, .selector = 0x28, .type = 11,
					 .present = 1 };
	sregs.gdt.base = GDT;
	sregs.gdt.limit = 0x3f;
	sregs.idt.base = IDT;
	sregs.idt.limit = 0x1ff;
	return !ioctl(machine->cpu, KVM_SET_SREGS, &sregs) &&
	       !ioctl(machine->cpu, KVM_SET_REGS, &regs) && !ioctl(machine->cpu, KVM_RUN, 0) && machine->run->exit_reason == KVM_EXIT_HLT;
}

/* ---- Cases ------------------------------------------------------------------------------------- */

static uint64_t random_entry(const struct machine *machine, struct level *l, unsigned n)
{
	static const uint32_t next[4] = { DATA, TABLE, DIRECTORY, POINTERS };
	uint64_t entry;

	*l = (struct level){ .present = pick(10) != 0, .writable = pick(2), .user = pick(3) != 0,
			     .no_execute = pick(6) == 0, .large = n && pick(n == 3 ? 16 : 4) == 0,
			     .high_bit = machine->high_bit && pick(16) == 0,
			     .low_bit = pick(5) == 0 };
	entry = !l->large ? next[n] : n == 1 ? DATA : 0;
	entry |= (l->present ? P : 0) | (l->writable ? W : 0) | (l->user ? U : 0);
	entry |= (l->no_execute ? NX : 0) | (l->large ? PS : 0);
	return entry | (l->high_bit ? 1ull << 51 : 0) | (l->low_bit && l->large ? 1u << 13 : 0);
}

static bool one_case(struct machine *machine)
{
	static const struct setting plain = { .pae = false };
	uint32_t modes = pick(64), error = 0;
	struct setting mode = { .wp = modes & 1, .smep = (modes & 2) && machine->smep,
				.smap = (modes & 4) && machine->smap, .ac = modes & 8,
				.nxe = modes & 16, .cpl3 = modes & 32,
				.gigabyte = machine->gigabyte };
	enum kind kind = (enum kind)pick(3);
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct expected e;
	struct level levels[4];
	uint64_t entries[4];
	bool good, ran;
	int vector = -1;

	for (unsigned n = 0; n < 4; n++) {
		entries[n] = random_entry(machine, &levels[n], n);
		put(machine, ENTRIES + 8 * n, entries[n]);
	}
	e = model(levels, &mode, kind);
	/* HLT wherever it may lead: 4 KiB, 2 MiB and 1 GiB pages. */
	machine->memory[DATA + 0x678] = machine->memory[DATA + 0x5678] = 0xf4;
	machine->memory[(3 << 21) + 0x5678] = 0xf4;
	ran = run_at(machine, &plain, false, SETTER) &&
	      run_at(machine, &mode, mode.cpl3, (mode.cpl3 ? CODE3 : CODE0) + 16u * kind);
	ioctl(machine->cpu, KVM_GET_REGS, &regs);
	ioctl(machine->cpu, KVM_GET_SREGS, &sregs);
	if (regs.rip > HANDLERS && regs.rip < HANDLERS + 32 * 16) {
		vector = (int)(regs.rip - HANDLERS) / 16;
		error = (uint32_t)get(machine, regs.rsp);
	}
	/* A HLT of user mode is #GP: the access was done. */
	good = ran && (e.fault ? vector == 14 && error == e.error && sregs.cr2 == LINEAR :
				 vector == (mode.cpl3 ? 13 : -1));
	for (unsigned n = 0; n < 4; n++) {
		bool used = !e.fault && n >= e.leaf;
		uint64_t set = (used ? A : 0) | (used && n == e.leaf && kind == WRITE ? D : 0);

		uint64_t got = get(machine, entry_at[n]);

		/* A walk that fails may have set A bits on its way; ours does not. */
		good = good && (e.fault ? got & ~(uint64_t)A : got) == (entries[n] | set);
	}
	if (good)
		return true;
	printf("kind %d wp %d smep %d smap %d ac %d nxe %d cpl3 %d: vector %d error %#x, "
	       "expected %s %#x\n", kind, mode.wp, mode.smep, mode.smap, mode.ac, mode.nxe, mode.cpl3,
	       vector, error, e.fault ? "#PF" : "no fault", e.error);
	for (unsigned n = 4; n-- > 0;)
		printf("level %u: %016llx, then %016llx\n", n, (unsigned long long)entries[n],
		       (unsigned long long)get(machine, entry_at[n]));
	return false;
}

int main(int argc, char **argv)
{
	unsigned long cases = argc > 1 ? strtoul(argv[1], NULL, 0) : 2000, bad = 0;
	static struct machine machine;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	if (!open_machine(&machine)) {
		printf("there is no KVM here, or one that is not used\n");
		return SKIPPED;
	}
	for (unsigned long n = 0; n < cases && bad < 10; n++)
		bad += !one_case(&machine);
	printf("%lu cases%s, %lu wrong\n", cases, machine.gigabyte ? "" : " (no 1 GiB pages)", bad);
	return bad != 0;
}
