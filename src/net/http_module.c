/*
 * The protocol part of the HTTP server, by libmicrohttpd: one thread on epoll, files by sendfile.
 * What to answer is decided in http_reply.c.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/thread.h"
#include "net/http_ops.h"

/* Long, because a guest that stands still at a breakpoint takes nothing meanwhile. */
#define IDLE_TIMEOUT_S 600u

extern const struct kiln_http_ops kiln_http_ops;

/* One request, from its first line to its end. */
struct exchange {
    char *uri; /* owned; as sent */
    char *method;
    unsigned status;
    uint64_t bytes;
};

/* The URI as it was sent. The one that libmicrohttpd hands out later is decoded, and ends at a %00.
 */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
    struct exchange *x = kiln_xcalloc(1, sizeof(*x));

    (void)cls;
    (void)conn;
    x->uri = kiln_xstrdup(uri);
    return x;
}

static const char *header(struct MHD_Connection *conn, const char *name)
{
    return MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name);
}

static char *peer_name(struct MHD_Connection *conn)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *in4;
    const struct sockaddr_in6 *in6;

    if (!info || !info->client_addr)
        return kiln_xstrdup("?");
    if (info->client_addr->sa_family == AF_INET) {
        in4 = (const struct sockaddr_in *)(const void *)info->client_addr;
        (void)inet_ntop(AF_INET, &in4->sin_addr, text, sizeof(text));
        return kiln_xasprintf("%s:%u", text, ntohs(in4->sin_port));
    }
    in6 = (const struct sockaddr_in6 *)(const void *)info->client_addr;
    (void)inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
    return kiln_xasprintf("[%s]:%u", text, ntohs(in6->sin6_port));
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **con_cls,
                         enum MHD_RequestTerminationCode how)
{
    const struct kiln_http_service *service = cls;
    struct exchange *x = *con_cls;

    if (!x)
        return;
    *con_cls = NULL;
    if (service->on_request && x->status) {
        KILN_AUTO_FREE char *peer = peer_name(conn);
        struct kiln_http_request request = {
            .method = x->method,
            .uri = x->uri,
            .status = x->status,
            .bytes = x->bytes,
            .complete = how == MHD_REQUEST_TERMINATED_COMPLETED_OK,
            .peer = peer,
        };

        service->on_request(service->ud, &request);
    }
    free(x->uri);
    free(x->method);
    free(x);
}

/* Hands the reply's file or text over; the reply is empty afterwards. */
static struct MHD_Response *response_of(struct kiln_http_reply *reply, struct exchange *x)
{
    struct MHD_Response *response;

    x->status = reply->status;
    if (reply->fd >= 0) {
        x->bytes = reply->length;
        response = MHD_create_response_from_fd_at_offset64(reply->length, reply->fd, reply->offset);
        if (response)
            reply->fd = -1;
    } else {
        size_t len = reply->body.len;
        char *body = kiln_str_steal(&reply->body);

        x->bytes = len;
        response = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
        if (!response)
            free(body);
    }
    for (size_t i = 0; response && i < reply->headers.keys.n; i++)
        (void)MHD_add_response_header(response, reply->headers.keys.v[i],
                                      reply->headers.values.v[i]);
    return response;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_size, void **con_cls)
{
    const struct kiln_http_service *service = cls;
    struct exchange *x = *con_cls;
    KILN_CLEANUP(kiln_http_reply_done) struct kiln_http_reply reply = { .fd = -1 };
    struct MHD_Response *response;
    enum MHD_Result result;

    (void)url;
    (void)version;
    (void)upload_data;
    if (!x->method) { /* headers are there; a body may follow, and is read past */
        x->method = kiln_xstrdup(method);
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    kiln_http_reply_make(&reply, &service->site,
                         &(struct kiln_http_ask){
                             .uri = x->uri,
                             .range = header(conn, "Range"),
                             .if_range = header(conn, "If-Range"),
                             .if_modified_since = header(conn, "If-Modified-Since"),
                             .if_none_match = header(conn, "If-None-Match"),
                         });
    response = response_of(&reply, x);
    if (!response)
        return MHD_NO;
    result = MHD_queue_response(conn, x->status, response);
    MHD_destroy_response(response);
    return result;
}

static void *start(int listen_fd, const struct kiln_http_service *service, struct kiln_err *err)
{
    void *cls = (void *)(uintptr_t)service; /* given back as const */
    struct MHD_Daemon *daemon;
    sigset_t old;

    kiln_signals_block(&old);
    daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request,
                         cls, MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)KILN_MAX_HTTP_CLIENTS, MHD_OPTION_CONNECTION_TIMEOUT,
                         IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)KILN_MAX_HTTP_HEADER, MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
                         MHD_OPTION_NOTIFY_COMPLETED, on_completed, cls, MHD_OPTION_END);
    kiln_signals_restore(&old);
    if (!daemon)
        kiln_err_set(err, KILN_ERR_SYSTEM, "the HTTP server's thread did not start");
    return daemon;
}

static void stop(void *daemon)
{
    MHD_stop_daemon(daemon);
}

const struct kiln_http_ops kiln_http_ops = { .start = start, .stop = stop };
