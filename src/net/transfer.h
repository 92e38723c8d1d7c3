/*
 * One HTTP request, done by libcurl in the module kiln-curl.so. Internal to net/: fetch.c and
 * download.c make of it what the rest of kiln uses. Runs in the caller's thread; the callbacks too.
 *
 * Redirects are followed (KILN_MAX_REDIRECTS, http and https only), proxies come from the
 * environment, credentials from the URL or ~/.netrc. Certificates are checked against the system's
 * authorities, or those in $SSL_CERT_FILE and $SSL_CERT_DIR.
 */
#ifndef KILN_NET_TRANSFER_H
#define KILN_NET_TRANSFER_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

/* What the final answer (behind redirects) said of itself. */
struct kiln_transfer_head {
    long status;           /* 200, 404, … */
    int64_t length;        /* bytes of this body; -1 unknown */
    uint64_t offset;       /* 206: where in the file this body starts */
    int64_t last_modified; /* Unix seconds; -1 unknown */
    bool ranges;           /* Accept-Ranges: bytes */
};

struct kiln_transfer {
    const char *url; /* http or https */
    bool head;       /* HEAD instead of GET */
    uint64_t offset; /* > 0: ask for the file from this byte on */
    /* With an offset: only if the file is still of this time (Unix seconds); 0: in any case. */
    int64_t if_range;
    int64_t stall_us; /* give up when fewer than one byte a second came for so long */
    int64_t deadline; /* of the whole request, on the cancel object's clock */
    /* Before the first byte of a body with status 200 or 206, also of an empty one. */
    bool (*start)(void *ud, const struct kiln_transfer_head *head, struct kiln_err *err);
    bool (*data)(void *ud, const void *data, size_t len, struct kiln_err *err);
    void *ud;
};

/**
 * True when an answer came, whatever its status: the body of one that is neither 200 nor 206 is
 * not read. Errors: REMOTE, TIMEOUT (stall, deadline, connect), CANCELLED, or what a callback set.
 */
bool kiln_transfer_run(const struct kiln_transfer *t, struct kiln_cancel *c,
                       struct kiln_transfer_head *ret_head, struct kiln_err *err);

struct kiln_curl_ops {
    bool (*run)(const struct kiln_transfer *t, struct kiln_cancel *c,
                struct kiln_transfer_head *ret_head, struct kiln_err *err);
};

#endif
