/* Sockets at paths of any length. */
#include "unit.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/unix_socket.h"

static void connects(const char *dir, int name_length)
{
    KILN_AUTO_FREE char *path = kiln_xasprintf("%s/%0*d", dir, name_length, 0);
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FD listener = -1, fd = -1;

    assert_int_equal(kiln_unix_connect(path, 0, &err), -1);
    assert_int_equal(err.os_errno, ENOENT);
    listener = kiln_unix_listen(path, 0, &err);
    assert_true(listener >= 0);
    fd = kiln_unix_connect(path, 0, &err);
    assert_true(fd >= 0);
    kiln_fd_closep(&listener);
    assert_int_equal(kiln_unix_connect(path, 0, &err), -1);
    assert_int_equal(err.os_errno, ECONNREFUSED);
}

static void paths(void **state)
{
    KILN_AUTO_FREE char *dir = kiln_fs_temp_dir("kiln-socket", NULL);
    KILN_AUTO_FREE char *deep = kiln_xasprintf("%s/%0150d", dir, 0);
    KILN_AUTO_FREE char *half = kiln_xasprintf("%s/%050d", dir, 0);
    KILN_AUTO_FREE char *name = kiln_xasprintf("%s/%0120d", dir, 0);
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    assert_true(kiln_fs_mkdirs(deep, 0700, NULL));
    connects(dir, 1);
    connects(deep, 1);
    connects(deep, 70);
    assert_true(kiln_fs_mkdirs(half, 0700, NULL));
    for (int n = 1; n < 80; n++) { /* both sides of the limit */
        KILN_AUTO_FREE char *path = kiln_xasprintf("%s/%0*d", half, n, 0);
        KILN_AUTO_FD listener = -1, fd = -1;

        listener = kiln_unix_listen(path, 0, NULL);
        fd = listener < 0 ? -1 : kiln_unix_connect(path, 0, NULL);
        if (fd < 0)
            fail_msg("%d", n);
    }
    assert_int_equal(kiln_unix_connect(name, 0, &err), -1); /* no way to say that */
    assert_int_equal(err.os_errno, ENAMETOOLONG);
    (void)kiln_fs_remove_tree(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(paths) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
