/* Expressions: a parser by precedence that evaluates as it reads. */
#include "expression.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clearbox/machine.h>

#include "symbols.h"

enum { DEPTH_MAX = 100 };

struct parser {
	struct cbx_machine *machine;
	const struct symbols *symbols;
	const char *at;
	unsigned depth;
	bool failed, skip;              /* skip: the value is not wanted, so memory is not read */
	char *error;
	size_t error_size;
};

static uint64_t fail(struct parser *p, const char *what, const char *text, size_t length)
{
	if (!p->failed)
		snprintf(p->error, p->error_size, "%.*s%s%s", (int)(length < 60 ? length : 60),
			 text, length ? ": " : "", what);
	p->failed = true;
	return 0;
}

static void blanks(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t')
		p->at++;
}

/* ---- Registers ------------------------------------------------------------------------ */

static bool read_register(struct cbx_machine *machine, const char *name, uint64_t *value)
{
	for (unsigned i = 0; i < CBX_REGISTER_COUNT; i++) {
		const char *have = cbx_register_name((enum cbx_register)i);

		if (have && !strcmp(have, name))
			return !cbx_register_read(machine, (enum cbx_register)i, value);
	}
	return false;
}

/* eax, ax, al, ah, r8d, r8w, r8b, and names that people use. */
static bool part_register(struct cbx_machine *machine, const char *name, size_t length,
			  uint64_t *value)
{
	static const struct {
		const char *name, *whole;
		unsigned shift;
		uint64_t mask;
	} others[] = {
		{ "eip", "rip", 0, UINT32_MAX },  { "ip", "rip", 0, 0xffff },
		{ "flags", "rflags", 0, 0xffff }, { "eflags", "rflags", 0, UINT32_MAX },
		{ "al", "rax", 0, 255 },	  { "ah", "rax", 8, 255 },
		{ "bl", "rbx", 0, 255 },	  { "bh", "rbx", 8, 255 },
		{ "cl", "rcx", 0, 255 },	  { "ch", "rcx", 8, 255 },
		{ "dl", "rdx", 0, 255 },	  { "dh", "rdx", 8, 255 },
		{ "sil", "rsi", 0, 255 },	  { "dil", "rdi", 0, 255 },
		{ "bpl", "rbp", 0, 255 },	  { "spl", "rsp", 0, 255 },
	};
	char whole[32];

	if (!strcmp(name, "pc")) { /* where the next instruction is, as a linear address */
		uint64_t base = 0, efer = 0, attributes = 0;

		read_register(machine, "rip", value);
		cbx_register_read(machine, CBX_CS_BASE, &base);
		cbx_register_read(machine, CBX_EFER, &efer);
		cbx_register_read(machine, CBX_CS_ATTRIBUTES, &attributes);
		if (!(efer & 0x400) || !(attributes & 0x2000))
			*value = (*value + base) & UINT32_MAX;
		return true;
	}
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strcmp(name, others[i].name) || !read_register(machine, others[i].whole, value))
			continue;
		*value = *value >> others[i].shift & others[i].mask;
		return true;
	}
	if (length == 3 && name[0] == 'e') {
		snprintf(whole, sizeof(whole), "r%s", name + 1);
		if (!read_register(machine, whole, value))
			return false;
		*value &= UINT32_MAX;
		return true;
	}
	if (length == 2) {
		snprintf(whole, sizeof(whole), "r%s", name);
		if (!read_register(machine, whole, value))
			return false;
		*value &= 0xffff;
		return true;
	}
	if (length >= 3 && length <= 4 && name[0] == 'r' && strchr("dwb", name[length - 1])) {
		snprintf(whole, sizeof(whole), "%.*s", (int)length - 1, name);
		if (!read_register(machine, whole, value))
			return false;
		*value &= name[length - 1] == 'd'   ? UINT32_MAX
			  : name[length - 1] == 'w' ? 0xffff
						    : 0xff;
		return true;
	}
	return false;
}

static bool find_register(struct cbx_machine *machine, const char *text, size_t length,
			  uint64_t *value)
{
	char name[24], base[32];

	if (length >= sizeof(name))
		return false;
	for (size_t i = 0; i < length; i++)
		name[i] = (char)tolower((unsigned char)text[i]);
	name[length] = 0;
	if (read_register(machine, name, value) || part_register(machine, name, length, value))
		return true;
	/* cs.base as the library spells it */
	for (size_t i = 0; i <= length; i++)
		base[i] = name[i] == '.' ? '_' : name[i];
	return read_register(machine, base, value);
}

/* ---- Values -------------------------------------------------------------------------------- */

static uint64_t parse_binary(struct parser *p, unsigned level);

static uint64_t load(struct parser *p, uint64_t address, unsigned width, bool physical)
{
	uint8_t bytes[8];
	uint64_t value = 0;
	char where[40];

	if (p->failed || p->skip)
		return 0;
	if (physical ? cbx_memory_read(p->machine, address, bytes, width) :
		       cbx_linear_read(p->machine, address, bytes, width)) {
		snprintf(where, sizeof(where), "0x%llx", (unsigned long long)address);
		return fail(p, physical ? "no memory is at this physical address" :
			    "no memory is at this linear address", where, strlen(where));
	}
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)bytes[i] << 8 * i;
	return value;
}

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && !memcmp(text, word, length);
}

static uint64_t parse_name(struct parser *p)
{
	static const char *const loads[] = { "byte",  "word",  "dword",	 "qword",
					     "pbyte", "pword", "pdword", "pqword" };
	const char *text = p->at;
	uint64_t value = 0;
	bool dollar = *text == '$';
	size_t length = dollar;

	while (isalnum((unsigned char)text[length]) ||
	       (text[length] && strchr("_.@", text[length])))
		length++;
	p->at += length;
	blanks(p);
	if (*p->at == '(') {
		for (unsigned i = 0; i < 8; i++) {
			if (!is_word(text, length, loads[i]))
				continue;
			p->at++;
			value = parse_binary(p, 0);
			blanks(p);
			if (*p->at != ')')
				return fail(p, "a ) is missing", text, length);
			p->at++;
			return load(p, value, 1u << (i & 3), i >= 4);
		}
	}
	if (dollar)
		return find_register(p->machine, text + 1, length - 1, &value) ? value :
		       fail(p, "no such register; info registers shows them", text, length);
	if (p->symbols && symbols_find(p->symbols, text, length, &value))
		return value;
	if (find_register(p->machine, text, length, &value))
		return value;
	return fail(p, "neither a symbol nor a register; the symbols command loads names", text,
		    length);
}

static uint64_t parse_unary(struct parser *p)
{
	uint64_t value;
	char *end;

	blanks(p);
	if (++p->depth > DEPTH_MAX)
		return fail(p, "too deep", "", 0);
	if (*p->at == '(') {
		p->at++;
		value = parse_binary(p, 0);
		blanks(p);
		if (*p->at != ')')
			value = fail(p, "a ) is missing", "", 0);
		else
			p->at++;
	} else if (*p->at && strchr("-~!+*", *p->at)) {
		char sign = *p->at++;

		value = parse_unary(p);
		value = sign == '-' ? 0 - value : sign == '~' ? ~value : sign == '!' ? !value :
			sign == '*' ? load(p, value, 8, false) : value;
	} else if (*p->at == '\'' && p->at[1] && p->at[2] == '\'') {
		value = (unsigned char)p->at[1];
		p->at += 3;
	} else if (isdigit((unsigned char)*p->at)) {
		errno = 0;
		value = strtoull(p->at, &end,
				 p->at[0] == '0' && tolower((unsigned char)p->at[1]) == 'x' ? 16
											    : 10);
		if (errno || isalnum((unsigned char)*end))
			value = fail(p, "not a number", p->at, strcspn(p->at, " \t"));
		p->at = end;
	} else if (isalpha((unsigned char)*p->at) || *p->at == '_' || *p->at == '$' ||
		   *p->at == '.') {
		value = parse_name(p);
	} else {
		value = fail(p,
			     *p->at ? "a value is expected here" : "a value is missing at the end",
			     p->at, strlen(p->at));
	}
	p->depth--;
	return value;
}

/* ---- Operators ------------------------------------------------------------------------------- */

static const struct operator {
	const char *text;
	unsigned level;
}
operators[] = { { "||", 1 }, { "&&", 2 }, { "==", 6 }, { "!=", 6 }, { "<=", 7 }, { ">=", 7 },
		{ "<<", 8 }, { ">>", 8 }, { "|", 3 },  { "^", 4 },  { "&", 5 },	 { "<", 7 },
		{ ">", 7 },  { "+", 9 },  { "-", 9 },  { "*", 10 }, { "/", 10 }, { "%", 10 } };

static uint64_t apply(struct parser *p, const char *op, uint64_t a, uint64_t b)
{
	switch (op[0] + (op[1] ? op[1] << 8 : 0)) {
	case '|' + ('|' << 8):
		return a || b;
	case '&' + ('&' << 8):
		return a && b;
	case '=' + ('=' << 8):
		return a == b;
	case '!' + ('=' << 8):
		return a != b;
	case '<' + ('=' << 8):
		return a <= b;
	case '>' + ('=' << 8):
		return a >= b;
	case '<' + ('<' << 8):
		return b < 64 ? a << b : 0;
	case '>' + ('>' << 8):
		return b < 64 ? a >> b : 0;
	case '|':
		return a | b;
	case '^':
		return a ^ b;
	case '&':
		return a & b;
	case '<':
		return a < b;
	case '>':
		return a > b;
	case '+':
		return a + b;
	case '-':
		return a - b;
	case '*':
		return a * b;
	case '/':
	case '%':
		if (!b)
			return p->skip ? 0 : fail(p, "a division by zero", "", 0);
		return op[0] == '/' ? a / b : a % b;
	}
	return 0;
}

static uint64_t parse_binary(struct parser *p, unsigned level)
{
	uint64_t value = parse_unary(p), right;

	while (!p->failed) {
		const struct operator *op = NULL;
		bool skip = p->skip;

		blanks(p);
		for (unsigned i = 0; i < sizeof(operators) / sizeof(operators[0]) && !op; i++)
			if (!strncmp(p->at, operators[i].text, strlen(operators[i].text)))
				op = &operators[i];
		if (!op || op->level <= level)
			return value;
		p->at += strlen(op->text);
		/* As in C: what need not be looked at is not. */
		if ((op->level == 1 && value) || (op->level == 2 && !value))
			p->skip = true;
		right = parse_binary(p, op->level);
		p->skip = skip;
		value = apply(p, op->text, value, right);
	}
	return 0;
}

bool expression_evaluate(struct cbx_machine *machine, const struct symbols *symbols,
			 const char *text, uint64_t *value, char *error, size_t error_size)
{
	struct parser p = { .machine = machine, .symbols = symbols, .at = text, .error = error,
			    .error_size = error_size };

	*value = parse_binary(&p, 0);
	blanks(&p);
	if (!p.failed && *p.at)
		fail(&p, "nothing can follow here", p.at, strlen(p.at));
	return !p.failed;
}
