/*
 * The raw form of a CD-ROM mode 1 sector (ECMA-130, clauses 14 and 15, annexes A and B):
 * sync pattern, header, user data, error detection code, and the P and Q parity bytes
 * of a product code over GF(256).
 */
#include "atapi.h"

#include <string.h>

enum {
	P_OFFSET = 2076, Q_OFFSET = 2248, P_COLUMNS = 86, P_ROWS = 24, Q_DIAGONALS = 52,
	Q_STEPS = 43
};

static uint8_t to_bcd(unsigned value)
{
	return (uint8_t)(value / 10 % 10 << 4 | value % 10);
}

void cd_address_msf(uint32_t lba, uint8_t msf[3])
{
	uint64_t frames = (uint64_t)lba + 150;

	msf[0] = (uint8_t)(frames / (75 * 60));
	msf[1] = (uint8_t)(frames / 75 % 60);
	msf[2] = (uint8_t)(frames % 75);
}

/* CRC with the polynomial (x^16 + x^15 + x^2 + 1)(x^16 + x^2 + x + 1), lowest bit first. */
static uint32_t edc(const uint8_t *bytes, size_t count)
{
	uint32_t crc = 0;

	for (size_t i = 0; i < count; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xd8018001) : 0);
	}
	return crc;
}

/* Times the primitive element of the field of x^8 + x^4 + x^3 + x^2 + 1. */
static uint8_t times_alpha(uint8_t value)
{
	return (uint8_t)(value << 1 ^ (value & 0x80 ? 0x1d : 0));
}

/* Divides by alpha + 1: the powers of alpha + 1 repeat after 255. */
static uint8_t over_alpha_plus_one(uint8_t value)
{
	for (unsigned i = 0; i < 254; i++)
		value ^= times_alpha(value);
	return value;
}

/*
 * Two parity bytes a and b for the bytes at offsets of one codeword: the sum of all is 0,
 * and so is the sum weighted by falling powers of alpha.  With s the plain sum and w the
 * weighted one of the data, a * alpha + b = w and a + b = s.
 */
struct parity {
	uint8_t sum, weighted;
};

static void parity_add(struct parity *parity, uint8_t byte)
{
	parity->sum ^= byte;
	parity->weighted = (uint8_t)(times_alpha(parity->weighted) ^ byte);
}

static void parity_finish(const struct parity *parity, uint8_t *a, uint8_t *b)
{
	/* Two more steps of the weighting for the two parity bytes themselves. */
	uint8_t weighted = times_alpha(times_alpha(parity->weighted));

	*a = over_alpha_plus_one(weighted ^ parity->sum);
	*b = *a ^ parity->sum;
}

static void build_parity(uint8_t *sector)
{
	/* The code covers header to Q parity: offsets from byte 12. */
	uint8_t *base = sector + 12;

	for (unsigned column = 0; column < P_COLUMNS; column++) {
		struct parity parity = { 0, 0 };

		for (unsigned row = 0; row < P_ROWS; row++)
			parity_add(&parity, base[row * P_COLUMNS + column]);
		parity_finish(&parity, &sector[P_OFFSET + column],
			      &sector[P_OFFSET + P_COLUMNS + column]);
	}
	for (unsigned diagonal = 0; diagonal < Q_DIAGONALS; diagonal++) {
		struct parity parity = { 0, 0 };

		/* Words of two bytes; a diagonal takes even or odd bytes and wraps around. */
		for (unsigned step = 0; step < Q_STEPS; step++) {
			unsigned word = (diagonal / 2 * 43 + step * 44) % 1118;

			parity_add(&parity, base[word * 2 + diagonal % 2]);
		}
		parity_finish(&parity, &sector[Q_OFFSET + diagonal],
			      &sector[Q_OFFSET + Q_DIAGONALS + diagonal]);
	}
}

void cd_sector_build(uint8_t sector[CD_RAW_BYTES], uint32_t lba)
{
	uint8_t msf[3];
	uint32_t code;

	sector[0] = sector[11] = 0;
	memset(sector + 1, 0xff, 10);
	cd_address_msf(lba, msf);
	for (unsigned i = 0; i < 3; i++)
		sector[12 + i] = to_bcd(msf[i]);
	sector[15] = 1;
	code = edc(sector, CD_EDC_OFFSET);
	for (unsigned i = 0; i < 4; i++)
		sector[CD_EDC_OFFSET + i] = (uint8_t)(code >> (8 * i));
	memset(sector + CD_EDC_OFFSET + 4, 0, 8);
	build_parity(sector);
}
