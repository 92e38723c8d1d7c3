/* First line: which reader, and the key it is asked for ("vault pw"); then what a server sent, or
 * the text of a file of AWS's. */
#include "take_line.h"

#include <stdint.h>

#include "base/limits.h"
#include "base/mem.h"
#include "lookup/providers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_it(const char *what, const char *key, const char *text, size_t len,
                    struct kiln_str *out, struct kiln_err *err)
{
    KILN_AUTO_AWS_CREDENTIALS c = { 0 };
    KILN_AUTO_STRMAP section = { 0 };
    KILN_AUTO_FREE char *copy = kiln_xstrndup(text, len); /* ends with a NUL */

    if (kiln_has_prefix(what, "consul"))
        return kiln_consul_read(text, len, key, out, err);
    if (kiln_has_prefix(what, "vault"))
        return kiln_vault_read(text, len, key, out, err);
    if (kiln_has_prefix(what, "aws"))
        return kiln_aws_read(text, len, key, false, out, err);
    if (kiln_has_prefix(what, "raw"))
        return kiln_aws_read(text, len, key, true, out, err);
    if (kiln_has_prefix(what, "creds"))
        return kiln_aws_read_credentials(text, len, &c, err);
    if (kiln_has_prefix(what, "sts"))
        return kiln_aws_read_sts(copy, &c, err);
    return kiln_aws_ini_section(copy, key, &section) ||
           kiln_err_set(err, KILN_ERR_USER, "no such section");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size, *space;
    KILN_AUTO_FREE char *what = NULL;
    KILN_AUTO_STR out = KILN_STR_MAX(KILN_MAX_LOOKUP);
    KILN_AUTO_ERR err = { 0 };

    if (size == 0 || size > KILN_MAX_LOOKUP)
        return 0;
    what = take_line(&p, end);
    space = strchr(what, ' ');
    if (read_it(what, space ? space + 1 : "", p, (size_t)(end - p), &out, &err) !=
        (err.kind == KILN_ERR_NONE))
        abort(); /* an error without a text, or one beside a value */
    return 0;
}
