#include "base/fdpass.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int))];
};

ssize_t kiln_fd_send(int sock, const void *data, size_t len, int fd)
{
    union control control = { 0 };
    struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *c = &control.head;

    if (fd < 0)
        return send(sock, data, len, MSG_NOSIGNAL);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(int));
    msg.msg_control = &control;
    msg.msg_controllen = sizeof(control);
    return sendmsg(sock, &msg, MSG_NOSIGNAL);
}

ssize_t kiln_fd_recv(int sock, void *data, size_t len, int *ret_fd)
{
    union control control = { 0 };
    struct iovec iov = { .iov_base = data, .iov_len = len };
    /* Not sizeof(control): its padding has room for a second one, which nobody would close. */
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = CMSG_LEN(sizeof(int)) };
    ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);

    *ret_fd = -1;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
    return n;
}
