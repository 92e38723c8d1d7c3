#include "base/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fs.h"
#include "base/mem.h"

/* *ret_dir: to be kept open while the address is in use. False with errno. */
static bool address(const char *path, struct sockaddr_un *ret, int *ret_dir)
{
    KILN_AUTO_FREE char *dir = kiln_path_dir(path);
    int n = 0;

    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) < sizeof(ret->sun_path)) {
        memcpy(ret->sun_path, path, strlen(path));
        return true;
    }
    *ret_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*ret_dir < 0)
        return false;
    n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", *ret_dir,
                 kiln_path_base(path));
    errno = ENAMETOOLONG;
    return n > 0 && (size_t)n < sizeof(ret->sun_path);
}

int kiln_unix_connect(const char *path, int flags, struct kiln_err *err)
{
    KILN_AUTO_FD dir = -1;
    struct sockaddr_un at;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    if (fd >= 0 && address(path, &at, &dir) &&
        connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    (void)kiln_err_sys(err, errno, "connect to %s", path);
    kiln_fd_closep(&fd);
    return -1;
}

int kiln_unix_listen(const char *path, int flags, struct kiln_err *err)
{
    KILN_AUTO_FD dir = -1;
    struct sockaddr_un at;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    if (fd >= 0 && address(path, &at, &dir) &&
        bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    (void)kiln_err_sys(err, errno, "listen at %s", path);
    kiln_fd_closep(&fd);
    return -1;
}
