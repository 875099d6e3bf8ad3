/* Expressions over numbers, registers, memory and symbols, as the monitor takes them. */
#ifndef FRONTEND_EXPRESSION_H
#define FRONTEND_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cbx_machine;
struct symbols;

/*
 * Evaluates text: C's operators on unsigned 64-bit numbers; 10, 0x1f, 'a'; $rip, $eax, $cs.base
 * ...; names of symbols, and of registers without $ where no symbol has the name; byte(A), word(A),
 * dword(A), qword(A) at linear addresses, pbyte(A) and so on at physical ones.  Nothing is
 * changed.  False: error says why.  symbols may be NULL.
 */
bool expression_evaluate(struct cbx_machine *machine, const struct symbols *symbols,
			 const char *text, uint64_t *value, char *error, size_t error_size);

#endif
