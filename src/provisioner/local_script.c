#include "provisioner/local_script.h"

#include <errno.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "engine/output.h"

#define DEFAULT_COMMAND "/bin/sh,-c,{{.Vars}} {{.Script}}"

static const struct kiln_field fields[] = {
    { "command", KILN_STRING, offsetof(struct kiln_local_script, command), KILN_RAW | KILN_TRIED,
      .help = "One command line; the same as inline with one element." },
    { "execute_command", KILN_STRINGS, offsetof(struct kiln_local_script, execute_command),
      KILN_RAW, .def = DEFAULT_COMMAND,
      .help = "The program and its arguments; {{.Vars}} and {{.Script}} are known." },
    { "inline_shebang", KILN_STRING, offsetof(struct kiln_local_script, script.inline_shebang),
      .help = "Interpreter line of inline scripts, without \"#!\" (/bin/sh -e)." },
    { "only_on", KILN_STRINGS, offsetof(struct kiln_local_script, only_on),
      .help = "Operating systems to run on: linux, darwin, freebsd, openbsd, solaris, windows." },
    { "tempfile_extension", KILN_STRING, offsetof(struct kiln_local_script, tempfile_extension),
      .help = "Extension of the file that inline commands are written to." },
    { "use_linux_pathing", KILN_BOOL, offsetof(struct kiln_local_script, use_linux_pathing),
      .help = "For Windows hosts; no effect here." },
    { 0 },
};

static const struct kiln_include includes[] = {
    { &kiln_script_schema, offsetof(struct kiln_local_script, script) },
    { 0 },
};

const struct kiln_schema kiln_local_script_schema = { "shell-local", "runs scripts on this machine",
                                                      fields, includes };

static bool check_only_on(const struct kiln_local_script *s, const struct kiln_prepare *p)
{
    static const char *const known[] = { "darwin",  "freebsd", "linux",
                                         "openbsd", "solaris", "windows" };

    for (size_t i = 0; i < s->only_on.n; i++) {
        bool found = false;

        for (size_t k = 0; k < KILN_COUNT(known); k++)
            found = found || kiln_streq(s->only_on.v[i], known[k]);
        if (!found)
            return kiln_config_error(p, "only_on",
                                     "Invalid OS specified in only_on: '%s'\nSupported OS names: "
                                     "darwin, freebsd, linux, openbsd, solaris, windows",
                                     s->only_on.v[i]);
    }
    return true;
}

bool kiln_local_script_prepare(struct kiln_local_script *s, const struct kiln_prepare *p)
{
    size_t sources = (s->command ? 1u : 0u) + (s->script.inline_lines.n > 0) +
                     (s->script.script && s->script.script[0] ? 1u : 0u) +
                     (s->script.scripts.n > 0);
    bool ok = kiln_script_check(&s->script, p);

    if (s->execute_command.n == 0) /* [] is as if it were not given */
        kiln_strv_split(&s->execute_command, DEFAULT_COMMAND, ',');
    if (sources == 0)
        ok = kiln_config_error(p, NULL,
                               "Command, Inline, Script and Scripts options cannot all "
                               "be empty.");
    if (sources > 1)
        ok = kiln_config_error(p, NULL,
                               "You may only specify one of the following options: "
                               "Command, Inline, Script or Scripts. Please consolidate "
                               "these options in your config.");
    return check_only_on(s, p) && ok;
}

static bool render_argv(const struct kiln_local_script *s, struct kiln_build *b, const char *path,
                        struct kiln_strv *ret, struct kiln_err *err)
{
    const char *format = s->script.env_var_format ? s->script.env_var_format : "%s='%s' ";
    KILN_AUTO_STRMAP extra = { 0 }, data = { 0 };
    KILN_AUTO_STR vars = { 0 };
    struct kiln_interp interp;

    if (!kiln_script_vars(b, &s->script, format, kiln_shell_add_escaped, &vars, err))
        return false;
    kiln_strmap_set(&extra, "Vars", kiln_str_cstr(&vars));
    kiln_strmap_set(&extra, "Script", path);
    kiln_strmap_set(&extra, "Command", path);
    interp = kiln_script_interp(b, &data, &extra);
    for (size_t i = 0; i < s->execute_command.n; i++) {
        KILN_AUTO_STR word = { 0 };

        if (!kiln_interp_render_stable(&interp, s->execute_command.v[i], &word, err))
            return kiln_err_wrap(err, "Error processing command");
        kiln_strv_add(ret, kiln_str_cstr(&word));
    }
    return true;
}

/* Pass on what it prints until both streams are closed. */
static bool pump(struct kiln_process *proc, struct kiln_build *b, struct kiln_cancel *cancel,
                 struct kiln_err *err)
{
    KILN_CLEANUP(kiln_output_freep) struct kiln_output *out = kiln_output_new(b);
    struct pollfd fds[2] = { { .fd = proc->out, .events = POLLIN },
                             { .fd = proc->err, .events = POLLIN } };
    KILN_AUTO_FREE char *chunk = kiln_xmalloc(64 << 10);

    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        if (kiln_wait_fds(cancel, fds, 2, KILN_NEVER, err) != KILN_WAIT_READY)
            return false;
        for (int i = 0; i < 2; i++) {
            ssize_t n;

            if (fds[i].fd < 0 || !fds[i].revents)
                continue;
            n = read(fds[i].fd, chunk, 64 << 10);
            if (n > 0)
                kiln_output_feed(out, i == 1, chunk, (size_t)n);
            else if (n == 0 || (errno != EINTR && errno != EAGAIN))
                fds[i].fd = -1;
        }
    }
    kiln_output_end(out);
    return true;
}

static bool run_script(const struct kiln_local_script *s, struct kiln_build *b, const char *path,
                       struct kiln_cancel *cancel, struct kiln_err *err)
{
    KILN_AUTO_FREE char *abs = kiln_path_abs(path);
    KILN_AUTO_PROCESS proc = KILN_PROCESS_INIT;
    KILN_AUTO_STRV argv = { 0 };
    struct kiln_spawn how = { .out = KILN_STDIO_PIPE,
                              .err = KILN_STDIO_PIPE,
                              .on_pid = kiln_ledger_add_pid,
                              .ud = b->ledger };
    pid_t pid;
    bool ok;

    kiln_say(b, "Running local shell script: %s", path);
    if (!render_argv(s, b, abs, &argv, err))
        return false;
    how.argv = (const char *const *)argv.v;
    if (!kiln_process_spawn(&proc, &how, err)) {
        kiln_error(b, "%s", kiln_err_text(err));
        return kiln_err_set(err, KILN_ERR_USER,
                            "Error executing script: %s\n\nPlease see output above for more "
                            "information.",
                            abs);
    }
    pid = proc.pid;
    ok = pump(&proc, b, cancel, err) && kiln_process_wait(&proc, cancel, KILN_NEVER, err);
    if (!ok) {
        kiln_process_stop(&proc, KILN_MS(500));
        (void)kiln_err_wrap(err, "Error executing script: %s", abs);
    }
    kiln_ledger_drop_pid(b->ledger, pid);
    return ok && kiln_script_check_status(&s->script, kiln_process_exit_code(&proc), err);
}

static bool run_inline(const struct kiln_local_script *s, struct kiln_build *b,
                       struct kiln_cancel *cancel, struct kiln_err *err)
{
    const char *shebang = s->script.inline_shebang ? s->script.inline_shebang : "/bin/sh -e";
    KILN_AUTO_FREE char *suffix = NULL;
    KILN_AUTO_STRV lines = { 0 };
    char *path = NULL;
    bool ok;

    if (s->tempfile_extension && s->tempfile_extension[0])
        suffix = kiln_xasprintf("%s%s", s->tempfile_extension[0] == '.' ? "" : ".",
                                s->tempfile_extension);
    if (s->command)
        kiln_strv_add(&lines, s->command);
    kiln_strv_add_all(&lines, &s->script.inline_lines);
    if (!kiln_script_write_inline(b, &lines, shebang, suffix ? suffix : "", 0700, &path, err))
        return false;
    ok = run_script(s, b, path, cancel, err);
    kiln_ledger_remove(b->ledger, KILN_OWNED_FILE, path);
    return ok;
}

bool kiln_local_script_run(const struct kiln_local_script *s, struct kiln_build *b,
                           struct kiln_cancel *cancel, struct kiln_err *err)
{
    KILN_AUTO_STRV files = { 0 };

    if (s->only_on.n && !kiln_strv_has(&s->only_on, "linux")) {
        kiln_say(b, "Skipping shell-local due to runtime OS");
        return true;
    }
    if (s->command || s->script.inline_lines.n)
        return run_inline(s, b, cancel, err);
    kiln_script_files(&s->script, &files);
    for (size_t i = 0; i < files.n; i++) {
        if (!run_script(s, b, files.v[i], cancel, err))
            return false;
    }
    return true;
}
