/* Names of Unix sockets that this program listens at. */
#ifndef FRONTEND_LOCAL_SOCKET_H
#define FRONTEND_LOCAL_SOCKET_H

/* Removes the name of a socket that nobody listens at any more; whatever else has it stays. */
void local_socket_clear(const char *path);

#endif
