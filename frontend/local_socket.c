/* Names of Unix sockets: one that an earlier server left behind would be in the way. */
#include "local_socket.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

void local_socket_clear(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat about;
	int probe;

	/* A connection to a file that is no socket is refused as well. */
	if (lstat(path, &about) || !S_ISSOCK(about.st_mode))
		return;
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (probe < 0)
		return;
	snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", path);
	if (connect(probe, (struct sockaddr *)&address, sizeof(address)) && errno == ECONNREFUSED)
		unlink(path);
	close(probe);
}
