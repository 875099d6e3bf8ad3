/* The block cache: finding, decoding, dropping (blocks.h says how it is keyed). */
#include "blocks.h"
#include "access.h"
#include "branch.h"
#include "decode.h"
#include "fused.h"
#include "hooks.h"
#include "memory.h"
#include "pair.h"
#include "plain.h"
#include "quiet.h"

struct block {
	uint64_t backing;               /* of the first byte */
	uint64_t backing2;              /* of the page the only instruction crosses into, or NO_BACKING */
	uint64_t ip;
	uint64_t linear, physical;      /* of the first byte, while hooks look at instructions; else 0 */
	uint32_t mode, cs_limit;
	uint16_t bytes;
	uint8_t count;                  /* of instructions */
	uint8_t cut;                    /* what the budget left of it, or 0 */
	bool dead;
	struct block *hash_next;
	struct block *page_next, *page2_next;
	struct insn insn[];
};

enum { POOL_BYTES = 12 << 20, POOL_BYTES_SMALL = 64 << 10, HASH_SIZE = 16384, PAGES_SIZE = 4096,
       FETCH_SIZE = 256, CS_SIZE = 256, SPLIT_SIZE = 4096, CALM = 32, CUTS_SIZE = 64 };

struct fetch {                          /* a small TLB for code */
	uint64_t linear, backing, physical;
	const uint8_t *bytes;
	uint64_t generation;
	bool user;
};

struct blocks {
	uint8_t *pool;
	size_t pool_size, used;
	struct block *hash[HASH_SIZE];
	struct block *pages[PAGES_SIZE];
	struct jump jumps[JUMP_CACHE];
	struct fetch fetch[FETCH_SIZE];
	struct {
		uint64_t base;
		uint32_t limit;
	} cs[CS_SIZE];
	unsigned cs_count;
	/*
	 * Writes to a page since it lost its last block.  Code that is written again and
	 * again would otherwise mark and unmark its page each time.
	 */
	uint8_t calm[PAGES_SIZE];
	uint64_t split[SPLIT_SIZE];     /* inverted RIPs of instructions that reach devices */
	/*
	 * Where budgets ended lately.  What a device does after a fixed time, a driver meets at
	 * the same instruction again and again; elsewhere a cut block is made for one use.
	 */
	uint64_t cuts[CUTS_SIZE];
	/* A block of few instructions, made for one use. */
	bool scratch_live;        /* a write to its bytes matters: it may be running */
	_Alignas(16) uint8_t scratch[sizeof(struct block) +
				     (3 * BLOCK_LIMIT + 2) * sizeof(struct insn)];
};

static struct block *scratch(struct blocks *blocks)
{
	return (struct block *)(void *)blocks->scratch;
}

enum cbx_status blocks_new(struct cpu *cpu)
{
	bool small = cpu->machine->options.small_caches;
	struct blocks *blocks = machine_allocate_large(cpu->machine, sizeof *blocks, true);

	if (!blocks)
		return CBX_ERROR_MEMORY;
	cpu->blocks = blocks;
	cpu->jumps = blocks->jumps;
	blocks->pool_size = small ? POOL_BYTES_SMALL : POOL_BYTES;
	/* Not cleared: it costs the host what is used of it. */
	blocks->pool = options_reallocate(&cpu->machine->options, NULL, blocks->pool_size);
	if (!blocks->pool)
		return CBX_ERROR_MEMORY;
	blocks_flush(cpu);
	return CBX_OK;
}

void blocks_free(struct cpu *cpu)
{
	if (!cpu->blocks)
		return;
	machine_release(cpu->machine, cpu->blocks->pool);
	machine_release(cpu->machine, cpu->blocks);
	cpu->blocks = NULL;
}

void blocks_flush(struct cpu *cpu)
{
	struct blocks *blocks = cpu->blocks;

	cpu->generation++;
	cpu_mode_changed(cpu);
	if (!blocks->used)              /* fresh memory stays untouched */
		return;
	/* Every page that held code may be written quickly again. */
	for (unsigned n = 0; n < PAGES_SIZE; n++)
		for (struct block *b = blocks->pages[n]; b;) {
			memory_mark_code(cpu->machine, b->backing & ~(uint64_t)PAGE_MASK, false);
			if (b->backing2 != NO_BACKING)
				memory_mark_code(cpu->machine, b->backing2, false);
			b = (b->backing >> PAGE_BITS) % PAGES_SIZE == n ? b->page_next
									: b->page2_next;
		}
	blocks->used = 0;
	memset(blocks->hash, 0, sizeof blocks->hash);
	memset(blocks->pages, 0, sizeof blocks->pages);
	memset(blocks->jumps, 0, sizeof blocks->jumps); /* no context is 0 */
}

bool block_is_kept(const struct cpu *cpu, const struct insn *first)
{
	uintptr_t at = (uintptr_t)first, pool = (uintptr_t)cpu->blocks->pool;

	return at - pool < cpu->blocks->pool_size;
}

struct jump *jump_slot(struct cpu *cpu, uint64_t ip)
{
	return &cpu->blocks->jumps[(ip ^ ip >> 12) % JUMP_CACHE];
}

unsigned block_cs_id(struct cpu *cpu)
{
	struct blocks *blocks = cpu->blocks;
	const struct segment *cs = &cpu->seg[SEG_CS];

	for (unsigned n = 0; n < blocks->cs_count; n++)
		if (blocks->cs[n].base == cs->base && blocks->cs[n].limit == cs->limit)
			return n + 1;
	if (blocks->cs_count == CS_SIZE) {
		blocks->cs_count = 0;
		cpu->generation++;
	}
	blocks->cs[blocks->cs_count].base = cs->base;
	blocks->cs[blocks->cs_count].limit = cs->limit;
	return ++blocks->cs_count;
}

static bool is_split(const struct blocks *blocks, uint64_t ip)
{
	return blocks->split[(ip ^ ip >> 12) % SPLIT_SIZE] == ~ip;
}

/* ---- From decoded instructions to records ------------------------------------------------ */

/* With a REX prefix registers 4-7 are SPL, BPL, SIL, DIL. */
static uint8_t byte_register(const struct decoded *d, unsigned n)
{
	unsigned shift = d->rex ? 0 : n >> 2 & 1, number = d->rex ? n : n & 3;

	return (uint8_t)(8 * number + (HOST_BIG_ENDIAN ? 7 - shift : shift));
}

static void operand_register(struct insn *i, unsigned position, uint8_t value)
{
	if (position == 0)
		i->dst = value;
	else if (position == 1)
		i->src = value;
}

static void emit_operand(struct insn *i, const struct decoded *d, unsigned position,
			 unsigned operand)
{
	switch (operand) {
	case OPERAND_Eb:
		i->width = 1;
		i->rm = byte_register(d, d->rm);
		operand_register(i, position, i->rm);
		break;
	case OPERAND_Ew:
	case OPERAND_Ev:
	case OPERAND_Ed:
	case OPERAND_Rd:
		i->rm = d->rm;
		operand_register(i, position, d->rm);
		break;
	case OPERAND_Gb:
		i->width = 1;
		operand_register(i, position, byte_register(d, d->reg));
		break;
	case OPERAND_Sw:
		operand_register(i, position, d->reg & 7);
		break;
	case OPERAND_Gw:
	case OPERAND_Gv:
	case OPERAND_Gd:
	case OPERAND_Cd:
	case OPERAND_Dd:
		operand_register(i, position, d->reg);
		break;
	case OPERAND_AL:
		i->width = 1;
		operand_register(i, position, byte_register(d, 0));
		break;
	case OPERAND_eAX:
	case OPERAND_AX:
		operand_register(i, position, REG_AX);
		break;
	case OPERAND_Zb:
		i->width = 1;
		operand_register(i, position, byte_register(d, d->opcode_reg));
		break;
	case OPERAND_Zv:
		operand_register(i, position, d->opcode_reg);
		break;
	case OPERAND_Ob:
	case OPERAND_Xb:
	case OPERAND_Yb:
		i->width = 1;
		break;
	case OPERAND_STi:
		i->rm = d->modrm & 7;
		operand_register(i, position, d->modrm & 7);
		break;
	case OPERAND_ES: i->src = i->dst = SEG_ES; break;
	case OPERAND_CS: i->src = i->dst = SEG_CS; break;
	case OPERAND_SS: i->src = i->dst = SEG_SS; break;
	case OPERAND_DS: i->src = i->dst = SEG_DS; break;
	case OPERAND_FS: i->src = i->dst = SEG_FS; break;
	case OPERAND_GS: i->src = i->dst = SEG_GS; break;
	default: break;
	}
}

/* The segment register that a load-far-pointer instruction loads. */
static uint8_t far_segment(unsigned op)
{
	switch (op) {
	case OP_LES_Gv_Mp: return SEG_ES;
	case OP_LDS_Gv_Mp: return SEG_DS;
	case OP_LSS_Gv_Mp: return SEG_SS;
	case OP_LFS_Gv_Mp: return SEG_FS;
	default: return SEG_GS;
	}
}

static bool is_string(const struct op_info *info)
{
	for (unsigned n = 0; n < 2; n++)
		if (info->operand[n] >= OPERAND_Xb && info->operand[n] <= OPERAND_Yv)
			return true;
	return false;
}

static insn_fn *pick_handler(const struct cpu *cpu, const struct decoded *d)
{
	return op_handler(d->op, d->operand_size, d->memory,
			  (cpu->mode & MODE_FLAT) && d->operand_size == 4);
}

/* The record that says why a SIMD instruction cannot run now, NULL when it can. */
static insn_fn *vector_denied(const struct cpu *cpu, const struct decoded *d)
{
	const struct op_info *info = &op_info[d->op];
	bool registers = false;

	if (!op_is_vector(info))
		return NULL;
	if (d->vex && !cpu_protected(cpu))
		return op_UD;
	if (info->kind == KIND_VG || (info->attributes & ATTRIBUTE_S))
		return NULL;
	if (d->vex)
		return cpu->mode & MODE_AVX ? NULL : op_NO_AVX;
	for (unsigned n = 0; n < 4; n++)
		if (info->operand[n] >= OPERAND_Vx && info->operand[n] <= OPERAND_Udq)
			registers = true;
	return registers && !(cpu->mode & MODE_SSE) ? op_NO_SSE : NULL;
}

/* Its handler raises #GP (or #UD) for want of privilege, before any fault of its operand. */
static bool is_denied(const struct cpu *cpu, unsigned op)
{
	return (cpu->mode & MODE_USER) && (op == OP_LLDT_Ew || op == OP_LTR_Ew || op == OP_LGDT_Ms ||
					   op == OP_LIDT_Ms || op == OP_LMSW_Ew);
}

/* SIMD and VEX rows: by what the fields of the encoding are, not by the order of operands. */
static void vector_operands(struct insn *i, const struct decoded *d)
{
	i->dst = d->reg;
	i->src = d->vex ? d->vvvv : d->reg;
	i->rm = d->rm;
	i->vl = d->vex ? (uint8_t)decoded_vector_length(d) : 0;
}

/* Does the memory operand need no more than the sum of its parts? */
static bool flat_operand(const struct cpu *cpu, const struct decoded *d)
{
	if (cpu->mode & MODE_64)
		return d->segment <= SEG_DS && d->address_size == 8;
	return (cpu->mode & MODE_FLAT) && d->segment <= SEG_DS && d->segment != SEG_CS &&
	       d->address_size == 4;
}

/* Writes up to three records for d; returns how many.  hook: somebody asked about it. */
static unsigned emit(struct cpu *cpu, struct insn *i, const struct decoded *d, uint64_t ip, unsigned n,
		     bool hook, uint64_t physical)
{
	const struct op_info *info = &op_info[d->op];
	insn_fn *denied = vector_denied(cpu, d);
	struct insn common = {
		.length = d->length, .n = (uint8_t)n, .op = d->op, .width = d->operand_size,
		.opcode = d->opcode, .modrm = d->modrm, .ip = ip, .imm = d->imm,
		.segment = d->segment, .base = d->base, .index = d->index, .scale = d->scale,
		.displacement = d->displacement,
	};
	unsigned count = 0;

	common.flags = (uint8_t)(d->rep | (d->lock ? INSN_LOCK : 0) | (d->memory ? INSN_MEMORY : 0) |
				 (d->address_size == 2 ? INSN_ADDRESS16 : 0) |
				 (d->address_size == 8 ? INSN_ADDRESS64 : 0));
	if (!d->memory && (info->attributes & (ATTRIBUTE_D | ATTRIBUTE_F)))
		common.segment = SEG_SS;        /* what it accesses, if anything, is the stack */
	if (op_is_vector(info))
		vector_operands(&common, d);
	else
		for (unsigned k = 0; k < 4; k++)
			emit_operand(&common, d, k, info->operand[k]);
	if (info->operand[1] == OPERAND_Mp)
		common.src = far_segment(d->op);
	if (info->operand[0] == OPERAND_Ap)
		common.imm |= (uint64_t)d->imm2 << 32;
	if (d->op == OP_ENTER_Iw_Ib)
		common.imm |= (uint64_t)d->imm2 << 32;
	if (hook) {
		*i = common;
		i->run = hooks_record(cpu);
		i->context = physical;
		i++;
		count++;
	}
	if (d->memory && !flat_operand(cpu, d) && !(info->attributes & ATTRIBUTE_N) &&
	    !is_denied(cpu, d->op) && !denied) {
		*i = common;
		i->run = cpu->mode & MODE_64 ? op_EA_64 : d->address_size == 2 ? op_EA_16 : op_EA_32;
		i->imm = decoded_access(d);
		if (info->attributes & ATTRIBUTE_W)
			i->flags |= INSN_WRITES;
		i++;
		count++;
		common.base = REG_EA;
		common.index = REG_ZERO;
		common.scale = 0;
		common.displacement = 0;
	}
	*i = common;
	i->run = denied ? denied : pick_handler(cpu, d);
	if (op_is_vector(info))
		i->run = plain_float_handler(i->run, i);
	else if (d->memory)
		i->run = plain_handler(i->run, i);
	return count + 1;
}

static bool ends_block(const struct blocks *blocks, const struct decoded *d, uint64_t ip)
{
	const struct op_info *info = &op_info[d->op];

	return (info->attributes & ATTRIBUTE_X) || (d->rep && is_string(info)) || is_split(blocks, ip);
}

static bool is_conditional_jump(unsigned op)
{
	return (op >= OP_JO_Jb && op <= OP_JNLE_Jb) || (op >= OP_JO_Jz && op <= OP_JNLE_Jz);
}

/* Such an instruction needs no record but in the last place: it is counted by those after it. */
static bool does_nothing(unsigned op)
{
	return op == OP_NOP || op == OP_NOP_1E || op == OP_NOP_1F;
}

/* A jump or call to where no code can be: #GP(0) when it is executed. */
static bool bad_target(const struct cpu *cpu, const struct decoded *d)
{
	return (d->op == OP_CALL_Jz || d->op == OP_JMP_Jz || d->op == OP_JMP_Jb) &&
	       branch_is_bad(cpu, d->imm);
}

/* In 64-bit mode CS has base 0 and no limit. */
static uint32_t code_limit(const struct cpu *cpu)
{
	return cpu->mode & MODE_64 ? UINT32_MAX : cpu->seg[SEG_CS].limit;
}

/* How many bytes of code there are from ip on, up to two pages of them. */
static unsigned code_rest(const struct cpu *cpu, uint64_t ip)
{
	uint64_t last = cpu->mode & MODE_64 ? ip < 1ull << 47 ? (1ull << 47) - 1 : UINT64_MAX
					    : cpu->seg[SEG_CS].limit;

	return last - ip >= 2 * PAGE_SIZE ? 2 * PAGE_SIZE : (unsigned)(last - ip) + 1;
}

struct source {
	const uint8_t *bytes;           /* of the instruction at ip */
	unsigned available;             /* in the page and the CS limit */
	bool limited;                   /* by the CS limit, not by the page */
};

/* Decodes from source into block->insn; returns the number of instructions (at least 1),
   or 0 when the first one needs bytes that source does not have. */
static unsigned build(struct cpu *cpu, struct block *block, const struct source *source, unsigned most)
{
	unsigned bits = cpu->mode & MODE_64 ? 64 : cpu->mode & MODE_CODE32 ? 32 : 16;
	uint64_t ip = block->ip;
	struct insn *i = block->insn;
	unsigned n = 0, at = 0, idle = 0;       /* idle: records that wait for another one to take their place */
	bool ended = false, follows = true, looked_at = cpu->hooked & HOOKED_CODE;

	while (!ended && n < most) {
		struct decoded d;
		enum decode_status status = decode(source->bytes + at, source->available - at, bits,
						   ip, cpu->model->features, &d);

		if (status == DECODE_MORE && !source->limited) {
			if (n == 0)
				return 0;
			break;
		}
		n++;
		if (status != DECODE_OK) {
			if (looked_at && hooks_want(cpu, OP_UD2, block->linear + at, block->physical + at,
						    follows)) {
				*i++ = (struct insn){ .run = hooks_record(cpu), .ip = ip, .n = (uint8_t)n,
						      .op = OP_UD2, .context = block->physical + at };
			}
			*i = (struct insn){ .run = status == DECODE_UD ? op_UD : op_GP, .ip = ip,
					    .n = (uint8_t)n, .flags = INSN_LAST };
			idle = 0;
			/* Any of the bytes looked at may have made it bad. */
			at = source->available - at < 15 ? source->available : at + 15;
			i++;
			ended = true;
			break;
		}
		i += emit(cpu, i, &d, ip, n,
			  looked_at && hooks_want(cpu, d.op, block->linear + at, block->physical + at, follows),
			  block->physical + at);
		follows = looked_at && hooks_op_is_branch(d.op);
		if (bad_target(cpu, &d))
			i[-1].run = op_GP;
		idle = !looked_at && does_nothing(d.op);
		i -= idle;
		if (i - block->insn > 1 && is_conditional_jump(d.op)) {
			insn_fn *fused = fused_handler(i[-2].run, d.opcode);

			i[-2].run = fused ? fused : i[-2].run;
		}
		at += d.length;
		ip = (ip + d.length) & cpu->linear_mask;
		ended = ends_block(cpu->blocks, &d, ip - d.length);
		if (at >= source->available)
			break;
	}
	i += idle;
	i[-1].flags |= INSN_LAST;
	quiet_block(block->insn, i);
	pair_block(block->insn, i);
	*i = (struct insn){ .run = op_BLOCK_END, .ip = ip, .imm = ip, .n = (uint8_t)n };
	block->bytes = (uint16_t)at;
	block->count = (uint8_t)n;
	block->cs_limit = code_limit(cpu);
	block->mode = cpu->mode;
	return n;
}

/* ---- Finding ------------------------------------------------------------------------------- */

static struct fetch *fetch_page(struct cpu *cpu, uint64_t linear)
{
	uint64_t page = linear & ~(uint64_t)PAGE_MASK;
	struct fetch *f = &cpu->blocks->fetch[(page >> PAGE_BITS) % FETCH_SIZE];
	bool user = cpu->cpl == 3;
	struct memory_page found;

	if (f->linear == page && f->generation == cpu->generation && f->user == user)
		return f;
	if (!page_translate(cpu, page | (linear & PAGE_MASK), ACCESS_EXECUTE, user, &f->physical)) {
		f->generation = cpu->generation - 1;
		return NULL;
	}
	f->physical &= ~(uint64_t)PAGE_MASK;
	memory_find_read(cpu->machine, f->physical, &found);
	f->linear = page;
	f->generation = cpu->generation;
	f->user = user;
	f->backing = found.backing;
	f->bytes = found.read;
	return f;
}

void block_page_moved(struct cpu *cpu, uint64_t backing)
{
	for (unsigned n = 0; cpu->blocks && n < FETCH_SIZE; n++)
		if (cpu->blocks->fetch[n].backing == backing)
			cpu->blocks->fetch[n].generation = cpu->generation - 1;
}

static unsigned hash_of(uint64_t backing, uint64_t ip)
{
	return (unsigned)((backing ^ backing >> 14 ^ ip << 3) % HASH_SIZE);
}

static void link_page(struct blocks *blocks, struct block *b)
{
	struct block **head = &blocks->pages[(b->backing >> PAGE_BITS) % PAGES_SIZE];

	b->page_next = *head;
	*head = b;
	if (b->backing2 != NO_BACKING) {
		/* The same list when both pages fall together: one link is enough. */
		struct block **head2 = &blocks->pages[(b->backing2 >> PAGE_BITS) % PAGES_SIZE];

		if (head2 != head) {
			b->page2_next = *head2;
			*head2 = b;
		}
	}
}

static struct block *page_list_next(const struct block *b, size_t list)
{
	return (b->backing >> PAGE_BITS) % PAGES_SIZE == list ? b->page_next : b->page2_next;
}

static struct block *allocate(struct cpu *cpu)
{
	struct blocks *blocks = cpu->blocks;
	size_t most = sizeof(struct block) + (3 * BLOCK_LIMIT + 2) * sizeof(struct insn);

	if (blocks->pool_size - blocks->used < most)
		blocks_flush(cpu);
	return (struct block *)(void *)(blocks->pool + blocks->used);
}

static size_t block_size(const struct block *b)
{
	const struct insn *i = b->insn;

	while (i->run != op_BLOCK_END)
		i++;
	return ((size_t)((const uint8_t *)(i + 1) - (const uint8_t *)b) + 15) & ~(size_t)15;
}

/*
 * Gathers an instruction that crosses into the next page; its block has backing2.  Or one that
 * lies in no RAM, which need not cross.
 */
static bool build_crossing(struct cpu *cpu, struct block *block, const struct fetch *first,
			   uint64_t linear, unsigned in_page, unsigned limit)
{
	uint8_t bytes[16];
	struct source source = { .bytes = bytes };
	struct fetch page1 = *first, *second = NULL;

	for (unsigned n = 0; n < in_page; n++)
		bytes[n] = page1.bytes ? page1.bytes[(linear & PAGE_MASK) + n]
				       : (uint8_t)memory_read(cpu->machine, page1.physical +
							      (linear & PAGE_MASK) + n, 1);
	source.available = in_page < limit ? in_page : limit;
	source.limited = limit <= in_page;
	if (!page1.bytes && build(cpu, block, &source, 1))
		return true;            /* the next page need not be there */
	second = fetch_page(cpu, (linear + in_page) & cpu->linear_mask);
	if (!second)
		return false;
	source.available = limit < 15 ? limit : 15;
	source.limited = limit < 15;
	for (unsigned n = in_page; n < source.available; n++)
		bytes[n] = second->bytes ? second->bytes[n - in_page]
					 : (uint8_t)memory_read(cpu->machine,
								second->physical + n - in_page, 1);
	block->backing2 = second->backing;
	build(cpu, block, &source, 1);
	return true;
}

static const struct insn *keep(struct cpu *cpu, struct block *b)
{
	struct blocks *blocks = cpu->blocks;
	unsigned h = hash_of(b->backing, b->ip);

	blocks->used += block_size(b);
	b->hash_next = blocks->hash[h];
	blocks->hash[h] = b;
	link_page(blocks, b);
	blocks->calm[(b->backing >> PAGE_BITS) % PAGES_SIZE] = 0;
	memory_mark_code(cpu->machine, b->backing & ~(uint64_t)PAGE_MASK, true);
	if (b->backing2 != NO_BACKING)
		memory_mark_code(cpu->machine, b->backing2, true);
	return b->insn;
}

/* Did a budget end `most` instructions after ip lately?  Remembers it. */
static bool cut_before(struct blocks *blocks, uint64_t ip, unsigned most)
{
	uint64_t key = ip << 6 ^ most;
	uint64_t *cut = &blocks->cuts[(ip ^ ip >> 6 ^ most) % CUTS_SIZE];
	bool found = *cut == key;

	*cut = key;
	return found;
}

/* Still what is there now?  (The second page of a crossing block may be mapped elsewhere.) */
static int same_second_page(struct cpu *cpu, const struct block *b, uint64_t linear)
{
	const struct fetch *f;

	if (b->backing2 == NO_BACKING)
		return 1;
	f = fetch_page(cpu, ((linear & ~(uint64_t)PAGE_MASK) + PAGE_SIZE) & cpu->linear_mask);
	if (!f)
		return -1;
	return f->backing == b->backing2;
}

static const struct block *block_of(const struct insn *first)
{
	return (const struct block *)(const void *)((const char *)first - offsetof(struct block, insn));
}

const struct insn *block_find(struct cpu *cpu, unsigned most)
{
	struct blocks *blocks = cpu->blocks;
	uint64_t ip = cpu->rip, linear = code_linear(cpu, ip);
	uint32_t cs_limit = code_limit(cpu);
	unsigned offset = (unsigned)(linear & PAGE_MASK), in_page = PAGE_SIZE - offset;
	uint64_t by_linear = 0, by_physical = 0;
	struct jump *jump = jump_slot(cpu, ip);
	struct source source;
	struct fetch *f;
	struct block *b;
	unsigned rest;
	bool kept = false;

	if (most > BLOCK_LIMIT)
		most = BLOCK_LIMIT;
	/* A budget at its end is used up by the blocks there are, as far as they fit. */
	if (jump->ip == ip && jump->context == cpu->context && jump->insn->run != op_BLOCK_DEAD &&
	    block_of(jump->insn)->count <= most)
		return jump->insn;
	if (branch_is_bad(cpu, ip)) {
		cpu_raise_error(cpu, VECTOR_GP, 0);
		return NULL;
	}
	f = fetch_page(cpu, linear);
	if (!f)
		return NULL;
	blocks->scratch_live = false;
	rest = code_rest(cpu, ip);
	if (unlikely(cpu->hooked & HOOKED_CODE)) {
		by_linear = linear;
		by_physical = f->physical + offset;
	}
	if (f->backing != NO_BACKING && !cpu->machine->options.single_step_blocks) {
		for (b = blocks->hash[hash_of(f->backing + offset, ip)]; b; b = b->hash_next)
			if (b->backing == f->backing + offset && b->ip == ip && b->mode == cpu->mode &&
			    b->cs_limit == cs_limit && b->linear == by_linear &&
			    b->physical == by_physical && !b->dead &&
			    (b->cut ? b->cut == most : b->count <= most)) {
				int same = same_second_page(cpu, b, linear);

				if (same < 0)
					return NULL;
				if (!same)
					continue;
				if (!b->cut)
					*jump = (struct jump){ ip, cpu->context, b->insn };
				return b->insn;
			}
		kept = most == BLOCK_LIMIT || cut_before(blocks, ip, most);
	}
	b = scratch(blocks);
	if (kept) {
		b = allocate(cpu);
		f = fetch_page(cpu, linear);    /* a flush forgot it */
		if (!f)
			return NULL;
	}
	*b = (struct block){ .backing = f->backing + offset, .backing2 = NO_BACKING, .ip = ip,
			     .linear = by_linear, .physical = by_physical };
	source = (struct source){ .bytes = f->bytes ? f->bytes + offset : NULL,
				  .available = rest < in_page ? rest : in_page,
				  .limited = rest <= in_page };
	if (!f->bytes || f->backing == NO_BACKING ||
	    !build(cpu, b, &source, cpu->machine->options.single_step_blocks ? 1 : most)) {
		/* Crosses the page, or is not in RAM at all. */
		if (!f->bytes)
			b = scratch(blocks);
		*b = (struct block){ .backing = f->backing + offset, .backing2 = NO_BACKING, .ip = ip,
				     .linear = by_linear, .physical = by_physical };
		if (!build_crossing(cpu, b, f, linear, in_page < 15 ? in_page : 15, rest))
			return NULL;
		/* Of bytes that are no RAM nobody says when they change: not to be kept. */
		if (b != scratch(blocks) && b->backing2 == NO_BACKING) {
			memcpy(scratch(blocks), b, block_size(b));
			b = scratch(blocks);
		}
	}
	if (b == scratch(blocks)) {
		/* Like one that is kept: what it overwrites of itself is to be decoded again. */
		blocks->scratch_live = f->backing != NO_BACKING && most > 1;
		if (blocks->scratch_live) {
			memory_mark_code(cpu->machine, f->backing, true);
			if (b->backing2 != NO_BACKING)
				memory_mark_code(cpu->machine, b->backing2, true);
		}
		return b->insn;
	}
	keep(cpu, b);
	if (most < BLOCK_LIMIT && b->count == most)
		b->cut = b->count;
	else
		*jump = (struct jump){ ip, cpu->context, b->insn };
	return b->insn;
}

/* ---- Dropping -------------------------------------------------------------------------------- */

static bool overlaps(const struct block *b, uint64_t backing, size_t count)
{
	uint64_t first = b->backing & PAGE_MASK, page = b->backing & ~(uint64_t)PAGE_MASK;
	uint64_t in_first = PAGE_SIZE - first;

	if (b->backing2 == NO_BACKING || b->bytes <= in_first)
		return b->backing < backing + count && backing < b->backing + b->bytes;
	return (b->backing < backing + count && backing < page + PAGE_SIZE) ||
	       (b->backing2 < backing + count && backing < b->backing2 + b->bytes - in_first);
}

bool block_overlaps(struct cpu *cpu, uint64_t backing, size_t count)
{
	size_t list = (backing >> PAGE_BITS) % PAGES_SIZE;

	if (cpu->blocks->scratch_live && overlaps(scratch(cpu->blocks), backing, count))
		return true;
	for (struct block *b = cpu->blocks->pages[list]; b; b = page_list_next(b, list))
		if (!b->dead && overlaps(b, backing, count))
			return true;
	return false;
}

static struct block **page_list_link(struct block *b, size_t list)
{
	return (b->backing >> PAGE_BITS) % PAGES_SIZE == list ? &b->page_next : &b->page2_next;
}

static void page_unlink(struct blocks *blocks, struct block *dead, uint64_t backing)
{
	size_t list = (backing >> PAGE_BITS) % PAGES_SIZE;
	struct block **at = &blocks->pages[list];

	while (*at && *at != dead)
		at = page_list_link(*at, list);
	if (*at)
		*at = *page_list_link(dead, list);
}

static void kill(struct blocks *blocks, struct block *dead)
{
	struct block **at = &blocks->hash[hash_of(dead->backing, dead->ip)];

	while (*at && *at != dead)
		at = &(*at)->hash_next;
	if (*at)
		*at = dead->hash_next;
	page_unlink(blocks, dead, dead->backing);
	if (dead->backing2 != NO_BACKING)
		page_unlink(blocks, dead, dead->backing2);
	dead->dead = true;
	dead->insn[0].run = op_BLOCK_DEAD;
	dead->insn[0].ip = dead->ip;
}

void cpu_code_written(struct cbx_machine *machine, uint64_t backing, size_t count)
{
	struct cpu *cpu = machine->cpu;

	while (count) {
		size_t in_page = PAGE_SIZE - (backing & PAGE_MASK), part = count < in_page ? count : in_page;
		size_t list = (backing >> PAGE_BITS) % PAGES_SIZE;
		uint64_t page = backing & ~(uint64_t)PAGE_MASK;
		bool any = cpu->blocks->scratch_live;
		struct block *next;

		if (any && overlaps(scratch(cpu->blocks), backing, part))
			cpu->code_writes++;
		for (struct block *b = cpu->blocks->pages[list]; b; b = next) {
			next = page_list_next(b, list);
			if (overlaps(b, backing, part)) {
				kill(cpu->blocks, b);
				cpu->code_writes++;
			} else if ((b->backing & ~(uint64_t)PAGE_MASK) == page || b->backing2 == page) {
				any = true;
			}
		}
		if (!any && ++cpu->blocks->calm[list] >= CALM) {
			cpu->blocks->calm[list] = 0;
			memory_mark_code(machine, page, false);
		}
		backing += part;
		count -= part;
	}
}

void block_split_at(struct cpu *cpu, uint64_t ip)
{
	uint64_t linear = code_linear(cpu, ip);
	const struct fetch *f = fetch_page(cpu, linear);

	cpu->blocks->split[(ip ^ ip >> 12) % SPLIT_SIZE] = ~ip;
	if (f && f->backing != NO_BACKING)
		cpu_code_written(cpu->machine, f->backing + (linear & PAGE_MASK), 1);
}
