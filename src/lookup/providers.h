/*
 * The three services, and what a run of them keeps. Internal to lookup/; tests and fuzzers call the
 * parsers, which read what a server sent: any bytes.
 */
#ifndef KILN_LOOKUP_PROVIDERS_H
#define KILN_LOOKUP_PROVIDERS_H

#include "lookup/aws_config.h"
#include "lookup/service.h"

struct kiln_lookup_run {
    struct kiln_cancel *cancel;       /* borrowed; may be NULL */
    struct kiln_strv values;          /* all that were looked up */
    struct kiln_strv credentials;     /* all that were used for it */
    struct kiln_strmap vault_answers; /* path -> answer: one secret has several keys */
    struct kiln_aws_config *aws;      /* read when it is first needed */
};

/* Each appends to out. The error says what is wrong, without the function's name. */
bool kiln_consul_get(struct kiln_lookup_run *run, const char *key, struct kiln_str *out,
                     struct kiln_err *err);
bool kiln_vault_get(struct kiln_lookup_run *run, const char *path, const char *key,
                    struct kiln_str *out, struct kiln_err *err);
/** @raw  the whole text, whatever it is; else one value of a JSON object, or a plain text */
bool kiln_aws_get(struct kiln_lookup_run *run, const char *name, const char *key, bool raw,
                  struct kiln_str *out, struct kiln_err *err);

/** [{"Value": "base64"}] of /v1/kv/KEY. */
bool kiln_consul_read(const char *answer, size_t len, const char *key, struct kiln_str *out,
                      struct kiln_err *err);
/** {"data": …} of a KV engine, version 1 or 2. */
bool kiln_vault_read(const char *answer, size_t len, const char *key, struct kiln_str *out,
                     struct kiln_err *err);
/** {"SecretString": …} of GetSecretValue. */
bool kiln_aws_read(const char *answer, size_t len, const char *key, bool raw, struct kiln_str *out,
                   struct kiln_err *err);

#endif
