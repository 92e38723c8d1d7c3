/* The choice of accelerator with programs that play QEMU, and once with the real one. */
#include "unit.h"

#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "vm/accel.h"
#include "vm/accel_probe.h"

#define CACHE_FILE "kiln-accelerator-qemu-system-x86_64.json"

struct fixture {
    char *dir, *cache, *qemu, *runs;
    struct kiln_accel_config cfg;
};

static int setup(void **state)
{
    struct fixture *f = kiln_xcalloc(1, sizeof(*f));

    f->dir = kiln_fs_temp_dir("kiln-accel", NULL);
    f->cache = kiln_path_join(f->dir, "not/yet");
    f->qemu = kiln_path_join(f->dir, "qemu-system-x86_64");
    f->runs = kiln_path_join(f->dir, "runs");
    f->cfg = (struct kiln_accel_config){
        .binary = f->qemu,
        .cache_dir = f->cache,
        .kvm_device = "/dev/null",
        .host_arch = "x86_64",
    };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    (void)kiln_fs_remove_tree(f->dir, NULL);
    free(f->dir);
    free(f->cache);
    free(f->qemu);
    free(f->runs);
    free(f);
    return 0;
}

/* A QEMU that logs its accelerator and then does one thing under kvm, another under tcg. */
static void write_qemu(struct fixture *f, const char *kvm, const char *tcg)
{
    KILN_AUTO_FREE char *text = kiln_xasprintf("#!/bin/sh\ncase $2 in\n"
                                               "*accel=kvm) echo kvm >>%s; %s;;\n"
                                               "*) echo tcg >>%s; %s;;\nesac\n",
                                               f->runs, kvm, f->runs, tcg);

    assert_true(kiln_fs_write_atomic(f->qemu, text, strlen(text), 0755, NULL));
}

static char *runs(struct fixture *f)
{
    KILN_AUTO_STR text = { 0 };

    (void)kiln_fs_read(f->runs, 4096, &text, NULL);
    return kiln_str_steal(&text);
}

/* s with every number that is a word of its own as N: times vary. */
static char *without_times(const char *s)
{
    KILN_AUTO_STR out = { 0 };

    for (char before = 0; *s; before = s[-1]) {
        size_t digits = before == ' ' ? strspn(s, "0123456789.") : 0;

        kiln_str_addc(&out, digits > 0 ? 'N' : *s);
        s += digits > 0 ? digits : 1;
    }
    return kiln_str_steal(&out);
}

static void check_choice(struct fixture *f, const char *want_name, const char *want_line)
{
    KILN_CLEANUP(kiln_accel_choice_done) struct kiln_accel_choice choice = { 0 };
    KILN_AUTO_FREE char *line = NULL;
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_accel_choose(&f->cfg, &choice, &err), &err);
    assert_string_equal(choice.name, want_name);
    line = without_times(choice.line);
    assert_string_equal(line, want_line);
}

/* What the programs do; the times are far enough apart for a busy machine. */
#define DONE "exit 85"
#define SLOW "sleep 0.3; exit 85"
#define HANG "exec sleep 1000"

static void decides(void **state)
{
    static const struct {
        const char *kvm, *tcg, *name, *line, *runs;
    } cases[] = {
        { DONE, SLOW, "kvm", "accelerator: kvm (kvm: probe guest took N s, tcg: N s)",
          "tcg\nkvm\ntcg\nkvm\n" },
        { "sleep 0.5; exit 85", SLOW, "tcg",
          "accelerator: tcg (kvm: probe guest took N s, tcg: N s)", "tcg\nkvm\ntcg\nkvm\n" },
        { HANG, DONE, "tcg", "accelerator: tcg (kvm: probe guest not done after N s, tcg: N s)",
          "tcg\nkvm\n" },
        { "echo 'q: Could not access KVM kernel module: Permission denied' >&2; exit 1", DONE,
          "tcg",
          "accelerator: tcg (kvm: probe guest exited with status N: q: Could not access KVM kernel "
          "module: Permission denied (join the group kvm, or set \"accelerator\": \"tcg\"), tcg: N "
          "s)",
          "tcg\nkvm\n" },
        { DONE, "exit 3", "kvm",
          "accelerator: kvm (kvm: probe guest took N s, tcg: exited with status N)",
          "tcg\nkvm\ntcg\nkvm\n" },
        { "exit 3", "exit 3", "tcg",
          "accelerator: tcg (kvm: probe guest exited with status N, tcg: exited with status N)",
          "tcg\nkvm\n" },
    };
    struct fixture *f = *state;

    f->cfg.cache_dir = NULL;
    for (size_t i = 0; i < KILN_COUNT(cases); i++) {
        KILN_AUTO_FREE char *log = NULL;

        (void)unlink(f->runs);
        write_qemu(f, cases[i].kvm, cases[i].tcg);
        check_choice(f, cases[i].name, cases[i].line);
        log = runs(f);
        assert_string_equal(log, cases[i].runs);
    }
}

static void needs_no_probe(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_FREE char *arm = kiln_path_join(f->dir, "qemu-system-aarch64");
    KILN_AUTO_FREE char *log = NULL;

    write_qemu(f, DONE, DONE);
    f->cfg.kvm_device = "/nonexistent/kvm";
    check_choice(f, "tcg", "accelerator: tcg (/nonexistent/kvm: no such file or directory)");
    f->cfg.kvm_device = "/dev/null";
    assert_return_code(rename(f->qemu, arm), 0);
    f->cfg.binary = arm;
    check_choice(f, "tcg",
                 "accelerator: tcg (a host of type x86_64 cannot run aarch64 guests under kvm)");
    f->cfg.host_arch = "aarch64";
    check_choice(f, "kvm",
                 "accelerator: kvm (/dev/null opens; there is no probe guest for aarch64)");
    log = runs(f);
    assert_string_equal(log, "");
}

static void remembers(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_FREE char *file = kiln_path_join(f->cache, CACHE_FILE);
    KILN_AUTO_FREE char *log = NULL;
    static const char *const damaged[] = { "", "{", "[]", "{\"boot\": 5}", "\xff\xfe", "null" };

    write_qemu(f, HANG, DONE);
    for (int i = 0; i < 3; i++)
        check_choice(f, "tcg", "accelerator: tcg (kvm: probe guest not done after N s, tcg: N s)");
    log = runs(f);
    assert_string_equal(log, "tcg\nkvm\n");
    for (size_t i = 0; i < KILN_COUNT(damaged); i++) {
        (void)unlink(f->runs);
        assert_true(kiln_fs_write_atomic(file, damaged[i], strlen(damaged[i]), 0644, NULL));
        check_choice(f, "tcg", "accelerator: tcg (kvm: probe guest not done after N s, tcg: N s)");
        free(log);
        log = runs(f);
        assert_string_equal(log, "tcg\nkvm\n");
    }
    (void)unlink(f->runs);
    write_qemu(f, DONE, "exit 1"); /* another QEMU: another verdict */
    check_choice(f, "kvm",
                 "accelerator: kvm (kvm: probe guest took N s, tcg: exited with status N)");
}

/* Another program may have the CPU's virtualisation, today. */
static void asks_again(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_FREE char *log = NULL;

    write_qemu(f, "exit 1", DONE);
    for (int i = 0; i < 2; i++)
        check_choice(f, "tcg",
                     "accelerator: tcg (kvm: probe guest exited with status N, tcg: N s)");
    log = runs(f);
    assert_string_equal(log, "tcg\nkvm\ntcg\nkvm\n");
}

/* A record of an earlier boot does not count. */
static void forgets_at_reboot(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_FREE char *file = kiln_path_join(f->cache, CACHE_FILE);
    KILN_AUTO_STR text = { 0 };
    char *boot;

    write_qemu(f, HANG, DONE);
    check_choice(f, "tcg", "accelerator: tcg (kvm: probe guest not done after N s, tcg: N s)");
    assert_true(kiln_fs_read(file, 4096, &text, NULL));
    boot = strstr(text.data, "\"boot\"");
    boot = strchr(boot + 6, '"') + 1;
    *boot = *boot == 'x' ? 'y' : 'x';
    assert_true(kiln_fs_write_atomic(file, text.data, text.len, 0644, NULL));
    (void)unlink(f->runs);
    check_choice(f, "tcg", "accelerator: tcg (kvm: probe guest not done after N s, tcg: N s)");
    assert_true(kiln_fs_exists(f->runs));
}

static void errors(void **state)
{
    struct fixture *f = *state;
    KILN_CLEANUP(kiln_cancel_freep) struct kiln_cancel *c = kiln_cancel_new();
    struct kiln_accel_choice choice = { 0 };
    KILN_AUTO_ERR err = { 0 };

    f->cfg.binary = "nope-qemu";
    unit_fails(kiln_accel_choose(&f->cfg, &choice, &err), &err, KILN_ERR_USER,
               "exec: \"nope-qemu\": executable file not found in $PATH");
    f->cfg.binary = f->qemu;
    f->cfg.cancel = c;
    write_qemu(f, HANG, HANG);
    kiln_cancel_fire(c);
    assert_false(kiln_accel_choose(&f->cfg, &choice, &err));
    assert_int_equal(err.kind, KILN_ERR_CANCELLED);
    assert_null(choice.line);
}

static void real_probe(void **state)
{
    struct fixture *f = *state;
    KILN_CLEANUP(kiln_accel_choice_done) struct kiln_accel_choice choice = { 0 };
    KILN_AUTO_FREE char *path = kiln_process_find("qemu-system-x86_64", NULL);
    KILN_AUTO_ERR err = { 0 };

    if (!path)
        skip();
    f->cfg.binary = "qemu-system-x86_64";
    f->cfg.kvm_device = NULL;
    f->cfg.host_arch = NULL;
    unit_ok(kiln_accel_choose(&f->cfg, &choice, &err), &err);
    print_message("%s\n", choice.line);
    assert_true(kiln_has_prefix(choice.line, "accelerator: "));
    assert_null(strstr(choice.line, "tcg: exited"));
}

/* The guest comes to its end also on a CPU without long mode, however long that takes. */
static void real_guest_32_bit(void **state)
{
    struct fixture *f = *state;
    KILN_AUTO_FREE char *path = kiln_process_find("qemu-system-i386", NULL);
    const struct kiln_accel_probe probe = { .binary = f->qemu, .limit_us = KILN_NEVER };
    struct kiln_accel_verdict verdict = { 0 };
    KILN_AUTO_ERR err = { 0 };

    if (!path)
        skip();
    write_qemu(f, "exit 1", "exec qemu-system-i386 \"$@\"");
    unit_ok(kiln_accel_measure(&probe, &verdict, &err), &err);
    if (!kiln_has_suffix(verdict.reason, " s"))
        fail_msg("%s", verdict.reason);
    free(verdict.reason);
}

#define FIXED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXED(decides),    FIXED(needs_no_probe),    FIXED(remembers),
        FIXED(asks_again), FIXED(forgets_at_reboot), FIXED(errors),
        FIXED(real_probe), FIXED(real_guest_32_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
