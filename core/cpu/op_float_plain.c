/*
 * The commonest scalar floating-point instructions in their legacy encoding, where the destination is
 * the first source and nothing above it changes, with memory operands that have no index.  They mean
 * what the handlers they stand for mean, and leave to those all but the plain case.
 */
#include "op_float.h"
#include "plain.h"

static INLINE uint64_t plain_ea(const struct cpu *cpu, const struct insn *i)
{
	return (cpu->reg[i->base] + (uint64_t)i->displacement) & cpu->linear_mask;
}

static INLINE void set_low32(uint64_t *d, uint32_t value)
{
	*d = (*d & 0xffffffff00000000) | value;
}
static INLINE void set_low64(uint64_t *d, uint64_t value)
{
	*d = value;
}

#define PLAIN(row, W, fast)                                                                     \
static HANDLER(plain_##row##_r)                                                                 \
{                                                                                               \
	uint64_t *d = cpu->v[i->dst].q;                                                         \
	struct ieee_fast##W r;                                                                  \
                                                                                                \
	if (!ieee_fast_mode(cpu->mxcsr))                                                        \
		return op_##row##_r(cpu, i);                                                    \
	r = fast((uint##W##_t)*d, (uint##W##_t)cpu->v[i->rm].q[0]);                             \
	if (!r.done)                                                                            \
		return op_##row##_r(cpu, i);                                                    \
	set_low##W(d, r.bits);                                                                  \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
static HANDLER(plain_##row##_m)                                                                 \
{                                                                                               \
	uint64_t linear = plain_ea(cpu, i), *d = cpu->v[i->dst].q;                              \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
	struct ieee_fast##W r;                                                                  \
                                                                                                \
	if (!tlb_hit(entry, linear, W / 8) || !ieee_fast_mode(cpu->mxcsr))                      \
		return op_##row##_m(cpu, i);                                                    \
	r = fast((uint##W##_t)*d, get##W(tlb_host(entry, linear)));                             \
	if (!r.done)                                                                            \
		return op_##row##_m(cpu, i);                                                    \
	set_low##W(d, r.bits);                                                                  \
	NEXT(cpu, i);                                                                           \
}
PLAIN(ADDSS_Vx_Hx_Wss, 32, ieee_fast32_add)
PLAIN(ADDSD_Vx_Hx_Wsd, 64, ieee_fast64_add)
PLAIN(SUBSS_Vx_Hx_Wss, 32, ieee_fast32_sub)
PLAIN(SUBSD_Vx_Hx_Wsd, 64, ieee_fast64_sub)
PLAIN(MULSS_Vx_Hx_Wss, 32, ieee_fast32_mul)
PLAIN(MULSD_Vx_Hx_Wsd, 64, ieee_fast64_mul)
PLAIN(DIVSS_Vx_Hx_Wss, 32, ieee_fast32_div)
PLAIN(DIVSD_Vx_Hx_Wsd, 64, ieee_fast64_div)

/* MOVSS and MOVSD. */
#define PLAIN_MOVES(W, load, store)                                                             \
static HANDLER(plain_load##W)                                                                   \
{                                                                                               \
	uint64_t linear = plain_ea(cpu, i), *d = cpu->v[i->dst].q;                              \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
                                                                                                \
	if (!tlb_hit(entry, linear, W / 8))                                                     \
		return load(cpu, i);                                                            \
	d[0] = get##W(tlb_host(entry, linear));                                                 \
	d[1] = 0;                                                                               \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
static HANDLER(plain_store##W)                                                                  \
{                                                                                               \
	uint64_t linear = plain_ea(cpu, i);                                                     \
	const struct tlb_entry *entry = tlb_write_entry(cpu, linear);                           \
                                                                                                \
	if (!tlb_hit(entry, linear, W / 8))                                                     \
		return store(cpu, i);                                                           \
	put##W(tlb_host(entry, linear), (uint##W##_t)cpu->v[i->dst].q[0]);                      \
	NEXT(cpu, i);                                                                           \
}
PLAIN_MOVES(32, op_MOVSS_Vdq_Md_m, op_MOVSS_Md_Vdq_m)
PLAIN_MOVES(64, op_MOVSD_Vdq_Mq_m, op_MOVSD_Mq_Vdq_m)

static HANDLER(plain_move)
{
	uint64_t *d = cpu->v[i->dst].q, low = cpu->v[i->rm].q[0], high = cpu->v[i->rm].q[1];

	d[0] = low;
	d[1] = high;
	NEXT(cpu, i);
}

#define BOTH(row) { op_##row##_r, plain_##row##_r }, { op_##row##_m, plain_##row##_m }
static const struct {
	insn_fn *any, *plain;
} handlers[] = {
	{ op_MOVSS_Vdq_Md_m, plain_load32 }, { op_MOVSS_Md_Vdq_m, plain_store32 },
	{ op_MOVSD_Vdq_Mq_m, plain_load64 }, { op_MOVSD_Mq_Vdq_m, plain_store64 },
	{ op_MOVAPS_Vx_Wx_r, plain_move },
	BOTH(ADDSS_Vx_Hx_Wss), BOTH(ADDSD_Vx_Hx_Wsd), BOTH(SUBSS_Vx_Hx_Wss), BOTH(SUBSD_Vx_Hx_Wsd),
	BOTH(MULSS_Vx_Hx_Wss), BOTH(MULSD_Vx_Hx_Wsd), BOTH(DIVSS_Vx_Hx_Wss), BOTH(DIVSD_Vx_Hx_Wsd),
};

insn_fn *plain_float_handler(insn_fn *any, const struct insn *i)
{
	if (i->vl || ((i->flags & INSN_MEMORY) && i->index != REG_ZERO))
		return any;
	for (size_t n = 0; n < sizeof handlers / sizeof handlers[0]; n++)
		if (handlers[n].any == any)
			return handlers[n].plain;
	return any;
}
