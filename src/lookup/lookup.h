/*
 * {{consul_key}}, {{vault}} and {{aws_secretsmanager}}: what a variable's value gets from a server.
 * Which server, and with which credentials, says the environment, in the variables that Packer and
 * the services' own tools read. Source: packer-core.md, 6.2.
 *
 *     Consul  CONSUL_HTTP_ADDR, _TOKEN, _TOKEN_FILE, _AUTH, _SSL, _SSL_VERIFY;
 *             CONSUL_CACERT, _CACERT_BYTES, _CAPATH, _CLIENT_CERT, _CLIENT_KEY,
 *             _TLS_SERVER_NAME, _NAMESPACE, _PARTITION
 *     Vault   VAULT_ADDR, _AGENT_ADDR, _TOKEN, _NAMESPACE, _CACERT, _CACERT_BYTES, _CAPATH,
 *             _CLIENT_CERT, _CLIENT_KEY, _SKIP_VERIFY, _TLS_SERVER_NAME, _PROXY_ADDR,
 *             _HTTP_PROXY, _HEADERS, _CLIENT_TIMEOUT, _MAX_RETRIES, _DISABLE_REDIRECTS
 *     AWS     aws_config.h
 *
 * A thing is asked for once in a run, however often it is named. One thread. Nothing is loaded or
 * read before something is asked for.
 */
#ifndef KILN_LOOKUP_LOOKUP_H
#define KILN_LOOKUP_LOOKUP_H

#include "base/cancel.h"
#include "base/strv.h"
#include "template/interp.h"

struct kiln_lookups;

/** @c  ends a request; borrowed; NULL: only the services' deadlines do */
struct kiln_lookups *kiln_lookups_new(struct kiln_cancel *c);
void kiln_lookups_free(struct kiln_lookups *l); /* NULL is fine */
void kiln_lookups_freep(struct kiln_lookups **l);

/** For struct kiln_interp; borrowed. */
const struct kiln_lookup *kiln_lookups_interp(struct kiln_lookups *l);

/** Append all that must never be shown: every value so far, and the credentials used for it, unless
 * they are shorter than any real one. */
void kiln_lookups_secrets(const struct kiln_lookups *l, struct kiln_strv *ret);

#endif
