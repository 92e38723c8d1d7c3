/*
 * The callers and the thread share what is under `lock`; `kick`, an eventfd, tells the thread that
 * something there has changed. No callback, no VNC call is made with the lock held, but for the
 * framebuffer that a callback of VNC replaces (order: VNC's lock, then ours).
 */
#include "vm/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/framebuffer.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/png.h"
#include "base/thread.h"
#include "vm/fonts.h"
#include "vm/tiles.h"
#include "vm/vnc.h"

#define FRAME_US   (KILN_SECOND(1) / 30 + 1)
#define CLOSELY_US KILN_MS(4) /* QEMU itself looks every 30 ms */
#define CONNECT_US KILN_SECOND(10)
#define RETRY_US   KILN_MS(500) /* after a connection that failed or was lost */
#define NUDGE_US   KILN_SECOND(1)
#define SAMPLE_US  KILN_SECOND(2) /* between samples that bring something new */
#define SAMPLE_MAX KILN_SECOND(8)
#define HURRY_US   KILN_MS(250) /* QEMU looks for changes every 30 ms then */
#define RENEW_US   KILN_SECOND(2)
#define OLD_US     KILN_SECOND(3) /* a machine has drawn something by then, if only the same */
#define RENEWALS   2              /* updates: the first may have been under way */

struct server {
    char *host, *password; /* owned */
    int port;
    int died_fd; /* owned */
    bool scancodes, up;
};

struct kiln_screen {
    struct kiln_screen_watcher watcher;
    struct kiln_cancel *cancel; /* ends the thread; never stands still */
    int kick;

    pthread_mutex_t lock;
    bool running; /* there is a thread */
    pthread_t thread;
    struct server server;
    unsigned servers;        /* how many there have been */
    bool wanted;             /* the picture */
    bool sampled;            /* the same, now and then */
    bool hurry;              /* the same, at once */
    int hurried;             /* eventfd: it was taken */
    bool renew;              /* all of the picture */
    _Atomic bool renews_old; /* which is an old one */
    int renewed;             /* eventfd: it is there */
    _Atomic bool close;      /* as often as QEMU has something */
    unsigned text_wishes;
    struct kiln_text text;      /* as the reader has it */
    _Atomic uint64_t pictures;  /* another picture, while there is no text */
    _Atomic bool reading;       /* text, which may take long: what comes meanwhile is seen later */
    int text_news;              /* eventfd: text or picture has changed since somebody took it */
    struct kiln_fonts *fonts;   /* NULL: no server yet; what is in it is the thread's */
    struct kiln_key_queue keys; /* of this server */
    struct kiln_framebuffer fb; /* the thread writes into it without the lock */

    /* the thread's own */
    struct kiln_vnc *vnc;
    unsigned connected_to; /* `servers` at that time */
    int64_t connect_at;    /* not before */
    uint64_t frames;       /* of vnc, that were published */
    int64_t look_at;       /* not before, so that frames are not too many */
    bool requested;        /* an update is due */
    int64_t nudge_at;      /* if it has not come by then */
    bool listens;          /* wants to know what vnc says */
    bool fresh;            /* connected or updated, and not published yet */
    bool announced;        /* geometry was called with a size */
    bool seen;             /* somebody watches, not only the text */
    bool resized;          /* this update has a new framebuffer */
    struct kiln_text_reader *reader;
    struct kiln_tiles tiles;      /* the picture, while there is no text */
    unsigned damaged, damage_end; /* rows of pixels that the reader does not know yet */
    bool looked_at;               /* as it was in the last round */
    bool samples;                 /* what `sampled` is */
    bool hurries;                 /* the next update is sampled at once */
    int64_t old_until;            /* the picture is: not read until it is another one; 0: no */
    unsigned renewals;            /* whole updates that are due before the picture is of now */
    bool unsampled;               /* the framebuffer has changed since the last sample */
    int64_t sample_at;            /* not before */
    int64_t sample_every;
};

static void lock(struct kiln_screen *s)
{
    (void)pthread_mutex_lock(&s->lock);
}

static void unlock(struct kiln_screen *s)
{
    (void)pthread_mutex_unlock(&s->lock);
}

/* With the lock. */
static bool is_looked_at(const struct kiln_screen *s)
{
    return s->wanted || s->text_wishes > 0;
}

/* ---- framebuffer ---- */

static void replace_framebuffer(struct kiln_screen *s, struct kiln_framebuffer fresh)
{
    struct kiln_framebuffer old;

    lock(s);
    old = s->fb;
    s->fb = fresh;
    unlock(s);
    kiln_framebuffer_done(&old);
}

/* kiln_vnc_changes gives us rows; the first time none, only the size. */
static void take_rows(void *ud, const struct kiln_vnc_rows *r)
{
    struct kiln_screen *s = ud;
    struct kiln_framebuffer fresh = { .fd = -1 };
    KILN_AUTO_ERR err = { 0 };

    if (!s->fb.head || s->fb.width != r->width || s->fb.height != r->height) {
        if (r->rows)
            return; /* it could not be made */
        if (!kiln_framebuffer_create(&fresh, r->width, r->height, &err))
            kiln_log("screen: %s", kiln_err_text(&err));
        replace_framebuffer(s, fresh);
        s->resized = true;
        s->old_until = 0;
        s->damaged = 0; /* also what is black, and not given to us */
        s->damage_end = r->height;
    }
    if (!r->rows || (s->old_until && kiln_framebuffer_has(&s->fb, r->rgbx, r->y, r->rows)))
        return;
    s->old_until = 0;
    kiln_framebuffer_write(&s->fb, r->rgbx, r->y, r->rows);
    if (s->damage_end == 0 || r->y < s->damaged)
        s->damaged = r->y;
    if (r->y + r->rows > s->damage_end)
        s->damage_end = r->y + r->rows;
}

static void announce(struct kiln_screen *s)
{
    bool there = s->fb.head != NULL;

    if (there || s->announced)
        s->watcher.geometry(s->watcher.ud, s->fb.width, s->fb.height);
    s->announced = there;
}

static uint64_t written(const struct kiln_screen *s)
{
    return s->fb.head ? s->fb.head->frame : 0;
}

/* ---- text ---- */

static void publish_text(struct kiln_screen *s)
{
    const struct kiln_text *text = kiln_text_of(s->reader);

    lock(s);
    kiln_text_copy(&s->text, text);
    unlock(s);
    (void)eventfd_write(s->text_news, 1);
    s->watcher.text(s->watcher.ud, text);
}

/* No text: has the picture changed? Clocks and cursors do that. */
static void watch_picture(struct kiln_screen *s)
{
    static const struct kiln_tiles_small small = { .places = 3, .columns = 16, .rows = 3 };
    const struct kiln_image image = { kiln_framebuffer_pixels(&s->fb), s->fb.width, s->fb.height };

    if (!kiln_tiles_take(&s->tiles, &image, &small))
        return;
    s->pictures++;
    (void)eventfd_write(s->text_news, 1);
}

/* What is written on the screen now. */
static void read_text(struct kiln_screen *s)
{
    const struct kiln_text_image image = { .rgbx = kiln_framebuffer_pixels(&s->fb),
                                           .width = s->fb.width,
                                           .height = s->fb.height,
                                           .stride = s->fb.stride };

    if (!s->reader)
        s->reader = kiln_text_reader_new(s->fonts);
    s->reading = true;
    if (written(s) > 0 && s->damaged < s->damage_end && kiln_text_of(s->reader)->columns == 0)
        watch_picture(s);
    if (written(s) > 0 && kiln_text_read(s->reader, &image, s->damaged, s->damage_end - s->damaged,
                                         kiln_cancel_now(s->cancel)))
        publish_text(s);
    s->reading = false;
    s->damaged = s->damage_end = 0;
    s->old_until = 0;
}

/* When to read again, though nothing changes. */
static int64_t text_due(const struct kiln_screen *s)
{
    if (s->fb.head && s->reader)
        return s->old_until ? s->old_until : kiln_text_due(s->reader);
    return KILN_NEVER;
}

/* ---- frames ---- */

static void publish(struct kiln_screen *s)
{
    uint64_t before = written(s);

    s->resized = false;
    kiln_vnc_changes(s->vnc, take_rows, s);
    if (s->resized) {
        before = 0;
        announce(s);
    }
    if (written(s) == before)
        return;
    s->unsampled = true;
    if (s->looked_at || (s->reader && s->renewals > 0))
        read_text(s);
    if (s->seen)
        s->watcher.frame(s->watcher.ud, written(s));
}

static void sample(struct kiln_screen *s)
{
    int64_t slower = s->sample_every * 2 < SAMPLE_MAX ? s->sample_every * 2 : SAMPLE_MAX;
    enum kiln_sampled got;

    if (!s->unsampled || !s->fb.head || kiln_cancel_now(s->cancel) < s->sample_at)
        return;
    got = s->watcher.sample(s->watcher.ud, &s->fb);
    s->unsampled = got == KILN_SAMPLED_AGAIN;
    s->sample_every = got == KILN_SAMPLED_OLD ? slower : SAMPLE_US;
    s->sample_at = kiln_cancel_deadline(s->cancel, s->sample_every);
}

/* ---- connection ---- */

static void forget_keys(struct kiln_screen *s)
{
    lock(s);
    kiln_key_queue_clear(&s->keys);
    unlock(s);
}

static void hang_up(struct kiln_screen *s)
{
    kiln_vnc_free(s->vnc);
    s->vnc = NULL;
    s->connect_at = kiln_cancel_deadline(s->cancel, RETRY_US);
    forget_keys(s); /* QEMU lets go of them when a client leaves */
    replace_framebuffer(s, (struct kiln_framebuffer){ .fd = -1 });
    announce(s);
}

static void server_done(struct server *server)
{
    free(server->host);
    if (server->password)
        explicit_bzero(server->password, strlen(server->password));
    free(server->password);
    kiln_fd_closep(&server->died_fd);
    *server = (struct server){ .died_fd = -1 };
}

/* The server's address as it is now; false if there is none to connect to. */
static bool find_server(struct kiln_screen *s, struct server *ret)
{
    struct pollfd died;

    lock(s);
    died = (struct pollfd){ .fd = s->server.died_fd, .events = POLLIN };
    if (s->server.up && poll(&died, 1, 0) > 0)
        s->server.up = false; /* its port may be somebody else's by now */
    *ret = (struct server){ .up = s->server.up && (is_looked_at(s) || s->sampled || s->keys.n > 0),
                            .died_fd = -1 };
    if (ret->up) {
        ret->host = kiln_xstrdup(s->server.host);
        ret->password = kiln_xstrdup(s->server.password);
        ret->port = s->server.port;
        ret->scancodes = s->server.scancodes;
        s->connected_to = s->servers;
    }
    unlock(s);
    return ret->up;
}

/* False: there is nothing to connect to, or for. */
static bool connect_server(struct kiln_screen *s)
{
    KILN_CLEANUP(server_done) struct server server;
    int64_t deadline = kiln_cancel_deadline(s->cancel, CONNECT_US);
    KILN_AUTO_ERR err = { 0 };

    if (!find_server(s, &server))
        return false;
    s->frames = 0;
    s->look_at = 0;
    s->requested = false;
    s->fresh = true;
    if (!kiln_vnc_connect(&s->vnc, server.host, server.port, server.password, s->cancel, deadline,
                          &err) ||
        (server.scancodes && !kiln_vnc_want_scancodes(s->vnc, s->cancel, deadline, &err))) {
        kiln_log("screen: %s", kiln_err_text(&err));
        hang_up(s);
    }
    return true;
}

/* ---- the thread ---- */

static bool send_keys(struct kiln_screen *s, struct kiln_err *err)
{
    struct kiln_key_stroke keys[KILN_KEY_QUEUE_MAX];
    size_t n;
    bool ok = true;

    lock(s);
    n = kiln_key_queue_take(&s->keys, keys);
    unlock(s);
    for (size_t i = 0; i < n && ok; i++)
        ok = kiln_vnc_scancode(s->vnc, keys[i].keysym, keys[i].scancode, keys[i].down, s->cancel,
                               err);
    explicit_bzero(keys, n * sizeof(*keys));
    return ok;
}

/* Even a server that sends what nobody asked for is not looked at more often. */
static bool rests(const struct kiln_screen *s)
{
    return kiln_cancel_now(s->cancel) < s->look_at;
}

/* A wish has come true, unless there is another one by now. */
static void tell(struct kiln_screen *s, const bool *wish, int done)
{
    lock(s);
    if (!*wish)
        (void)eventfd_write(done, 1);
    unlock(s);
}

/* A whole update has come, or will not. */
static void count_renewal(struct kiln_screen *s)
{
    s->look_at = s->renewals > 0 ? 0 : s->look_at;
    if (s->renewals == 0 || (--s->renewals > 0 && s->vnc))
        return;
    s->renewals = 0;
    s->old_until = s->renews_old ? kiln_cancel_deadline(s->cancel, OLD_US) : 0;
    if (s->old_until && s->reader && kiln_text_forget(s->reader))
        publish_text(s);
    tell(s, &s->renew, s->renewed);
}

/* Publish what has come, or else ask for more, if anybody looks. */
static bool look(struct kiln_screen *s, bool wanted, struct kiln_err *err)
{
    uint64_t frames = kiln_vnc_frames(s->vnc);
    bool came = frames != s->frames;

    if (came) {
        s->frames = frames;
        s->requested = false;
        s->fresh = true;
    }
    if (!wanted && !s->samples && s->renewals == 0)
        return true;
    if (s->fresh) {
        publish(s);
        s->fresh = false;
        if (s->samples)
            sample(s);
        if (s->hurries)
            tell(s, &s->hurry, s->hurried);
        s->hurries = false;
        s->look_at = kiln_cancel_deadline(s->cancel, !frames    ? 0
                                                     : s->close ? CLOSELY_US
                                                     : wanted   ? FRAME_US
                                                                : s->sample_every);
    }
    if (came && !s->resized) /* a new size comes without its picture */
        count_renewal(s);
    if (s->requested || rests(s))
        return true;
    if (s->renewals > 0)
        kiln_vnc_forget(s->vnc);
    s->requested = true;
    s->nudge_at = kiln_cancel_deadline(s->cancel, NUDGE_US);
    return kiln_vnc_request_update(s->vnc, s->cancel, err);
}

/*
 * While nothing changes, QEMU looks for changes less and less often, in the end every three
 * seconds, until a client does something with its keyboard. That a key is up which is up anyway is
 * something, and goes no further; no boot command can press this one.
 */
static bool nudge(struct kiln_screen *s, struct kiln_err *err)
{
    const uint32_t scroll_lock = 0xff14;
    bool is_held;

    if (!s->requested ||
        (!s->hurries && s->renewals == 0 && kiln_cancel_now(s->cancel) < s->nudge_at))
        return true;
    s->nudge_at = kiln_cancel_deadline(s->cancel, NUDGE_US);
    lock(s);
    is_held = kiln_key_queue_holds(&s->keys, scroll_lock);
    unlock(s);
    return is_held || kiln_vnc_key(s->vnc, scroll_lock, false, s->cancel, err);
}

static bool is_wanted(struct kiln_screen *s, bool *ret_moved)
{
    bool wanted;

    lock(s);
    wanted = is_looked_at(s);
    s->seen = s->wanted;
    s->samples = s->sampled;
    if (s->hurry) {
        s->hurries = true;
        s->look_at = s->sample_at = 0;
    }
    s->hurry = false;
    if (s->renew) {
        s->renewals = RENEWALS;
        s->requested = false; /* that was for what has changed */
        s->look_at = 0;
    }
    s->renew = false;
    *ret_moved = s->vnc && s->connected_to != s->servers;
    unlock(s);
    if (wanted && !s->looked_at)
        s->look_at = 0; /* the next sample may be far away */
    s->looked_at = wanted;
    return wanted;
}

static bool attend(struct kiln_screen *s, bool wanted, struct kiln_err *err)
{
    if (s->samples)
        sample(s);
    if (wanted && (s->damaged < s->damage_end || kiln_cancel_now(s->cancel) >= text_due(s)))
        read_text(s);
    return send_keys(s, err) && (rests(s) || look(s, wanted, err)) &&
           (!(wanted || s->hurries || s->renewals > 0) || nudge(s, err));
}

/* When the next round is due if nothing happens before. */
static int64_t next_round(const struct kiln_screen *s, bool wanted)
{
    int64_t due = KILN_NEVER;

    if (!s->listens)
        due = s->look_at;
    else if (wanted)
        due = text_due(s) < s->nudge_at ? text_due(s) : s->nudge_at;
    return s->samples && s->unsampled && s->sample_at < due ? s->sample_at : due;
}

/* One round; returns when the next is due if nothing happens before. */
static int64_t work(struct kiln_screen *s)
{
    KILN_AUTO_ERR err = { 0 };
    bool moved, wanted = is_wanted(s, &moved);

    if (s->vnc && (moved || kiln_vnc_lost(s->vnc)))
        hang_up(s);
    if (!s->vnc)
        count_renewal(s);
    if (!s->vnc && kiln_cancel_now(s->cancel) < s->connect_at)
        return s->connect_at;
    if (!s->vnc && !connect_server(s))
        return KILN_NEVER;
    if (s->vnc && !attend(s, wanted, &err)) {
        kiln_log("screen: %s", kiln_err_text(&err));
        hang_up(s);
    }
    if (!s->vnc)
        return s->connect_at;
    s->listens = !rests(s) && (s->requested || !(wanted || s->samples || s->renewals > 0));
    return next_round(s, wanted);
}

static void *run(void *ud)
{
    struct kiln_screen *s = ud;
    enum kiln_wait got = KILN_WAIT_READY;

    while (got == KILN_WAIT_READY || got == KILN_WAIT_TIMEOUT) {
        int64_t due = work(s);
        struct pollfd fds[] = { { .fd = s->kick, .events = POLLIN },
                                { .fd = s->vnc && s->listens ? kiln_vnc_news_fd(s->vnc) : -1,
                                  .events = POLLIN } };
        eventfd_t count;

        got = kiln_wait_fds(s->cancel, fds, KILN_COUNT(fds), due, NULL);
        if (got == KILN_WAIT_READY && fds[0].revents)
            (void)eventfd_read(s->kick, &count);
    }
    hang_up(s);
    return NULL;
}

/* ---- callers ---- */

/* With the lock. */
static bool start(struct kiln_screen *s, struct kiln_err *err)
{
    if (!s->running)
        s->running = kiln_thread_start(&s->thread, "screen", run, s, err);
    (void)eventfd_write(s->kick, 1);
    return s->running;
}

bool kiln_screen_attach(struct kiln_screen *s, const struct kiln_screen_server *server,
                        struct kiln_err *err)
{
    int died_fd = -1;

    if (server->died_fd >= 0) {
        died_fd = fcntl(server->died_fd, F_DUPFD_CLOEXEC, 3);
        if (died_fd < 0)
            return kiln_err_sys(err, errno, "watch QEMU");
    }
    lock(s);
    server_done(&s->server);
    s->server = (struct server){ .host = kiln_xstrdup(server->host),
                                 .password = kiln_xstrdup(server->password),
                                 .port = server->port,
                                 .died_fd = died_fd,
                                 .scancodes = server->scancodes,
                                 .up = true };
    s->servers++;
    if (!s->fonts)
        s->fonts = kiln_fonts_new(server->fonts);
    unlock(s);
    (void)eventfd_write(s->kick, 1);
    return true;
}

bool kiln_screen_watch(struct kiln_screen *s, bool on, int *ret_fd, struct kiln_err *err)
{
    int fd = -1;
    bool ok;

    lock(s);
    s->wanted = on;
    ok = !on || start(s, err);
    if (ok && on) {
        ok = s->fb.head || kiln_err_set(err, KILN_ERR_USER, "the guest is not running yet");
        fd = ok ? fcntl(s->fb.fd, F_DUPFD_CLOEXEC, 3) : -1;
        if (ok && fd < 0)
            ok = kiln_err_sys(err, errno, "framebuffer");
    }
    unlock(s);
    if (ok && on)
        *ret_fd = fd;
    return ok;
}

bool kiln_screen_sample(struct kiln_screen *s, struct kiln_err *err)
{
    bool ok;

    lock(s);
    s->sampled = s->watcher.sample != NULL;
    ok = !s->sampled || start(s, err);
    unlock(s);
    return ok;
}

/* Make a wish and wait until it has come true. What is told of an earlier one, which was not waited
 * for to its end, does not count: it is forgotten here, and not told from now on. */
static void have(struct kiln_screen *s, const bool *only_if, bool *wish, int done, int64_t limit_us)
{
    eventfd_t count;
    bool running;

    lock(s);
    running = s->running && s->server.up && *only_if;
    *wish = running;
    (void)eventfd_read(done, &count);
    unlock(s);
    (void)eventfd_write(s->kick, 1);
    if (running)
        (void)kiln_wait_fd(NULL, done, POLLIN, kiln_cancel_deadline(NULL, limit_us), NULL);
}

void kiln_screen_sample_now(struct kiln_screen *s)
{
    have(s, &s->sampled, &s->hurry, s->hurried, HURRY_US);
}

void kiln_screen_renew(struct kiln_screen *s, bool old)
{
    s->renews_old = old;
    have(s, &s->running, &s->renew, s->renewed, RENEW_US);
}

bool kiln_screen_want_text(struct kiln_screen *s, bool on, struct kiln_err *err)
{
    bool ok = true;

    lock(s);
    if (on)
        ok = start(s, err);
    if (on && ok)
        s->text_wishes++;
    else if (!on && s->text_wishes > 0)
        s->text_wishes--;
    unlock(s);
    (void)eventfd_write(s->kick, 1);
    return ok;
}

/* What pictures is. */
static uint64_t copy_text(struct kiln_screen *s, struct kiln_text *to)
{
    uint64_t pictures;

    lock(s);
    kiln_text_copy(to, &s->text);
    pictures = s->pictures;
    unlock(s);
    return pictures;
}

void kiln_screen_text(struct kiln_screen *s, struct kiln_text *to)
{
    (void)copy_text(s, to); /* the news is for who waits */
}

bool kiln_screen_wait_change(struct kiln_screen *s, struct kiln_text *to, uint64_t *picture,
                             struct kiln_cancel *c, int died_fd, int64_t deadline,
                             struct kiln_err *err)
{
    struct pollfd fds[] = { { .fd = s->text_news, .events = POLLIN },
                            { .fd = died_fd, .events = POLLIN } }; /* -1: poll passes it over */
    uint64_t seen = to->generation;

    for (;;) {
        uint64_t pictures;
        eventfd_t count;

        (void)eventfd_read(s->text_news, &count); /* before the look: what comes later raises it */
        pictures = copy_text(s, to);

        if (to->generation != seen || (picture && pictures != *picture)) {
            if (picture)
                *picture = pictures;
            return true;
        }
        switch (kiln_wait_fds(c, fds, KILN_COUNT(fds), deadline, err)) {
        case KILN_WAIT_READY:
            if (fds[1].revents)
                return kiln_err_set(err, KILN_ERR_REMOTE, "QEMU ended");
            break;
        case KILN_WAIT_TIMEOUT:
            if (!picture || !s->reading)
                return kiln_err_set(err, KILN_ERR_TIMEOUT, "nothing changed on the guest's screen");
            deadline = kiln_cancel_deadline(c, HURRY_US); /* nobody looked: that is no rest */
            break;
        case KILN_WAIT_CANCELLED:
        case KILN_WAIT_ERROR:
            return false;
        }
    }
}

bool kiln_screen_wait_text(struct kiln_screen *s, struct kiln_text *to, struct kiln_cancel *c,
                           int died_fd, int64_t deadline, struct kiln_err *err)
{
    return kiln_screen_wait_change(s, to, NULL, c, died_fd, deadline, err);
}

void kiln_screen_look_closely(struct kiln_screen *s, bool on)
{
    s->close = on;
}

bool kiln_screen_key(struct kiln_screen *s, const struct kiln_key_stroke *stroke,
                     struct kiln_err *err)
{
    bool ok;

    lock(s);
    if (!s->server.up)
        ok = kiln_err_set(err, KILN_ERR_USER, "the guest is not running");
    else
        ok = start(s, err) && kiln_key_queue_add(&s->keys, *stroke, err);
    unlock(s);
    return ok;
}

void kiln_screen_release_keys(struct kiln_screen *s)
{
    lock(s);
    kiln_key_queue_release(&s->keys);
    unlock(s);
    (void)eventfd_write(s->kick, 1);
}

struct kiln_screen *kiln_screen_new(const struct kiln_screen_watcher *watcher, struct kiln_err *err)
{
    struct kiln_screen *s = kiln_xcalloc(1, sizeof(*s));
    int *const fds[] = { &s->kick, &s->text_news, &s->hurried, &s->renewed };
    bool ok = true;

    for (size_t i = 0; i < KILN_COUNT(fds); i++) {
        *fds[i] = ok ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
        ok = ok && (*fds[i] >= 0 || kiln_err_sys(err, errno, "eventfd"));
    }
    s->watcher = *watcher;
    s->server.died_fd = s->fb.fd = -1;
    s->cancel = kiln_cancel_new();
    s->sample_every = SAMPLE_US;
    kiln_text_done(&s->text);
    (void)pthread_mutex_init(&s->lock, NULL);
    if (ok)
        return s;
    kiln_screen_free(s);
    return NULL;
}

void kiln_screen_free(struct kiln_screen *s)
{
    if (!s)
        return;
    kiln_cancel_fire(s->cancel);
    if (s->running)
        (void)pthread_join(s->thread, NULL);
    server_done(&s->server);
    kiln_cancel_free(s->cancel);
    kiln_fd_closep(&s->kick);
    kiln_fd_closep(&s->text_news);
    kiln_fd_closep(&s->hurried);
    kiln_fd_closep(&s->renewed);
    kiln_text_reader_free(s->reader);
    kiln_fonts_free(s->fonts);
    kiln_text_done(&s->text);
    kiln_tiles_done(&s->tiles);
    (void)pthread_mutex_destroy(&s->lock);
    kiln_key_queue_clear(&s->keys);
    free(s);
}
