#include "net/port.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/random.h"

void kiln_port_done(struct kiln_port *p)
{
    kiln_fd_closep(&p->listen_fd);
    kiln_fd_closep(&p->lock_fd);
    p->port = 0;
}

bool kiln_port_sockaddr(const char *address, int port, struct sockaddr_storage *ret_addr,
                        socklen_t *ret_len, struct kiln_err *err)
{
    struct sockaddr_storage addr = { 0 };
    struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)&addr;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&addr;

    if (kiln_streq(address, "localhost"))
        address = "127.0.0.1";
    if (inet_pton(AF_INET, address, &in4->sin_addr) == 1) {
        in4->sin_family = AF_INET;
        in4->sin_port = htons((uint16_t)port);
        *ret_len = sizeof(*in4);
    } else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        *ret_len = sizeof(*in6);
    } else {
        return kiln_err_set(err, KILN_ERR_USER,
                            "'%s' is no address to listen on (write a number, such as 127.0.0.1)",
                            address);
    }
    *ret_addr = addr;
    return true;
}

bool kiln_port_is_own(const char *address)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    KILN_AUTO_FD fd = -1;

    if (inet_pton(AF_INET, address, &addr.sin_addr) != 1)
        return false;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && bind(fd, (const struct sockaddr *)(const void *)&addr, sizeof(addr)) == 0;
}

enum probe { PROBE_FREE, PROBE_TAKEN, PROBE_LOCKED, PROBE_ERROR };

/* Bind and listen: only a listening socket makes two programs with SO_REUSEADDR collide. */
static enum probe try_listen(const struct kiln_port_search *how, int port, int *ret_fd,
                             struct kiln_err *err)
{
    const char *address = how->address;
    struct sockaddr_storage addr = { 0 };
    socklen_t len = 0;
    const int on = 1, v6only = how->v6only;
    KILN_AUTO_FD fd = -1;

    if (!kiln_port_sockaddr(address, port, &addr, &len, err))
        return PROBE_ERROR;
    fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        kiln_err_sys(err, errno, "socket for %s", address);
        return PROBE_ERROR;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (addr.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
    if (bind(fd, (struct sockaddr *)&addr, len) != 0 || listen(fd, SOMAXCONN) != 0) {
        if (errno == EADDRINUSE)
            return PROBE_TAKEN;
        kiln_err_sys(err, errno, "listen on %s port %d", address, port);
        return PROBE_ERROR;
    }
    *ret_fd = fd;
    fd = -1;
    return PROBE_FREE;
}

static enum probe try_port(const struct kiln_port_search *how, const char *lock_dir, int port,
                           struct kiln_port *ret, struct kiln_err *err)
{
    KILN_AUTO_PORT p = KILN_PORT_INIT;
    KILN_AUTO_FREE char *lock_path = kiln_xasprintf("%s/%d", lock_dir, port);
    enum probe result;

    switch (kiln_lock_try(lock_path, &p.lock_fd, err)) {
    case KILN_LOCK_TAKEN:
        break;
    case KILN_LOCK_BUSY:
        return PROBE_LOCKED;
    case KILN_LOCK_ERROR:
        return PROBE_ERROR;
    }
    result = try_listen(how, port, &p.listen_fd, err);
    if (result != PROBE_FREE)
        return result;
    if (!how->listen)
        kiln_fd_closep(&p.listen_fd);
    p.port = port;
    *ret = p;
    p = (struct kiln_port)KILN_PORT_INIT;
    return PROBE_FREE;
}

/* Each port of the range once. FREE, ERROR, or what stood in the way: LOCKED if any was locked. */
static enum probe search_once(const struct kiln_port_search *how, const char *lock_dir,
                              unsigned *ret_locked, struct kiln_port *ret, struct kiln_err *err)
{
    unsigned n = (unsigned)(how->max - how->min) + 1;
    unsigned start = kiln_random_below(n);
    unsigned locked = 0;

    for (unsigned i = 0; i < n; i++) {
        int port = how->min + (int)((start + i) % n);

        switch (try_port(how, lock_dir, port, ret, err)) {
        case PROBE_FREE:
            return PROBE_FREE;
        case PROBE_ERROR:
            return PROBE_ERROR;
        case PROBE_LOCKED:
            locked++;
            break;
        case PROBE_TAKEN:
            break;
        }
    }
    *ret_locked = locked;
    return locked ? PROBE_LOCKED : PROBE_TAKEN;
}

static bool none_free(const struct kiln_port_search *how, unsigned locked, struct kiln_err *err)
{
    unsigned taken = (unsigned)(how->max - how->min) + 1 - locked;

    return kiln_err_set(err, KILN_ERR_USER,
                        "no free port on %s between %d and %d: %u in use by other programs, %u "
                        "reserved by other builds (widen the range in the template)",
                        how->address, how->min, how->max, taken, locked);
}

static bool wait_for_others(const struct kiln_port_search *how, struct kiln_cancel *c,
                            unsigned locked, struct kiln_err *err)
{
    int64_t left = how->deadline == KILN_NEVER ? KILN_NEVER : how->deadline - kiln_cancel_now(c);

    if (left <= 0) {
        none_free(how, locked, err);
        if (err)
            err->kind = KILN_ERR_TIMEOUT;
        return false;
    }
    if (!kiln_wait_us(c, left < KILN_MS(200) ? left : KILN_MS(200), err))
        return kiln_err_wrap(err, "wait for a port between %d and %d", how->min, how->max);
    return true;
}

static void tell_waiting(const struct kiln_port_search *how, unsigned locked)
{
    KILN_AUTO_FREE char *text =
        kiln_xasprintf("Waiting for a port between %d and %d: %u of them held by other builds",
                       how->min, how->max, locked);

    if (how->on_wait)
        how->on_wait(how->ud, text);
}

static char *lock_directory(const struct kiln_port_search *how, struct kiln_err *err)
{
    KILN_AUTO_FREE char *cache = how->lock_dir ? NULL : kiln_fs_cache_dir();
    char *dir = how->lock_dir ? kiln_xstrdup(how->lock_dir) : kiln_path_join(cache, "port");

    if (!kiln_fs_mkdirs(dir, 0700, err)) {
        free(dir);
        return NULL;
    }
    return dir;
}

bool kiln_port_take(const struct kiln_port_search *how, struct kiln_cancel *c,
                    struct kiln_port *ret_port, struct kiln_err *err)
{
    KILN_AUTO_FREE char *dir = NULL;

    assert(how->address);
    if (how->min < 1 || how->max > 65535 || how->min > how->max)
        return kiln_err_set(err, KILN_ERR_USER, "%d to %d is no range of ports", how->min,
                            how->max);
    dir = lock_directory(how, err);
    if (!dir)
        return false;
    for (bool told = false;; told = true) {
        unsigned locked = 0;

        switch (search_once(how, dir, &locked, ret_port, err)) {
        case PROBE_FREE:
            return true;
        case PROBE_ERROR:
            return false;
        case PROBE_TAKEN:
            return none_free(how, 0, err);
        case PROBE_LOCKED:
            break;
        }
        if (!how->wait)
            return none_free(how, locked, err);
        if (!told)
            tell_waiting(how, locked);
        if (!wait_for_others(how, c, locked, err))
            return false;
    }
}
