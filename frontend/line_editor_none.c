/* Without libedit there is no line editor: lines come as the terminal gives them. */
#include "monitor_port.h"

struct line_editor *line_editor_new(struct session *session)
{
	(void)session;
	return NULL;
}

void line_editor_free(struct line_editor *editor)
{
	(void)editor;
}

void line_editor_begin(struct line_editor *editor)
{
	(void)editor;
}

void line_editor_end(struct line_editor *editor)
{
	(void)editor;
}

void line_editor_bytes(struct line_editor *editor, const uint8_t *bytes, size_t count,
		       void (*take)(void *user, const char *line), void *user)
{
	(void)editor;
	(void)bytes;
	(void)count;
	(void)take;
	(void)user;
}
