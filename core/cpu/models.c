/*
 * Processor models: what each one has, by CPUID's names, and the text that chooses one.
 * SDM 2A, CPUID; AMD64 manual volume 3, appendix E.
 *
 * The features of the models are those of the chips whose names they bear, less what Clearbox
 * does not do (MONITOR, performance counters, transactional memory, AVX-512 ...); "max" has all
 * that Clearbox does.  The vendor decides where Intel's and AMD's processors differ
 * (docs/cpu.md).
 */
#include "models.h"

#define FEATURES_486      (FEAT_FPU | FEAT_486 | FEAT_CPUID | FEAT_VME)
#define FEATURES_PENTIUM  (FEATURES_486 | FEAT_DE | FEAT_PSE | FEAT_TSC | FEAT_MSR | FEAT_CX8)
#define FEATURES_PENTIUM3 (FEATURES_PENTIUM | FEAT_PAE | FEAT_SEP | FEAT_MTRR | FEAT_PGE | FEAT_CMOV | \
			   FEAT_PAT | FEAT_FXSR | FEAT_NOPL | FEAT_PMC | FEAT_MMX | FEAT_SSE)
#define FEATURES_CORE2    (FEATURES_PENTIUM3 | FEAT_NX | FEAT_SSE2 | FEAT_SSE3 | FEAT_SSSE3 | FEAT_CLFSH | \
			   FEAT_LM | FEAT_SYSCALL | FEAT_CX16 | FEAT_LAHF64)
#define FEATURES_NEHALEM  (FEATURES_CORE2 | FEAT_SSE41 | FEAT_SSE42 | FEAT_POPCNT | FEAT_RDTSCP)
#define FEATURES_HASWELL  (FEATURES_NEHALEM | FEAT_PCLMUL | FEAT_AES | FEAT_XSAVE | FEAT_XSAVEOPT | FEAT_AVX | \
			   FEAT_F16C | FEAT_RDRAND | FEAT_FSGSBASE | FEAT_BMI1 | FEAT_BMI2 | FEAT_AVX2 | \
			   FEAT_FMA | FEAT_MOVBE | FEAT_LZCNT | FEAT_INVPCID)
#define FEATURES_MAX      (FEATURES_HASWELL | FEAT_RDSEED | FEAT_ADX | FEAT_SMAP | FEAT_SHA | FEAT_CLFLUSHOPT | \
			   FEAT_CLWB | FEAT_PREFETCHW | FEAT_RDPID | FEAT_XSAVEC | FEAT_XSAVES)

#define SYSTEM_PENTIUM    (SYS_MCE | SYS_APIC)
#define SYSTEM_PENTIUM3   (SYSTEM_PENTIUM | SYS_MCA | SYS_PSE36)
#define SYSTEM_NEHALEM    (SYSTEM_PENTIUM3 | SYS_INVARIANT_TSC)
#define SYSTEM_HASWELL    (SYSTEM_NEHALEM | SYS_X2APIC | SYS_TSC_DEADLINE | SYS_ARAT | SYS_ERMS | SYS_SMEP | \
			   SYS_PCID | SYS_TSC_ADJUST | SYS_PDPE1GB)
#define SYSTEM_MAX        (SYSTEM_HASWELL | SYS_UMIP | SYS_XGETBV1 | SYS_ARCH_CAPABILITIES)

static const struct cpu_model models[] = {
	{ .name = "max", .features = FEATURES_MAX, .system = SYSTEM_MAX,
	  .family = 6, .model = 0x5e, .stepping = 3, .vendor = "GenuineIntel",
	  .brand = "Clearbox processor", .microcode = 0xf0, .highest_leaf = 0x16 },
	{ .name = "haswell", .features = FEATURES_HASWELL, .system = SYSTEM_HASWELL,
	  .family = 6, .model = 0x3c, .stepping = 3, .vendor = "GenuineIntel",
	  .brand = "Clearbox processor (Haswell)", .microcode = 0x28, .highest_leaf = 0xd },
	{ .name = "nehalem", .features = FEATURES_NEHALEM, .system = SYSTEM_NEHALEM,
	  .family = 6, .model = 0x1a, .stepping = 5, .vendor = "GenuineIntel",
	  .brand = "Clearbox processor (Nehalem)", .microcode = 0x1d, .highest_leaf = 0xb },
	{ .name = "core2", .features = FEATURES_CORE2, .system = SYSTEM_PENTIUM3,
	  .family = 6, .model = 0xf, .stepping = 11, .vendor = "GenuineIntel",
	  .brand = "Clearbox processor (Core 2)", .microcode = 0xba, .highest_leaf = 0xa },
	{ .name = "pentium3", .features = FEATURES_PENTIUM3, .system = SYSTEM_PENTIUM3,
	  .family = 6, .model = 8, .stepping = 6, .vendor = "GenuineIntel",
	  .brand = "", .microcode = 8, .highest_leaf = 2 },
	{ .name = "pentium", .features = FEATURES_PENTIUM, .system = SYSTEM_PENTIUM,
	  .family = 5, .model = 2, .stepping = 12, .vendor = "GenuineIntel",
	  .brand = "", .highest_leaf = 1 },
	{ .name = "486", .features = FEATURES_486, .family = 4, .model = 8, .vendor = "GenuineIntel",
	  .brand = "", .highest_leaf = 1 },
};
enum { MODELS = sizeof models / sizeof models[0] };

/* What vendor=amd makes of a model: it calls itself a Zen 2, and has not what that has not. */
enum { AMD_FAMILY = 0x17, AMD_MODEL = 0x31, AMD_STEPPING = 0, AMD_MICROCODE = 0x08301055 };

#define F(name, feature, word, bit, needs) { name, FEAT_##feature, 0, CPUID_##word, bit, needs, NULL }
#define S(name, feature, word, bit, needs) { name, 0, SYS_##feature, CPUID_##word, bit, needs, NULL }
#define A(name, alias, feature, word, bit, needs) \
	{ name, FEAT_##feature, 0, CPUID_##word, bit, needs, alias }

/* In the order of CPUID. */
const struct cpu_feature cpu_features[] = {
	F("fpu", FPU, 1_EDX, 0, 0),
	F("vme", VME, 1_EDX, 1, 0),
	F("de", DE, 1_EDX, 2, 0),
	F("pse", PSE, 1_EDX, 3, 0),
	F("tsc", TSC, 1_EDX, 4, 0),
	F("msr", MSR, 1_EDX, 5, 0),
	F("pae", PAE, 1_EDX, 6, FEAT_CX8),
	S("mce", MCE, 1_EDX, 7, FEAT_MSR),
	F("cx8", CX8, 1_EDX, 8, 0),
	S("apic", APIC, 1_EDX, 9, 0),
	F("sep", SEP, 1_EDX, 11, FEAT_MSR),
	F("mtrr", MTRR, 1_EDX, 12, FEAT_MSR),
	F("pge", PGE, 1_EDX, 13, 0),
	S("mca", MCA, 1_EDX, 14, FEAT_MSR),
	F("cmov", CMOV, 1_EDX, 15, 0),
	F("pat", PAT, 1_EDX, 16, FEAT_MSR),
	S("pse36", PSE36, 1_EDX, 17, FEAT_PSE),
	A("clflush", "clfsh", CLFSH, 1_EDX, 19, 0),
	F("mmx", MMX, 1_EDX, 23, FEAT_FPU),
	F("fxsr", FXSR, 1_EDX, 24, FEAT_FPU),
	F("sse", SSE, 1_EDX, 25, FEAT_FXSR | FEAT_MMX),
	F("sse2", SSE2, 1_EDX, 26, FEAT_SSE),
	A("sse3", "pni", SSE3, 1_ECX, 0, FEAT_SSE2),
	A("pclmulqdq", "pclmul", PCLMUL, 1_ECX, 1, FEAT_SSE2),
	F("ssse3", SSSE3, 1_ECX, 9, FEAT_SSE3),
	F("fma", FMA, 1_ECX, 12, FEAT_AVX),
	F("cx16", CX16, 1_ECX, 13, FEAT_LM),
	S("pcid", PCID, 1_ECX, 17, FEAT_LM),
	F("sse4.1", SSE41, 1_ECX, 19, FEAT_SSSE3),
	F("sse4.2", SSE42, 1_ECX, 20, FEAT_SSE41 | FEAT_POPCNT),
	S("x2apic", X2APIC, 1_ECX, 21, FEAT_MSR),
	F("movbe", MOVBE, 1_ECX, 22, 0),
	F("popcnt", POPCNT, 1_ECX, 23, 0),
	S("tsc-deadline", TSC_DEADLINE, 1_ECX, 24, FEAT_TSC | FEAT_MSR),
	A("aes", "aes-ni", AES, 1_ECX, 25, FEAT_SSE2),
	F("xsave", XSAVE, 1_ECX, 26, FEAT_FXSR),
	F("avx", AVX, 1_ECX, 28, FEAT_XSAVE | FEAT_SSE42),
	F("f16c", F16C, 1_ECX, 29, FEAT_AVX),
	F("rdrand", RDRAND, 1_ECX, 30, 0),
	S("arat", ARAT, 6_EAX, 2, 0),
	F("fsgsbase", FSGSBASE, 7_EBX, 0, FEAT_LM),
	S("tsc-adjust", TSC_ADJUST, 7_EBX, 1, FEAT_TSC | FEAT_MSR),
	F("bmi1", BMI1, 7_EBX, 3, FEAT_AVX),
	F("avx2", AVX2, 7_EBX, 5, FEAT_AVX),
	S("smep", SMEP, 7_EBX, 7, 0),
	F("bmi2", BMI2, 7_EBX, 8, FEAT_AVX),
	S("erms", ERMS, 7_EBX, 9, 0),
	F("invpcid", INVPCID, 7_EBX, 10, 0),
	F("rdseed", RDSEED, 7_EBX, 18, 0),
	F("adx", ADX, 7_EBX, 19, 0),
	F("smap", SMAP, 7_EBX, 20, 0),
	F("clflushopt", CLFLUSHOPT, 7_EBX, 23, FEAT_CLFSH),
	F("clwb", CLWB, 7_EBX, 24, FEAT_CLFSH),
	A("sha", "sha-ni", SHA, 7_EBX, 29, FEAT_SSE2),
	S("umip", UMIP, 7_ECX, 2, 0),
	F("rdpid", RDPID, 7_ECX, 22, FEAT_MSR),
	S("arch-capabilities", ARCH_CAPABILITIES, 7_EDX, 29, FEAT_MSR),
	F("xsaveopt", XSAVEOPT, D_1_EAX, 0, FEAT_XSAVE),
	F("xsavec", XSAVEC, D_1_EAX, 1, FEAT_XSAVE),
	S("xgetbv1", XGETBV1, D_1_EAX, 2, FEAT_XSAVE),
	F("xsaves", XSAVES, D_1_EAX, 3, FEAT_XSAVEC | FEAT_MSR),
	F("syscall", SYSCALL, X1_EDX, 11, FEAT_MSR),
	A("nx", "xd", NX, X1_EDX, 20, FEAT_PAE | FEAT_MSR),
	S("pdpe1gb", PDPE1GB, X1_EDX, 26, FEAT_LM),
	F("rdtscp", RDTSCP, X1_EDX, 27, FEAT_TSC | FEAT_MSR),
	A("lm", "long-mode", LM, X1_EDX, 29,
	  FEAT_PAE | FEAT_CX8 | FEAT_MSR | FEAT_SYSCALL | FEAT_CMOV | FEAT_FXSR | FEAT_SSE2 | FEAT_PGE),
	F("lahf-lm", LAHF64, X1_ECX, 0, FEAT_LM),
	A("lzcnt", "abm", LZCNT, X1_ECX, 5, 0),
	A("prefetchw", "3dnowprefetch", PREFETCHW, X1_ECX, 8, 0),
	S("invtsc", INVARIANT_TSC, X7_EDX, 8, FEAT_TSC),
	{ NULL, 0, 0, CPUID_NOWHERE, 0, 0, NULL }
};

const char *cbx_cpu_model(unsigned n)
{
	return n < MODELS ? models[n].name : NULL;
}

const char *cbx_cpu_feature(unsigned n)
{
	return n < sizeof cpu_features / sizeof cpu_features[0] ? cpu_features[n].name : NULL;
}

/* ---- Text --------------------------------------------------------------------------------------- */

/* Letter case does not count, nor do hyphens, underscores and full stops. */
static char plain(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '-' || c == '_' || c == '.' ? 0 : c;
}

static bool same_word(const char *word, size_t length, const char *name)
{
	size_t n = 0;

	for (;; name++) {
		while (n < length && !plain(word[n]))
			n++;
		while (*name && !plain(*name))
			name++;
		if (n == length || !*name)
			return n == length && !*name;
		if (plain(word[n]) != plain(*name))
			return false;
		n++;
	}
}

/* Appends to text of at most size bytes; what does not fit is cut off, *full tells. */
static void append(char *text, size_t size, const char *more, size_t length, bool *full)
{
	size_t at = strlen(text);

	for (size_t n = 0; n < length && more[n]; n++) {
		if (at + 1 >= size) {
			*full = true;
			break;
		}
		text[at++] = more[n];
	}
	text[at] = 0;
}

/* Letters to change, add, remove or swap; words longer than 15 are no near miss. */
static unsigned distance(const char *word, size_t length, const char *name)
{
	enum { MOST = 15 };
	uint8_t row[MOST + 1][MOST + 1];
	size_t n = strlen(name);

	if (length > MOST || n > MOST)
		return MOST;
	for (size_t j = 0; j <= length; j++)
		for (size_t k = 0; k <= n; k++) {
			unsigned best = (unsigned)(j + k);

			if (j && k) {
				best = row[j - 1][k - 1] + (plain(word[j - 1]) != plain(name[k - 1]));
				best = row[j - 1][k] + 1u < best ? row[j - 1][k] + 1u : best;
				best = row[j][k - 1] + 1u < best ? row[j][k - 1] + 1u : best;
			}
			if (j > 1 && k > 1 && plain(word[j - 1]) == plain(name[k - 2]) &&
			    plain(word[j - 2]) == plain(name[k - 1]) && row[j - 2][k - 2] + 1u < best)
				best = row[j - 2][k - 2] + 1u;
			row[j][k] = (uint8_t)best;
		}
	return row[length][n];
}

/* "no X 'word' (did you mean 'name'?)" with the nearest name that list gives. */
static bool unknown(struct cbx_error *error, const char *what, const char *word, size_t length,
		    const char *(*list)(unsigned n))
{
	const char *nearest = NULL;
	unsigned best = length < 4 ? 2 : 4;
	bool full = false;

	for (unsigned n = 0; list(n); n++) {
		unsigned d = distance(word, length, list(n));

		if (d < best) {
			best = d;
			nearest = list(n);
		}
	}
	if (!error)
		return false;
	error->status = CBX_ERROR_ARGUMENT;
	error->text[0] = 0;
	append(error->text, sizeof error->text, what, SIZE_MAX, &full);
	append(error->text, sizeof error->text, " '", 2, &full);
	append(error->text, sizeof error->text, word, length < 40 ? length : 40, &full);
	append(error->text, sizeof error->text, "'", 1, &full);
	if (nearest) {
		append(error->text, sizeof error->text, " (did you mean '", SIZE_MAX, &full);
		append(error->text, sizeof error->text, nearest, SIZE_MAX, &full);
		append(error->text, sizeof error->text, "'?)", 3, &full);
	}
	return false;
}

static bool refuse(struct cbx_error *error, const char *why)
{
	bool full;

	if (error) {
		error->status = CBX_ERROR_ARGUMENT;
		error->text[0] = 0;
		append(error->text, sizeof error->text, why, SIZE_MAX, &full);
	}
	return false;
}

/* ---- Features of a model ------------------------------------------------------------------------ */

static bool model_has(const struct cpu_model *model, const struct cpu_feature *feature)
{
	return (feature->features & model->features) || (feature->system & model->system);
}

static bool lacks_need(const struct cpu_model *model, const struct cpu_feature *feature)
{
	return (feature->needs & model->features) != feature->needs;
}

/* A feature that is added brings what it needs; one that goes takes what needs it. */
static void settle(struct cpu_model *model, bool adding)
{
	bool again;

	do {
		again = false;
		for (const struct cpu_feature *f = cpu_features; f->name; f++) {
			if (!model_has(model, f) || !lacks_need(model, f))
				continue;
			again = true;
			if (adding) {
				model->features |= f->needs;
			} else {
				model->features &= ~f->features;
				model->system &= ~f->system;
			}
		}
	} while (again);
}

static bool feature_change(struct cpu_model *model, const char *word, size_t length,
			   struct cbx_error *error)
{
	bool adding = word[0] == '+';

	for (const struct cpu_feature *f = cpu_features; f->name; f++) {
		if (!same_word(word + 1, length - 1, f->name) &&
		    !(f->alias && same_word(word + 1, length - 1, f->alias)))
			continue;
		if (adding) {
			model->features |= f->features;
			model->system |= f->system;
		} else {
			model->features &= ~f->features;
			model->system &= ~f->system;
		}
		settle(model, adding);
		return true;
	}
	return unknown(error, "there is no processor feature", word + 1, length - 1, cbx_cpu_feature);
}

static void make_amd(struct cpu_model *model)
{
	model->vendor = "AuthenticAMD";
	model->family = AMD_FAMILY;
	model->model = AMD_MODEL;
	model->stepping = AMD_STEPPING;
	model->microcode = AMD_MICROCODE;
	model->highest_leaf = 0xd;
	model->features &= ~FEAT_INVPCID;
	model->system &= ~(uint32_t)(SYS_PCID | SYS_TSC_DEADLINE | SYS_TSC_ADJUST | SYS_ARCH_CAPABILITIES);
}

static bool vendor_change(struct cpu_model *model, const char *word, size_t length,
			  struct cbx_error *error)
{
	if (same_word(word, length, "intel") || same_word(word, length, "GenuineIntel"))
		return true;
	if (!same_word(word, length, "amd") && !same_word(word, length, "AuthenticAMD"))
		return refuse(error, "the vendor of a processor is intel or amd");
	if (!(model->features & FEAT_LM))
		return refuse(error, "only 64-bit processor models can be AMD's");
	make_amd(model);
	return true;
}

static bool spell(const struct cpu_model *model, struct cpu_model base, char name[CPU_NAME_SIZE],
		  struct cbx_error *error)
{
	bool full = false;

	name[0] = 0;
	append(name, CPU_NAME_SIZE, base.name, SIZE_MAX, &full);
	if (model_is_amd(model)) {
		append(name, CPU_NAME_SIZE, ",vendor=amd", SIZE_MAX, &full);
		make_amd(&base);
	}
	for (const struct cpu_feature *f = cpu_features; f->name; f++) {
		bool has = model_has(model, f);

		if (has == model_has(&base, f))
			continue;
		append(name, CPU_NAME_SIZE, has ? ",+" : ",-", 2, &full);
		append(name, CPU_NAME_SIZE, f->name, SIZE_MAX, &full);
	}
	return !full || refuse(error, "these are too many features to change");
}

static size_t item_length(const char *text)
{
	size_t n = 0;

	while (text[n] && text[n] != ',')
		n++;
	return n;
}

bool cpu_model_parse(const char *text, struct cpu_model *model, char name[CPU_NAME_SIZE],
		     struct cbx_error *error)
{
	const struct cpu_model *base = NULL;
	size_t length;

	if (!text)
		text = CPU_MODEL_DEFAULT;
	length = item_length(text);
	for (unsigned n = 0; n < MODELS && !base; n++)
		if (same_word(text, length, models[n].name))
			base = &models[n];
	if (!base)
		return unknown(error, "there is no processor model", text, length, cbx_cpu_model);
	*model = *base;
	while (*(text += length)) {
		text++;                 /* the comma */
		length = item_length(text);
		if (*text == '+' || *text == '-') {
			if (!feature_change(model, text, length, error))
				return false;
		} else if (strncmp(text, "vendor=", 7) == 0) {
			if (!vendor_change(model, text + 7, length - 7, error))
				return false;
		} else {
			return refuse(error, "what follows a processor model is +feature, -feature or vendor=");
		}
	}
	return spell(model, *base, name, error);
}

enum cbx_status cbx_cpu_check(const char *cpu, struct cbx_error *error)
{
	struct cpu_model model;
	char name[CPU_NAME_SIZE];

	return cpu_model_parse(cpu, &model, name, error) ? CBX_OK : CBX_ERROR_ARGUMENT;
}
