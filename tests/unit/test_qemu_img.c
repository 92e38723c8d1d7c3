/* Command lines of qemu-img by a script that prints its arguments, and the real program's work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "vm/qemu_img.h"

struct fixture {
    char *dir, *fake, *log;
    struct kiln_qemu_img img; /* runs the fake */
    struct kiln_str said;
    unsigned progress[64];
    size_t n_progress;
    int heard; /* a fifo that gets a line for each progress told; 0: none */
};

static void note_progress(void *ud, unsigned done)
{
    struct fixture *f = ud;

    if (f->n_progress < KILN_COUNT(f->progress))
        f->progress[f->n_progress++] = done;
    if (f->heard > 0)
        assert_int_equal(write(f->heard, "\n", 1), 1);
}

static void note_line(void *ud, const char *line)
{
    struct fixture *f = ud;

    kiln_str_addf(&f->said, "%s\n", line);
}

/* The fake logs its arguments, a line a run, and then does what `body` says. */
static void write_fake(struct fixture *f, const char *body)
{
    KILN_AUTO_FREE char *text = kiln_xasprintf("#!/bin/sh\necho \"$@\" >>%s\n%s\n", f->log, body);

    assert_true(kiln_fs_write_atomic(f->fake, text, strlen(text), 0755, NULL));
}

static int setup(void **state)
{
    struct fixture *f = kiln_xcalloc(1, sizeof(*f));

    f->dir = kiln_fs_temp_dir("kiln-img", NULL);
    f->fake = kiln_path_join(f->dir, "fake");
    f->log = kiln_path_join(f->dir, "log");
    f->img = (struct kiln_qemu_img){ .binary = f->fake, .on_say = note_line, .ud = f };
    write_fake(f, "");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    (void)kiln_fs_remove_tree(f->dir, NULL);
    kiln_str_done(&f->said);
    free(f->dir);
    free(f->fake);
    free(f->log);
    free(f);
    return 0;
}

static const struct kiln_strv extra = { .v = (char *[]){ "-o", "x=1", NULL }, .n = 2 };

static void command_lines(void **state)
{
    struct fixture *f = *state;
    struct kiln_qemu_img with_progress = f->img;
    KILN_AUTO_STR log = { 0 };

    with_progress.on_progress = note_progress;
    assert_true(
        kiln_qemu_img_create(&f->img,
                             &(struct kiln_qemu_img_create){
                                 .format = "raw", .path = "o/p", .size = "5G", .extra = &extra },
                             NULL));
    assert_true(kiln_qemu_img_create(
        &f->img,
        &(struct kiln_qemu_img_create){
            .format = "qcow2", .path = "o/p", .size = "40960M", .backing = "/b.img" },
        NULL));
    assert_true(kiln_qemu_img_convert(
        &f->img, &(struct kiln_qemu_img_convert){ .format = "qcow2", .from = "a", .to = "b" },
        NULL));
    assert_true(kiln_qemu_img_convert(
        &with_progress,
        &(struct kiln_qemu_img_convert){
            .format = "qcow2", .from = "a", .to = "b", .compress = true, .extra = &extra },
        NULL));
    assert_true(kiln_qemu_img_resize(&f->img, "raw", "o/p", "1G", &extra, NULL));
    assert_true(kiln_fs_read(f->log, 4096, &log, NULL));
    assert_string_equal(log.data, "create -f raw -o x=1 o/p 5G\n"
                                  "create -f qcow2 -b /b.img -F qcow2 o/p 40960M\n"
                                  "convert -O qcow2 a b\n"
                                  "convert -p -c -o x=1 -O qcow2 a b\n"
                                  "resize -f raw -o x=1 o/p 1G\n");
}

static void errors(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_ERR err = { 0 };

    write_fake(f, "printf '\\n qemu-img: disk full\\n\\n' >&2; exit 1");
    assert_false(kiln_qemu_img_resize(&f->img, "raw", "p", "1", NULL, &err));
    assert_int_equal(err.kind, KILN_ERR_REMOTE);
    assert_string_equal(err.msg, "QemuImg error: qemu-img: disk full");
    f->img.binary = "nope-img";
    assert_false(kiln_qemu_img_resize(&f->img, "raw", "p", "1", NULL, &err));
    assert_string_equal(err.msg, "exec: \"nope-img\": executable file not found in $PATH");
}

/* `say` waits until its record was told; numbers that go down or over 100 are not told; a piece of
 * a record waits for the rest. */
static void progress(void **state)
{
    static const unsigned want[] = { 0, 150, 5000, 9999, 10000 };
    struct fixture *f = *state;
    KILN_AUTO_FREE char *fifo = kiln_path_join(f->dir, "fifo");
    KILN_AUTO_FREE char *body =
        kiln_xasprintf("say() { printf \"$1\"; read -r _ <%s; }\n"
                       "say '    (0.00/100%%%%)\\r'; printf '    (1.5'; say '0/100%%%%)\\r'\n"
                       "printf '    (1.00/100%%%%)\\r'; say '    (50.00/100%%%%)\\r'\n"
                       "printf '(999.00/100%%%%)(junk)\\r'; say '(99.99/100%%%%)\\r'\n"
                       "say '    (100.00/100%%%%)\\r\\n'\n",
                       fifo);

    write_fake(f, body);
    assert_return_code(mkfifo(fifo, 0600), 0);
    f->heard = open(fifo, O_RDWR | O_CLOEXEC);
    f->img.on_progress = note_progress;
    assert_true(kiln_qemu_img_convert(
        &f->img, &(struct kiln_qemu_img_convert){ .format = "raw", .from = "a", .to = "b" }, NULL));
    (void)close(f->heard);
    assert_int_equal(f->n_progress, KILN_COUNT(want));
    assert_memory_equal(f->progress, want, sizeof(want));
}

static void lock_is_tried_again(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *body = kiln_xasprintf("[ $(wc -l <%s) -gt 2 ] && exit 0\n"
                                               "echo 'Failed to get shared \"write\" lock' >&2\n"
                                               "exit 1",
                                               f->log);
    const struct kiln_qemu_img_convert how = { .format = "raw", .from = "a", .to = "b" };

    f->img.retry_us = 100;
    write_fake(f, body);
    assert_true(kiln_qemu_img_convert(&f->img, &how, &err));
    assert_string_equal(f->said.data, "Error getting file lock for conversion; retrying...\n"
                                      "Error getting file lock for conversion; retrying...\n");
    kiln_str_clear(&f->said);
    (void)unlink(f->log);
    write_fake(f, "echo 'Failed to get shared \"write\" lock' >&2; exit 1");
    assert_false(kiln_qemu_img_convert(&f->img, &how, &err));
    assert_string_equal(err.msg,
                        "Exhausted retries for getting file lock: retry count exhausted. Last err: "
                        "QemuImg error: Failed to get shared \"write\" lock");
    assert_int_equal(f->said.len,
                     9 * strlen("Error getting file lock for conversion; retrying...\n"));
}

static bool cancel_now(void *ud, pid_t pid, struct kiln_err *err)
{
    struct fixture *f = ud;

    (void)pid;
    (void)err;
    kiln_cancel_fire(f->img.cancel);
    return true;
}

static void cancelled(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_ERR err = { 0 };

    write_fake(f, "exec sleep 1000");
    f->img.cancel = kiln_cancel_new();
    f->img.on_pid = cancel_now;
    assert_false(kiln_qemu_img_resize(&f->img, "raw", "p", "1", NULL, &err));
    assert_int_equal(err.kind, KILN_ERR_CANCELLED);
    kiln_cancel_free(f->img.cancel);
}

static void real_images(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_FREE char *real = kiln_process_find("qemu-img", NULL);
    KILN_AUTO_FREE char *a = kiln_path_join(f->dir, "a.qcow2"),
                        *b = kiln_path_join(f->dir, "b.raw");
    KILN_CLEANUP(kiln_qemu_img_info_done) struct kiln_qemu_img_info info = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (!real)
        skip();
    f->img.binary = NULL;
    f->img.on_progress = note_progress;
    assert_true(kiln_qemu_img_create(
        &f->img, &(struct kiln_qemu_img_create){ .format = "qcow2", .path = a, .size = "8M" },
        &err));
    assert_true(kiln_qemu_img_resize(&f->img, "qcow2", a, "12M", NULL, &err));
    assert_int_equal(f->n_progress, 0);
    assert_true(kiln_qemu_img_convert(
        &f->img, &(struct kiln_qemu_img_convert){ .format = "raw", .from = a, .to = b }, &err));
    assert_int_equal(f->progress[f->n_progress - 1], 10000);
    assert_true(kiln_qemu_img_info(&f->img, a, &info, &err));
    assert_string_equal(info.format, "qcow2");
    assert_int_equal(info.virtual_size, 12 << 20);
    assert_true(info.actual_size > 0);
    assert_null(info.backing);
    assert_false(kiln_qemu_img_info(&f->img, "/nonexistent", &info, &err));
    assert_true(kiln_has_prefix(err.msg, "QemuImg error: qemu-img: Could not open '/nonexistent'"));
}

#define FIXED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXED(command_lines),       FIXED(errors),    FIXED(progress),
        FIXED(lock_is_tried_again), FIXED(cancelled), FIXED(real_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
