/*
 * One HTTP request and its answer, done by libcurl in the module kiln-curl.so. fetch.c and
 * download.c make of it what reads files; whoever talks to an API uses it as it is. Runs in the
 * caller's thread; the callbacks too.
 *
 * Proxies come from the environment, but for this machine's own addresses. A file may be behind
 * redirects (KILN_MAX_REDIRECTS, http and https only), and its credentials in the URL or ~/.netrc.
 * Certificates are checked against the system's authorities, or those in $SSL_CERT_FILE and
 * $SSL_CERT_DIR.
 */
#ifndef KILN_NET_EXCHANGE_H
#define KILN_NET_EXCHANGE_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/str.h"
#include "base/strv.h"

/* What the final answer (behind redirects) said of itself. */
struct kiln_exchange_head {
    long status;           /* 200, 404, … */
    int64_t length;        /* bytes of this body; -1 unknown */
    uint64_t offset;       /* 206: where in the file this body starts */
    uint64_t whole;        /* 206: length of the file; 0 unknown */
    int64_t last_modified; /* Unix seconds; -1 unknown */
    bool ranges;           /* Accept-Ranges: bytes */
};

/* How to know a server, and to be known by it. All borrowed. */
struct kiln_exchange_tls {
    const char *authorities; /* PEM text; NULL: those of the system */
    const char *cert, *key;  /* names of PEM files; NULL: no client certificate */
    const char *name;        /* that the server's certificate is for; NULL: the URL's host */
    bool insecure;           /* any certificate will do */
};

/* A connection that stays open from one request to the next, and logged in, where a login is one of
 * connections (NTLM). Used by one thread at a time. */
struct kiln_exchange_line;

struct kiln_exchange {
    const char *url;    /* http or https */
    const char *method; /* NULL: GET, or POST with a body. "HEAD" has no body in its answer */
    /* "Name: value", as they are sent; one with a control character is an error. May be NULL. */
    const struct kiln_strv *headers;
    const void *body; /* NULL: none */
    size_t body_len;
    /* Somebody's API rather than a file: the body is read whatever the status, redirects are not
     * followed, and ~/.netrc counts for nothing. */
    bool api;
    struct kiln_str *redirect; /* api: where the answer sends us is appended; may be NULL */
    /* How one may log in: the answer's WWW-Authenticate headers are added; may be NULL. */
    struct kiln_strv *challenges;

    const char *unix_socket; /* connect to this rather than to the URL's host; NULL: do not */
    const char *proxy;       /* NULL: the environment's, "": none */
    const struct kiln_exchange_tls *tls; /* NULL: all zero */
    struct kiln_exchange_line *line;     /* NULL: a connection of its own */

    uint64_t offset; /* > 0: ask for the file from this byte on */
    /* With an offset: only if the file is still of this time (Unix seconds); 0: in any case. */
    int64_t if_range;
    int64_t stall_us; /* give up when fewer than one byte a second came for so long */
    int64_t deadline; /* of the whole request, on the cancel object's clock */
    /* Before the first byte of a body that is read, also of an empty one. May be NULL. */
    bool (*start)(void *ud, const struct kiln_exchange_head *head, struct kiln_err *err);
    bool (*data)(void *ud, const void *data, size_t len, struct kiln_err *err);
    void *ud;
};

/**
 * True when an answer came, whatever its status: of a file (not api), the body of one that is
 * neither 200 nor 206 is not read. Errors: REMOTE, TIMEOUT (stall, deadline, connect), CANCELLED,
 * or what a callback set.
 */
bool kiln_exchange_run(const struct kiln_exchange *t, struct kiln_cancel *c,
                       struct kiln_exchange_head *ret_head, struct kiln_err *err);

/** A line on which nothing was said yet. It is opened, and opened again, when it is needed. */
struct kiln_exchange_line *kiln_exchange_line_new(struct kiln_err *err);
void kiln_exchange_line_free(struct kiln_exchange_line *line); /* NULL is fine */

struct kiln_curl_ops {
    bool (*run)(const struct kiln_exchange *t, struct kiln_cancel *c,
                struct kiln_exchange_head *ret_head, struct kiln_err *err);
    struct kiln_exchange_line *(*line_new)(struct kiln_err *err);
    void (*line_free)(struct kiln_exchange_line *line);
};

#endif
