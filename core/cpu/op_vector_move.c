/*
 * SIMD moves: whole vectors, parts of them, to and from general and MMX registers, by mask,
 * VZEROUPPER, VZEROALL and EMMS (SDM volume 2).  Rows that differ in name only share handlers
 * (handlers_vector.h); whether a memory operand must be aligned is the row's attribute.
 */
#include "vector.h"

static INLINE void copy_lane(uint64_t *to, const uint64_t *from)
{
	u64x2 lane;

	memcpy(&lane, from, 16);
	memcpy(to, &lane, 16);
}

/* ---- Whole vectors --------------------------------------------------------------------------- */

/* From one register to another, as i->vl says. */
static INLINE void copy_register(struct cpu *cpu, const struct insn *i, unsigned to, unsigned from)
{
	copy_lane(cpu->v[to].q, cpu->v[from].q);
	if (i->vl == 32)
		copy_lane(cpu->v[to].q + 2, cpu->v[from].q + 2);
	else
		vector_upper(cpu, i, to);
}

static NOINLINE bool load_slowly(struct cpu *cpu, const struct insn *i)
{
	uint64_t value[4] = { 0 };

	if (!vector_load(cpu, i, vector_size(i), value))
		return false;
	copy_lane(cpu->v[i->dst].q, value);
	if (i->vl)
		copy_lane(cpu->v[i->dst].q + 2, value + 2);
	return true;
}
static COLD HANDLER_OF(load_rest, load_slowly)

static NOINLINE bool store_slowly(struct cpu *cpu, const struct insn *i)
{
	return vector_store(cpu, i, vector_size(i), cpu->v[i->dst].q);
}
static COLD HANDLER_OF(store_rest, store_slowly)

/* Does the access miss the TLB, or is it not aligned to all of its size when it must be? */
static INLINE bool is_slow(const struct tlb_entry *entry, const struct insn *i, uint64_t linear,
			   bool aligned)
{
	uint64_t rest = 15 | (i->vl & 32u) >> 1;

	if (aligned)            /* within its page then, too */
		return unlikely((linear & ~(uint64_t)PAGE_MASK) != entry->tag || (linear & rest));
	return unlikely(((linear + rest) & ~(uint64_t)PAGE_MASK) != entry->tag);
}

#define LOAD(row, aligned)                                                                      \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	copy_register(cpu, i, i->dst, i->rm);                                                   \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##row##_m)                                                                           \
{                                                                                               \
	uint64_t linear = ea(cpu, i), *d = cpu->v[i->dst].q;                                    \
	const struct tlb_entry *entry = tlb_read_entry(cpu, linear);                            \
                                                                                                \
	if (is_slow(entry, i, linear, aligned))                                                 \
		return load_rest(cpu, i);                                                       \
	lane_get(d, tlb_host(entry, linear));                                                   \
	if (i->vl == 32)                                                                        \
		lane_get(d + 2, tlb_host(entry, linear) + 16);                                  \
	else if (i->vl)                                                                         \
		d[2] = d[3] = 0;                                                                \
	NEXT(cpu, i);                                                                           \
}
LOAD(MOVUPS_Vx_Wx, false)
LOAD(MOVAPS_Vx_Wx, true)

#define STORE(row, aligned)                                                                     \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	copy_register(cpu, i, i->rm, i->dst);                                                   \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
HANDLER(op_##row##_m)                                                                           \
{                                                                                               \
	uint64_t linear = ea(cpu, i);                                                           \
	const struct tlb_entry *entry = tlb_write_entry(cpu, linear);                           \
                                                                                                \
	if (is_slow(entry, i, linear, aligned))                                                 \
		return store_rest(cpu, i);                                                      \
	lane_put(tlb_host(entry, linear), cpu->v[i->dst].q);                                    \
	if (i->vl == 32)                                                                        \
		lane_put(tlb_host(entry, linear) + 16, cpu->v[i->dst].q + 2);                   \
	NEXT(cpu, i);                                                                           \
}
STORE(MOVUPS_Wx_Vx, false)
STORE(MOVAPS_Wx_Vx, true)

/* ---- The low element: MOVSS, MOVSD, MOVD, MOVQ ----------------------------------------------- */

/* What a load of one element leaves above it. */
static INLINE void set_low(struct cpu *cpu, const struct insn *i, unsigned n, uint64_t value)
{
	lane_set(cpu->v[n].q, value, 0);
	vector_upper(cpu, i, n);
}

static INLINE void set_both(struct cpu *cpu, const struct insn *i, unsigned n, uint64_t low, uint64_t high)
{
	lane_set(cpu->v[n].q, low, high);
	vector_upper(cpu, i, n);
}

static INLINE uint64_t with_low(uint64_t from, uint64_t low)
{
	return (from & 0xffffffff00000000u) | (uint32_t)low;
}

HANDLER(op_MOVSS_Vdq_Hdq_Udq_r)
{
	const uint64_t *a = cpu->v[i->src].q;

	set_both(cpu, i, i->dst, with_low(a[0], cpu->v[i->rm].q[0]), a[1]);
	NEXT(cpu, i);
}

HANDLER(op_MOVSS_Udq_Hdq_Vdq_r)
{
	const uint64_t *a = cpu->v[i->vl ? i->src : i->rm].q;

	set_both(cpu, i, i->rm, with_low(a[0], cpu->v[i->dst].q[0]), a[1]);
	NEXT(cpu, i);
}

HANDLER(op_MOVSD_Vdq_Hdq_Udq_r)
{
	set_both(cpu, i, i->dst, cpu->v[i->rm].q[0], cpu->v[i->src].q[1]);
	NEXT(cpu, i);
}

HANDLER(op_MOVSD_Udq_Hdq_Vdq_r)
{
	set_both(cpu, i, i->rm, cpu->v[i->dst].q[0], cpu->v[i->vl ? i->src : i->rm].q[1]);
	NEXT(cpu, i);
}

MEMORY_HANDLER(op_MOVSS_Vdq_Md_m)
{
	uint32_t value;

	if (!hot_load32(cpu, i, slow, ea(cpu, i), &value))
		return otherwise(cpu, i);
	set_low(cpu, i, i->dst, value);
	NEXT(cpu, i);
}

MEMORY_HANDLER(op_MOVSD_Vdq_Mq_m)
{
	uint64_t value;

	if (!hot_load64(cpu, i, slow, ea(cpu, i), &value))
		return otherwise(cpu, i);
	set_low(cpu, i, i->dst, value);
	NEXT(cpu, i);
}

MEMORY_HANDLER(op_MOVSS_Md_Vdq_m)
{
	if (!hot_store32(cpu, i, slow, ea(cpu, i), (uint32_t)cpu->v[i->dst].q[0]))
		return otherwise(cpu, i);
	NEXT(cpu, i);
}

/* Also MOVLPS to memory, and MOVQ. */
MEMORY_HANDLER(op_MOVSD_Mq_Vdq_m)
{
	if (!hot_store64(cpu, i, slow, ea(cpu, i), cpu->v[i->dst].q[0]))
		return otherwise(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_MOVQ_Vdq_Wq_r)
{
	set_low(cpu, i, i->dst, cpu->v[i->rm].q[0]);
	NEXT(cpu, i);
}

HANDLER(op_MOVQ_Wq_Vdq_r)
{
	set_low(cpu, i, i->rm, cpu->v[i->dst].q[0]);
	NEXT(cpu, i);
}

HANDLER(op_MOVD_Vdq_Ey_r)
{
	set_low(cpu, i, i->dst, i->width == 8 ? reg64(cpu, i->rm) : reg32(cpu, i->rm));
	NEXT(cpu, i);
}

HANDLER(op_MOVD_Ey_Vdq_r)
{
	uint64_t value = cpu->v[i->dst].q[0];

	set_reg64(cpu, i->rm, i->width == 8 ? value : (uint32_t)value);
	NEXT(cpu, i);
}

HANDLER(op_MOVD_Vdq_Ey_m)
{
	return i->width == 8 ? op_MOVSD_Vdq_Mq_m(cpu, i) : op_MOVSS_Vdq_Md_m(cpu, i);
}

HANDLER(op_MOVD_Ey_Vdq_m)
{
	return i->width == 8 ? op_MOVSD_Mq_Vdq_m(cpu, i) : op_MOVSS_Md_Vdq_m(cpu, i);
}

/* MOVNTI, on general registers. */
MEMORY_HANDLER(op_MOVNTI_My_Gy_m)
{
	if (i->width == 8 ? !hot_store64(cpu, i, slow, ea(cpu, i), reg64(cpu, i->dst))
			  : !hot_store32(cpu, i, slow, ea(cpu, i), reg32(cpu, i->dst)))
		return otherwise(cpu, i);
	NEXT(cpu, i);
}

/* ---- Halves ---------------------------------------------------------------------------------- */

#define LOAD_HALF(row, low, high)                                                               \
MEMORY_HANDLER(op_##row##_m)                                                                    \
{                                                                                               \
	const uint64_t *a = cpu->v[i->src].q;                                                   \
	uint64_t value;                                                                         \
                                                                                                \
	if (!hot_load64(cpu, i, slow, ea(cpu, i), &value))                                      \
		return otherwise(cpu, i);                                                       \
	set_both(cpu, i, i->dst, low, high);                                                    \
	NEXT(cpu, i);                                                                           \
}
LOAD_HALF(MOVLPS_Vdq_Hdq_Mq, value, a[1])
LOAD_HALF(MOVHPS_Vdq_Hdq_Mq, a[0], value)
LOAD_HALF(MOVDDUP_Vdq_Wq, ((void)a, value), value)

MEMORY_HANDLER(op_MOVHPS_Mq_Vdq_m)
{
	if (!hot_store64(cpu, i, slow, ea(cpu, i), cpu->v[i->dst].q[1]))
		return otherwise(cpu, i);
	NEXT(cpu, i);
}

HANDLER(op_MOVHLPS_Vdq_Hdq_Udq_r)
{
	set_both(cpu, i, i->dst, cpu->v[i->rm].q[1], cpu->v[i->src].q[1]);
	NEXT(cpu, i);
}

HANDLER(op_MOVLHPS_Vdq_Hdq_Udq_r)
{
	set_both(cpu, i, i->dst, cpu->v[i->src].q[0], cpu->v[i->rm].q[0]);
	NEXT(cpu, i);
}

HANDLER(op_MOVDDUP_Vdq_Wq_r)
{
	set_both(cpu, i, i->dst, cpu->v[i->rm].q[0], cpu->v[i->rm].q[0]);
	NEXT(cpu, i);
}

/* Elements doubled: VMOVDDUP on 256 bits, MOVSLDUP, MOVSHDUP. */
KERNEL(VMOVDDUP)
{
	(void)a;
	(void)imm;
	lane_set(d, b[0], b[0]);
}
KERNEL(MOVSLDUP)
{
	(void)a;
	(void)imm;
	lane_set(d, (uint32_t)b[0] * 0x0000000100000001u, (uint32_t)b[1] * 0x0000000100000001u);
}
KERNEL(MOVSHDUP)
{
	(void)a;
	(void)imm;
	lane_set(d, (b[0] >> 32) * 0x0000000100000001u, (b[1] >> 32) * 0x0000000100000001u);
}
SIMD(VMOVDDUP_Vx_Wx, VMOVDDUP, HOW_PLAIN)
SIMD(MOVSLDUP_Vx_Wx, MOVSLDUP, HOW_PLAIN)
SIMD(MOVSHDUP_Vx_Wx, MOVSHDUP, HOW_PLAIN)

/* ---- Signs to a general register ------------------------------------------------------------- */

/* The top bits of eight bytes, side by side. */
static INLINE uint32_t byte_signs(uint64_t q)
{
	return (uint32_t)((q & 0x8080808080808080u) * 0x0002040810204081u >> 56);
}
static INLINE uint32_t dword_signs(uint64_t q)
{
	return (uint32_t)((q >> 31 & 1) | (q >> 62 & 2));
}

#define SIGNS(row, of, shift)                                                                   \
HANDLER(op_##row##_r)                                                                           \
{                                                                                               \
	const uint64_t *b = cpu->v[i->rm].q;                                                    \
	uint32_t signs = of(b[0]) | of(b[1]) << (shift);                                        \
                                                                                                \
	if (i->vl == 32)                                                                        \
		signs |= of(b[2]) << 2 * (shift) | of(b[3]) << 3 * (shift);                     \
	set_reg32(cpu, i->dst, signs);                                                          \
	NEXT(cpu, i);                                                                           \
}
#define QWORD_SIGN(q) (uint32_t)((q) >> 63)
SIGNS(PMOVMSKB_Gd_Ux, byte_signs, 8)
SIGNS(MOVMSKPS_Gd_Ux, dword_signs, 2)
SIGNS(MOVMSKPD_Gd_Ux, QWORD_SIGN, 1)

/* ---- MMX ------------------------------------------------------------------------------------- */

/* A function that needs MMX to be usable, and leaves the x87 registers as MMX does. */
#define MMX_WORK(row, form)                                                                     \
static INLINE bool row##form##_work(struct cpu *cpu, const struct insn *i);                     \
HANDLER(op_##row##form)                                                                         \
{                                                                                               \
	if (x87_blocked(cpu))                                                                   \
		return mmx_stop(cpu, i);                                                        \
	if (!row##form##_work(cpu, i))                                                          \
		return cpu_fault(cpu, i);                                                       \
	mmx_used(cpu);                                                                          \
	NEXT(cpu, i);                                                                           \
}                                                                                               \
static INLINE bool row##form##_work(struct cpu *cpu, const struct insn *i)

/* Loads i->width or 8 bytes into cpu->loaded. */
static NOINLINE bool load_loaded(struct cpu *cpu, const struct insn *i, unsigned width)
{
	uint64_t value;

	if (!load_width(cpu, i, ea(cpu, i), width, &value))
		return false;
	cpu->loaded = value;
	return true;
}

MMX_WORK(MOVD_Pq_Ey, _r)
{
	mmx_set(cpu, i->dst, i->width == 8 ? reg64(cpu, i->rm) : reg32(cpu, i->rm));
	return true;
}
MMX_WORK(MOVD_Pq_Ey, _m)
{
	if (!load_loaded(cpu, i, i->width))
		return false;
	mmx_set(cpu, i->dst, cpu->loaded);
	return true;
}
MMX_WORK(MOVD_Ey_Pq, _r)
{
	uint64_t value = mmx_get(cpu, i->dst);

	set_reg64(cpu, i->rm, i->width == 8 ? value : (uint32_t)value);
	return true;
}
MMX_WORK(MOVD_Ey_Pq, _m)
{
	return store_width(cpu, i, ea(cpu, i), i->width, mmx_get(cpu, i->dst));
}
MMX_WORK(MOVQ_Pq_Qq, _r)
{
	mmx_set(cpu, i->dst, mmx_get(cpu, i->rm));
	return true;
}
MMX_WORK(MOVQ_Pq_Qq, _m)
{
	if (!load_loaded(cpu, i, 8))
		return false;
	mmx_set(cpu, i->dst, cpu->loaded);
	return true;
}
MMX_WORK(MOVQ_Qq_Pq, _r)
{
	mmx_set(cpu, i->rm, mmx_get(cpu, i->dst));
	return true;
}
/* Also MOVNTQ. */
MMX_WORK(MOVQ_Qq_Pq, _m)
{
	return store64(cpu, i, ea(cpu, i), mmx_get(cpu, i->dst));
}
MMX_WORK(MOVQ2DQ_Vdq_Nq, _r)
{
	set_low(cpu, i, i->dst, mmx_get(cpu, i->rm));
	return true;
}
MMX_WORK(MOVDQ2Q_Pq_Udq, _r)
{
	mmx_set(cpu, i->dst, cpu->v[i->rm].q[0]);
	return true;
}
MMX_WORK(PMOVMSKB_Gd_Nq, _r)
{
	set_reg32(cpu, i->dst, byte_signs(mmx_get(cpu, i->rm)));
	return true;
}

HANDLER(op_EMMS_r)
{
	if (x87_blocked(cpu))
		return mmx_stop(cpu, i);
	cpu->x87.top = 0;
	cpu->x87.valid = 0;
	NEXT(cpu, i);
}

/* ---- VZEROUPPER, VZEROALL -------------------------------------------------------------------- */

HANDLER(op_VZEROUPPER_r)
{
	unsigned count = cpu->mode & MODE_64 ? 16 : 8;

	for (unsigned n = 0; n < count; n++)
		cpu->v[n].q[2] = cpu->v[n].q[3] = 0;
	NEXT(cpu, i);
}

HANDLER(op_VZEROALL_r)
{
	memset(cpu->v, 0, (cpu->mode & MODE_64 ? 16 : 8) * sizeof cpu->v[0]);
	NEXT(cpu, i);
}
