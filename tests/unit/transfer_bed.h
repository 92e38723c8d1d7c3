/* A fresh directory with files in it, for tests that carry files to and fro. */
#ifndef KILN_TESTS_TRANSFER_BED_H
#define KILN_TESTS_TRANSFER_BED_H

#include <errno.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "communicator/channel.h"
#include "unit.h"

struct place {
    char *dir;
    struct kiln_channel *ch; /* the test's: NULL at first, freed with the place */
    struct kiln_cancel *cancel;
    struct kiln_err err;
};

static inline int set_up(void **state)
{
    struct place *p = kiln_xcalloc(1, sizeof(*p));

    p->dir = kiln_fs_temp_dir("kiln-transfer", NULL);
    p->cancel = kiln_cancel_new();
    *state = p;
    return p->dir ? 0 : -1;
}

static inline int tear_down(void **state)
{
    struct place *p = *state;

    kiln_channel_free(p->ch);
    (void)kiln_fs_remove_tree(p->dir, NULL);
    kiln_err_clear(&p->err);
    kiln_cancel_free(p->cancel);
    free(p->dir);
    free(p);
    return 0;
}

static inline char *at(const struct place *p, const char *name)
{
    return kiln_path_join(p->dir, name);
}

static inline void make_file(const struct place *p, const char *name, const char *text, mode_t mode)
{
    KILN_AUTO_FREE char *path = at(p, name);

    assert_true(kiln_fs_write_atomic(path, text, strlen(text), mode, NULL));
    assert_return_code(chmod(path, mode), errno);
}

static inline void make_dir(const struct place *p, const char *name, mode_t mode)
{
    KILN_AUTO_FREE char *path = at(p, name);

    assert_return_code(mkdir(path, mode), errno);
}

static inline void expect_file(struct place *p, const char *name, const char *text, mode_t mode)
{
    KILN_AUTO_FREE char *path = at(p, name);
    KILN_AUTO_STR got = { 0 };
    struct stat st;

    unit_ok(kiln_fs_read(path, 1 << 20, &got, &p->err), &p->err);
    if (!kiln_streq(kiln_str_cstr(&got), text))
        fail_msg("%s holds \"%s\"", path, kiln_str_cstr(&got));
    assert_return_code(stat(path, &st), errno);
    assert_int_equal(st.st_mode & 07777, mode);
}

#endif
