/*
 * Arithmetic of one width, with flags.  A template: include with WIDTH set to 8, 16, 32 or
 * 64.  Functions are named after the instruction and the width: alu_add_8 ...
 */
#define PASTE3_(a, b, c) a##b##c
#define PASTE3(a, b, c) PASTE3_(a, b, c)
#define FN(name) PASTE3(alu_, name##_, WIDTH)
#define UINT PASTE3(uint, WIDTH, _t)
#define SINT PASTE3(int, WIDTH, _t)
#define SET_FLAGS PASTE3(flags_, WIDTH, )
#if WIDTH == 64
#define WIDE uint64_t
#else
#define WIDE uint32_t
#endif

static INLINE UINT FN(add)(struct cpu *cpu, UINT a, UINT b)
{
	WIDE r = (WIDE)a + b;

	SET_FLAGS(cpu, (UINT)r, (WIDE)CARRIES_ADD((WIDE)a, (WIDE)b, r));
	return (UINT)r;
}

static INLINE UINT FN(adc)(struct cpu *cpu, UINT a, UINT b)
{
	WIDE r = (WIDE)a + b + flag_cf(cpu);

	SET_FLAGS(cpu, (UINT)r, (WIDE)CARRIES_ADD((WIDE)a, (WIDE)b, r));
	return (UINT)r;
}

static INLINE UINT FN(sub)(struct cpu *cpu, UINT a, UINT b)
{
	WIDE r = (WIDE)a - b;

	SET_FLAGS(cpu, (UINT)r, (WIDE)CARRIES_SUB((WIDE)a, (WIDE)b, r));
	return (UINT)r;
}

static INLINE UINT FN(sbb)(struct cpu *cpu, UINT a, UINT b)
{
	WIDE r = (WIDE)a - b - flag_cf(cpu);

	SET_FLAGS(cpu, (UINT)r, (WIDE)CARRIES_SUB((WIDE)a, (WIDE)b, r));
	return (UINT)r;
}

static INLINE UINT FN(and)(struct cpu *cpu, UINT a, UINT b)
{
	UINT r = a & b;

	flags_logic(cpu, (SINT)r);
	return r;
}

static INLINE UINT FN(or)(struct cpu *cpu, UINT a, UINT b)
{
	UINT r = a | b;

	flags_logic(cpu, (SINT)r);
	return r;
}

static INLINE UINT FN(xor)(struct cpu *cpu, UINT a, UINT b)
{
	UINT r = a ^ b;

	flags_logic(cpu, (SINT)r);
	return r;
}

/* INC and DEC leave CF alone. */
static INLINE UINT FN(inc)(struct cpu *cpu, UINT a)
{
	bool cf = flag_cf(cpu);
	UINT r = FN(add)(cpu, a, 1);

	flag_set_cf(cpu, cf);
	return r;
}

static INLINE UINT FN(dec)(struct cpu *cpu, UINT a)
{
	bool cf = flag_cf(cpu);
	UINT r = FN(sub)(cpu, a, 1);

	flag_set_cf(cpu, cf);
	return r;
}

static INLINE UINT FN(neg)(struct cpu *cpu, UINT a)
{
	return FN(sub)(cpu, 0, a);
}

/* ---- Shifts and rotates: count is already masked to 5 bits (6 for 64-bit operands) ------- */

/* CF and OF after a rotate; the other flags stay. */
static INLINE void FN(rotate_flags)(struct cpu *cpu, bool cf, bool of)
{
	flag_set_cf_of(cpu, cf, of);
}

static INLINE UINT FN(rol)(struct cpu *cpu, UINT a, unsigned count)
{
	unsigned n = count % WIDTH;
	UINT r = a;

	if (!count)
		return a;
	if (n)
		r = (UINT)(a << n | a >> (WIDTH - n));
	FN(rotate_flags)(cpu, r & 1, (r & 1) ^ (r >> (WIDTH - 1)));
	return r;
}

static INLINE UINT FN(ror)(struct cpu *cpu, UINT a, unsigned count)
{
	unsigned n = count % WIDTH;
	UINT r = a;

	if (!count)
		return a;
	if (n)
		r = (UINT)(a >> n | a << (WIDTH - n));
	FN(rotate_flags)(cpu, r >> (WIDTH - 1), (r >> (WIDTH - 1) ^ r >> (WIDTH - 2)) & 1);
	return r;
}

static INLINE UINT FN(rcl)(struct cpu *cpu, UINT a, unsigned count)
{
	unsigned n = WIDTH >= 32 ? count : count % (WIDTH + 1);
	bool cf = flag_cf(cpu), out;
	UINT r;

	if (!count)
		return a;
	if (!n) {
		FN(rotate_flags)(cpu, cf, cf ^ (a >> (WIDTH - 1)));
		return a;
	}
	r = (UINT)((n == WIDTH ? 0 : (WIDE)a << n) | (UINT)((WIDE)cf << (n - 1)));
	if (n > 1)
		r = (UINT)(r | a >> (WIDTH + 1 - n));
	out = a >> (WIDTH - n) & 1;
	FN(rotate_flags)(cpu, out, out ^ (r >> (WIDTH - 1)));
	return r;
}

static INLINE UINT FN(rcr)(struct cpu *cpu, UINT a, unsigned count)
{
	unsigned n = WIDTH >= 32 ? count : count % (WIDTH + 1);
	bool cf = flag_cf(cpu), out;
	UINT r;

	if (!count)
		return a;
	if (!n) {
		FN(rotate_flags)(cpu, cf, (a >> (WIDTH - 1) ^ a >> (WIDTH - 2)) & 1);
		return a;
	}
	r = (UINT)((n == WIDTH ? 0 : a >> n) | (UINT)((WIDE)cf << (WIDTH - n)));
	if (n > 1)
		r = (UINT)(r | (WIDE)a << (WIDTH + 1 - n));
	out = a >> (n - 1) & 1;
	FN(rotate_flags)(cpu, out, (r >> (WIDTH - 1) ^ r >> (WIDTH - 2)) & 1);
	return r;
}

/* Counts beyond the width (8 and 16-bit operands) shift everything out. */
static INLINE UINT FN(shl)(struct cpu *cpu, UINT a, unsigned count)
{
	UINT r;
	bool cf;

	if (!count)
		return a;
	r = (UINT)(count < WIDTH ? (WIDE)a << count : 0);
	cf = count <= WIDTH && (a >> (WIDTH - count) & 1);
	cpu->flag_result = (SINT)r;
	cpu->flag_carry = (uint32_t)cf << 31 | (uint32_t)(r >> (WIDTH - 1)) << 30;
	return r;
}

static INLINE UINT FN(shr)(struct cpu *cpu, UINT a, unsigned count)
{
	UINT r;
	bool cf, of;

	if (!count)
		return a;
	r = (UINT)(count < WIDTH ? (WIDE)a >> count : 0);
	cf = count <= WIDTH && (a >> (count - 1) & 1);
	/* OF for a count of 1: the old sign; as hardware leaves it for others: bits of the result. */
	of = (r >> (WIDTH - 1) ^ r >> (WIDTH - 2)) & 1;
	cpu->flag_result = (SINT)r;
	cpu->flag_carry = (uint32_t)cf << 31 | (uint32_t)(cf ^ of) << 30;
	return r;
}

static INLINE UINT FN(sar)(struct cpu *cpu, UINT a, unsigned count)
{
	unsigned n = count < WIDTH ? count : WIDTH - 1;
	UINT r;
	bool cf;

	if (!count)
		return a;
	r = (UINT)((SINT)a >> n);
	cf = count <= WIDTH ? (SINT)a >> (count - 1) & 1 : a >> (WIDTH - 1);
	cpu->flag_result = (SINT)r;
	cpu->flag_carry = (uint32_t)cf << 31 | (uint32_t)cf << 30;
	return r;
}

#undef PASTE3
#undef PASTE3_
#undef FN
#undef UINT
#undef SINT
#undef SET_FLAGS
#undef WIDE
#undef WIDTH
