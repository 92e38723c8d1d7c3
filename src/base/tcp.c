/*
 * Names are looked up by a thread, because getaddrinfo can neither be cancelled nor bounded: a
 * lookup that nobody waits for any more ends by itself, and whoever is last frees it.
 */
#include "base/tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/thread.h"

struct lookup {
    atomic_int users; /* of caller and thread */
    char *host;
    char port[12];
    int done; /* eventfd; the fields below are the caller's once it is readable */
    int failed;
    struct addrinfo *found;
};

static void lookup_unref(struct lookup *l)
{
    if (atomic_fetch_sub(&l->users, 1) > 1)
        return;
    if (l->found)
        freeaddrinfo(l->found);
    kiln_fd_closep(&l->done);
    free(l->host);
    free(l);
}

static int resolve(struct lookup *l, int flags)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = flags | AI_NUMERICSERV,
    };

    return getaddrinfo(*l->host ? l->host : NULL, l->port, &hints, &l->found);
}

static void *lookup_run(void *ud)
{
    struct lookup *l = ud;

    l->failed = resolve(l, AI_ADDRCONFIG);
    (void)eventfd_write(l->done, 1);
    lookup_unref(l);
    return NULL;
}

static bool lookup_name(struct lookup *l, struct kiln_cancel *c, int64_t deadline,
                        struct kiln_err *err)
{
    pthread_t thread;
    eventfd_t n;

    l->done = eventfd(0, EFD_CLOEXEC);
    if (l->done < 0)
        return kiln_err_sys(err, errno, "eventfd");
    atomic_fetch_add(&l->users, 1);
    if (!kiln_thread_start(&thread, "lookup", lookup_run, l, err)) {
        atomic_fetch_sub(&l->users, 1);
        return false;
    }
    if (kiln_wait_fd(c, l->done, POLLIN, deadline, err) != KILN_WAIT_READY) {
        (void)pthread_detach(thread);
        return kiln_err_wrap(err, "dial tcp: lookup %s", l->host);
    }
    (void)pthread_join(thread, NULL); /* it has nothing left to do but to give back memory */
    (void)eventfd_read(l->done, &n);
    if (l->failed == EAI_NONAME)
        return kiln_err_set(err, KILN_ERR_REMOTE, "dial tcp: lookup %s: no such host", l->host);
    if (l->failed != 0)
        return kiln_err_set(err, KILN_ERR_REMOTE, "dial tcp: lookup %s: %s", l->host,
                            gai_strerror(l->failed));
    return true;
}

static struct lookup *lookup_new(const char *host, int port)
{
    struct lookup *l = kiln_xcalloc(1, sizeof(*l));
    size_t len = strlen(host);
    bool brackets = len > 1 && host[0] == '[' && host[len - 1] == ']';

    atomic_init(&l->users, 1);
    l->host = brackets ? kiln_xstrndup(host + 1, len - 2) : kiln_xstrdup(host);
    l->done = -1;
    (void)snprintf(l->port, sizeof(l->port), "%d", port);
    return l;
}

static bool dial_failed(const struct kiln_tcp_addr *to, int os_errno, struct kiln_err *err)
{
    char host[64] = "?", port[12] = "?", text[128];
    bool ipv6 = to->addr.ss_family == AF_INET6;

    (void)getnameinfo((const struct sockaddr *)&to->addr, to->len, host, sizeof(host), port,
                      sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    (void)kiln_err_set(err, KILN_ERR_REMOTE, "dial tcp %s%s%s:%s: connect: %s", ipv6 ? "[" : "",
                       host, ipv6 ? "]" : "", port, kiln_errno_go(os_errno, text, sizeof(text)));
    if (err)
        err->os_errno = os_errno;
    return false;
}

/* So that the kernel notices, in three minutes, if the other side has gone without a word: while
 * one waits for data nothing else would. The numbers are those of Go's dialer. */
static void keep_alive(int fd)
{
    int one = 1, seconds = 15;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
}

bool kiln_tcp_dial_begin(int *ret_fd, const struct kiln_tcp_addr *to, struct kiln_err *err)
{
    KILN_AUTO_FD fd = socket(to->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;

    if (fd < 0)
        return kiln_err_sys(err, errno, "make a socket");
    if (connect(fd, (const struct sockaddr *)&to->addr, to->len) != 0 && errno != EINPROGRESS)
        return dial_failed(to, errno, err);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    keep_alive(fd);
    *ret_fd = fd;
    fd = -1; /* handed over */
    return true;
}

bool kiln_tcp_dial_end(int fd, const struct kiln_tcp_addr *to, struct kiln_err *err)
{
    int os_errno = 0;
    socklen_t len = sizeof(os_errno);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &os_errno, &len) != 0)
        return kiln_err_sys(err, errno, "getsockopt");
    return os_errno == 0 || dial_failed(to, os_errno, err);
}

static bool dial(int *ret_fd, const struct kiln_tcp_addr *to, struct kiln_cancel *c,
                 int64_t deadline, struct kiln_err *err)
{
    KILN_AUTO_FD fd = -1;

    if (!kiln_tcp_dial_begin(&fd, to, err) ||
        kiln_wait_fd(c, fd, POLLOUT, deadline, err) != KILN_WAIT_READY ||
        !kiln_tcp_dial_end(fd, to, err))
        return false;
    *ret_fd = fd;
    fd = -1; /* handed over */
    return true;
}

void kiln_tcp_addrs_done(struct kiln_tcp_addrs *a)
{
    free(a->v);
    *a = (struct kiln_tcp_addrs){ 0 };
}

bool kiln_tcp_lookup(struct kiln_tcp_addrs *ret, const char *host, int port, struct kiln_cancel *c,
                     int64_t deadline, struct kiln_err *err)
{
    struct lookup *l = lookup_new(host, port);
    bool ok = resolve(l, AI_NUMERICHOST) == 0 || lookup_name(l, c, deadline, err);
    size_t n = 0;

    for (const struct addrinfo *to = ok ? l->found : NULL; to; to = to->ai_next)
        n++;
    if (ok)
        *ret = (struct kiln_tcp_addrs){ .v = kiln_xcalloc(n + 1, sizeof(*ret->v)) };
    for (const struct addrinfo *to = ok ? l->found : NULL; to; to = to->ai_next) {
        struct kiln_tcp_addr *addr = &ret->v[ret->n++];

        addr->len = to->ai_addrlen;
        memcpy(&addr->addr, to->ai_addr, to->ai_addrlen);
    }
    lookup_unref(l);
    return ok;
}

bool kiln_tcp_connect(int *ret_fd, const char *host, int port, struct kiln_cancel *c,
                      int64_t deadline, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_tcp_addrs_done) struct kiln_tcp_addrs addrs = { 0 };
    KILN_AUTO_ERR why = { 0 };

    if (!kiln_tcp_lookup(&addrs, host, port, c, deadline, err))
        return false;
    for (size_t i = 0; i < addrs.n; i++) {
        if (dial(ret_fd, &addrs.v[i], c, deadline, &why))
            return true;
        if (why.kind != KILN_ERR_REMOTE)
            break;
    }
    if (why.kind == KILN_ERR_TIMEOUT)
        return kiln_err_set(err, KILN_ERR_TIMEOUT, "dial tcp %s:%d: i/o timeout", host, port);
    return kiln_err_move(err, &why);
}
