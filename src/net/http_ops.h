/* What kiln-http.so gives to http_server.c. Internal. */
#ifndef KILN_NET_HTTP_OPS_H
#define KILN_NET_HTTP_OPS_H

#include "net/http_reply.h"
#include "net/http_server.h"

/* Unchanged while the server runs. */
struct kiln_http_service {
    struct kiln_http_site site;
    void (*on_request)(void *ud, const struct kiln_http_request *request);
    void *ud;
};

struct kiln_http_ops {
    /* Takes listen_fd, also on failure; `service` must stay. NULL on failure. */
    void *(*start)(int listen_fd, const struct kiln_http_service *service, struct kiln_err *err);
    void (*stop)(void *daemon);
};

#endif
