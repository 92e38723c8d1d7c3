#include "vm/guest_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <json-c/json.h>
#include <net/if.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"

#define NETDEV       "user.0"
#define ARP_COMPLETE 0x2
#define ARP_FIELDS   6 /* address, type, flags, hardware address, mask, device */

bool kiln_bridge_address(const char *bridge, char **ret_address, struct kiln_err *err)
{
    char text[INET_ADDRSTRLEN] = "";
    struct ifaddrs *all = NULL;

    if (if_nametoindex(bridge) == 0)
        return kiln_err_set(err, KILN_ERR_USER,
                            "Error getting the bridge %s interface: no such network interface",
                            bridge);
    if (getifaddrs(&all) < 0)
        return kiln_err_sys(err, errno, "Error getting the bridge %s interface", bridge);
    for (const struct ifaddrs *i = all; i && !text[0]; i = i->ifa_next) {
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && kiln_streq(i->ifa_name, bridge)) {
            const void *in = i->ifa_addr;

            (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)in)->sin_addr, text,
                            sizeof(text));
        }
    }
    freeifaddrs(all);
    if (!text[0])
        return kiln_err_set(err, KILN_ERR_USER,
                            "Error getting the bridge %s interface: it has no IPv4 address",
                            bridge);
    *ret_address = kiln_xstrdup(text);
    return true;
}

/* ---- the device ---- */

/* A text property of an object of QEMU; NULL if it has none of that name. Caller frees. */
static char *get_text(struct kiln_qmp *q, const char *path, const char *property,
                      struct kiln_cancel *c, int64_t deadline)
{
    KILN_AUTO_JSON *args = json_object_new_object();
    KILN_AUTO_JSON *reply = NULL;

    (void)json_object_object_add(args, "path", json_object_new_string(path));
    (void)json_object_object_add(args, "property", json_object_new_string(property));
    if (!kiln_qmp_execute(q, "qom-get", args, c, deadline, &reply, NULL) ||
        !json_object_is_type(reply, json_type_string))
        return NULL;
    return kiln_xstrdup(json_object_get_string(reply));
}

/* The hardware address, if the object is a network device on our netdev. */
static char *mac_of(struct kiln_qmp *q, const char *dir, struct json_object *entry,
                    struct kiln_cancel *c, int64_t deadline)
{
    const char *name = kiln_json_string(entry, "name"), *type = kiln_json_string(entry, "type");
    KILN_AUTO_FREE char *path = NULL;
    KILN_AUTO_FREE char *netdev = NULL;

    if (!name || !type || !kiln_has_prefix(type, "child<"))
        return NULL;
    path = kiln_xasprintf("%s/%s", dir, name);
    netdev = get_text(q, path, "netdev", c, deadline);
    return kiln_streq(netdev, NETDEV) ? get_text(q, path, "mac", c, deadline) : NULL;
}

static bool find_mac(struct kiln_qmp *q, const char *dir, struct kiln_cancel *c, int64_t deadline,
                     char **ret_mac, struct kiln_err *err)
{
    KILN_AUTO_JSON *args = json_object_new_object();
    KILN_AUTO_JSON *list = NULL;

    (void)json_object_object_add(args, "path", json_object_new_string(dir));
    if (!kiln_qmp_execute(q, "qom-list", args, c, deadline, &list, err))
        return false;
    if (!json_object_is_type(list, json_type_array))
        return true;
    for (size_t i = 0; i < json_object_array_length(list) && !*ret_mac; i++)
        *ret_mac = mac_of(q, dir, json_object_array_get_idx(list, i), c, deadline);
    return true;
}

bool kiln_guest_mac(struct kiln_qmp *q, struct kiln_cancel *c, int64_t deadline, char **ret_mac,
                    struct kiln_err *err)
{
    char *mac = NULL;

    if (!find_mac(q, "/machine/peripheral", c, deadline, &mac, err) ||
        (!mac && !find_mac(q, "/machine/peripheral-anon", c, deadline, &mac, err)))
        return kiln_err_wrap(err, "look for the network device");
    if (!mac)
        return kiln_err_set(err, KILN_ERR_REMOTE,
                            "no network device with netdev=%s: qemuargs must have one", NETDEV);
    *ret_mac = mac;
    return true;
}

/* ---- the table ---- */

static bool is_complete(const char *flags)
{
    return strtoul(flags, NULL, 16) & ARP_COMPLETE;
}

char *kiln_arp_find(const char *table, const char *device, const char *mac)
{
    KILN_AUTO_STRV lines = { 0 };

    kiln_strv_split(&lines, table, '\n');
    KILN_STRV_FOREACH (line, &lines) {
        KILN_AUTO_STRV words = { 0 };
        const char *field[ARP_FIELDS] = { 0 };
        size_t n = 0;

        kiln_strv_split(&words, line, ' ');
        KILN_STRV_FOREACH (word, &words) {
            if (word[0] && n < ARP_FIELDS)
                field[n++] = word;
        }
        if (n == ARP_FIELDS && is_complete(field[2]) && strcasecmp(field[3], mac) == 0 &&
            kiln_streq(field[5], device))
            return kiln_xstrdup(field[0]);
    }
    return NULL;
}
