#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "template/edit.h"

#define MAX_BACKUPS 10000

struct kiln_edit {
    char *path, *name; /* absolute; as the user named it */
    struct kiln_source *source;
};

struct kiln_edit *kiln_edit_new(const char *path, struct kiln_source *source)
{
    struct kiln_edit *e = kiln_xcalloc(1, sizeof(*e));

    e->name = kiln_xstrdup(path);
    e->path = kiln_path_abs(path);
    e->source = kiln_source_ref(source);
    return e;
}

void kiln_edit_free(struct kiln_edit *e)
{
    if (!e)
        return;
    free(e->name);
    free(e->path);
    kiln_source_unref(e->source);
    free(e);
}

/* The builder's object in the text that we know; *ret_tree owns it. NULL: err is set. */
static const struct kiln_node *find_builder(struct kiln_source *source, size_t index,
                                            struct kiln_tree **ret_tree, struct kiln_err *err)
{
    struct kiln_diag diag = { 0 };
    struct kiln_tree *tree = kiln_json_parse(source, &diag);
    const struct kiln_node *list = tree ? kiln_node_get(kiln_tree_root(tree), "builders") : NULL;

    *ret_tree = tree;
    if (!tree)
        (void)kiln_err_set(err, KILN_ERR_USER, "%s: %s", source->name,
                           diag.n ? diag.items[0].text : "not a template");
    kiln_diag_done(&diag);
    if (list && list->type == KILN_NODE_LIST && index < list->u.list.n)
        return list->u.list.items[index];
    if (tree)
        (void)kiln_err_set(err, KILN_ERR_USER, "%s: there is no builder %zu", source->name,
                           index + 1);
    return NULL;
}

bool kiln_edit_lines(const struct kiln_edit *e, size_t builder, size_t row, struct kiln_strv *ret,
                     struct kiln_err *err)
{
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = NULL;
    const struct kiln_node *node = find_builder(e->source, builder, &tree, err);

    return node && kiln_edit_boot_lines(node, row, ret, err);
}

/* The new text, as a source; NULL: err is set. */
static struct kiln_source *make_text(const struct kiln_edit *e, size_t builder, size_t row,
                                     const struct kiln_strv *lines, struct kiln_err *err)
{
    KILN_AUTO_STR text = KILN_STR_MAX(KILN_MAX_TEMPLATE);
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = NULL;
    const struct kiln_node *node = find_builder(e->source, builder, &tree, err);

    if (!node || !kiln_edit_boot_text(node, row, lines, &text, err))
        return NULL;
    return kiln_source_new(e->source->name, text.data, text.len);
}

/* What is written must say what was meant: a slip of ours shall not cost a template. */
static bool read_back(struct kiln_source *text, size_t builder, size_t row,
                      const struct kiln_strv *lines, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = NULL;
    const struct kiln_node *node = find_builder(text, builder, &tree, err);
    KILN_AUTO_FREE char *want = kiln_strv_join(lines, "");
    KILN_AUTO_FREE char *got = NULL;
    KILN_AUTO_STRV now = { 0 };

    if (!node || !kiln_edit_boot_lines(node, row, &now, err))
        return false;
    got = kiln_strv_join(&now, "");
    return strcmp(want, got) == 0 ||
           kiln_err_set(err, KILN_ERR_USER, "%s: the new boot command does not read back",
                        text->name);
}

static bool check_unchanged(const struct kiln_edit *e, const char *path, struct kiln_err *err)
{
    KILN_AUTO_STR now = { 0 };

    if (!kiln_fs_read(path, KILN_MAX_TEMPLATE, &now, err))
        return false;
    if (now.len == e->source->len && memcmp(kiln_str_cstr(&now), e->source->text, now.len) == 0)
        return true;
    return kiln_err_set(err, KILN_ERR_USER,
                        "%s has been changed since it was read; it was left as it is", e->name);
}

/* The first of path.bak, path.bak.1 … that is not there yet. */
static int open_backup(const char *path, char **ret_path)
{
    for (int i = 0; i < MAX_BACKUPS; i++) {
        char *name = i == 0 ? kiln_xasprintf("%s.bak", path) : kiln_xasprintf("%s.bak.%d", path, i);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd >= 0 || errno != EEXIST) {
            *ret_path = name;
            return fd;
        }
        free(name);
    }
    *ret_path = kiln_xasprintf("%s.bak", path);
    errno = EEXIST;
    return -1;
}

static bool back_up(const struct kiln_edit *e, const char *path, char **ret_backup,
                    struct kiln_err *err)
{
    KILN_AUTO_FREE char *backup = NULL;
    KILN_AUTO_FD fd = open_backup(path, &backup);

    if (fd < 0)
        return kiln_err_sys(err, errno, "keep the old template as %s", backup);
    if (!kiln_fs_copy_owner(path, fd, err) ||
        !kiln_fs_write_all(fd, e->source->text, e->source->len, err) ||
        (fsync(fd) != 0 && !kiln_err_sys(err, errno, "write"))) {
        (void)unlink(backup);
        return kiln_err_wrap(err, "keep the old template as %s", backup);
    }
    *ret_backup = backup;
    backup = NULL;
    return true;
}

/* The file itself, symlinks followed; caller frees. NULL: err is set. */
static char *real_path(const struct kiln_edit *e, struct kiln_err *err)
{
    KILN_AUTO_FREE char *path = realpath(e->path, NULL);
    char *ret = path;
    struct stat st;

    if (!path || stat(path, &st) != 0) {
        (void)kiln_err_sys(err, errno, "%s", e->name);
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        (void)kiln_err_set(err, KILN_ERR_USER, "%s is not a regular file; nothing was written",
                           e->name);
        return NULL;
    }
    if (access(path, W_OK) != 0) {
        (void)kiln_err_sys(err, errno, "write %s", e->name);
        return NULL;
    }
    path = NULL;
    return ret;
}

static bool write_text(const struct kiln_edit *e, const struct kiln_source *text, char **ret_backup,
                       struct kiln_err *err)
{
    KILN_AUTO_FREE char *path = real_path(e, err);
    KILN_AUTO_FREE char *backup = NULL;

    if (!path || !check_unchanged(e, path, err) || !back_up(e, path, &backup, err))
        return false;
    if (!kiln_fs_replace(path, text->text, text->len, err)) {
        (void)unlink(backup);
        return false;
    }
    *ret_backup = backup;
    backup = NULL;
    return true;
}

bool kiln_edit_boot(struct kiln_edit *e, size_t builder, size_t row, const struct kiln_strv *lines,
                    char **ret_backup, struct kiln_err *err)
{
    KILN_AUTO_ERR local = { 0 };
    struct kiln_source *text = NULL;
    bool ok;

    if (strcmp(e->name, "-") == 0)
        return kiln_err_set(err, KILN_ERR_USER,
                            "the template came from standard input: there is no file to write to");
    text = make_text(e, builder, row, lines, &local);
    if (!text || !read_back(text, builder, row, lines, &local)) {
        kiln_source_unref(text);
        return kiln_err_move(err, &local);
    }
    if (text->len == e->source->len && memcmp(text->text, e->source->text, text->len) == 0) {
        kiln_source_unref(text);
        *ret_backup = kiln_xstrdup("");
        return true;
    }
    ok = write_text(e, text, ret_backup, &local);
    if (ok) {
        struct kiln_source *old = e->source;

        e->source = text;
        text = old;
    }
    kiln_source_unref(text);
    return ok || kiln_err_move(err, &local);
}
