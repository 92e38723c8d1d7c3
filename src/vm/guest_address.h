/* Where a guest on a bridge of the host is found: there is no forwarded port then. Linux. */
#ifndef KILN_VM_GUEST_ADDRESS_H
#define KILN_VM_GUEST_ADDRESS_H

#include "vm/qmp.h"

/** The bridge's own first IPv4 address: the host, as the guest sees it. Caller frees. USER if it
 * has none: `Error getting the bridge B interface: …`. */
bool kiln_bridge_address(const char *bridge, char **ret_address, struct kiln_err *err);

/** Hardware address of the network device on netdev "user.0"; caller frees. REMOTE if there is
 * none. */
bool kiln_guest_mac(struct kiln_qmp *q, struct kiln_cancel *c, int64_t deadline, char **ret_mac,
                    struct kiln_err *err);

/**
 * The complete entry for `mac` on `device` in a table like /proc/net/arp. NULL if there is none;
 * caller frees.
 */
char *kiln_arp_find(const char *table, const char *device, const char *mac);

#endif
