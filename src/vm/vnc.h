/*
 * A VNC client: types on the guest's keyboard and, when asked to, sees its screen.
 *
 * A helper thread reads what the server sends, so that the server never waits for us and a lost
 * connection is noticed; it is also why nothing here can hang: closing the socket ends it. Unless
 * kiln_vnc_request_update is called, the server is sent key events and nothing else, as Packer
 * does.
 *
 * SIGPIPE must be ignored in the process: the library writes with write(2).
 *
 * Errors: REMOTE when the server refuses or the connection is gone (which is what a guest that
 * powers off looks like), TIMEOUT, CANCELLED, SYSTEM. Source: RFC 6143.
 */
#ifndef KILN_VM_VNC_H
#define KILN_VM_VNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

struct kiln_vnc;

/**
 * Connect, authenticate, share the display.
 *
 * @host, @port  as for kiln_tcp_connect; one attempt
 * @password     NULL or "": none is used; QEMU looks at the first 8 bytes
 *
 * Errors: `Error connecting to VNC: dial tcp …`, `Error handshaking with VNC: …`. A display of more
 * than KILN_MAX_DISPLAY_PIXELS is refused.
 */
bool kiln_vnc_connect(struct kiln_vnc **ret_vnc, const char *host, int port, const char *password,
                      struct kiln_cancel *c, int64_t deadline, struct kiln_err *err);

/**
 * Closes the connection once the server has read what was sent (a quarter of a second at most), and
 * waits for the thread. NULL is fine.
 */
void kiln_vnc_free(struct kiln_vnc *v);
void kiln_vnc_freep(struct kiln_vnc **v);

/** True once the connection is gone. Any thread. */
bool kiln_vnc_lost(struct kiln_vnc *v);

/**
 * Send one key press or release; it is on its way when this returns.
 *
 * @keysym  X11 keysym, not a scancode
 * Blocks at most five seconds, while the server takes no bytes. Any thread.
 */
bool kiln_vnc_key(struct kiln_vnc *v, uint32_t keysym, bool down, struct kiln_cancel *c,
                  struct kiln_err *err);

/**
 * From now on kiln_vnc_scancode may be called. Before the first kiln_vnc_request_update. REMOTE:
 * the server knows no QEMU extended key events. Owner's thread.
 */
bool kiln_vnc_want_scancodes(struct kiln_vnc *v, struct kiln_cancel *c, int64_t deadline,
                             struct kiln_err *err);
/**
 * As kiln_vnc_key for the physical key of an XT scancode (that of AltGr is 0xB8); a server that was
 * given a layout of its own (-k) goes by the keysym. scancode 0: it is kiln_vnc_key.
 */
bool kiln_vnc_scancode(struct kiln_vnc *v, uint32_t keysym, uint8_t scancode, bool down,
                       struct kiln_cancel *c, struct kiln_err *err);

/**
 * Ask for one update: of the whole screen the first time and after it has changed its size, of what
 * has changed since then; the server answers once there is something. Blocks as kiln_vnc_key.
 * Owner's thread.
 */
bool kiln_vnc_request_update(struct kiln_vnc *v, struct kiln_cancel *c, struct kiln_err *err);

/** The next request is for the whole screen again. Any thread. */
void kiln_vnc_forget(struct kiln_vnc *v);

/** Readable when an update has come or the connection is lost; borrowed. */
int kiln_vnc_news_fd(const struct kiln_vnc *v);
/** How many updates have come; kiln_vnc_news_fd is quiet until the next. Owner's thread. */
uint64_t kiln_vnc_frames(struct kiln_vnc *v);

/* Rows [y, y + rows) of a screen; rows 0: only its size is told. */
struct kiln_vnc_rows {
    unsigned width, height; /* of the screen, pixels */
    unsigned y, rows;
    const uint8_t *rgbx; /* the first of them: 4 bytes a pixel (the last means nothing), no padding;
                            borrowed until return */
};
typedef void kiln_vnc_rows_fn(void *ud, const struct kiln_vnc_rows *rows);

/**
 * Give the rows that have changed since the last call (black before the first update) to fn, from
 * top to bottom; at least one call. fn must be quick (decoding waits for it) and call nothing of v.
 * Any thread.
 */
void kiln_vnc_changes(struct kiln_vnc *v, kiln_vnc_rows_fn *fn, void *ud);

/** Wait until there is a frame later than `frame`. Owner's thread. */
bool kiln_vnc_wait_frame(struct kiln_vnc *v, uint64_t frame, struct kiln_cancel *c,
                         int64_t deadline, struct kiln_err *err);

#endif
