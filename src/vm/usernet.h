/*
 * What QEMU's user network knows of a guest. It accepts connections to a forwarded port whether
 * there is a guest or not; but it knows how far each has come inside. Pure: the text of `info
 * usernet` in. Source: libslirp's slirp_connection_info, as of 4.1 to 4.8.
 */
#ifndef KILN_VM_USERNET_H
#define KILN_VM_USERNET_H

#include <stdbool.h>

struct kiln_usernet {
    bool talks;    /* the guest has connections of its own: so it has an address */
    bool answered; /* a connection to its port stands */
    bool asked;    /* one was begun, and the guest has not answered yet */
};

/** guest_port: the guest's end of the forwarded port. Lines that are none are passed over. */
struct kiln_usernet kiln_usernet_read(const char *text, int guest_port);

#endif
