/*
 * A service that answers in JSON over HTTP: where it is, who we are to it, and how patient we are.
 * Internal to lookup/. One thread.
 */
#ifndef KILN_LOOKUP_SERVICE_H
#define KILN_LOOKUP_SERVICE_H

#include "base/cancel.h"
#include "base/str.h"
#include "base/strv.h"
#include "net/exchange.h"
#include "template/node.h"

#define KILN_LOOKUP_TIMEOUT_US KILN_SECOND(60) /* one request, answered whole */

struct kiln_answer {
    long status;
    struct kiln_str body; /* at most KILN_MAX_LOOKUP bytes */
};
#define KILN_AUTO_ANSWER KILN_CLEANUP(kiln_answer_done) struct kiln_answer
void kiln_answer_done(struct kiln_answer *a);

struct kiln_service {
    const char *failure;         /* begins every error of a request: "Error reading vault secret" */
    char *address;               /* "https://host:8200/prefix", no slash at the end; owned */
    char *unix_socket;           /* owned, or NULL */
    const char *proxy;           /* borrowed; NULL: the environment's; "": none */
    struct kiln_strv headers;    /* of every request */
    struct kiln_str authorities; /* PEM; empty: the system's */
    struct kiln_exchange_tls tls; /* borrows, from the environment and from here */
    int64_t timeout_us;
    unsigned retries;   /* after an answer that `busy` says is none */
    int64_t retry_us;   /* before the first, twice that before the second, and so on */
    unsigned redirects; /* to follow, with all headers, but never from https to http */
    bool (*busy)(const struct kiln_answer *a); /* NULL: never */
};
#define KILN_AUTO_SERVICE KILN_CLEANUP(kiln_service_done) struct kiln_service
void kiln_service_done(struct kiln_service *s);

/** The variable's value, NULL if unset or empty. */
const char *kiln_lookup_env(const char *name);
/** The same as Go's ParseBool reads it; `otherwise` if it is unset. */
bool kiln_lookup_env_bool(const char *name, bool otherwise, bool *ret, struct kiln_err *err);

/**
 * Fill the TLS part from PREFIX_CACERT, _CACERT_BYTES, _CAPATH, _CLIENT_CERT, _CLIENT_KEY,
 * _TLS_SERVER_NAME, of which Consul and Vault have the same.
 */
bool kiln_service_read_tls(struct kiln_service *s, const char *prefix, struct kiln_err *err);

/** Append every certificate of a PEM file, or of the files in a directory, whatever their names. */
bool kiln_service_add_authorities(struct kiln_service *s, const char *file, const char *dir,
                                  struct kiln_err *err);

/** "unix:///path" or a URL to s->address and s->unix_socket. @name  the variable it came from */
bool kiln_service_set_address(struct kiln_service *s, const char *url, const char *name,
                              struct kiln_err *err);

struct kiln_ask {
    const char *method; /* NULL: GET, POST with a body */
    const char *path;   /* behind the address, escaped, with its query: "/v1/kv/a?ns=b" */
    const struct kiln_strv *headers; /* of this request; may be NULL */
    const char *body;                /* NULL: none */
};

/** True when the service answered, whatever its status. Errors name the URL. */
bool kiln_service_ask(const struct kiln_service *s, const struct kiln_ask *a, struct kiln_cancel *c,
                      struct kiln_answer *ret, struct kiln_err *err);

/** "GET URL: STATUS: why"; `why` is foreign text and is cut and cleaned. False. */
bool kiln_service_refused(const struct kiln_service *s, const struct kiln_ask *a, long status,
                          const char *why, struct kiln_err *err);

/** The document, or NULL ("the answer is not JSON"); for kiln_tree_free. Its NULs are errors. */
struct kiln_tree *kiln_lookup_json(const char *text, size_t len, struct kiln_err *err);

/** A member that has to be a string, or NULL. */
const char *kiln_lookup_string(const struct kiln_node *object, const char *key);

#endif
