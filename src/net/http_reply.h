/*
 * What the HTTP server answers, without the protocol: a request's path and a few of its headers in,
 * status, headers and a body out. Internal to net/, and the part of the server that tests and the
 * fuzzer reach without a socket. No state; any thread.
 *
 * Source: qemu-builder.md, 7 (Go's file server and Packer's http_content).
 */
#ifndef KILN_NET_HTTP_REPLY_H
#define KILN_NET_HTTP_REPLY_H

#include <stdint.h>

#include "base/str.h"
#include "base/strv.h"

/* What is served; both borrowed; exactly one is set. */
struct kiln_http_site {
    const char *directory;             /* absolute */
    const struct kiln_strmap *content; /* path -> text */
};

/* All borrowed; a header that was not sent is NULL. */
struct kiln_http_ask {
    const char *uri; /* as in the request line: escaped path, perhaps with ?query */
    const char *range, *if_range, *if_modified_since, *if_none_match;
};

struct kiln_http_reply {
    unsigned status;
    struct kiln_strmap headers; /* owned; all but Content-Length and Date */
    int fd;                     /* owned; the body is `length` bytes of it from `offset`, or -1 */
    uint64_t offset, length;
    struct kiln_str body; /* owned; the body if there is no fd */
};

/** Never fails: what cannot be served is a reply too. */
void kiln_http_reply_make(struct kiln_http_reply *ret, const struct kiln_http_site *site,
                          const struct kiln_http_ask *ask);
void kiln_http_reply_done(struct kiln_http_reply *r);

/**
 * Decode and clean the path of a URI: "/" or "/a/b", without ".", "..", "//" or a slash at the end,
 * never leading out of "/". *ret_plain is the decoded path as it was. False for a broken escape or
 * a NUL byte. Both are appended to.
 */
bool kiln_http_path(const char *uri, struct kiln_str *ret_clean, struct kiln_str *ret_plain);

enum kiln_http_range {
    KILN_HTTP_RANGE_ALL,  /* none, several, or not understood: send everything */
    KILN_HTTP_RANGE_PART, /* *ret_offset and *ret_length */
    KILN_HTTP_RANGE_BAD,  /* nothing of the file is in it */
};
enum kiln_http_range kiln_http_range_parse(const char *value, uint64_t size, uint64_t *ret_offset,
                                           uint64_t *ret_length);

/** By the name's extension (name may be NULL), else by the first bytes. Never NULL. */
const char *kiln_http_type(const char *name, const void *head, size_t len);

#endif
