/* What kiln-vnc.so gives to vnc.c: one RFB session over libvncclient. Internal. */
#ifndef KILN_VM_VNC_OPS_H
#define KILN_VM_VNC_OPS_H

#include "vm/vnc.h"

struct kiln_vnc_session;

struct kiln_vnc_ops {
    /* fd: connected and blocking; fd and password are borrowed until close. on_frame is called by
     * handle_message. NULL: out of memory. */
    struct kiln_vnc_session *(*open)(int fd, const char *password, void (*on_frame)(void *ud),
                                     void *ud);
    /* Reader's thread; both block until the server has sent enough or the socket is shut down. */
    bool (*handshake)(struct kiln_vnc_session *s);
    bool (*handle_message)(struct kiln_vnc_session *s);
    /* What the library said last; for when one of the two above failed. "" if nothing. */
    const char *(*why)(const struct kiln_vnc_session *s);
    /* One writer at a time. */
    bool (*send_key)(struct kiln_vnc_session *s, uint32_t keysym, bool down);
    /* Before the first request: offer keys as scancodes; the answer to that request tells whether
     * the server takes them. */
    void (*offer_scancodes)(struct kiln_vnc_session *s);
    bool (*takes_scancodes)(const struct kiln_vnc_session *s);
    bool (*send_scancode)(struct kiln_vnc_session *s, uint32_t keysym, uint8_t scancode, bool down);
    bool (*request_update)(struct kiln_vnc_session *s);
    /* Any thread. */
    void (*forget)(struct kiln_vnc_session *s);
    void (*changes)(struct kiln_vnc_session *s, kiln_vnc_rows_fn *fn, void *ud);
    /* After the reader's thread has ended. */
    void (*close)(struct kiln_vnc_session *s);
};

#endif
