#include "communicator/dir_walk.h"

#include <dirent.h>
#include <errno.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

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
    struct stat st, link;
    struct place here;

    if (stat(path, &st) != 0 || lstat(path, &link) != 0)
        return kiln_err_sys(err, errno, "stat %s", path);
    if (S_ISREG(st.st_mode))
        return v->file(v->ud, path, name, S_ISLNK(link.st_mode) ? 0644 : st.st_mode & 0777, err);
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

bool kiln_dir_means_contents(const char *dir)
{
    return kiln_has_suffix(dir, "/") || kiln_has_suffix(dir, "/.");
}

char *kiln_dir_name(const char *dir)
{
    KILN_AUTO_FREE char *abs = kiln_path_abs(dir);

    return kiln_xstrdup(kiln_path_base(abs));
}
