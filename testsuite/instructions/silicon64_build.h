/* A case of the flat test while it is put together: what silicon64_encode.c and _generate.c share. */
#ifndef SILICON64_BUILD_H
#define SILICON64_BUILD_H

#include <string.h>
#include "silicon64.h"

struct build {
	struct random *random;
	struct case64 *c;
	const struct op_info *info;
	const struct encoding_info *encoding;
	void (*poke)(uint64_t linear, const void *bytes, unsigned count);
	uint64_t high;                  /* where this case's pages are: 0 or HIGH */
	unsigned segment;               /* prefix: SEG_, or SEG_COUNT */
	bool sequence;                  /* registers will have changed: absolute addresses, no locks */
	bool operand16, rex_w, vex_l;
	unsigned rex;                   /* R 4, X 2, B 1 */
	unsigned reg, rm, vvvv;         /* register numbers */
	bool has_modrm, has_sib, rip_relative;
	unsigned modrm, sib;
	unsigned displacement_bytes, immediate_bytes;
	uint64_t displacement, sum;     /* sum: address without segment and RIP */
	uint8_t immediate[10];
};

static inline bool has(const struct op_info *info, unsigned first, unsigned last)
{
	for (unsigned n = 0; n < 4; n++)
		if (info->operand[n] >= first && info->operand[n] <= last)
			return true;
	return false;
}

static inline bool is_string(const struct op_info *info)
{
	return has(info, OPERAND_Xb, OPERAND_Yv);
}

static inline bool named(const struct op_info *info, const char *prefix)
{
	return !strncmp(op_name(info), prefix, strlen(prefix));
}

/* ---- silicon64_encode.c ---- */
bool needs_modrm(unsigned operand);
uint64_t segment_base64(const struct build *b);
/* A linear address where count bytes are, or nearly are, or are not, accessible. */
uint64_t some_target(const struct build *b, unsigned count, unsigned aligned);
void poke_data(const struct build *b, uint64_t linear, const uint8_t *bytes, unsigned count);
unsigned alignment_wish(const struct build *b);
unsigned access_bytes(const struct build *b);
void memory_operand(struct build *b, uint64_t target);
void immediate(struct build *b, unsigned operand);
void emit_all(struct build *b);

#endif
