/*
 * Directories by tar. What arrives is compared with what the real scp makes of the same directory,
 * for each tar that is installed; then tars that are none or break, and guests that lie.
 */
#include "unit.h"

#include <sys/stat.h>

#include "base/encode.h"
#include "base/fs.h"
#include "base/process.h"
#include "communicator/scp.h"
#include "communicator/tar_put.h"
#include "pipe_channel.h"

struct place {
    char *dir;         /* a fresh directory */
    const char *shell; /* what the guest's shell does first, may be "" */
    bool nobody;       /* the guest's user is not root */
    struct kiln_cancel *cancel;
    struct kiln_err err;
    bool made;
    uint64_t done, total;
};

static int set_up(void **state)
{
    struct place *p = kiln_xcalloc(1, sizeof(*p));

    p->dir = kiln_fs_temp_dir("kiln-tar", NULL);
    p->cancel = kiln_cancel_new();
    p->shell = "";
    *state = p;
    return p->dir ? 0 : -1;
}

static int tear_down(void **state)
{
    struct place *p = *state;

    (void)kiln_fs_remove_tree(p->dir, NULL);
    kiln_err_clear(&p->err);
    kiln_cancel_free(p->cancel);
    free(p->dir);
    free(p);
    return 0;
}

static char *at(const struct place *p, const char *name)
{
    return kiln_path_join(p->dir, name);
}

/* Runs in p->dir; what it prints is the caller's. */
static char *sh(const struct place *p, const char *script)
{
    KILN_AUTO_FREE char *text = kiln_xasprintf("cd %s || exit; %s", p->dir, script);
    const char *const argv[] = { "/bin/sh", "-c", text, NULL };
    const struct kiln_spawn how = { .argv = argv };
    KILN_AUTO_STR out = { 0 };
    struct kiln_err err = { 0 };
    int code = 0;

    unit_ok(kiln_process_capture(&how, NULL, KILN_NEVER, &out, NULL, &code, &err), &err);
    return kiln_str_steal(&out);
}

static void run(const struct place *p, const char *script)
{
    free(sh(p, script));
}

static void need(const char *program)
{
    char *path = kiln_process_find(program, NULL);

    if (!path)
        skip();
    free(path);
}

/* The guest's login shell, in p->dir. */
static struct kiln_channel *guest(const struct place *p, const char *command)
{
    KILN_AUTO_FREE char *text =
        kiln_xasprintf("cd %s; umask 027; %s %s", p->dir, p->shell, command);
    KILN_AUTO_STR as = { 0 };

    if (!p->nobody)
        return pipe_channel_new(text);
    kiln_str_adds(&as, "exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c ");
    kiln_shell_add_quoted(&as, text);
    return pipe_channel_new(kiln_str_cstr(&as));
}

static void on_progress(void *ud, uint64_t done, uint64_t total)
{
    struct place *p = ud;

    p->done = done;
    p->total = total;
}

/* src as in a template: with a slash its contents are meant. */
static enum kiln_tar_end put(struct place *p, const char *src, const char *dst)
{
    const struct kiln_transfer t = { on_progress, p, .verify = false };
    KILN_AUTO_FREE char *from = at(p, src);
    KILN_AUTO_FREE char *name =
        kiln_dir_means_contents(from) ? kiln_xstrdup("") : kiln_dir_name(from);
    KILN_AUTO_DIR_SURVEY survey = { 0 };
    KILN_AUTO_FREE char *command = NULL;
    KILN_CLEANUP(kiln_channel_freep) struct kiln_channel *ch = NULL;

    kiln_err_clear(&p->err);
    unit_ok(kiln_dir_survey(from, &survey, &p->err), &p->err);
    command = kiln_tar_command(dst, name, false);
    ch = guest(p, command);
    return kiln_tar_put_dir(ch, from, name, &survey, &t, NULL, &p->made, p->cancel, &p->err);
}

static void put_by_scp(struct place *p, const char *src, const char *dst)
{
    KILN_AUTO_FREE char *from = at(p, src);
    bool contents = kiln_dir_means_contents(from);
    KILN_AUTO_FREE char *command = kiln_scp_command(contents ? "-rdt" : "-rt", dst);
    KILN_CLEANUP(kiln_channel_freep) struct kiln_channel *ch = guest(p, command);

    unit_ok(kiln_scp_put_dir(ch, from, contents, NULL, NULL, p->cancel, &p->err), &p->err);
}

/* Names of all kinds and lengths, modes of all kinds, links, more than a buffer holds. */
static void make_source(const struct place *p)
{
    run(p, "chmod 755 .; umask 022; mkdir -p up/sub/empty \"up/it's a \\\\ \\\"q\\\" *\" up/wide; "
           "n=$(printf %0120d 7); mkdir -p up/$n/$n; echo deep >up/$n/$n/$n; echo hundred "
           ">up/$(printf %0100d 1); : >up/nothing; echo 1 >up/-n; echo 2 >\"up/it's a \\\\ "
           "\\\"q\\\" *\"/'$x'; printf 3 >up/$(printf 'l\\303\\244t\\351n'); head -c 300001 "
           "/dev/zero >up/large; head -c 512 /dev/zero >up/block; chmod 444 up/-n; chmod 666 "
           "up/nothing; chmod 755 up/block; chmod 600 up/large; chmod 777 up/wide; chmod 700 "
           "up/sub; mkdir -p other/dir; echo o >other/dir/o; chmod 640 other/dir/o; ln -s "
           "../other/dir up/linked; ln -s ../other/dir/o up/link; touch -d 2001-01-01 up/large");
}

/* What there is below a directory: kinds, modes, owners, contents. New times are all alike. */
static char *tree(const struct place *p, const char *dir)
{
    KILN_AUTO_FREE char *script = kiln_xasprintf(
        "cd %s && find . -printf '%%y %%m %%u %%P\\n' | LC_ALL=C sort; find . -type f -exec cksum "
        "{} + | LC_ALL=C sort; find . ! -newermt 2010-01-01",
        dir);

    return sh(p, script);
}

static void expect_same(const struct place *p, const char *dir, const char *as)
{
    KILN_AUTO_FREE char *want = tree(p, as), *got = tree(p, dir);

    assert_non_null(strstr(want, "f "));
    for (size_t i = 0; got[i] != '\0' || want[i] != '\0'; i++) {
        if (got[i] != want[i]) /* the whole is too long to be shown */
            fail_msg("%s: ...%.60s, not ...%.60s", dir, got + (i < 40 ? 0 : i - 40),
                     want + (i < 40 ? 0 : i - 40));
    }
}

/* Here is a tar of that name, as `tar`; the other tools are ours. */
static void use_tar(struct place *p, const char *program)
{
    KILN_AUTO_FREE char *script =
        kiln_xasprintf("mkdir -p bin; ln -sf $(command -v %s) bin/tar", program);

    need(program);
    need("scp");
    run(p, script);
    p->shell = "PATH=$PWD/bin:$PATH;";
}

/* ---- as scp does it ---- */

static void as_scp(struct place *p)
{
    static const struct {
        const char *src, *dst, *result;
        bool made;
    } rows[] = {
        { "up", "there", "there", false },        /* the directory itself */
        { "up", "new", "new", true },             /* what is missing becomes the copy */
        { "up", "with\\ space/", "with*", true }, /* the same; expanded by the login shell */
        { "up/", "empty", "empty", false },       /* its contents */
        { "up/.", "full", "full", false },        /* nothing in the way */
    };

    make_source(p);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        run(p, "rm -rf there new with* empty full; mkdir -m 777 there empty full; mkdir full/x; "
               "echo old >full/old; chmod 777 .");
        put_by_scp(p, rows[i].src, rows[i].dst);
        run(p, "rm -rf scp; mkdir -m 777 scp; mv there new with* empty full scp; "
               "mkdir -m 777 there empty full; mkdir full/x; echo old >full/old");
        if (put(p, rows[i].src, rows[i].dst) != KILN_TAR_DONE)
            fail_msg("row %zu: %s", i, kiln_err_text(&p->err));
        assert_int_equal(p->made, rows[i].made);
        assert_int_equal(p->done, p->total);
        KILN_AUTO_FREE char *want = kiln_path_join("scp", rows[i].result);
        expect_same(p, rows[i].result, want);
    }
}

static void by_gnu_tar(void **state)
{
    use_tar(*state, "tar");
    as_scp(*state);
}

static void by_busybox(void **state)
{
    use_tar(*state, "busybox");
    as_scp(*state);
}

static void by_bsdtar(void **state)
{
    use_tar(*state, "bsdtar");
    as_scp(*state);
}

/* As root they do much by themselves. */
static void not_as_root(void **state)
{
    static const char *const tars[] = { "tar", "busybox" };
    struct place *p = *state;

    if (getuid() != 0)
        skip(); /* then all of the others were */
    need("setpriv");
    p->nobody = true;
    for (size_t i = 0; i < KILN_COUNT(tars); i++) {
        use_tar(p, tars[i]);
        as_scp(p);
        run(p, "rm -rf up other scp bin");
    }
}

/* ---- what scp has to do ---- */

static void left_to_scp(void **state)
{
    static const struct {
        const char *src, *dst, *before;
    } rows[] = {
        { "up", "d", "mkdir -p d/up" },
        { "up", "d", "mkdir d; echo file >d/up" },
        { "up", "d", "mkdir d; ln -s nowhere d/up" },
        { "up", "d", "echo file >d" },
        { "up", "d", "ln -s nowhere d" },
        { "up", "d*", "mkdir d d2" },
        { "up/", "d", ":" },
        { "up/", "d", "echo file >d" },
        { "up/", "d", "mkdir -p d/wide" },
        { "up/", "d", "mkdir d; ln -s /etc d/sub" }, /* a tar would replace the link */
        { "up/", "d", "mkdir d; echo old >d/nothing" },
        { "up", "missing/d", ":" }, /* scp has the words for that */
    };
    struct place *p = *state;

    use_tar(p, "tar");
    make_source(p);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *before =
            kiln_xasprintf("rm -rf d d2; %s; find d* missing 2>/dev/null", rows[i].before);
        KILN_AUTO_FREE char *was = sh(p, before), *is = NULL;

        if (put(p, rows[i].src, rows[i].dst) != KILN_TAR_UNFIT)
            fail_msg("row %zu is not left to scp: %s", i, kiln_err_text(&p->err));
        is = sh(p, "find d* missing 2>/dev/null");
        assert_string_equal(is, was);
    }
}

static void survey(void **state)
{
    struct place *p = *state;
    KILN_AUTO_FREE char *up = at(p, "up");
    KILN_AUTO_DIR_SURVEY s = { 0 };

    make_source(p);
    unit_ok(kiln_dir_survey(up, &s, &p->err), &p->err);
    assert_int_equal(s.files, 10);
    assert_int_equal(s.bytes, 300001 + 512 + 5 + 8 + 2 + 2 + 1 + 2 + 2);
    assert_int_equal(s.names.n, 12);
    assert_false(s.odd);
    kiln_dir_survey_done(&s);
    run(p, "mkdir -m 500 up/sub/odd");
    unit_ok(kiln_dir_survey(up, &s, &p->err), &p->err);
    assert_true(s.odd);
    kiln_dir_survey_done(&s);
    run(p, "rmdir up/sub/odd; touch 'up/a\nb'");
    unit_ok(kiln_dir_survey(up, &s, &p->err), &p->err);
    assert_true(s.odd);
    run(p, "rm up/*b; mkfifo up/fifo");
    assert_false(kiln_dir_survey(up, &s, &p->err));
}

/* ---- guests that cannot, or will not ---- */

/* A tar that is a script; the first time it only has to look like one. */
static void script_tar(struct place *p, const char *script)
{
    KILN_AUTO_FREE char *text = kiln_xasprintf(
        "mkdir -p bin; rm -f bin/tar tried; cat >bin/tar <<'EOF'\n#!/bin/sh\n[ -e %s/tried ] || { "
        "touch %s/tried; exit 0; }\n%s\nEOF\nchmod +x bin/tar",
        p->dir, p->dir, script);

    run(p, text);
    p->shell = "PATH=$PWD/bin:$PATH;";
}

static void without_tar(void **state)
{
    static const char *const guests[] = {
        "PATH=/nowhere; alias exec=; sh() { /bin/sh \"$@\"; };", /* nothing at all */
        "mkdir -p b; ln -sf $(command -v sh) $(command -v dd) $(command -v xargs) b; PATH=$PWD/b;",
        "mkdir -p b; ln -sf $(command -v sh) $(command -v dd) $(command -v tar) b; PATH=$PWD/b;",
        "mkdir -p b; ln -sf /bin/false b/tar; PATH=$PWD/b:$PATH;", /* broken */
        "exit 1;", /* a guest that runs only what it knows */
        "echo go away; exit 0;",
    };
    struct place *p = *state;

    make_source(p);
    for (size_t i = 0; i < KILN_COUNT(guests); i++) {
        enum kiln_tar_end end;

        run(p, "rm -rf b");
        p->shell = guests[i];
        end = put(p, "up", "new");
        if (end != KILN_TAR_MISSING && end != KILN_TAR_UNFIT)
            fail_msg("row %zu: %d", i, (int)end);
        if (i >= 1 && i <= 3)
            assert_int_equal(end, KILN_TAR_MISSING);
        assert_int_equal(p->err.kind, KILN_ERR_NONE);
    }
}

static void that_break(void **state)
{
    static const struct {
        const char *script, *want;
    } rows[] = {
        { "head -c 200000 >/dev/null; printf 'tar: up/large: disk\\033[31m on\\nfire\\n' >&2; exit "
          "3",
          "tar in the guest ended with status 3: tar: up/large: disk [31m on fire" },
        { "cat >/dev/null; exit 2", "tar in the guest ended with status 2" },
        { "kill -9 $$", "tar in the guest ended with status 137" },
        { "exec 0<&-; exit 1", "tar in the guest ended with status 1" },
    };
    struct place *p = *state;

    make_source(p);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        script_tar(p, rows[i].script);
        run(p, "rm -rf new");
        if (put(p, "up", "new") != KILN_TAR_BROKE)
            fail_msg("row %zu did not break: %s", i, kiln_err_text(&p->err));
        assert_string_equal(kiln_err_text(&p->err), rows[i].want);
        assert_true(p->made);
    }
}

/* Lines that no script of ours prints, and more of them than anybody would read. */
static void lies(void **state)
{
    static const char *const guests[] = {
        "echo /kiln-tar go; exit;",
        "echo /kiln-tar into; echo /kiln-tar go; exit;",
        "echo /kiln-tar into 99; echo /kiln-tar go; exit;",
        "echo /kiln-tar made 77777777777777777777777; echo /kiln-tar go; exit;",
        "echo /kiln-tar run; echo /kiln-tar into 022 x; exit;",
        "echo /kiln-tar into 022; echo sub; echo /kiln-tar go; cat >/dev/null; exit;",
        "echo /kiln-tar into 022; exec yes;",
        "exec yes | tr -d '\\n'; exit;",
    };
    struct place *p = *state;

    make_source(p);
    for (size_t i = 0; i < KILN_COUNT(guests); i++) {
        p->shell = guests[i];
        if (put(p, "up/", "new") != KILN_TAR_UNFIT)
            fail_msg("row %zu was believed", i);
    }
}

static void failures_here(void **state)
{
    struct place *p = *state;
    KILN_AUTO_FREE char *up = at(p, "up");
    struct kiln_dir_survey none = { 0 };
    KILN_AUTO_FREE char *command = kiln_tar_command("new", "up", false);
    struct kiln_channel *ch;

    use_tar(p, "tar");
    make_source(p);
    ch = guest(p, command);
    run(p, "mv up gone"); /* after the survey */
    assert_int_equal(
        kiln_tar_put_dir(ch, up, "up", &none, NULL, NULL, &p->made, p->cancel, &p->err),
        KILN_TAR_FAILED);
    assert_non_null(strstr(p->err.msg, "No such file or directory"));
    kiln_channel_free(ch);
    run(p, "mv gone up; rm -rf new");
    kiln_cancel_fire(p->cancel);
    assert_int_equal(put(p, "up", "new"), KILN_TAR_FAILED);
    assert_int_equal(p->err.kind, KILN_ERR_CANCELLED);
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(by_gnu_tar),    IN_PLACE(by_busybox),  IN_PLACE(by_bsdtar),
        IN_PLACE(not_as_root),   IN_PLACE(left_to_scp), IN_PLACE(survey),
        IN_PLACE(without_tar),   IN_PLACE(that_break),  IN_PLACE(lies),
        IN_PLACE(failures_here),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
