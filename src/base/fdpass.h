/* File descriptors that travel over Unix sockets. No state, any thread. */
#ifndef KILN_BASE_FDPASS_H
#define KILN_BASE_FDPASS_H

#include <sys/types.h>

/**
 * As send() without SIGPIPE; `fd` (-1: none) goes with the first byte. Borrowed: the receiver gets
 * one of its own. -1 with errno.
 */
ssize_t kiln_fd_send(int sock, const void *data, size_t len, int fd);
/**
 * As recv(); *ret_fd: one that came with the bytes, close-on-exec, the caller's, or -1. It belongs
 * to the last message that the bytes begin: the kernel gives nothing of what was sent after it in
 * the same call. More than one with a message: the first; the kernel closes the others.
 */
ssize_t kiln_fd_recv(int sock, void *data, size_t len, int *ret_fd);

#endif
