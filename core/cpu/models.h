/* Processor models and their features, for CPUID and for what chooses a model. */
#ifndef CORE_CPU_MODELS_H
#define CORE_CPU_MODELS_H

#include "cpu.h"

/* Where CPUID shows a feature. */
enum cpuid_word {
	CPUID_1_EDX, CPUID_1_ECX, CPUID_6_EAX, CPUID_7_EBX, CPUID_7_ECX, CPUID_7_EDX, CPUID_D_1_EAX,
	CPUID_X1_EDX, CPUID_X1_ECX, CPUID_X7_EDX, /* X: 80000000h and up */
	CPUID_WORDS, CPUID_NOWHERE = CPUID_WORDS
};

struct cpu_feature {
	const char *name;               /* as -cpu has it; NULL: it has no name of its own */
	uint64_t features;              /* one FEAT_ bit, or */
	uint32_t system;                /* one SYS_ bit */
	enum cpuid_word word;
	uint8_t bit;
	uint64_t needs;                 /* FEAT_ bits that it makes no sense without */
	const char *alias;
};

extern const struct cpu_feature cpu_features[];         /* ends with all zeros */

/*
 * Reads "model", or "model,+feature,-feature,vendor=amd" into *model, and its one spelling
 * (which a saved state names) into name.  false: there
 * is no such thing; error says what.
 */
#define CPU_MODEL_DEFAULT "max"
enum { CPU_NAME_SIZE = 256 };
bool cpu_model_parse(const char *text, struct cpu_model *model, char name[CPU_NAME_SIZE],
		     struct cbx_error *error);

static inline bool model_is_amd(const struct cpu_model *model)
{
	return model->vendor[0] == 'A';
}
static inline bool model_is_p6(const struct cpu_model *model)           /* and all since */
{
	return model->family >= 6;
}

#endif
