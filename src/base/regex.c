#include "base/regex.h"

#include "base/module.h"
#include "base/regex_ops.h"

bool kiln_regex_new(struct kiln_regex **ret, const char *pattern, struct kiln_err *err)
{
    const struct kiln_regex_ops *ops = kiln_module_load("regex", err);

    return ops && ops->compile(ret, pattern, err);
}

void kiln_regex_free(struct kiln_regex *re)
{
    if (re)
        re->ops->free(re);
}

bool kiln_regex_find(struct kiln_regex *re, const char *text, size_t len, size_t from,
                     size_t *ret_start, size_t *ret_end)
{
    return re->ops->find(re, text, len, from, ret_start, ret_end);
}

bool kiln_regex_given_up(const struct kiln_regex *re)
{
    return re->ops->given_up(re);
}

const char *kiln_regex_pattern(const struct kiln_regex *re)
{
    return re->ops->pattern(re);
}
