/*
 * AWS Signature Version 4 in the Authorization header. Source: AWS's "Create a signed AWS API
 * request". Pure but for the hash module. Internal to lookup/.
 */
#ifndef KILN_LOOKUP_SIGV4_H
#define KILN_LOOKUP_SIGV4_H

#include "lookup/aws_config.h"

#define KILN_AMZ_DATE_SIZE 17 /* "20150830T123600Z" */

struct kiln_sigv4 {
    const char *method, *path, *query; /* canonical: escaped, sorted; query "" if none */
    const struct kiln_strmap *headers; /* all to be signed; names in lower case and in order */
    const char *body;
    const char *region, *service;
    const char *date; /* as the header x-amz-date, which is one of them */
    const struct kiln_aws_credentials *credentials;
};

void kiln_sigv4_date(int64_t unix_seconds, char ret[KILN_AMZ_DATE_SIZE]);

/** Append "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…". */
bool kiln_sigv4_sign(const struct kiln_sigv4 *s, struct kiln_str *ret, struct kiln_err *err);

#endif
