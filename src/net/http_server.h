/*
 * The HTTP server that installers fetch their answer files from: http_directory or http_content,
 * read only. It runs in a thread of its own (libmicrohttpd, in the module kiln-http.so) and sleeps
 * while nobody asks.
 *
 * Directory mode is Go's file server: listings, index.html, ranges, If-Modified-Since. Symlinks are
 * followed, also out of the directory, as Packer does: what is in there is the user's choice. ".."
 * in any spelling stays inside. Only regular files and directories are served.
 *
 * Source: qemu-builder.md, 7 and 3.6.
 */
#ifndef KILN_NET_HTTP_SERVER_H
#define KILN_NET_HTTP_SERVER_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/strv.h"

/* One request that is over. Borrowed; valid during the call. */
struct kiln_http_request {
    const char *method; /* "GET" */
    const char *uri;    /* as sent: escaped, with its query; bytes from outside */
    unsigned status;
    uint64_t bytes;   /* of the body */
    bool complete;    /* the client took all of it */
    const char *peer; /* "127.0.0.1:43210" */
};

/* No pointer is kept but ud; content is copied. */
struct kiln_http_config {
    const char *address;               /* NULL: 127.0.0.1 */
    bool v6only;                       /* net/port.h */
    int port_min, port_max;            /* both inclusive */
    const char *directory;             /* against the cwd; NULL with content */
    const struct kiln_strmap *content; /* path -> text; NULL with directory */
    const char *lock_dir;              /* of the ports; NULL: CACHE/port */
    /* Called from the server's thread; may be NULL. Must not stop the server. */
    void (*on_request)(void *ud, const struct kiln_http_request *request);
    /* Called before waiting for a port that another build holds; may be NULL. */
    void (*on_wait)(void *ud, const char *text);
    void *ud;
};

struct kiln_http_server;

/**
 * Take a port and serve. USER error if the directory is missing (`Error finding "DIR": stat DIR: no
 * such file or directory`) or no port is free; waits, until cancelled, for ports that other builds
 * hold.
 */
bool kiln_http_server_start(struct kiln_http_server **ret, const struct kiln_http_config *config,
                            struct kiln_cancel *c, struct kiln_err *err);
int kiln_http_server_port(const struct kiln_http_server *s);
/** Ends the thread and open transfers, frees the port. No callback after it. NULL is fine. */
void kiln_http_server_stop(struct kiln_http_server *s);
void kiln_http_server_stopp(struct kiln_http_server **s);

#endif
