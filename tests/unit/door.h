/*
 * A TCP port on 127.0.0.1 that treats each connection as it is told: the n-th connection gets the
 * n-th treatment, later ones the last. One thread; its struct is its own while it runs, but for the
 * counters.
 */
#ifndef KILN_TESTS_DOOR_H
#define KILN_TESTS_DOOR_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

enum treatment {
    DOOR_SILENT,  /* accept and say nothing, as QEMU does for a guest that is not there */
    DOOR_CLOSE,   /* close at once */
    DOOR_GARBAGE, /* talk, but not SSH */
    DOOR_ENDLESS, /* lines without an end in sight */
    DOOR_BANNER,  /* an SSH banner, then nothing */
    DOOR_MID_KEX, /* a banner, the server's first packet, then close */
    DOOR_CUT,     /* pass on to the server behind, and stop doing so after the key exchange */
    DOOR_SLOW,    /* pass on, but each answer takes DOOR_SLOWNESS: a guest without KVM */
    DOOR_OPEN,    /* pass on */
};

#define DOOR_MAX      64
#define DOOR_SLOWNESS KILN_MS(600)

struct door {
    int listener, stop, port;
    int behind; /* port of the real server; 0: none */
    const enum treatment *treatments;
    size_t n_treatments;
    pthread_t thread;
    atomic_int accepted, open, most_open;
    struct {
        enum treatment treatment;
        int in, out; /* out: to the server behind, or -1 */
        size_t passed;
        int64_t quiet_until; /* CLOCK_MONOTONIC */
    } c[DOOR_MAX];
    size_t n;
};

static inline int door_socket(int port, bool listening)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = listening ? bind(fd, (struct sockaddr *)&addr, sizeof(addr))
                       : connect(fd, (struct sockaddr *)&addr, sizeof(addr));

    if (rc != 0 || (listening && listen(fd, 16) != 0)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static inline void door_drop(struct door *d, size_t i)
{
    (void)close(d->c[i].in);
    if (d->c[i].out >= 0)
        (void)close(d->c[i].out);
    d->c[i].in = d->c[i].out = -1;
    atomic_fetch_sub(&d->open, 1);
}

static inline void door_say(int fd, const char *text, size_t len)
{
    (void)!send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static inline void door_accept(struct door *d)
{
    static const char banner[] = "SSH-2.0-Door\r\n";
    size_t nth = (size_t)atomic_fetch_add(&d->accepted, 1), i = d->n;
    int fd = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC), open;

    if (fd < 0 || d->n == DOOR_MAX)
        return;
    d->n++;
    open = atomic_fetch_add(&d->open, 1) + 1;
    if (open > atomic_load(&d->most_open))
        atomic_store(&d->most_open, open);
    d->c[i].treatment = d->treatments[nth < d->n_treatments ? nth : d->n_treatments - 1];
    d->c[i].in = fd;
    d->c[i].out = -1;
    switch (d->c[i].treatment) {
    case DOOR_SILENT:
        break;
    case DOOR_CLOSE:
        door_drop(d, i);
        break;
    case DOOR_GARBAGE:
        door_say(fd, "220 mail.example.org ESMTP\r\n\1\2\3\xff\r\nSSH-9.9-no\r\n", 43);
        break;
    case DOOR_ENDLESS:
        for (int k = 0; k < 1000; k++)
            door_say(fd, "and another thing, and another thing", 36);
        break;
    case DOOR_BANNER:
    case DOOR_MID_KEX:
        door_say(fd, banner, sizeof(banner) - 1);
        break;
    case DOOR_CUT:
    case DOOR_SLOW:
    case DOOR_OPEN:
        d->c[i].out = door_socket(d->behind, false);
        if (d->c[i].out < 0)
            door_drop(d, i);
        break;
    }
}

/* Something came from `from`. */
static inline void door_pass(struct door *d, size_t i, int from, int to)
{
    char buf[16384];
    ssize_t n = recv(from, buf, sizeof(buf), MSG_DONTWAIT);

    if (n <= 0 || d->c[i].treatment == DOOR_MID_KEX) {
        door_drop(d, i);
    } else if (to >= 0) {
        d->c[i].passed += (size_t)n;
        if (d->c[i].treatment == DOOR_CUT && d->c[i].passed > 1500)
            return; /* the guest reboots: not a word more */
        (void)!send(to, buf, (size_t)n, MSG_NOSIGNAL);
        if (d->c[i].treatment == DOOR_SLOW && from == d->c[i].in)
            d->c[i].quiet_until = kiln_clock_mono_us() + DOOR_SLOWNESS;
    }
}

static inline void *door_run(void *ud)
{
    struct door *d = ud;

    for (;;) {
        struct pollfd fds[2 + 2 * DOOR_MAX];
        size_t n = d->n;
        int64_t now = kiln_clock_mono_us();
        int timeout = -1;

        fds[0] = (struct pollfd){ .fd = d->stop, .events = POLLIN };
        fds[1] = (struct pollfd){ .fd = d->listener, .events = POLLIN };
        for (size_t i = 0; i < n; i++) {
            fds[2 + 2 * i] = (struct pollfd){ .fd = d->c[i].in, .events = POLLIN };
            fds[3 + 2 * i] = (struct pollfd){ .fd = d->c[i].out, .events = POLLIN };
            if (d->c[i].out >= 0 && d->c[i].quiet_until > now) {
                int left = (int)((d->c[i].quiet_until - now) / 1000 + 1);

                fds[3 + 2 * i].fd = -1;
                timeout = timeout < 0 || left < timeout ? left : timeout;
            }
        }
        if (poll(fds, 2 + 2 * n, timeout) < 0 && errno != EINTR)
            return NULL;
        if (fds[0].revents)
            return NULL;
        for (size_t i = 0; i < n; i++) {
            if (fds[2 + 2 * i].revents && d->c[i].in >= 0)
                door_pass(d, i, d->c[i].in, d->c[i].out);
            if (fds[3 + 2 * i].revents && d->c[i].out >= 0)
                door_pass(d, i, d->c[i].out, d->c[i].in);
        }
        if (fds[1].revents)
            door_accept(d);
    }
}

static inline void door_start(struct door *d, int behind, const enum treatment *treatments,
                              size_t n)
{
    struct sockaddr_in addr = { 0 };
    socklen_t len = sizeof(addr);

    *d = (struct door){ .behind = behind, .treatments = treatments, .n_treatments = n };
    d->listener = door_socket(0, true);
    d->stop = eventfd(0, EFD_CLOEXEC);
    assert_return_code(getsockname(d->listener, (struct sockaddr *)&addr, &len), errno);
    d->port = ntohs(addr.sin_port);
    assert_true(kiln_thread_start(&d->thread, "door", door_run, d, NULL));
}

static inline void door_end(struct door *d)
{
    (void)eventfd_write(d->stop, 1);
    (void)pthread_join(d->thread, NULL);
    for (size_t i = 0; i < d->n; i++) {
        if (d->c[i].in >= 0)
            door_drop(d, i);
    }
    (void)close(d->listener);
    (void)close(d->stop);
}

#endif
