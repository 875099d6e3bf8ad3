/* -audio and the sound cards of -device. */
#ifndef FRONTEND_AUDIO_OPTIONS_H
#define FRONTEND_AUDIO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <clearbox/pc.h>

/* Where the machine's sound goes. */
struct audio_option {
	enum { AUDIO_DEFAULT, AUDIO_NONE, AUDIO_SDL, AUDIO_WAV } kind;
	const char *file;               /* WAV */
};

/* The cards.  One that was not asked for gets out of the way of others. */
struct sound_option {
	bool asked;                     /* -device sb16 or adlib, or -nodefaults: no card by default */
	bool adlib;
	struct cbx_sound_card_options card;
};

/* false: problem says why, and what to try. */
bool audio_option_parse(struct audio_option *option, const char *value, char *problem,
			size_t problem_size);
/* "sb16" or "adlib" with what follows; *known: it is one of those two. */
bool sound_option_parse(struct sound_option *option, const char *value, bool *known, char *problem,
			size_t problem_size);
/* Puts the cards into *pc, where the network cards are already. */
bool sound_option_place(const struct sound_option *option, struct cbx_pc_options *pc, char *problem,
			size_t problem_size);

#endif
