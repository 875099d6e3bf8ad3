/* Monitor commands that do something to the machine: run, stop, reset, keys, mouse, media,
 * pictures. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <clearbox/input.h>

#include "drives.h"
#include "monitor_commands.h"
#include "screenshot.h"
#include "session.h"
#include "state_file.h"

static bool run_stop(struct monitor_call *call)
{
	call->session->paused = true;
	return true;
}

static bool run_cont(struct monitor_call *call)
{
	struct session *session = call->session;

	session->paused = false;
	if (session->stop.reason != CBX_STOP_TRIPLE_FAULT)
		return true;
	/* As a board does that sees the processor shut down. */
	session->stop.reason = CBX_STOP_REQUEST;
	return !cbx_reset_button(session->machine);
}

static bool run_quit(struct monitor_call *call)
{
	call->session->quit = true;
	return true;
}

static bool done(struct monitor_call *call, enum cbx_status status)
{
	if (status == CBX_OK)
		return true;
	if (status == CBX_ERROR_UNSUPPORTED)
		return monitor_fail(call, "this machine has no such thing; it is no PC");
	if (status == CBX_ERROR_LIMIT)
		return monitor_fail(call,
				    "the guest has not taken what came before; try again later");
	return monitor_fail(call, "%s", cbx_machine_error(call->session->machine));
}

static bool run_reset(struct monitor_call *call)
{
	return done(call, cbx_reset_button(call->session->machine));
}

static bool run_power(struct monitor_call *call)
{
	return done(call, cbx_power_button(call->session->machine));
}

static bool run_mouse_move(struct monitor_call *call)
{
	int64_t moves[3] = { 0 };

	for (unsigned i = 0; i < call->count; i++) {
		if (!monitor_number(call, call->words[i], &moves[i]))
			return false;
		if (moves[i] < -100000 || moves[i] > 100000)
			return monitor_fail(call, "%.40s: at most 100000", call->words[i]);
	}
	return done(call, cbx_mouse(call->session->machine, (int)moves[0], (int)moves[1],
				    (int)moves[2], call->session->mouse_buttons));
}

static bool run_mouse_button(struct monitor_call *call)
{
	int64_t buttons;

	if (!monitor_number(call, call->words[0], &buttons))
		return false;
	if (buttons < 0 || buttons > 7)
		return monitor_fail(call, "it takes a sum of 1 (left), 2 (right) and 4 (middle)");
	call->session->mouse_buttons = (unsigned)buttons;
	return done(call, cbx_mouse(call->session->machine, 0, 0, 0, (unsigned)buttons));
}

static bool run_type(struct monitor_call *call)
{
	const char *wrong = "";

	if (key_queue_add_text(&call->session->keys, call->words[0], &wrong))
		return true;
	return monitor_fail(call,
			    "\"%.40s\" is no character or key; there are \\n \\t \\b \\e \\\\ and "
			    "names such as \\{f2}, \\{ctrl-c}",
			    wrong);
}

static bool run_screendump(struct monitor_call *call)
{
	return screenshot_write(call->session->machine, call->words[0]);
}

static bool run_sendkey(struct monitor_call *call)
{
	for (unsigned i = 0; i < call->count; i++) {
		struct key key = key_of_name(call->words[i], strlen(call->words[i]));

		if (!key.usage)
			return monitor_fail(call,
					    "%.80s is no key; there are a, 1, ret, esc, f1, up, "
					    "ctrl-alt-delete, shift-tab ...",
					    call->words[i]);
	}
	for (unsigned i = 0; i < call->count; i++)
		key_queue_add(&call->session->keys,
			      key_of_name(call->words[i], strlen(call->words[i])));
	return true;
}

static int device(struct monitor_call *call)
{
	const struct drives *drives = &call->session->drives;
	int drive = drive_find(drives, call->words[0]);

	if (drive < 0 || !drives->drive[drive].present) {
		monitor_fail(call, "%.80s is no drive; info block lists them", call->words[0]);
		return -1;
	}
	return drive;
}

static bool run_change(struct monitor_call *call)
{
	struct session *session = call->session;
	int drive = device(call);

	return drive >= 0 && drive_change(&session->drives, session->machine, (unsigned)drive,
					  call->words[1]);
}

static bool run_eject(struct monitor_call *call)
{
	struct session *session = call->session;
	int drive;

	/* QEMU's: eject although the guest has locked it.  Here the user always may. */
	if (!strcmp(call->words[0], "-f") && call->count == 2)
		call->words[0] = call->words[1];
	else if (call->count == 2)
		return monitor_fail(call, "%.80s: there is -f only; try eject %.80s",
				    call->words[0], call->words[1]);
	drive = device(call);
	return drive >= 0 &&
	       drive_change(&session->drives, session->machine, (unsigned)drive, NULL);
}

static bool run_savevm(struct monitor_call *call)
{
	return state_file_save(call->session, call->words[0]);
}

static bool run_loadvm(struct monitor_call *call)
{
	return state_file_load(call->session, call->words[0]);
}

const struct monitor_command monitor_machine_commands[] = {
	{ "stop", "s", "", "stops the machine until cont", run_stop },
	{ "cont", "c", "", "lets it go on", run_cont },
	{ "system_reset", NULL, "", "presses the reset button", run_reset },
	{ "system_powerdown", NULL, "", "presses the power button", run_power },
	{ "quit", "q", "", "ends the program", run_quit },
	{ "savevm", NULL, "FILE", "saves the machine's state", run_savevm },
	{ "loadvm", NULL, "FILE", "loads one: the machine is again as it was then", run_loadvm },
	{ "sendkey", NULL, "KEYS ...", "types keys: a, ret, f2, ctrl-alt-delete, shift-tab ...",
	  run_sendkey },
	{ "type", NULL, "TEXT", "types text with the escapes of -type: type \"root\\n\"",
	  run_type },
	{ "mouse_move", NULL, "DX DY [DZ]", "moves the mouse, in counts; DZ turns its wheel",
	  run_mouse_move },
	{ "mouse_button", NULL, "BUTTONS", "a sum of 1 (left), 2 (right), 4 (middle); 0 lets go",
	  run_mouse_button },
	{ "screendump", NULL, "FILE", "writes the picture as .png or .ppm", run_screendump },
	{ "change", NULL, "DEVICE FILE",
	  "puts another medium into a drive: change cdrom system.iso", run_change },
	{ "eject", NULL, "[-f] DEVICE", "takes the medium out of a drive", run_eject },
	{ NULL, NULL, NULL, NULL, NULL }
};
