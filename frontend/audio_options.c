/* Reading -audio, -device sb16 and -device adlib: see audio_options.h. */
#include "audio_options.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"

static const char audio_advice[] = "there is sdl, wav=FILE and none";
static const char card_advice[] = "try -device sb16,iobase=0x220,irq=5,dma=1,dma16=5,midi=0x330";

bool audio_option_parse(struct audio_option *option, const char *value, char *problem,
			size_t problem_size)
{
	struct nearest nearest = { .given = value, .length = strcspn(value, "=:,") };

	if (!strcmp(value, "none")) {
		option->kind = AUDIO_NONE;
	} else if (!strcmp(value, "sdl")) {
#ifdef HAVE_SDL
		option->kind = AUDIO_SDL;
#else
		snprintf(problem, problem_size, "this clearbox was built without SDL; try -audio wav=FILE");
		return false;
#endif
	} else if (!strncmp(value, "wav=", 4) && value[4]) {
		option->kind = AUDIO_WAV;
		option->file = value + 4;
	} else if (!strncmp(value, "wav", 3)) {
		snprintf(problem, problem_size, "it does not name a file; try -audio wav=sound.wav");
		return false;
	} else {
		nearest_offer(&nearest, "none");
		nearest_offer(&nearest, "sdl");
		nearest_offer(&nearest, "wav");
		if (nearest.word)
			snprintf(problem, problem_size, "no such place for sound; did you mean %s?",
				 nearest.word);
		else
			snprintf(problem, problem_size, "no such place for sound; %s", audio_advice);
		return false;
	}
	return true;
}

/* A number that is one of those in a list that ends with 0. */
static bool number_of(const char *text, const unsigned *allowed, unsigned *number)
{
	char *end;
	unsigned long value;

	if (!isdigit((unsigned char)*text))
		return false;
	value = strtoul(text, &end, 0);
	for (; *allowed; allowed++)
		if (!*end && value == *allowed) {
			*number = *allowed;
			return true;
		}
	return false;
}

static bool take_item(struct cbx_sound_card_options *card, const char *key, const char *value,
		      char *problem, size_t problem_size)
{
	static const unsigned ports[] = { 0x220, 0x240, 0x260, 0x280, 0 };
	static const unsigned midi_ports[] = { 0x300, 0x330, 0 }, irqs[] = { 5, 7, 9, 10, 0 };
	static const unsigned dmas[] = { 1, 3, 0 }, dmas16[] = { 5, 6, 7, 0 };
	unsigned number = 0;
	const char *choice;
	bool good;

	if (!strcmp(key, "iobase")) {
		good = number_of(value, ports, &number);
		card->port = (uint16_t)number;
		choice = "iobase is 0x220, 0x240, 0x260 or 0x280";
	} else if (!strcmp(key, "midi")) {
		good = number_of(value, midi_ports, &number);
		card->midi_port = (uint16_t)number;
		choice = "midi is 0x300 or 0x330";
	} else if (!strcmp(key, "irq")) {
		good = number_of(value, irqs, &number);
		card->irq = (uint8_t)number;
		choice = "irq is 5, 7, 9 or 10";
	} else if (!strcmp(key, "dma")) {
		good = number_of(value, dmas, &number);
		card->dma = (uint8_t)number;
		choice = "dma is 1 or 3";
	} else if (!strcmp(key, "dma16")) {
		good = number_of(value, dmas16, &number);
		card->dma16 = (uint8_t)number;
		choice = "dma16 is 5, 6 or 7";
	} else {
		good = false;
		choice = "there is iobase=, irq=, dma=, dma16= and midi=";
	}
	if (!good)
		snprintf(problem, problem_size, "%s; %s", choice, card_advice);
	return good;
}

bool sound_option_parse(struct sound_option *option, const char *value, bool *known, char *problem,
			size_t problem_size)
{
	size_t length = strcspn(value, ",");
	bool sb16 = length == 4 && !strncmp(value, "sb16", 4);

	*known = sb16 || (length == 5 && !strncmp(value, "adlib", 5));
	if (!*known)
		return false;
	option->asked = true;
	if (!sb16) {
		option->adlib = true;
		if (value[length])
			snprintf(problem, problem_size, "an AdLib has nothing to set; try -device adlib");
		return !value[length];
	}
	option->card.present = true;
	while (value[length]) {
		char key[32], item[32];
		const char *equals;

		value += length + 1;
		length = strcspn(value, ",");
		equals = memchr(value, '=', length);
		if (!equals)
			equals = value + length;
		snprintf(key, sizeof(key), "%.*s", (int)(equals - value), value);
		snprintf(item, sizeof(item), "%.*s", (int)(value + length - equals), equals);
		if (!take_item(&option->card, key, *item ? item + 1 : item, problem, problem_size))
			return false;
	}
	return true;
}

/* Is it an ISA network card with one of these ports, or this IRQ? */
static bool has_port(const struct cbx_card_options *card, unsigned first, unsigned count)
{
	unsigned port = card->port ? card->port : 0x300;

	return card->kind == CBX_CARD_NE2000_ISA && port < first + count && first < port + 32;
}

static bool has_irq(const struct cbx_card_options *card, unsigned irq)
{
	return card->kind == CBX_CARD_NE2000_ISA && (card->irq ? card->irq : 5u) == irq;
}

static bool irq_taken(const struct cbx_pc_options *pc, unsigned irq)
{
	for (unsigned n = 0; n < CBX_CARDS; n++)
		if (has_irq(&pc->card[n], irq))
			return true;
	return false;
}

static bool ports_taken(const struct cbx_pc_options *pc, unsigned first, unsigned count)
{
	for (unsigned n = 0; n < CBX_CARDS; n++)
		if (has_port(&pc->card[n], first, count))
			return true;
	return false;
}

/* What was not asked for goes elsewhere, or is left out. */
static void give_way(struct cbx_sound_card_options *card, const struct cbx_pc_options *pc)
{
	static const uint8_t irqs[] = { 5, 7, 10, 9 };
	static const uint16_t ports[] = { 0x220, 0x240, 0x260, 0x280 }, midi_ports[] = { 0x330, 0x300 };
	unsigned i;

	for (i = 0; i < sizeof(irqs) && irq_taken(pc, irqs[i]); i++)
		;
	card->present = i < sizeof(irqs);
	card->irq = card->present ? irqs[i] : 0;
	for (i = 0; i < 4 && ports_taken(pc, ports[i], 16); i++)
		;
	card->present = card->present && i < 4 && !ports_taken(pc, 0x388, 4);
	card->port = card->present ? ports[i] : 0;
	for (i = 0; i < 2 && ports_taken(pc, midi_ports[i], 2); i++)
		;
	card->present = card->present && i < 2;
	card->midi_port = card->present ? midi_ports[i] : 0;
}

bool sound_option_place(const struct sound_option *option, struct cbx_pc_options *pc, char *problem,
			size_t problem_size)
{
	const struct cbx_sound_card_options *card = &option->card;
	unsigned irq = card->irq ? card->irq : 5;

	pc->adlib = option->adlib;
	pc->sound_card = *card;
	if (!option->asked) {
		give_way(&pc->sound_card, pc);
		return true;
	}
	if (card->present && irq_taken(pc, irq)) {
		snprintf(problem, problem_size, "IRQ %u is a network card's already; try irq=%u", irq,
			 irq == 5 ? 7 : 5);
		return false;
	}
	if ((card->present && (ports_taken(pc, card->port ? card->port : 0x220, 16) ||
			       ports_taken(pc, card->midi_port ? card->midi_port : 0x330, 2))) ||
	    ((card->present || option->adlib) && ports_taken(pc, 0x388, 4))) {
		snprintf(problem, problem_size, "a network card has ports of the sound card; "
			 "try another iobase= for one of them");
		return false;
	}
	return true;
}
