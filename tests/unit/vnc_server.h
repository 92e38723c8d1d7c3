/*
 * A VNC server that follows a script of exact bytes. One connection after the other, one thread;
 * its struct is its own while it runs.
 */
#ifndef KILN_TESTS_VNC_SERVER_H
#define KILN_TESTS_VNC_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/thread.h"

/* One exchange: say these bytes, then hear these, which must be equal. */
struct step {
    const char *say;
    size_t n_say;
    const char *hear;
    size_t n_hear;
};
#define STEP(say, hear)                                                                            \
    {                                                                                              \
        say, sizeof(say) - 1, hear, sizeof(hear) - 1                                               \
    }

#define VERSION STEP("RFB 003.008\n", "RFB 003.008\n")
#define NONE                                                                                       \
    STEP("\1\1", "\1"), STEP("\0\0\0\0", "\1") /* security None, then ClientInit: shared           \
                                                */
#define FORMAT "\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0"
/* 4x2 pixels, named "QEMU" */
#define INIT  STEP("\0\4\0\2" FORMAT "\0\0\0\4QEMU", "")
#define HELLO VERSION, NONE, INIT

struct server {
    const struct step *steps;
    size_t n;
    int listener, port;
    bool linger; /* stay until the client hangs up, instead of hanging up at the end */
    int more;    /* connections after the first, which get the same script */
    pthread_t thread;
    int played;       /* eventfd: one for each step that went as written */
    bool as_expected; /* valid once it has ended */
};

static inline bool hear(int fd, const char *want, size_t n)
{
    KILN_AUTO_FREE char *got = kiln_xmalloc(n + 1);
    size_t have = 0;

    while (have < n) {
        ssize_t r = read(fd, got + have, n - have);

        if (r <= 0)
            return false;
        have += (size_t)r;
    }
    return memcmp(got, want, n) == 0;
}

static inline bool play(int fd, const struct step *step)
{
    return kiln_fs_write_all(fd, step->say, step->n_say, NULL) &&
           hear(fd, step->hear, step->n_hear);
}

static inline bool serve_one(struct server *s)
{
    int fd = accept(s->listener, NULL, NULL);
    bool ok = fd >= 0;
    char c;

    for (size_t i = 0; i < s->n && ok; i++) {
        ok = play(fd, &s->steps[i]);
        if (ok)
            (void)eventfd_write(s->played, 1);
    }
    while (s->linger && ok && read(fd, &c, 1) == 1)
        ok = false; /* more than the script knows */
    (void)close(fd);
    return ok;
}

static inline void *serve(void *ud)
{
    struct server *s = ud;

    s->as_expected = true;
    for (int i = 0; i <= s->more && s->as_expected; i++)
        s->as_expected = serve_one(s);
    return NULL;
}

static inline void server_start_more(struct server *s, const struct step *steps, size_t n,
                                     bool linger, int more)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(addr);

    *s = (struct server){ .steps = steps, .n = n, .linger = linger, .more = more };
    s->played = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(bind(s->listener, (struct sockaddr *)&addr, len), errno);
    assert_return_code(listen(s->listener, 1), errno);
    assert_return_code(getsockname(s->listener, (struct sockaddr *)&addr, &len), errno);
    s->port = ntohs(addr.sin_port);
    assert_true(kiln_thread_start(&s->thread, "server", serve, s, NULL));
}

static inline void server_start(struct server *s, const struct step *steps, size_t n, bool linger)
{
    server_start_more(s, steps, n, linger, 0);
}

/* Wait until that many more steps have been played; a step that goes wrong is found at the end. */
static inline void server_await(struct server *s, size_t steps)
{
    eventfd_t one;

    for (size_t i = 0; i < steps; i++) {
        struct pollfd p = { .fd = s->played, .events = POLLIN };

        if (poll(&p, 1, 20000) != 1)
            fail_msg("the server waits at step %zu", i);
        (void)eventfd_read(s->played, &one);
    }
}

static inline bool server_end(struct server *s)
{
    (void)pthread_join(s->thread, NULL);
    (void)close(s->listener);
    (void)close(s->played);
    return s->as_expected;
}

/* SetPixelFormat; SetEncodings: raw and DesktopSize */
#define SETTINGS                                                                                   \
    "\0\0\0\0\x20\x18\0\1\0\xff\0\xff\0\xff\0\x08\x10\0\0\0"                                       \
    "\2\0\0\2\0\0\0\0\xff\xff\xff\x21"
#define REQUEST(w, h) "\3\0\0\0\0\0\0" w "\0" h
#define MORE(w, h)    "\3\1\0\0\0\0\0" w "\0" h
/* FramebufferUpdates, raw: a red pixel at 0,2; pixels at 0,0 and 0,2; red and white at 1,1. */
#define RED_BELOW "\0\0\0\1\0\0\0\2\0\1\0\1\0\0\0\0\xff\0\0\0"
#define BOTH_ENDS                                                                                  \
    "\0\0\0\2\0\0\0\0\0\1\0\1\0\0\0\0\1\0\0\0"                                                     \
    "\0\0\0\2\0\1\0\1\0\0\0\0\2\0\0\0"
#define RED_WHITE "\0\0\0\1\0\1\0\1\0\2\0\1\0\0\0\0\xff\0\0\0\xff\xff\xff\0"

/* Updates that no sane server sends, to a client whose screen is 4x2. */
#define UPDATE(rect) STEP("\0\0\0\1" rect, "")
#define HOSTILE_UPDATES                                                                            \
    {                                                                                              \
        UPDATE("\0\3\0\0\0\2\0\1\0\0\0\0"),                   /* raw, out of the right side */     \
            UPDATE("\0\0\0\1\0\1\xff\xff\0\0\0\0"),           /* raw, out of the bottom */         \
            UPDATE("\0\0\0\0\0\4\0\2\0\0\0\0half"),           /* raw, ends too early */            \
            UPDATE("\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\x21" /* 65535x65535, then raw */          \
                   "\0\0\0\0\0\1\0\1\0\0\0\0"),                                                    \
            UPDATE("\0\0\0\0\0\4\0\2\0\0\0\1\xff\xff\xff\xff"),   /* copy from outside */          \
            UPDATE("\0\0\0\0\0\4\0\2\0\0\0\x10\xff\xff\xff\xff"), /* ZRLE of 4 GiB */              \
            UPDATE("\0\0\0\0\0\4\0\2\x12\x34\x56\x78"),           /* unknown encoding */           \
            STEP("\x63", ""),                                     /* unknown message */            \
            STEP("\3\0\0\0\xff\xff\xff\xff", ""),                 /* clipboard of 4 GiB */         \
    }

#endif
