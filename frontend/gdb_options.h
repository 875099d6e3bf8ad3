/* The text behind -gdb: where gdb comes from, and what it is told of the processor. */
#ifndef FRONTEND_GDB_OPTIONS_H
#define FRONTEND_GDB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <clearbox/gdb.h>

struct gdb_option {
	enum { GDB_UNSET, GDB_NONE, GDB_TCP, GDB_UNIX, GDB_STDIO } kind;
	char path[256];                 /* UNIX: the name; TCP: the host, "localhost" when none was said */
	char port[32];                  /* TCP */
	enum cbx_gdb_architecture architecture;
	bool physical;
};

/* False: problem (512 bytes) has why, and what to try. */
bool gdb_option_parse(struct gdb_option *option, const char *text, char *problem, size_t problem_size);

#endif
