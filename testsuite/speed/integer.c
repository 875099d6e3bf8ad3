/* Integer code as compilers make it: hashes, sorts, tables, compression, a bytecode loop. */
#include "work.h"

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

/* The rounds of SHA-256, with constants of our own: the work is the same. */
static void hash_block(uint32_t state[8], const uint32_t k[64], const uint8_t *data)
{
	uint32_t w[64], s[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)data[i * 4] << 24 | (uint32_t)data[i * 4 + 1] << 16 |
			(uint32_t)data[i * 4 + 2] << 8 | data[i * 4 + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];
		w[i] = w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
			(rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
	memcpy(s, state, sizeof(s));
	for (int i = 0; i < 64; i++) {
		uint32_t t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
			((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
		uint32_t t2 = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
			((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		for (int j = 7; j > 0; j--)
			s[j] = s[j - 1];
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		state[i] += s[i];
}

static uint32_t hash(uint32_t count)
{
	uint32_t k[64], state[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, seed = 1;

	for (uint32_t i = 0; i < 64; i++)
		k[i] = mix(i, seed);
	for (uint32_t i = 0; i < 16384; i++)
		arena[i] = (uint8_t)next_random(&seed);
	while (count--)
		for (uint32_t i = 0; i < 16384; i += 64)
			hash_block(state, k, arena + i);
	return state[0] ^ k[63];
}

static uint32_t crc(uint32_t count)
{
	uint32_t table[256], sum = 0, seed = 2;

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
		table[i] = c;
	}
	for (uint32_t i = 0; i < 65536; i++)
		arena[i] = (uint8_t)next_random(&seed);
	while (count--) {
		uint32_t c = ~sum;
		for (uint32_t i = 0; i < 65536; i++)
			c = table[(c ^ arena[i]) & 255] ^ c >> 8;
		sum = ~c;
	}
	return sum;
}

static void quicksort(int32_t *a, int32_t low, int32_t high)
{
	while (high - low > 12) {
		int32_t i = low, j = high, pivot = a[(low + high) / 2];
		while (i <= j) {
			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i <= j) {
				int32_t t = a[i];
				a[i++] = a[j];
				a[j--] = t;
			}
		}
		if (j - low < high - i) {
			quicksort(a, low, j);
			low = i;
		} else {
			quicksort(a, i, high);
			high = j;
		}
	}
	for (int32_t i = low + 1; i <= high; i++) {
		int32_t value = a[i], j = i;
		for (; j > low && a[j - 1] > value; j--)
			a[j] = a[j - 1];
		a[j] = value;
	}
}

static uint32_t sort(uint32_t count)
{
	int32_t *a = (int32_t *)(void *)arena;
	uint32_t sum = 0, seed = 3;

	while (count--) {
		for (uint32_t i = 0; i < 32768; i++)
			a[i] = (int32_t)next_random(&seed) - (1 << 23);
		quicksort(a, 0, 32767);
		for (uint32_t i = 0; i < 32768; i += 1024)
			sum = mix(sum, (uint32_t)a[i]);
	}
	return sum;
}

/* Records with names in a sorted list: the loads, stores, compares and calls of office programs. */
struct record {
	struct record *next;
	char name[20];
	int32_t kind;
	int32_t total;
};

static int compare_names(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (int)(unsigned char)*a - (int)(unsigned char)*b;
}

static void copy_name(char *to, const char *from)
{
	while ((*to++ = *from++))
		;
}

static struct record *__attribute__((noinline)) insert_record(struct record *list, struct record *one)
{
	struct record **place = &list;

	while (*place && compare_names((*place)->name, one->name) < 0)
		place = &(*place)->next;
	one->next = *place;
	*place = one;
	return list;
}

static uint32_t records(uint32_t count)
{
	struct record *pool = (struct record *)(void *)arena;
	uint32_t sum = 0, seed = 4;

	while (count--) {
		struct record *list = NULL;
		for (uint32_t i = 0; i < 200; i++) {
			char name[20] = "customer-";
			uint32_t number = next_random(&seed) % 10000;
			for (int d = 12; d >= 9; d--) {
				name[d] = (char)('0' + number % 10);
				number /= 10;
			}
			name[13] = 0;
			copy_name(pool[i].name, name);
			pool[i].kind = (int32_t)(i % 5);
			pool[i].total = 0;
			list = insert_record(list, &pool[i]);
		}
		int32_t running = 0;
		for (struct record *r = list; r; r = r->next) {
			switch (r->kind) {
			case 0: running += 3; break;
			case 1: running *= 2; break;
			case 2: running -= r->name[12]; break;
			case 3: running ^= r->name[11] << 4; break;
			default: running = running / 3 + 1; break;
			}
			r->total = running;
			sum = mix(sum, (uint32_t)running);
		}
	}
	return sum;
}

static uint32_t matrix(uint32_t count)
{
	enum { N = 64 };
	int32_t (*a)[N] = (void *)arena, (*b)[N] = (void *)(arena + 65536), (*c)[N] = (void *)(arena + 131072);
	uint32_t sum = 0, seed = 5;

	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			a[i][j] = (int32_t)(next_random(&seed) & 1023) - 512;
			b[i][j] = (int32_t)(next_random(&seed) & 1023) - 512;
		}
	while (count--) {
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++) {
				int32_t s = 0;
				for (int k = 0; k < N; k++)
					s += a[i][k] * b[k][j];
				c[i][j] = s;
			}
		for (int i = 0; i < N; i++) {
			sum = mix(sum, (uint32_t)c[i][(i * 7) % N]);
			a[i][i] = c[i][(i + 1) % N] & 1023;
		}
	}
	return sum;
}

/* A chained hash table of strings: insert, look up, count. */
struct word {
	struct word *next;
	uint32_t hash, uses;
	char text[12];
};

static uint32_t words(uint32_t count)
{
	struct word **table = (struct word **)(void *)arena;
	struct word *pool = (struct word *)(void *)(arena + 65536);
	uint32_t sum = 0, seed = 6;

	while (count--) {
		uint32_t used = 0;
		memset(table, 0, 1024 * sizeof(*table));
		for (uint32_t i = 0; i < 8000; i++) {
			char text[12];
			uint32_t r = next_random(&seed) % 3000, hash = 5381;
			int length = 0;
			do {
				text[length++] = (char)('a' + r % 7);
				r /= 7;
			} while (r);
			text[length] = 0;
			for (const char *c = text; *c; c++)
				hash = hash * 33 ^ (uint32_t)(unsigned char)*c;
			struct word *w = table[hash & 1023];
			while (w && (w->hash != hash || compare_names(w->text, text)))
				w = w->next;
			if (!w) {
				w = &pool[used++];
				copy_name(w->text, text);
				w->hash = hash;
				w->uses = 0;
				w->next = table[hash & 1023];
				table[hash & 1023] = w;
			}
			w->uses++;
		}
		for (uint32_t i = 0; i < used; i += 16)
			sum = mix(sum, pool[i].uses + pool[i].hash);
	}
	return sum;
}

/* A byte-oriented LZ77: hash of four bytes, one candidate, literals and copies; then back again. */
static uint32_t lz(uint32_t count)
{
	enum { SIZE = 65536 };
	uint8_t *plain = arena, *packed = arena + SIZE, *again = arena + 3 * SIZE;
	uint32_t *heads = (uint32_t *)(void *)(arena + 5 * SIZE);
	uint32_t sum = 0, seed = 7;

	for (uint32_t i = 0; i < SIZE;) {
		uint32_t r = next_random(&seed);
		if (i > 300 && r % 4) {
			uint32_t length = 4 + r / 4 % 24, back = 1 + r / 256 % 290;
			for (; length && i < SIZE; length--, i++)
				plain[i] = plain[i - back];
		} else {
			plain[i++] = (uint8_t)(' ' + r / 16 % 64);
		}
	}
	while (count--) {
		uint32_t in = 0, out = 0, literals = 0;
		memset(heads, 0xff, 4096 * sizeof(*heads));
		while (in + 4 < SIZE) {
			uint32_t four = (uint32_t)plain[in] | (uint32_t)plain[in + 1] << 8 |
				(uint32_t)plain[in + 2] << 16 | (uint32_t)plain[in + 3] << 24;
			uint32_t hash = four * 2654435761u >> 20, at = heads[hash], length = 0;
			heads[hash] = in;
			if (at != 0xffffffffu && in - at < 65536)
				while (length < 130 && in + length < SIZE && plain[at + length] == plain[in + length])
					length++;
			if (length < 4) {
				if (literals == 0)
					packed[out++] = 0;
				packed[out++] = plain[in++];
				literals++;
				packed[out - literals - 1] = (uint8_t)literals;
				if (literals == 120)
					literals = 0;
				continue;
			}
			literals = 0;
			packed[out++] = (uint8_t)(length + 122);
			packed[out++] = (uint8_t)(in - at);
			packed[out++] = (uint8_t)((in - at) >> 8);
			in += length;
		}
		uint32_t end = in, from = 0, to = 0;
		while (from < out) {
			uint32_t code = packed[from++];
			if (code < 126) {
				while (code--)
					again[to++] = packed[from++];
			} else {
				uint32_t length = code - 122, back = packed[from] | (uint32_t)packed[from + 1] << 8;
				from += 2;
				while (length--) {
					again[to] = again[to - back];
					to++;
				}
			}
		}
		sum = mix(sum, out);
		if (to != end || memcmp(plain, again, end))
			return 0xbad;
		plain[next_random(&seed) % SIZE] ^= 1;
	}
	return sum;
}

/* A bytecode interpreter running a small program: a switch in a loop. */
enum { OP_PUSH, OP_LOAD, OP_STORE, OP_ADD, OP_SUB, OP_MUL, OP_AND, OP_LESS, OP_JUMP, OP_JUMP_IF, OP_END };

static uint32_t __attribute__((noinline)) run_bytecode(const uint8_t *code, uint32_t *variables)
{
	uint32_t stack[32], *top = stack;

	for (;;) {
		switch (*code++) {
		case OP_PUSH: *top++ = *code++; break;
		case OP_LOAD: *top++ = variables[*code++]; break;
		case OP_STORE: variables[*code++] = *--top; break;
		case OP_ADD: top--; top[-1] += top[0]; break;
		case OP_SUB: top--; top[-1] -= top[0]; break;
		case OP_MUL: top--; top[-1] *= top[0]; break;
		case OP_AND: top--; top[-1] &= top[0]; break;
		case OP_LESS: top--; top[-1] = top[-1] < top[0]; break;
		case OP_JUMP: code += (int8_t)*code; break;
		case OP_JUMP_IF: code += *--top ? (int8_t)*code : 1; break;
		default: return variables[1];
		}
	}
}

static uint32_t interpreter(uint32_t count)
{
	/* a = 0; do { s = s * 5 + (a & 7); a = a + 1 } while (a < n); the answer is s */
	static const uint8_t program[] = {
		OP_PUSH, 0, OP_STORE, 0,
		OP_LOAD, 1, OP_PUSH, 5, OP_MUL, OP_LOAD, 0, OP_PUSH, 7, OP_AND, OP_ADD, OP_STORE, 1,
		OP_LOAD, 0, OP_PUSH, 1, OP_ADD, OP_STORE, 0,
		OP_LOAD, 0, OP_LOAD, 2, OP_LESS, OP_JUMP_IF, (uint8_t)-26, OP_END
	};
	uint32_t variables[4] = { 0, 1, 10000, 0 }, sum = 0;

	while (count--)
		sum = mix(sum, run_bytecode(program, variables));
	return sum;
}

static uint32_t sieve(uint32_t count)
{
	enum { LIMIT = 100000 };
	uint32_t sum = 0;

	while (count--) {
		uint32_t primes = 0;
		memset(arena, 1, LIMIT);
		for (uint32_t i = 2; i < LIMIT; i++) {
			if (!arena[i])
				continue;
			primes++;
			for (uint32_t j = i + i; j < LIMIT; j += i)
				arena[j] = 0;
		}
		sum = mix(sum, primes);
	}
	return sum;
}

/* Factorials in base 2^32: wide multiplies and carries. */
static uint32_t bignum(uint32_t count)
{
	uint32_t *digits = (uint32_t *)(void *)arena, sum = 0;

	while (count--) {
		uint32_t length = 1;
		digits[0] = 1;
		for (uint32_t n = 2; n < 600; n++) {
			uint32_t carry = 0;
			for (uint32_t i = 0; i < length; i++) {
				uint64_t product = (uint64_t)digits[i] * n + carry;
				digits[i] = (uint32_t)product;
				carry = (uint32_t)(product >> 32);
			}
			if (carry)
				digits[length++] = carry;
		}
		sum = mix(sum, digits[length / 2]);
	}
	return sum;
}

const struct work integer_works[] = {
	{ "hash", CLASS_INTEGER, hash, 75 },
	{ "crc", CLASS_INTEGER, crc, 180 },
	{ "sort", CLASS_INTEGER, sort, 20 },
	{ "records", CLASS_INTEGER, records, 150 },
	{ "matrix", CLASS_INTEGER, matrix, 60 },
	{ "words", CLASS_INTEGER, words, 60 },
	{ "lz", CLASS_INTEGER, lz, 60 },
	{ "interpreter", CLASS_INTEGER, interpreter, 60 },
	{ "sieve", CLASS_INTEGER, sieve, 70 },
	{ "bignum", CLASS_INTEGER, bignum, 150 },
	{ NULL, CLASS_INTEGER, NULL, 0 },
};
