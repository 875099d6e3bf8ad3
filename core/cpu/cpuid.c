/*
 * CPUID (SDM 2A; AMD64 manual volume 3, appendix E): what a model has, its caches, one core
 * with one thread.  Features are shown where the table of models.c says.  Caches are those of
 * the model's name; Clearbox itself has none.
 */
#include "local_apic.h"
#include "models.h"
#include "system.h"

enum { LINEAR_BITS = 48, LINEAR_BITS_32 = 32, CLFLUSH_BYTES = 64, CRYSTAL_HZ = 100000000 };

static bool has(const struct cpu *cpu, uint64_t feature)
{
	return cpu->model->features & feature;
}

static bool amd(const struct cpu *cpu)
{
	return model_is_amd(cpu->model);
}

/* The feature bits of one word that do not depend on the state of the processor. */
static uint32_t feature_word(const struct cpu *cpu, enum cpuid_word word)
{
	uint32_t bits = 0;

	for (const struct cpu_feature *f = cpu_features; f->name; f++)
		if (f->word == word && ((f->features & cpu->model->features) ||
					(f->system & cpu->model->system)))
			bits |= (uint32_t)1 << f->bit;
	return bits;
}

static void text_words(const char *text, size_t from, uint32_t *words, unsigned count)
{
	char bytes[48] = { 0 };

	memcpy(bytes, text, strlen(text) < sizeof bytes ? strlen(text) : sizeof bytes);
	for (unsigned n = 0; n < count; n++)
		words[n] = get32(bytes + from + 4 * n);
}

uint32_t cpu_signature(const struct cpu_model *model)
{
	uint32_t family = model->family < 15 ? model->family : 15;
	uint32_t more = model->family - family;

	return more << 20 | (model->model >> 4 & 15) << 16 | family << 8 | (model->model & 15) << 4 |
	       model->stepping;
}

/* MISC_ENABLE can limit leaves to 3 and hide NX, for old systems. */
static uint32_t highest_leaf(const struct cpu *cpu)
{
	uint32_t highest = cpu->model->highest_leaf;

	/* What was added to the model must be told, too. */
	if (highest < 7 && (feature_word(cpu, CPUID_7_EBX) || feature_word(cpu, CPUID_7_ECX) ||
			    feature_word(cpu, CPUID_7_EDX)))
		highest = 7;
	if (highest < 0xd && has(cpu, FEAT_XSAVE))
		highest = 0xd;
	return (cpu->msr_misc_enable & MISC_ENABLE_LIMIT_CPUID) && highest > 3 ? 3 : highest;
}

static uint32_t apic_bit(const struct cpu *cpu, enum cpuid_word word)
{
	if (word == CPUID_1_EDX)
		return cpu_apic_enabled(cpu) ? 0 : 1u << 9;
	if (word == CPUID_1_ECX)
		return cpu->apic ? 0 : 1u << 21 | 1u << 24;     /* x2APIC, TSC deadline */
	return 0;
}

static uint32_t word_1_ecx(const struct cpu *cpu)
{
	uint32_t word = feature_word(cpu, CPUID_1_ECX) & ~apic_bit(cpu, CPUID_1_ECX);

	return word | (cpu->cr4 & CR4_OSXSAVE ? 1u << 27 : 0);
}

static uint32_t word_1_edx(const struct cpu *cpu)
{
	return feature_word(cpu, CPUID_1_EDX) & ~apic_bit(cpu, CPUID_1_EDX);
}

/* ---- Caches ----------------------------------------------------------------------------------------- */

enum { CACHE_DATA = 1, CACHE_CODE = 2, CACHE_UNIFIED = 3 };

static void leaf_2(const struct cpu *cpu, uint32_t result[4])
{
	result[0] = 1;                          /* one query is enough */
	if (cpu->model->highest_leaf >= 4) {
		result[0] |= 0x00feff00;        /* see leaf 4; TLBs: not told here */
	} else {
		/* TLBs of 4 KiB and 4 MiB pages; 512 KiB L2; 16 KiB each for data and code. */
		result[0] |= 0x03020100;
		result[3] = 0x0c040843;
	}
}

static bool is_core2(const struct cpu *cpu)
{
	return cpu->model->family == 6 && cpu->model->model == 0xf;
}

static void leaf_4(const struct cpu *cpu, uint32_t subleaf, uint32_t result[4])
{
	static const struct {
		uint32_t type, level, ways, sets;
	} caches[] = {
		{ CACHE_DATA, 1, 8, 64 }, { CACHE_CODE, 1, 8, 64 }, { CACHE_UNIFIED, 2, 8, 512 },
		{ CACHE_UNIFIED, 3, 16, 8192 },
	};
	bool core2 = is_core2(cpu);
	uint32_t count = core2 ? 3 : 4, ways, sets;

	if (subleaf >= count)
		return;
	/* The Core 2 has two levels, of which the second has 4 MiB. */
	ways = core2 && subleaf == 2 ? 16 : caches[subleaf].ways;
	sets = core2 && subleaf == 2 ? 4096 : caches[subleaf].sets;
	result[0] = caches[subleaf].type | caches[subleaf].level << 5 | 1 << 8;
	result[1] = (ways - 1) << 22 | (64 - 1);
	result[2] = sets - 1;
	result[3] = caches[subleaf].level == 3 ? 2 : 0;        /* inclusive */
}

/* ---- Other leaves with subleaves ------------------------------------------------------------------------ */

/* One thread, one core; the level's number and kind are in ECX. */
static void leaf_b(uint32_t subleaf, uint32_t result[4])
{
	result[1] = subleaf < 2;
	result[2] = (subleaf & 0xff) | (subleaf < 2 ? (subleaf + 1) << 8 : 0);
}

uint32_t xsave_size(uint64_t components)
{
	return components & XCR0_AVX ? 832 : 576;
}

uint64_t xcr0_supported(const struct cpu *cpu)
{
	uint64_t supported = XCR0_X87;

	if (!has(cpu, FEAT_XSAVE))
		return 0;
	if (has(cpu, FEAT_SSE))
		supported |= XCR0_SSE;
	if (has(cpu, FEAT_AVX))
		supported |= XCR0_AVX;
	return supported;
}

static void leaf_d(const struct cpu *cpu, uint32_t subleaf, uint32_t result[4])
{
	uint64_t supported = xcr0_supported(cpu);

	if (!supported)
		return;
	switch (subleaf) {
	case 0:
		result[0] = (uint32_t)supported;
		result[1] = xsave_size(cpu->xcr0);
		result[2] = xsave_size(supported);
		break;
	case 1:
		result[0] = feature_word(cpu, CPUID_D_1_EAX);
		if (has(cpu, FEAT_XSAVEC))
			result[1] = xsave_size(cpu->xcr0 | cpu->xss);
		break;
	case 2:
		if (supported & XCR0_AVX) {
			result[0] = 256;
			result[1] = 576;
		}
		break;
	default:
		break;
	}
}

/* ---- 80000000h and up ------------------------------------------------------------------------------------ */

static uint32_t highest_extended(const struct cpu *cpu)
{
	return feature_word(cpu, CPUID_X1_EDX) || feature_word(cpu, CPUID_X1_ECX) ? 0x80000008u : 0;
}

static uint32_t word_x1_edx(const struct cpu *cpu)
{
	const uint32_t common = 0x0183f3ff;     /* of leaf 1, which AMD's processors repeat here */
	uint32_t word = feature_word(cpu, CPUID_X1_EDX);

	if (cpu->msr_misc_enable & MISC_ENABLE_XD_DISABLE)
		word &= ~(1u << 20);
	if (amd(cpu))
		word |= word_1_edx(cpu) & common;
	else if (!mode_64(cpu))
		word &= ~(1u << 11);            /* Intel's SYSCALL is for 64-bit mode only */
	return word;
}

static void cpuid_extended(const struct cpu *cpu, uint32_t leaf, uint32_t result[4])
{
	switch (leaf) {
	case 0x80000000u:
		result[0] = highest_extended(cpu);
		if (amd(cpu)) {
			result[1] = get32("Auth");
			result[2] = get32("cAMD");
			result[3] = get32("enti");
		}
		break;
	case 0x80000001u:
		result[0] = amd(cpu) ? cpu_signature(cpu->model) : 0;
		result[2] = feature_word(cpu, CPUID_X1_ECX);
		result[3] = word_x1_edx(cpu);
		break;
	case 0x80000002u:
	case 0x80000003u:
	case 0x80000004u:
		text_words(cpu->model->brand, (leaf - 0x80000002u) * 16, result, 4);
		break;
	case 0x80000005u:
		if (amd(cpu))                   /* 32 KiB, 8 ways, lines of 64 bytes, twice */
			result[2] = result[3] = 32u << 24 | 8 << 16 | 1 << 8 | 64;
		break;
	case 0x80000006u:
		/* L2: 4 MiB of 16 ways, or 256 KiB of 8. */
		result[2] = (is_core2(cpu) ? 4096u << 16 | 8 << 12 : 256u << 16 | 6 << 12) | 1 << 8 | 64;
		break;
	case 0x80000007u:
		result[3] = feature_word(cpu, CPUID_X7_EDX);
		break;
	case 0x80000008u:
		result[0] = PHYSICAL_BITS |
			    (uint32_t)(has(cpu, FEAT_LM) ? LINEAR_BITS : LINEAR_BITS_32) << 8;
		break;
	default:
		break;
	}
}

/* ---- CPUID -------------------------------------------------------------------------------------------- */

static void leaf_0(const struct cpu *cpu, uint32_t result[4])
{
	uint32_t vendor[3];

	text_words(cpu->model->vendor, 0, vendor, 3);
	result[0] = highest_leaf(cpu);
	result[1] = vendor[0];
	result[3] = vendor[1];
	result[2] = vendor[2];
}

void cpuid(struct cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t result[4])
{
	memset(result, 0, 4 * sizeof result[0]);
	if (leaf >= 0x80000000u && leaf <= highest_extended(cpu)) {
		cpuid_extended(cpu, leaf, result);
		return;
	}
	/* Beyond the last leaf Intel's processors answer as for the last one, AMD's nothing. */
	if (leaf > highest_leaf(cpu)) {
		if (amd(cpu))
			return;
		leaf = highest_leaf(cpu);
	}
	switch (leaf) {
	case 0:
		leaf_0(cpu, result);
		break;
	case 1:
		result[0] = cpu_signature(cpu->model);
		if (model_is_p6(cpu->model))
			result[1] = 1 << 16;    /* one logical processor; APIC ID 0 */
		if (has(cpu, FEAT_CLFSH))
			result[1] |= CLFLUSH_BYTES / 8 << 8;
		result[2] = word_1_ecx(cpu);
		result[3] = word_1_edx(cpu);
		/* It also loads the microcode's version into BIOS_SIGN. */
		if (model_is_p6(cpu->model) && !amd(cpu))
			cpu->msr_bios_sign = (uint64_t)cpu->model->microcode << 32;
		break;
	case 2:
		if (!amd(cpu))
			leaf_2(cpu, result);
		break;
	case 4:
		if (!amd(cpu))
			leaf_4(cpu, subleaf, result);
		break;
	case 6:
		result[0] = feature_word(cpu, CPUID_6_EAX);
		break;
	case 7:
		if (subleaf == 0) {
			result[1] = feature_word(cpu, CPUID_7_EBX);
			result[2] = feature_word(cpu, CPUID_7_ECX);
			result[3] = feature_word(cpu, CPUID_7_EDX);
		}
		break;
	case 0xb:
		if (!amd(cpu))
			leaf_b(subleaf, result);
		break;
	case 0xd:
		leaf_d(cpu, subleaf, result);
		break;
	case 0x15:                      /* the crystal, which the APIC's timer counts, and the TSC */
		result[0] = 1;
		result[1] = TSC_HZ / CRYSTAL_HZ;
		result[2] = CRYSTAL_HZ;
		break;
	case 0x16:
		result[0] = result[1] = TSC_HZ / 1000000;
		result[2] = 100;
		break;
	default:                        /* 3, 5, 8-Ah, Ch ...: there is nothing of the kind */
		break;
	}
}
