#include "base/glob.h"

#include <sys/stat.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"

#define SPECIAL "*?[\\"

enum got { GOT_BAD, GOT_OTHER, GOT_MATCH };

/* One character that a set names, and something behind it. False: that is not there. */
static bool read_named(const char **p, unsigned *ret)
{
    const char *s = *p;
    size_t n;

    if (*s == '-' || *s == ']')
        return false;
    if (*s == '\\')
        s++;
    n = *s ? kiln_utf8_decode(s, strnlen(s, 4), ret) : 0;
    *p = s + n;
    return n > 0 && **p;
}

/* The set at *p, behind its [; false: it has no end, or nothing in it. */
static bool read_set(const char **p, unsigned c, bool *ret_has)
{
    bool others = **p == '^', named = false;

    if (others)
        ++*p;
    for (bool first = true; first || **p != ']'; first = false) {
        unsigned from, to;

        if (!read_named(p, &from))
            return false;
        to = from;
        if (**p == '-') {
            ++*p;
            if (!read_named(p, &to))
                return false;
        }
        named = named || (from <= c && c <= to);
    }
    ++*p;
    *ret_has = named != others;
    return true;
}

/* One character of a name, its length; 0 at the end. */
static size_t read_character(const char *s, unsigned *ret)
{
    size_t n = *s ? kiln_utf8_decode(s, strnlen(s, 4), ret) : 0;

    if (n > 0 || !*s)
        return n;
    *ret = 0xfffd;
    return 1;
}

/* What is at *p, which moves behind it, and is no *, against what is at *name, which does so if it
 * matches. */
static enum got match_one(const char **p, const char **name)
{
    unsigned c = 0;
    size_t n = read_character(*name, &c);
    bool is = true;

    if (**p == '[') {
        ++*p;
        if (!read_set(p, c, &is))
            return GOT_BAD;
    } else if (**p == '?') {
        ++*p;
    } else {
        if (**p == '\\')
            ++*p;
        if (!**p)
            return GOT_BAD;
        is = **name == *(*p)++;
        n = 1;
    }
    if (n == 0 || !is)
        return GOT_OTHER;
    *name += n;
    return GOT_MATCH;
}

bool kiln_glob_match(const char *pattern, const char *name)
{
    const char *star = NULL, *from = NULL; /* the last one, and how far it goes */

    while (*pattern || *name) {
        enum got got = GOT_OTHER;

        if (*pattern == '*') {
            star = ++pattern;
            from = name;
            continue;
        }
        if (*pattern)
            got = match_one(&pattern, &name);
        if (got == GOT_MATCH)
            continue;
        if (got == GOT_BAD || !star || !*from)
            return false;
        pattern = star;
        name = ++from;
    }
    return true;
}

static bool is_readable(const char *part)
{
    const char *nothing = "";

    while (*part) {
        if (*part == '*')
            part++;
        else if (match_one(&part, &nothing) == GOT_BAD)
            return false;
    }
    return true;
}

bool kiln_glob_check(const char *pattern, struct kiln_err *err)
{
    KILN_AUTO_STRV parts = { 0 };

    kiln_strv_split(&parts, pattern, '/');
    KILN_STRV_FOREACH (part, &parts) {
        if (!is_readable(part))
            return kiln_err_set(err, KILN_ERR_USER, "syntax error in pattern");
    }
    return true;
}

static bool add_matches(const char *dir, const char *part, struct kiln_strv *ret,
                        struct kiln_err *err)
{
    KILN_AUTO_STRV names = { 0 };

    (void)kiln_fs_list(dir, &names, NULL);
    KILN_STRV_FOREACH (name, &names) {
        KILN_AUTO_FREE char *path = NULL;

        if (!kiln_glob_match(part, name))
            continue;
        if (ret->n == KILN_MAX_TREE_ENTRIES)
            return kiln_err_set(err, KILN_ERR_USER, "more than %d files match",
                                KILN_MAX_TREE_ENTRIES);
        path = kiln_path_join(dir, name);
        kiln_strv_add_take(ret, kiln_path_clean(path));
    }
    return true;
}

/* The directory before the first part with a wildcard; *ret_rest: that part and what follows it. */
static char *split_base(const char *pattern, const char **ret_rest)
{
    const char *slash = memrchr(pattern, '/', strcspn(pattern, SPECIAL));

    *ret_rest = slash ? slash + 1 : pattern;
    if (!slash)
        return kiln_xstrdup(".");
    return slash == pattern ? kiln_xstrdup("/") : kiln_xstrndup(pattern, (size_t)(slash - pattern));
}

bool kiln_glob(const char *pattern, struct kiln_strv *ret, struct kiln_err *err)
{
    KILN_AUTO_STRV found = { 0 }, parts = { 0 };
    const char *rest;
    struct stat st;

    if (!kiln_glob_check(pattern, err))
        return false;
    if (!strpbrk(pattern, SPECIAL)) {
        if (lstat(pattern, &st) == 0)
            kiln_strv_add(ret, pattern);
        return true;
    }
    kiln_strv_add_take(&found, split_base(pattern, &rest));
    kiln_strv_split(&parts, rest, '/');
    KILN_STRV_FOREACH (part, &parts) {
        KILN_AUTO_STRV dirs = found;

        found = (struct kiln_strv){ 0 };
        KILN_STRV_FOREACH (dir, &dirs) {
            if (!add_matches(dir, part, &found, err))
                return false;
        }
    }
    kiln_strv_add_all(ret, &found);
    return true;
}
