/*
 * A VNC client: types on the guest's keyboard and, when asked to, sees its screen.
 *
 * A helper thread reads what the server sends, so that the server never waits for us and a lost
 * connection is noticed; it is also why nothing here can hang: closing the socket ends it. Unless
 * kiln_vnc_request_updates is called, the server is sent key events and nothing else, as Packer
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

/** From now on keep a copy of the screen up to date. Owner's thread; again: nothing happens. */
bool kiln_vnc_request_updates(struct kiln_vnc *v, struct kiln_err *err);

/** A copy of the screen. All zeroes is ready to use, and to be used again. */
struct kiln_vnc_image {
    uint8_t *rgb;           /* owned; rows top down, 3 bytes a pixel, no padding */
    size_t capacity;        /* bytes that rgb has room for */
    unsigned width, height; /* pixels */
    uint64_t frame;         /* counts the server's updates; 0: nothing was seen yet */
};
void kiln_vnc_image_done(struct kiln_vnc_image *image);

/** Copy the screen as it is known now (all black before frame 1). Any thread. */
void kiln_vnc_snapshot(struct kiln_vnc *v, struct kiln_vnc_image *image);

/** Wait until there is a frame later than `frame`. Owner's thread. */
bool kiln_vnc_wait_frame(struct kiln_vnc *v, uint64_t frame, struct kiln_cancel *c,
                         int64_t deadline, struct kiln_err *err);

#endif
