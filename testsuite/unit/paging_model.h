/*
 * What PAE and 4-level page tables allow, said once more from the manual's text and not from the
 * code's (SDM 3A 4.4 to 4.7); test_paging.c holds the core to it, paging_kvm.c the host's KVM.
 */
#ifndef TESTSUITE_UNIT_PAGING_MODEL_H
#define TESTSUITE_UNIT_PAGING_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100,
	F_P = 1, F_W = 2, F_U = 4, F_RSVD = 8, F_I = 16,
};
#define NX (1ull << 63)

enum kind { READ, WRITE, EXECUTE, IMPLICIT_READ, IMPLICIT_WRITE, KINDS };

/* What one entry says, in words. */
struct level {
	bool present, writable, user, no_execute, large, high_bit, low_bit;
};

struct setting {
	bool pae, wp, smep, smap, ac, nxe, cpl3, gigabyte;
};

struct expected {
	bool fault;
	uint32_t error;
	unsigned leaf;                  /* of the levels */
};

static inline struct expected model(const struct level *levels, const struct setting *mode,
				    enum kind kind)
{
	bool as_user = mode->cpl3 && kind <= EXECUTE, write = kind == WRITE || kind == IMPLICIT_WRITE;
	bool may_write = true, user_page = true, may_run = true, reserved = false, present = true;
	struct expected e = { .fault = false };
	unsigned n = mode->pae ? 1 : 3;

	for (;; n--) {
		const struct level *l = &levels[n];
		bool leaf = n == 0 || l->large;

		if (!l->present) {
			present = false;
			break;
		}
		if (l->no_execute && !mode->nxe)
			reserved = true;
		if (l->high_bit)
			reserved = true;
		if (l->large && (n == 3 || (n == 2 && !mode->gigabyte)))
			reserved = true;
		if (l->large && n > 0 && l->low_bit)
			reserved = true;
		if (reserved)
			break;
		may_write = may_write && l->writable;
		user_page = user_page && l->user;
		may_run = may_run && !l->no_execute;
		if (leaf)
			break;
	}
	e.leaf = n;
	if (as_user) {
		e.fault = !user_page || (write && !may_write);
	} else {
		e.fault = write && !may_write && mode->wp;
		if (user_page && kind == EXECUTE)
			e.fault = mode->smep;
		if (user_page && kind != EXECUTE && mode->smap &&
		    !(mode->ac && kind <= EXECUTE && !mode->cpl3))
			e.fault = true;
	}
	if (kind == EXECUTE && !may_run)
		e.fault = true;
	if (!present || reserved)
		e.fault = true;
	e.error = (present || reserved ? F_P : 0u) | (write ? F_W : 0u) | (as_user ? F_U : 0u) |
		  (reserved ? F_RSVD : 0u) | (kind == EXECUTE && (mode->nxe || mode->smep) ? F_I : 0u);
	return e;
}

#endif
