#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/macros.h"

/* Packer removes some of its lock files: a lock on a file that has lost its name guards nothing. */
static bool still_named(int fd, const char *path)
{
    struct stat mine, named;

    return fstat(fd, &mine) == 0 && stat(path, &named) == 0 && mine.st_dev == named.st_dev &&
           mine.st_ino == named.st_ino;
}

enum kiln_lock_result kiln_lock_try(const char *path, int *ret_fd, struct kiln_err *err)
{
    for (;;) {
        KILN_AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0) {
            kiln_err_sys(err, errno, "open lock file %s", path);
            return KILN_LOCK_ERROR;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK)
                return KILN_LOCK_BUSY;
            if (errno == EINTR)
                continue;
            kiln_err_sys(err, errno, "lock %s", path);
            return KILN_LOCK_ERROR;
        }
        if (still_named(fd, path)) {
            *ret_fd = fd;
            fd = -1;
            return KILN_LOCK_TAKEN;
        }
    }
}

bool kiln_lock_wait(const char *path, struct kiln_cancel *c, void (*on_wait)(void *ud), void *ud,
                    int *ret_fd, struct kiln_err *err)
{
    for (bool told = false;; told = true) {
        switch (kiln_lock_try(path, ret_fd, err)) {
        case KILN_LOCK_TAKEN:
            return true;
        case KILN_LOCK_ERROR:
            return false;
        case KILN_LOCK_BUSY:
            break;
        }
        if (!told && on_wait)
            on_wait(ud);
        if (!kiln_wait_us(c, KILN_MS(200), err))
            return kiln_err_wrap(err, "wait for lock %s", path);
    }
}
