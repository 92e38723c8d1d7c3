#include "communicator/dir_walk.h"

#include <dirent.h>
#include <errno.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"

/* The directories that hold the one at hand; on the stack of the recursion. */
struct place {
    const struct place *parent;
    unsigned depth;
    dev_t dev;
    ino_t ino;
};

static bool list(const char *dir, struct kiln_strv *names, struct kiln_err *err)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    if (!d)
        return kiln_err_sys(err, errno, "read directory %s", dir);
    while ((errno = 0, entry = readdir(d)) != NULL) {
        if (!kiln_streq(entry->d_name, ".") && !kiln_streq(entry->d_name, ".."))
            kiln_strv_add(names, entry->d_name);
    }
    if (errno != 0) {
        (void)kiln_err_sys(err, errno, "read directory %s", dir);
        (void)closedir(d);
        return false;
    }
    (void)closedir(d);
    kiln_strv_sort(names);
    return true;
}

static bool check_place(const struct place *here, const char *path, struct kiln_err *err)
{
    for (const struct place *p = here->parent; p; p = p->parent) {
        if (p->dev == here->dev && p->ino == here->ino)
            return kiln_err_set(err, KILN_ERR_USER,
                                "%s: this link leads to a directory that holds it", path);
    }
    if (here->depth > KILN_MAX_TREE_DEPTH)
        return kiln_err_set(err, KILN_ERR_USER, "%s: more than %d directories deep", path,
                            KILN_MAX_TREE_DEPTH);
    return true;
}

static bool walk(const char *dir, const struct place *here, const struct kiln_dir_visitor *v,
                 struct kiln_err *err);

static bool visit(const char *path, const char *name, const struct place *parent,
                  const struct kiln_dir_visitor *v, struct kiln_err *err)
{
    struct stat st;
    struct place here;
    bool link;

    if (lstat(path, &st) != 0)
        return kiln_err_sys(err, errno, "stat %s", path);
    link = S_ISLNK(st.st_mode);
    if (link && stat(path, &st) != 0)
        return kiln_err_sys(err, errno, "stat %s", path);
    if (S_ISREG(st.st_mode))
        return v->file(v->ud, path, name, link ? 0644 : st.st_mode & 0777, (uint64_t)st.st_size,
                       err);
    if (!S_ISDIR(st.st_mode))
        return kiln_err_set(err, KILN_ERR_USER, "%s is neither a file nor a directory", path);
    here = (struct place){ parent, parent->depth + 1, st.st_dev, st.st_ino };
    return check_place(&here, path, err) && v->enter(v->ud, name, st.st_mode & 0777, err) &&
           walk(path, &here, v, err) && v->leave(v->ud, st.st_mode & 0777, err);
}

static bool walk(const char *dir, const struct place *here, const struct kiln_dir_visitor *v,
                 struct kiln_err *err)
{
    KILN_AUTO_STRV names = { 0 };

    if (!list(dir, &names, err))
        return false;
    KILN_STRV_FOREACH (name, &names) {
        KILN_AUTO_FREE char *path = kiln_path_join(dir, name);

        if (!visit(path, name, here, v, err))
            return false;
    }
    return true;
}

bool kiln_dir_walk(const char *dir, const struct kiln_dir_visitor *v, struct kiln_err *err)
{
    struct stat st;
    struct place here;

    if (stat(dir, &st) != 0)
        return kiln_err_sys(err, errno, "stat %s", dir);
    here = (struct place){ NULL, 0, st.st_dev, st.st_ino };
    return walk(dir, &here, v, err);
}

static bool survey_enter(void *ud, const char *name, mode_t mode, struct kiln_err *err)
{
    struct kiln_dir_survey *s = ud;

    (void)err;
    if (s->depth++ == 0)
        kiln_strv_add(&s->names, name);
    s->odd = s->odd || strchr(name, '\n') || (mode & 0700) != 0700;
    return true;
}

static bool survey_leave(void *ud, mode_t mode, struct kiln_err *err)
{
    struct kiln_dir_survey *s = ud;

    (void)mode, (void)err;
    s->depth--;
    return true;
}

static bool survey_file(void *ud, const char *path, const char *name, mode_t mode, uint64_t size,
                        struct kiln_err *err)
{
    struct kiln_dir_survey *s = ud;

    (void)path, (void)mode, (void)err;
    if (s->depth == 0)
        kiln_strv_add(&s->names, name);
    s->odd = s->odd || strchr(name, '\n');
    s->files++;
    s->bytes += size;
    return true;
}

bool kiln_dir_survey(const char *dir, struct kiln_dir_survey *ret, struct kiln_err *err)
{
    struct kiln_dir_survey s = { 0 };
    const struct kiln_dir_visitor v = { survey_enter, survey_leave, survey_file, &s };
    struct stat st;

    if (stat(dir, &st) != 0)
        return kiln_err_sys(err, errno, "stat %s", dir);
    s.mode = st.st_mode & 0777;
    s.odd = (s.mode & 0700) != 0700;
    if (!kiln_dir_walk(dir, &v, err)) {
        kiln_dir_survey_done(&s);
        return false;
    }
    *ret = s;
    return true;
}

void kiln_dir_survey_done(struct kiln_dir_survey *s)
{
    kiln_strv_done(&s->names);
}

bool kiln_dir_means_contents(const char *dir)
{
    return kiln_has_suffix(dir, "/") || kiln_has_suffix(dir, "/.");
}

char *kiln_dir_name(const char *dir)
{
    KILN_AUTO_FREE char *abs = kiln_path_abs(dir);

    return kiln_xstrdup(kiln_path_base(abs));
}
