/*
 * The other end for the network tests, on 127.0.0.1 only.
 *
 * A script peer is a thread that takes connections one after the other: it reads a request, keeps
 * it (head, empty line, body), sends the bytes of the connection's turn, and closes, or holds the
 * line until the peer is stopped. A turn may say which byte count to cut at; nothing in here
 * sleeps.
 */
#ifndef KILN_TESTS_NET_PEER_H
#define KILN_TESTS_NET_PEER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/thread.h"
#include "unit.h"

#define UNUSED __attribute__((unused))

struct turn {
    const char *head; /* status line and headers, without the empty line */
    const char *body;
    size_t len;
    bool hold;              /* keep the connection open until the peer is stopped */
    void (*then)(void *ud); /* called once the bytes are sent; may be NULL */
    void *ud;
};

struct peer {
    pthread_t thread;
    int listen_fd, stop_fd, port;
    const struct turn *turns;
    size_t n_turns;
    bool loop; /* the last turn again and again */
    /* Written by the thread; read after peer_stop. */
    struct kiln_strv requests; /* in order */
};

UNUSED static bool peer_wait(struct peer *p, int fd, short events)
{
    struct pollfd fds[2] = { { .fd = fd, .events = events },
                             { .fd = p->stop_fd, .events = POLLIN } };

    return poll(fds, 2, -1) > 0 && !fds[1].revents;
}

UNUSED static void peer_send(struct peer *p, int fd, const char *data, size_t len)
{
    while (len > 0 && peer_wait(p, fd, POLLOUT)) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

/* Head and body are there. */
UNUSED static bool peer_request_complete(const char *request, size_t len)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "\r\nContent-Length:");

    if (!end)
        return false;
    return !length || length > end ||
           len - (size_t)(end + 4 - request) >= strtoul(length + 17, NULL, 10);
}

UNUSED static bool peer_read_request(struct peer *p, int fd)
{
    KILN_AUTO_STR request = { 0 };
    char c[512];

    while (!peer_request_complete(kiln_str_cstr(&request), request.len)) {
        ssize_t n = peer_wait(p, fd, POLLIN) ? recv(fd, c, sizeof(c), 0) : 0;

        if (n <= 0)
            return false;
        kiln_str_add(&request, c, (size_t)n);
    }
    kiln_strv_add(&p->requests, kiln_str_cstr(&request));
    return true;
}

UNUSED static void peer_play(struct peer *p, int fd, const struct turn *t)
{
    peer_send(p, fd, t->head, strlen(t->head));
    peer_send(p, fd, "\r\n\r\n", 4);
    peer_send(p, fd, t->body, t->len);
    if (t->then)
        t->then(t->ud);
    if (t->hold)
        (void)peer_wait(p, -1, 0); /* only the stop ends it */
}

UNUSED static void *peer_run(void *ud)
{
    struct peer *p = ud;

    for (size_t i = 0; (p->loop || i < p->n_turns) && peer_wait(p, p->listen_fd, POLLIN); i++) {
        int fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            break;
        if (peer_read_request(p, fd))
            peer_play(p, fd, &p->turns[i < p->n_turns ? i : p->n_turns - 1]);
        (void)close(fd);
    }
    return NULL;
}

UNUSED static void peer_start(struct peer *p, const struct turn *turns, size_t n, bool loop)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(addr);

    *p = (struct peer){ .turns = turns, .n_turns = n, .loop = loop };
    p->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    p->stop_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(bind(p->listen_fd, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(p->listen_fd, 16), 0);
    assert_int_equal(getsockname(p->listen_fd, (struct sockaddr *)&addr, &len), 0);
    p->port = ntohs(addr.sin_port);
    assert_true(kiln_thread_start(&p->thread, "peer", peer_run, p, NULL));
}

/* From here on p->requests may be read. */
UNUSED static void peer_stop(struct peer *p)
{
    uint64_t one = 1;

    assert_int_equal(write(p->stop_fd, &one, sizeof(one)), (ssize_t)sizeof(one));
    (void)pthread_join(p->thread, NULL);
    (void)close(p->listen_fd);
    (void)close(p->stop_fd);
}

/* Send a request as it stands and read the answer until the server closes the connection. */
UNUSED static char *peer_ask(int port, const char *request, size_t len)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr = { htonl(INADDR_LOOPBACK) } };
    KILN_AUTO_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    KILN_AUTO_STR answer = { 0 };
    char buf[65536];
    ssize_t n;

    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(send(fd, request, len, MSG_NOSIGNAL), (ssize_t)len);
    while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
        kiln_str_add(&answer, buf, (size_t)n);
    return kiln_str_steal(&answer);
}

/* Files of a test in its own directory. */
UNUSED static void put_file(const char *dir, const char *name, const void *data, size_t len)
{
    KILN_AUTO_FREE char *path = kiln_path_join(dir, name);
    KILN_AUTO_FREE char *parent = kiln_path_dir(path);
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_fs_mkdirs(parent, 0755, &err), &err);
    unit_ok(kiln_fs_write_atomic(path, data, len, 0644, &err), &err);
}

UNUSED static int enter_dir(void **state)
{
    *state = kiln_fs_temp_dir("kiln-test-", NULL);
    return *state ? 0 : -1;
}

UNUSED static int leave_dir(void **state)
{
    bool ok = kiln_fs_remove_tree(*state, NULL);

    free(*state);
    return ok ? 0 : -1;
}

#endif
