#include "base/regex.h"

#include "base/module.h"
#include "base/regex_ops.h"
#include "base/str.h"

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

bool kiln_regex_in_row(struct kiln_regex *re, const char *row)
{
    KILN_AUTO_STR text = { 0 };
    size_t start, end;

    kiln_str_adds(&text, row);
    if (kiln_regex_find(re, kiln_str_cstr(&text), text.len, 0, &start, &end))
        return true;
    kiln_str_addc(&text, ' ');
    return kiln_regex_find(re, kiln_str_cstr(&text), text.len, 0, &start, &end);
}

bool kiln_regex_given_up(const struct kiln_regex *re)
{
    return re->ops->given_up(re);
}

const char *kiln_regex_pattern(const struct kiln_regex *re)
{
    return re->ops->pattern(re);
}
