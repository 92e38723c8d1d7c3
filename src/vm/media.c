#include "vm/media.h"

#include <errno.h>
#include <search.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/glob.h"
#include "base/limits.h"
#include "base/mem.h"

/* ---- the list ---- */

static int by_name(const void *a, const void *b)
{
    const struct kiln_media_entry *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static void keep(void *entry)
{
    (void)entry; /* the list owns it */
}

void kiln_media_done(struct kiln_media *m)
{
    tdestroy(m->index, keep);
    for (size_t i = 0; i < m->n; i++) {
        free(m->v[i]->name);
        free(m->v[i]->source);
        free(m->v[i]);
    }
    free(m->v);
    *m = (struct kiln_media){ 0 };
}

static struct kiln_media_entry *find(const struct kiln_media *m, char *name)
{
    const struct kiln_media_entry key = { .name = name };
    void *const *node = tfind(&key, &m->index, by_name);

    return node ? *node : NULL;
}

static struct kiln_media_entry *append(struct kiln_media *m, const char *name)
{
    struct kiln_media_entry *e = kiln_xcalloc(1, sizeof(*e));

    e->name = kiln_xstrdup(name);
    if (m->n == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 16;
        m->v = kiln_xrealloc(m->v, m->cap, sizeof(*m->v)); /* NOLINT(bugprone-sizeof-expression) */
    }
    m->v[m->n++] = e;
    (void)tsearch(e, &m->index, by_name);
    return e;
}

/* "./a//b/" -> "a/b". */
static bool clean_name(const char *name, struct kiln_str *ret, struct kiln_err *err)
{
    KILN_AUTO_STRV parts = { 0 };

    kiln_strv_split(&parts, name, '/');
    KILN_STRV_FOREACH (part, &parts) {
        if (kiln_streq(part, ".."))
            return kiln_err_set(err, KILN_ERR_USER, "%s: a name in an image cannot have '..'",
                                name);
        if (part[0] == '\0' || kiln_streq(part, "."))
            continue;
        if (ret->len)
            kiln_str_addc(ret, '/');
        kiln_str_adds(ret, part);
    }
    return kiln_str_ok(ret, name, err);
}

/* A clean name that is a directory from here on, as are those above it. */
static bool add_dirs(struct kiln_media *m, char *name, struct kiln_err *err)
{
    struct kiln_media_entry *e;

    for (char *slash = strchr(name, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        e = find(m, name);
        if (e && !kiln_media_is_dir(e))
            return kiln_err_set(err, KILN_ERR_USER, "name already exists: %s (as a file)", name);
        if (!e)
            (void)append(m, name);
        if (!slash)
            return true;
        *slash = '/';
    }
}

bool kiln_media_add_dir(struct kiln_media *m, const char *name, struct kiln_err *err)
{
    KILN_AUTO_STR clean = { 0 };

    return clean_name(name, &clean, err) && (clean.len == 0 || add_dirs(m, clean.data, err));
}

static bool add(struct kiln_media *m, const char *name, struct kiln_media_entry **ret,
                struct kiln_err *err)
{
    KILN_AUTO_STR clean = { 0 };
    char *slash;
    struct kiln_media_entry *e;

    if (!clean_name(name, &clean, err))
        return false;
    if (clean.len == 0)
        return kiln_err_set(err, KILN_ERR_USER, "'%s' is no name for a file", name);
    slash = strrchr(clean.data, '/');
    if (slash) {
        KILN_AUTO_FREE char *dir = kiln_xstrndup(clean.data, (size_t)(slash - clean.data));

        if (!add_dirs(m, dir, err))
            return false;
    }
    e = find(m, clean.data);
    if (e && (!m->replaces || kiln_media_is_dir(e)))
        return kiln_err_set(err, KILN_ERR_USER, "name already exists: %s", clean.data);
    *ret = e ? e : append(m, clean.data);
    return true;
}

bool kiln_media_add_file(struct kiln_media *m, const char *name, const char *source,
                         struct kiln_err *err)
{
    struct kiln_media_entry *e;

    if (!add(m, name, &e, err))
        return false;
    free(e->source);
    e->source = kiln_xstrdup(source);
    e->content = NULL;
    return true;
}

bool kiln_media_add_content(struct kiln_media *m, const char *name, const char *content,
                            struct kiln_err *err)
{
    struct kiln_media_entry *e;

    if (!add(m, name, &e, err))
        return false;
    free(e->source);
    e->source = NULL;
    e->content = content;
    return true;
}

/* ---- wildcards ---- */

bool kiln_media_is_pattern(const char *path)
{
    return strpbrk(path, "*?[") != NULL;
}

bool kiln_media_glob(const char *path, struct kiln_strv *ret, struct kiln_err *err)
{
    if (!kiln_media_is_pattern(path)) {
        kiln_strv_add(ret, path);
        return true;
    }
    return kiln_glob(path, ret, err) || kiln_err_wrap(err, "%s", path);
}

/* ---- trees ---- */

static bool walk(const char *dir, unsigned depth, struct kiln_strv *ret, struct kiln_err *err);

static bool walk_entry(const char *dir, const char *name, unsigned depth, struct kiln_strv *ret,
                       struct kiln_err *err)
{
    KILN_AUTO_FREE char *path = kiln_path_join(dir, name);
    struct stat link, st;

    if (lstat(path, &link) < 0 || stat(path, &st) < 0)
        return kiln_err_sys(err, errno, "%s", path);
    if (ret->n >= KILN_MAX_TREE_ENTRIES)
        return kiln_err_set(err, KILN_ERR_USER, "%s: more than %d files", path,
                            KILN_MAX_TREE_ENTRIES);
    if (S_ISREG(st.st_mode)) {
        kiln_strv_add(ret, path);
        return true;
    }
    if (!S_ISDIR(st.st_mode))
        return kiln_err_set(err, KILN_ERR_USER, "%s: neither a file nor a directory", path);
    if (S_ISLNK(link.st_mode))
        return kiln_err_set(err, KILN_ERR_USER,
                            "%s: a link to a directory; name the directory itself in the template",
                            path);
    return walk(path, depth + 1, ret, err);
}

static bool walk(const char *dir, unsigned depth, struct kiln_strv *ret, struct kiln_err *err)
{
    KILN_AUTO_STRV names = { 0 };

    if (depth > KILN_MAX_TREE_DEPTH)
        return kiln_err_set(err, KILN_ERR_USER, "%s: more than %d directories deep", dir,
                            KILN_MAX_TREE_DEPTH);
    if (!kiln_fs_list(dir, &names, err))
        return false;
    kiln_strv_addf(ret, "%s%s", dir, kiln_has_suffix(dir, "/") ? "" : "/");
    KILN_STRV_FOREACH (name, &names) {
        if (!walk_entry(dir, name, depth, ret, err))
            return false;
    }
    return true;
}

bool kiln_media_walk(const char *dir, struct kiln_strv *ret, struct kiln_err *err)
{
    return walk(dir, 1, ret, err);
}
