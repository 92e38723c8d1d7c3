#include "vm/usernet.h"

#include <stdio.h>

#include "base/str.h"
#include "base/strv.h"

/* PROTOCOL[STATE] FD SOURCE PORT DESTINATION PORT … */
struct flow {
    char protocol[8], state[24], from[64], to[64], to_port[16];
};

static bool read_flow(const char *line, struct flow *ret)
{
    return sscanf(line, " %7[A-Z][%23[^]]] %*31s %63s %*15s %63s %15s", ret->protocol, ret->state,
                  ret->from, ret->to, ret->to_port) == 5;
}

/* 10.0.2. of 10.0.2.15 */
static size_t net_length(const char *address)
{
    const char *dot = strrchr(address, '.');

    return dot ? (size_t)(dot + 1 - address) : 0;
}

static bool stands(const char *state)
{
    static const char *const states[] = { "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1",
                                          "FIN_WAIT_2",  "CLOSING",    "LAST_ACK" };

    for (size_t i = 0; i < KILN_COUNT(states); i++) {
        if (strcmp(state, states[i]) == 0)
            return true;
    }
    return false;
}

/* In the network that the forwarded port leads into; QEMU's default if there is none. */
static bool is_guest(const char *address, const char *forwarded_to)
{
    size_t n = net_length(forwarded_to);

    return n > 0 && strncmp(address, forwarded_to, n) == 0;
}

static void take_flow(const struct flow *f, int guest_port, const char *forwarded_to,
                      struct kiln_usernet *ret)
{
    int64_t port;

    if (strcmp(f->state, "HOST_FORWARD") == 0)
        return;
    if (is_guest(f->from, forwarded_to)) {
        ret->talks = true;
    } else if (is_guest(f->to, forwarded_to) && kiln_parse_i64(f->to_port, &port) &&
               port == guest_port) {
        ret->answered |= stands(f->state);
        ret->asked |= strcmp(f->state, "SYN_SENT") == 0;
    }
}

struct kiln_usernet kiln_usernet_read(const char *text, int guest_port)
{
    struct kiln_usernet ret = { 0 };
    struct flow forward = { .to = "10.0.2.15" }, f;
    KILN_AUTO_STRV lines = { 0 };

    kiln_strv_split(&lines, text, '\n');
    for (size_t i = 0; i < lines.n; i++) {
        if (read_flow(lines.v[i], &f) && strcmp(f.state, "HOST_FORWARD") == 0)
            forward = f;
    }
    for (size_t i = 0; i < lines.n; i++) {
        if (read_flow(lines.v[i], &f))
            take_flow(&f, guest_port, forward.to, &ret);
    }
    return ret;
}
