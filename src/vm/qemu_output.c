/* One mutex guards `last_words`; everything else belongs to the reading thread until it is joined.
 */
#include "vm/qemu_output.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/lines.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"

#define LAST_WORDS_MAX 4096 /* bytes */

struct stream {
    struct kiln_qemu_output *owner;
    int fd; /* borrowed; -1 once it has ended */
    struct kiln_lines lines;
};

struct kiln_qemu_output {
    struct stream streams[2]; /* stdout, stderr */
    kiln_qemu_line_fn *on_line;
    void *ud;
    struct kiln_cancel *stop; /* owned */
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    struct kiln_str last_words;
};

void kiln_qemu_output_note(struct kiln_qemu_output *o, const char *line, size_t len)
{
    const char *nl;

    (void)pthread_mutex_lock(&o->lock);
    kiln_str_add(&o->last_words, line, len < LAST_WORDS_MAX / 2 ? len : LAST_WORDS_MAX / 2);
    kiln_str_addc(&o->last_words, '\n');
    while (o->last_words.len > LAST_WORDS_MAX &&
           (nl = memchr(o->last_words.data, '\n', o->last_words.len)))
        kiln_str_remove(&o->last_words, 0, (size_t)(nl - o->last_words.data) + 1);
    (void)pthread_mutex_unlock(&o->lock);
}

static void got_line(void *ud, const char *line, size_t len)
{
    struct stream *s = ud;
    struct kiln_qemu_output *o = s->owner;
    bool is_stderr = s == &o->streams[1];

    if (is_stderr)
        kiln_qemu_output_note(o, line, len);
    if (o->on_line)
        o->on_line(o->ud, is_stderr, line, len);
}

/* Read what is there, a full pipe at most; notice the end. */
static void drain(struct stream *s)
{
    char buf[4096];
    ssize_t n = -1;

    for (int i = 0; i < 16; i++) {
        n = read(s->fd, buf, sizeof(buf));
        if (n <= 0)
            break;
        kiln_lines_feed(&s->lines, buf, (size_t)n);
    }
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    s->fd = -1;
}

static void *run(void *ud)
{
    struct kiln_qemu_output *o = ud;

    while (o->streams[0].fd >= 0 || o->streams[1].fd >= 0) {
        struct pollfd fds[2] = { { .fd = o->streams[0].fd, .events = POLLIN },
                                 { .fd = o->streams[1].fd, .events = POLLIN } };
        enum kiln_wait wait = kiln_wait_fds(o->stop, fds, 2, KILN_NEVER, NULL);

        for (size_t i = 0; i < 2; i++) {
            if (o->streams[i].fd >= 0 && (fds[i].revents || wait != KILN_WAIT_READY))
                drain(&o->streams[i]);
        }
        if (wait != KILN_WAIT_READY)
            break;
    }
    return NULL;
}

bool kiln_qemu_output_start(struct kiln_qemu_output **ret_output, int out, int err_fd,
                            kiln_qemu_line_fn *on_line, void *ud, struct kiln_err *err)
{
    struct kiln_qemu_output *o = kiln_xcalloc(1, sizeof(*o));
    const int fds[2] = { out, err_fd };

    o->on_line = on_line;
    o->ud = ud;
    (void)pthread_mutex_init(&o->lock, NULL);
    o->stop = kiln_cancel_new();
    for (size_t i = 0; i < 2; i++) {
        o->streams[i] = (struct stream){
            .owner = o,
            .fd = fds[i],
            .lines = { .fn = got_line, .ud = &o->streams[i] },
        };
        /* A grandchild may hold the other end open for ever, so no read may block. */
        (void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    o->running = kiln_thread_start(&o->thread, "qemu-output", run, o, err);
    if (!o->running) {
        kiln_qemu_output_free(o);
        return false;
    }
    *ret_output = o;
    return true;
}

void kiln_qemu_output_finish(struct kiln_qemu_output *o)
{
    if (!o->running)
        return;
    kiln_cancel_fire(o->stop);
    (void)pthread_join(o->thread, NULL);
    o->running = false;
    for (size_t i = 0; i < 2; i++)
        kiln_lines_end(&o->streams[i].lines);
}

char *kiln_qemu_output_last_words(struct kiln_qemu_output *o)
{
    char *copy;

    (void)pthread_mutex_lock(&o->lock);
    copy = kiln_xstrdup(kiln_str_cstr(&o->last_words));
    (void)pthread_mutex_unlock(&o->lock);
    return copy;
}

void kiln_qemu_output_free(struct kiln_qemu_output *o)
{
    if (!o)
        return;
    kiln_qemu_output_finish(o);
    for (size_t i = 0; i < 2; i++)
        kiln_lines_done(&o->streams[i].lines);
    kiln_str_done(&o->last_words);
    kiln_cancel_free(o->stop);
    (void)pthread_mutex_destroy(&o->lock);
    free(o);
}
