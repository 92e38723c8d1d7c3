#include "cli/flags.h"

#include "template/gofmt.h"

static const struct kiln_flag *find(const struct kiln_flag *flags, const char *name, size_t len)
{
    for (const struct kiln_flag *f = flags; f->name; f++) {
        if (strlen(f->name) == len && memcmp(f->name, name, len) == 0)
            return f;
    }
    return NULL;
}

static bool set_pair(const struct kiln_flag *f, const char *value, struct kiln_err *err)
{
    if (!strchr(value, '='))
        return kiln_err_set(err, KILN_ERR_USER,
                            "invalid value \"%s\" for flag -%s: No '=' value in arg: %s", value,
                            f->name, value);
    if (f->target)
        kiln_strv_add(f->target, value);
    return true;
}

static bool check_config(const struct kiln_flag *f, const char *value, struct kiln_err *err)
{
    if (kiln_streq(value, "hcl2"))
        return kiln_err_set(err, KILN_ERR_USER, "-%s=hcl2: HCL2 templates are not supported yet",
                            f->name);
    return kiln_streq(value, "json") ||
           kiln_err_set(
               err, KILN_ERR_USER,
               "invalid value \"%s\" for flag -%s: %s does not belong to configType values "
               "[json hcl2]",
               value, f->name, value);
}

static bool set(const struct kiln_flag *f, const char *value, struct kiln_err *err)
{
    int64_t number;
    bool truth;

    if (f->seen)
        *f->seen = true;
    switch (f->kind) {
    case KILN_FLAG_BOOL:
        if (!kiln_go_parse_bool(value, &truth))
            return kiln_err_set(err, KILN_ERR_USER,
                                "invalid boolean value \"%s\" for -%s: use true or false", value,
                                f->name);
        if (f->target)
            *(bool *)f->target = truth;
        return true;
    case KILN_FLAG_STRING:
        if (f->target)
            *(const char **)f->target = value;
        return true;
    case KILN_FLAG_NUMBER:
        if (!kiln_parse_i64(value, &number))
            return kiln_err_set(err, KILN_ERR_USER,
                                "invalid value \"%s\" for flag -%s: not a whole number", value,
                                f->name);
        if (f->target)
            *(long *)f->target = (long)number;
        return true;
    case KILN_FLAG_COMMAS:
        if (f->target)
            kiln_strv_split(f->target, value, ',');
        return true;
    case KILN_FLAG_EACH:
        if (f->target)
            kiln_strv_add(f->target, value);
        return true;
    case KILN_FLAG_PAIRS:
        return set_pair(f, value, err);
    case KILN_FLAG_CONFIG:
        return check_config(f, value, err);
    }
    return false;
}

static bool undefined(const struct kiln_flag *flags, const char *name, size_t len,
                      struct kiln_err *err)
{
    const char *best = NULL;
    char word[32] = "";

    if (len < sizeof(word))
        memcpy(word, name, len);
    for (const struct kiln_flag *f = flags; f->name; f++) {
        if (kiln_edit_distance(word, f->name) <= 2)
            best = f->name;
    }
    if (best)
        return kiln_err_set(err, KILN_ERR_USER,
                            "flag provided but not defined: -%.*s; did you mean -%s?", (int)len,
                            name, best);
    return kiln_err_set(err, KILN_ERR_USER, "flag provided but not defined: -%.*s", (int)len, name);
}

bool kiln_flags_parse(const struct kiln_flag *flags, int argc, char **argv, int *ret_first,
                      struct kiln_err *err)
{
    int i = 0;

    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        const char *name = argv[i] + (argv[i][1] == '-' ? 2 : 1), *eq = strchr(name, '=');
        size_t len = eq ? (size_t)(eq - name) : strlen(name);
        const struct kiln_flag *f;
        const char *value = eq ? eq + 1 : NULL;

        if (kiln_streq(argv[i], "--")) {
            i++;
            break;
        }
        if (len == 0 || name[0] == '-')
            return kiln_err_set(err, KILN_ERR_USER, "bad flag syntax: %s", argv[i]);
        f = find(flags, name, len);
        if (!f)
            return undefined(flags, name, len, err);
        if (!value && f->kind == KILN_FLAG_BOOL)
            value = "true";
        if (!value && ++i < argc)
            value = argv[i];
        if (!value)
            return kiln_err_set(err, KILN_ERR_USER, "flag needs an argument: -%s", f->name);
        if (!set(f, value, err))
            return false;
    }
    *ret_first = i;
    return true;
}

void kiln_flags_help(const struct kiln_flag *flags, struct kiln_str *out)
{
    for (const struct kiln_flag *f = flags; f->name; f++) {
        size_t at = out->len;

        if (!f->help)
            continue;
        kiln_str_addf(out, "  -%s", f->name);
        if (f->arg)
            kiln_str_addf(out, "=%s", f->arg);
        while (out->len < at + 28)
            kiln_str_addc(out, ' ');
        kiln_str_addf(out, " %s\n", f->help);
    }
}
