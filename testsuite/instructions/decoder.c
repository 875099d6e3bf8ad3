/*
 * The decoder against Zydis: random byte strings as 16-bit and 32-bit code are an instruction
 * or none, and as long, for both.
 *
 *	decoder [--count N] [--seed S]
 *
 * Zydis knows instructions that are younger than ours; what it calls one of these is left out.
 */
#include <Zydis/Zydis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "decode.h"

enum { BYTES = 16, SHOWN = 20 };

static uint64_t random_state;

static uint32_t random32(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)(z >> 32 ^ z);
}

static void some_bytes(uint8_t *bytes)
{
	static const uint8_t prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x66, 0x67, 0x67, 0xf0,
					    0xf2, 0xf3 };
	unsigned at = 0;

	for (unsigned n = 0; n < BYTES; n++)
		bytes[n] = (uint8_t)random32();
	while (at < BYTES && random32() % 3 == 0)
		bytes[at++] = prefixes[random32() % sizeof prefixes];
	if (at < BYTES && random32() % 3 == 0)
		bytes[at] = 0x0f;
}

static bool is_ours(ZydisISASet set)
{
	switch (set) {
	case ZYDIS_ISA_SET_I86: case ZYDIS_ISA_SET_I186: case ZYDIS_ISA_SET_I286PROTECTED:
	case ZYDIS_ISA_SET_I286REAL: case ZYDIS_ISA_SET_I386: case ZYDIS_ISA_SET_I486:
	case ZYDIS_ISA_SET_I486REAL: case ZYDIS_ISA_SET_PENTIUMREAL: case ZYDIS_ISA_SET_PPRO:
	case ZYDIS_ISA_SET_CMOV: case ZYDIS_ISA_SET_FCMOV: case ZYDIS_ISA_SET_FAT_NOP:
	case ZYDIS_ISA_SET_LAHF: case ZYDIS_ISA_SET_PAUSE: case ZYDIS_ISA_SET_RDPMC:
	case ZYDIS_ISA_SET_FXSAVE: case ZYDIS_ISA_SET_X87: case ZYDIS_ISA_SET_PREFETCH_NOP:
		return true;
	default:
		return false;
	}
}

static void start(ZydisDecoder *decoder, unsigned bits)
{
	static const ZydisDecoderMode newer[] = { ZYDIS_DECODER_MODE_MPX, ZYDIS_DECODER_MODE_CET,
		ZYDIS_DECODER_MODE_LZCNT, ZYDIS_DECODER_MODE_TZCNT, ZYDIS_DECODER_MODE_WBNOINVD,
		ZYDIS_DECODER_MODE_CLDEMOTE };

	ZydisDecoderInit(decoder, bits == 16 ? ZYDIS_MACHINE_MODE_LEGACY_16 : ZYDIS_MACHINE_MODE_LEGACY_32,
			 bits == 16 ? ZYDIS_STACK_WIDTH_16 : ZYDIS_STACK_WIDTH_32);
	for (unsigned n = 0; n < sizeof newer / sizeof *newer; n++)
		ZydisDecoderEnableMode(decoder, newer[n], ZYAN_FALSE);
}

/* Control registers that do not exist: the handler raises #UD. */
static bool refused_later(const struct decoded *d)
{
	return (d->op == OP_MOV_Rd_Cd || d->op == OP_MOV_Cd_Rd) && (d->reg == 1 || d->reg > 4);
}

static uint64_t compared, left_out, failed;

static void compare(const ZydisDecoder *decoder, const uint8_t *bytes, unsigned bits)
{
	ZydisDecodedInstruction theirs;
	struct decoded ours;
	enum decode_status status = decode(bytes, BYTES, bits, 0, 0xffffffffu, &ours);
	ZyanStatus result = ZydisDecoderDecodeInstruction(decoder, NULL, bytes, BYTES, &theirs);
	bool valid = ZYAN_SUCCESS(result), our_valid = status == DECODE_OK && !refused_later(&ours);

	if (valid && !is_ours(theirs.meta.isa_set)) {
		left_out++;
		return;
	}
	compared++;
	if (valid == our_valid && (!valid || theirs.length == ours.length))
		return;
	if (failed++ >= SHOWN)
		return;
	printf("%u bits:", bits);
	for (unsigned n = 0; n < BYTES; n++)
		printf(" %02x", bytes[n]);
	printf("\n    Zydis: %s, length %u; ours: %s, status %d, length %u\n",
	       valid ? ZydisMnemonicGetString(theirs.mnemonic) : "none", valid ? theirs.length : 0,
	       op_info[ours.op].name, status, ours.length);
}

int main(int argc, char **argv)
{
	uint64_t count = 1000000, seed = 1;
	ZydisDecoder decoders[2];

	for (int n = 1; n + 1 < argc; n += 2) {
		if (!strcmp(argv[n], "--count"))
			count = strtoull(argv[n + 1], NULL, 0);
		if (!strcmp(argv[n], "--seed"))
			seed = strtoull(argv[n + 1], NULL, 0);
	}
	printf("seed %" PRIu64 "\n", seed);
	random_state = seed;
	start(&decoders[0], 16);
	start(&decoders[1], 32);
	for (uint64_t n = 0; n < count; n++) {
		uint8_t bytes[BYTES];

		some_bytes(bytes);
		compare(&decoders[n & 1], bytes, n & 1 ? 32 : 16);
	}
	printf("%" PRIu64 " compared, %" PRIu64 " left out as younger\n", compared, left_out);
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", compared - failed, failed);
	return failed || !compared;
}
