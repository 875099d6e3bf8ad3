/* Between the files of the monitor: a command's call, and the tables that make up the one table. */
#ifndef FRONTEND_MONITOR_COMMANDS_H
#define FRONTEND_MONITOR_COMMANDS_H

#include <stdint.h>

#include "monitor.h"

#if defined(__GNUC__)
#define MONITOR_FORMAT __attribute__((format(printf, 2, 3)))
#else
#define MONITOR_FORMAT
#endif

enum { MONITOR_LINE = 4096, MONITOR_WORDS = 16 };

struct monitor_call {
	struct session *session;
	void (*output)(void *user, const char *text);
	void *user;
	const char *name;               /* of the command */
	const char *format;             /* what followed the name after a slash, "" */
	const char *rest;               /* the line after the name, as it was given */
	unsigned count;
	char *words[MONITOR_WORDS];     /* the arguments */
};

/*
 * arguments is what help shows and what decides how many there may be: words in capitals,
 * [optional], "..." for any number more.  Completion knows FILE, DEVICE, TOPIC, COMMAND,
 * ADDRESS, EXPRESSION.
 */
struct monitor_command {
	const char *name, *other;       /* another spelling, NULL: none */
	const char *arguments;
	const char *help;
	bool (*run)(struct monitor_call *call);
};

/* Tables end in a NULL name. */
extern const struct monitor_command monitor_machine_commands[], monitor_memory_commands[],
	monitor_paging_commands[], monitor_debug_commands[], monitor_history_commands[];
/* of info */
extern const struct monitor_command monitor_topics[], monitor_state_topics[],
	monitor_paging_topics[], monitor_debug_topics[], monitor_history_topics[];

void monitor_print(struct monitor_call *call, const char *format, ...) MONITOR_FORMAT;
/* Says what is wrong, with the command's name before it; always false. */
bool monitor_fail(struct monitor_call *call, const char *format, ...) MONITOR_FORMAT;
/* The same for a word that is none of those a table has; looks for the nearest. */
bool monitor_unknown(struct monitor_call *call, const char *what, const char *word,
		     const char *(*name)(unsigned n));

/* A number, decimal or 0x..., all of the word; complains otherwise. */
bool monitor_number(struct monitor_call *call, const char *word, int64_t *value);

/* monitor_memory.c: an expression's value; an address as NAME+0xOFFSET, "" if it has no name. */
bool monitor_value(struct monitor_call *call, const char *text, uint64_t *value);
const char *monitor_symbol(struct session *session, uint64_t address, char *text, size_t size);
/* 16, 32 or 64: what code is at CS:RIP. */
unsigned monitor_code_bits(struct session *session);
/* Prints count instructions from address on. */
bool monitor_disassemble(struct monitor_call *call, bool physical, uint64_t address,
			 unsigned count);

#endif
