#include "run/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"

/* *ret_dir: to be kept open while the address is in use. */
static bool address(const char *dir, struct sockaddr_un *ret, int *ret_dir)
{
    int n;

    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    n = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/" KILN_SOCKET_NAME, dir);
    if (n > 0 && (size_t)n < sizeof(ret->sun_path))
        return true;
    *ret_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*ret_dir < 0)
        return false;
    (void)snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/" KILN_SOCKET_NAME,
                   *ret_dir);
    return true;
}

int kiln_socket_listen(const char *dir, struct kiln_err *err)
{
    KILN_AUTO_FD dir_fd = -1;
    struct sockaddr_un at;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && address(dir, &at, &dir_fd) &&
        bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    (void)kiln_err_sys(err, errno, "listen at %s/" KILN_SOCKET_NAME, dir);
    kiln_fd_closep(&fd);
    return -1;
}

int kiln_socket_connect(const char *dir, struct kiln_err *err)
{
    KILN_AUTO_FD dir_fd = -1;
    struct sockaddr_un at;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && address(dir, &at, &dir_fd) &&
        connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    (void)kiln_err_sys(err, errno, "connect to %s/" KILN_SOCKET_NAME, dir);
    kiln_fd_closep(&fd);
    return -1;
}
