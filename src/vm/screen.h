/*
 * The guest's screen for whoever wants to look (base/framebuffer.h), and a keyboard for whoever
 * wants to type: one more VNC connection to QEMU beside the typist's, opened when first asked for
 * and kept until QEMU ends (QEMU lifts all keys, the typist's too, when any client leaves). What is
 * written on the screen is read from the same framebuffer (vm/text.h).
 *
 * Threads: one of its own, from the first wish on; it copies changed rows into the framebuffer, at
 * most 30 times a second (but see kiln_screen_look_closely), and waits while nothing changes (but
 * for a sign of life every second, so that QEMU goes on looking for changes). All functions but new
 * and free: any thread, none waits for the network. It has its own clock: works while the build
 * stands still.
 */
#ifndef KILN_VM_SCREEN_H
#define KILN_VM_SCREEN_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "vm/key_queue.h"
#include "vm/text.h"

struct kiln_framebuffer;
struct kiln_screen;

/* What a look at the screen has brought. */
enum kiln_sampled {
    KILN_SAMPLED_OLD,   /* nothing new: the next change may wait a little longer */
    KILN_SAMPLED_NEW,   /* something: look at the next change soon */
    KILN_SAMPLED_AGAIN, /* not the right moment: look again soon, even if nothing changes */
};

/* Called on the screen's thread; may block; must not wait for text, nor free the screen. */
struct kiln_screen_watcher {
    /* There is a framebuffer of this size, a new one each time; 0, 0: it is gone. */
    void (*geometry)(void *ud, unsigned width, unsigned height);
    /* The framebuffer has changed; its frame number. Only while somebody watches. */
    void (*frame)(void *ud, uint64_t number);
    /* The screen's text is another than before. Borrowed until return. */
    void (*text)(void *ud, const struct kiln_text *text);
    /* A look at the screen, as kiln_screen_sample asks for. NULL: nobody samples. */
    enum kiln_sampled (*sample)(void *ud, const struct kiln_framebuffer *fb);
    void *ud;
};

/** NULL (SYSTEM): no file descriptors left. */
struct kiln_screen *kiln_screen_new(const struct kiln_screen_watcher *watcher,
                                    struct kiln_err *err);
/** Waits for the thread; says geometry 0, 0 if there was one. NULL is fine. */
void kiln_screen_free(struct kiln_screen *s);

/* A VNC server. Strings are copied. */
struct kiln_screen_server {
    const char *host;
    int port;
    const char *password; /* NULL: none */
    int died_fd;          /* readable once the server has ended (pidfd; duplicated), or -1 */
    bool scancodes;       /* strokes may have some */
    const struct kiln_fonts_places *fonts; /* that the guest may draw with; NULL: the usual ones */
};
/** The server is up; replaces one that was. False (SYSTEM): no file descriptors left. */
bool kiln_screen_attach(struct kiln_screen *s, const struct kiln_screen_server *server,
                        struct kiln_err *err);

/**
 * Somebody wants to see it (on), or nobody any more; the wish holds until it is taken back,
 * whatever this returns.
 *
 * @ret_fd  the framebuffer, for the caller to close; not set if !on
 * USER: there is none now; ask again when geometry was called.
 */
bool kiln_screen_watch(struct kiln_screen *s, bool on, int *ret_fd, struct kiln_err *err);

/**
 * Somebody wants to know what is written on it. Wishes are counted; each is taken back with !on.
 * Until the first one, and while there is none, nothing is read (but for people who watch).
 */
bool kiln_screen_want_text(struct kiln_screen *s, bool on, struct kiln_err *err);
/** The text as it is now, or was when the guest ended, copied over what `to` has (vm/text.h: all
 * zeroes, or used before). */
void kiln_screen_text(struct kiln_screen *s, struct kiln_text *to);
/**
 * Wait until the text has a later generation than `to`, then copy it. That a screen has shown
 * nothing for some time is a TIMEOUT (which has no text of its own), the build's cancel CANCELLED,
 * QEMU's end REMOTE.
 * One thread at a time, the build's main thread. `c` and `deadline` are of the build, so that the
 * wait stands still while it does.
 *
 * @died_fd  readable once QEMU has ended (pidfd); -1: nobody tells
 */
bool kiln_screen_wait_text(struct kiln_screen *s, struct kiln_text *to, struct kiln_cancel *c,
                           int died_fd, int64_t deadline, struct kiln_err *err);

/**
 * The same, but of a screen without text also until the picture is another: by more than three
 * small places (cursors, a clock) of 16 x 3 tiles of 8 x 16 pixels. Compared is with the picture at
 * the last such change, so that a bar that grows slowly is one, too.
 *
 * @picture  which the caller knows; becomes the one that there is. 0: none. NULL: only text counts
 */
bool kiln_screen_wait_change(struct kiln_screen *s, struct kiln_text *to, uint64_t *picture,
                             struct kiln_cancel *c, int died_fd, int64_t deadline,
                             struct kiln_err *err);

/**
 * From now on and as long as it lives: give the screen to the watcher's `sample` now and then, if
 * it has changed: two seconds after the last time, later and later (eight at most) while that
 * finds nothing new. Costs next to nothing while the screen stands still, and does not
 * disturb QEMU's rest as somebody who watches does.
 */
bool kiln_screen_sample(struct kiln_screen *s, struct kiln_err *err);
/** One more sample, now: for a guest that is about to be ended. Waits until it was taken, a quarter
 *  of a second at most (that nothing has changed cannot be told from that). Nothing if nobody
 *  samples. */
void kiln_screen_sample_now(struct kiln_screen *s);

/**
 * What was seen is of another time: the guest went back. Waits until the whole screen has been
 * looked at anew, and its text read if it ever was; two seconds at most. Nothing if nobody looks.
 * As for kiln_screen_wait_text: the main thread.
 *
 * @old  what QEMU shows now is still of that other time: there is no text until it changes, three
 *       seconds at most
 */
void kiln_screen_renew(struct kiln_screen *s, bool old);

/** Look as often as QEMU does, as somebody types by what is shown; or as is enough for people. */
void kiln_screen_look_closely(struct kiln_screen *s, bool on);

/** A key goes down or up: queued. USER: no server; more keys than anybody types. */
bool kiln_screen_key(struct kiln_screen *s, const struct kiln_key_stroke *stroke,
                     struct kiln_err *err);
/** Let go of every key that is down by kiln_screen_key. */
void kiln_screen_release_keys(struct kiln_screen *s);

#endif
