#include "communicator/winrm_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/lines.h"
#include "base/mem.h"
#include "communicator/dir_walk.h"
#include "engine/powershell.h"
#include "net/hash.h"

#define BLOCK         ((size_t)24 << 10) /* bytes of a file in one line of base64 */
#define LINE_MAX      (BLOCK / 3 * 4 + 2)
#define MAX_COMPLAINT ((size_t)4096)
#define LAST_WORDS    KILN_SECOND(10) /* for a script that has failed to say why */
#define MAX_PATH_LEN  ((size_t)1024)  /* a command line has to hold it, in base64 of UTF-16 */

/*
 * Both scripts answer in lines: "= SIZE SHA256" at the end, "-" for a guest whose policy allows no
 * SHA-256, or "! TEXT" if something went wrong. PowerShell's own stdin reader gives `process` its
 * lines; asking the console for them as well would lose some.
 */
#define NEW_HASH                                                                                   \
    "try { $hash = New-Object Security.Cryptography.SHA256CryptoServiceProvider }\n"               \
    "catch { $hash = $null }\n"
#define SHOW_HASH                                                                                  \
    "$sum = '-'\n"                                                                                 \
    "if ($hash) {\n"                                                                               \
    "[void]$hash.TransformFinalBlock((New-Object byte[] 0), 0, 0)\n"                               \
    "$sum = [BitConverter]::ToString($hash.Hash).Replace('-', '').ToLower()\n"                     \
    "}\n"                                                                                          \
    "[Console]::Out.WriteLine(\"= $size $sum\")\n"
#define SHOW_ERROR                                                                                 \
    "catch {\n"                                                                                    \
    "[Console]::Out.WriteLine('! ' + $_.Exception.GetBaseException().Message)\n"                   \
    "exit 1\n"                                                                                     \
    "}\n"

/* stdin: "> PATH [PATH BELOW IT]", both base64, opens a file; other lines are content; "<" closes.
 */
static const char put_script[] =
    "begin {\n"
    "$ErrorActionPreference = 'Stop'\n"
    "$ProgressPreference = 'SilentlyContinue'\n"
    "$size = [long]0\n" NEW_HASH "$text = { [Text.Encoding]::UTF8.GetString("
    "[Convert]::FromBase64String($args[0])) }\n"
    "}\n"
    "process {\n"
    "try {\n"
    "$word = ([string]$_).Trim().Split(' ')\n"
    "if ($word[0] -eq '>') {\n"
    "$path = $ExecutionContext.InvokeCommand.ExpandString((& $text $word[1])).Trim(\"'\")\n"
    "if ($word.Length -gt 2) { $path = [IO.Path]::Combine($path, (& $text $word[2])) }\n"
    "$path = [IO.Path]::GetFullPath($path)\n"
    "if ([IO.Directory]::Exists($path)) { throw \"$path is a directory\" }\n"
    "[void][IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($path))\n"
    "$file = [IO.File]::Create($path)\n"
    "} elseif ($word[0] -eq '<') {\n"
    "$size += $file.Length\n"
    "$file.Close()\n"
    "} elseif ($word[0]) {\n"
    "$data = [Convert]::FromBase64String($word[0])\n"
    "$file.Write($data, 0, $data.Length)\n"
    "if ($hash) { [void]$hash.TransformBlock($data, 0, $data.Length, $data, 0) }\n"
    "}\n"
    "} " SHOW_ERROR "}\n"
    "end {\n" SHOW_HASH "}\n";

/* Behind `$path = TEXT`. First line: "> SIZE"; then the content. */
static const char get_script[] =
    "\ntry {\n"
    "$ErrorActionPreference = 'Stop'\n"
    "$ProgressPreference = 'SilentlyContinue'\n"
    "$path = $ExecutionContext.InvokeCommand.ExpandString($path).Trim(\"'\")\n"
    "$file = [IO.File]::Open([IO.Path]::GetFullPath($path), 'Open', 'Read', 'ReadWrite')\n"
    "[Console]::Out.WriteLine(\"> $($file.Length)\")\n"
    "$size = [long]0\n" NEW_HASH "$data = New-Object byte[] 24576\n"
    "while (($n = $file.Read($data, 0, $data.Length)) -gt 0) {\n"
    "[Console]::Out.WriteLine([Convert]::ToBase64String($data, 0, $n))\n"
    "if ($hash) { [void]$hash.TransformBlock($data, 0, $n, $data, 0) }\n"
    "$size += $n\n"
    "}\n" SHOW_HASH "} " SHOW_ERROR;

/* A script at work, and what is known of the data on this side. */
struct work {
    struct kiln_winrm_job job;
    struct kiln_cancel *cancel;
    const struct kiln_transfer *transfer;
    uint64_t done, total;
    struct kiln_hash *hash;
    struct kiln_str pending;   /* put: lines that were not sent yet */
    int fd;                    /* get: the file here */
    struct kiln_str block;     /* get: one line's bytes */
    struct kiln_lines lines;   /* of its stdout */
    struct kiln_str complaint; /* the beginning of its stderr */
    char *result;              /* behind "= ", or NULL; owned */
    bool concluded;            /* it has ended, or said what is wrong */
    struct kiln_err err;       /* what it, or a line of it, says is wrong */
};

static void tell_progress(const struct work *w)
{
    if (w->transfer && w->transfer->progress)
        w->transfer->progress(w->transfer->ud, w->done, w->total);
}

/* ---- what the script says ---- */

static void take_content(struct work *w, const char *line, size_t len)
{
    kiln_str_clear(&w->block);
    if (!kiln_base64_decode(&w->block, line, len, &w->err)) {
        (void)kiln_err_wrap(&w->err, "the guest sends something else than the file");
        return;
    }
    kiln_hash_update(w->hash, w->block.data, w->block.len);
    w->done += w->block.len;
    if (w->done > w->total) /* it grows while it is read */
        w->total = w->done;
    if (kiln_fs_write_all(w->fd, w->block.data, w->block.len, &w->err))
        tell_progress(w);
}

static void on_line(void *ud, const char *line, size_t len)
{
    static const char mark[] = "\xef\xbb\xbf"; /* .NET may begin UTF-8 with it */
    struct work *w = ud;
    int64_t total;

    if (len >= 3 && memcmp(line, mark, 3) == 0) {
        line += 3;
        len -= 3;
    }
    if (w->err.kind != KILN_ERR_NONE || len == 0)
        return;
    if (len >= 2 && line[1] == ' ' && strchr("=!>", line[0])) {
        KILN_AUTO_FREE char *rest = kiln_xstrndup(line + 2, len - 2);

        if (line[0] == '!') {
            (void)kiln_err_set(&w->err, KILN_ERR_REMOTE, "%s", rest);
        } else if (line[0] == '=') {
            free(w->result);
            w->result = kiln_xstrdup(rest);
        } else if (kiln_parse_i64(rest, &total) && total >= 0) {
            w->total = (uint64_t)total;
        }
    } else if (w->fd >= 0) {
        take_content(w, line, len);
    }
}

static void add_complaint(struct work *w, const char *text, size_t len)
{
    size_t room = MAX_COMPLAINT - w->complaint.len;

    kiln_str_add(&w->complaint, text, len < room ? len : room);
}

static void take_pieces(struct work *w, const struct kiln_winrm_reply *reply)
{
    for (size_t i = 0; i < reply->n_pieces; i++) {
        const struct kiln_winrm_piece *p = &reply->pieces[i];

        if (p->is_stderr)
            add_complaint(w, reply->data.data + p->at, p->len);
        else
            kiln_lines_feed(&w->lines, reply->data.data + p->at, p->len);
    }
}

/* Why there is no result: what the script said, or what its stderr begins with. */
static bool no_result(struct work *w, int64_t status, struct kiln_err *err)
{
    const char *said = kiln_str_cstr(&w->complaint);

    if (w->err.kind != KILN_ERR_NONE)
        return kiln_err_move(err, &w->err);
    return kiln_err_set(err, KILN_ERR_REMOTE,
                        "PowerShell in the guest ended with status %lld%s%.*s", (long long)status,
                        *said ? ": " : "", (int)strcspn(said, "\r\n"), said);
}

static bool same_data(struct work *w, struct kiln_err *err)
{
    KILN_AUTO_FREE char *want = NULL, *unhashed = NULL;
    struct kiln_hash_sums sums;

    kiln_hash_finish(w->hash, &sums);
    want = kiln_xasprintf("%llu %s", (unsigned long long)w->done, sums.hex[KILN_HASH_SHA256]);
    unhashed = kiln_xasprintf("%llu -", (unsigned long long)w->done);
    return kiln_streq(w->result, want) || kiln_streq(w->result, unhashed) ||
           kiln_err_set(err, KILN_ERR_REMOTE,
                        "what arrived is not what was sent: size and SHA-256 are %s there, %s here",
                        w->result, want);
}

/* Read until the script has ended; its result must be that of our data. */
static bool conclude(struct work *w, struct kiln_cancel *c, struct kiln_err *err)
{
    for (bool done = false; !done;) {
        KILN_AUTO_WINRM_REPLY reply = { 0 };

        if (!kiln_winrm_job_receive(&w->job, c, &reply, err))
            return false;
        take_pieces(w, &reply);
        done = reply.done;
        if (done)
            kiln_lines_end(&w->lines);
        w->concluded = done || w->err.kind != KILN_ERR_NONE;
        if (w->err.kind != KILN_ERR_NONE || (done && !w->result))
            return no_result(w, reply.exit_code, err);
    }
    return same_data(w, err);
}

static bool start(struct work *w, struct kiln_winrm_client *client, const char *script, bool piped,
                  struct kiln_err *err)
{
    KILN_AUTO_FREE char *command = kiln_powershell_bare_command(script);

    return kiln_hash_new(&w->hash, KILN_HASH_BIT(KILN_HASH_SHA256), err) &&
           kiln_winrm_job_start(&w->job, client, command, piped, w->cancel, err);
}

static void work_done(struct work *w)
{
    kiln_winrm_job_end(&w->job);
    kiln_hash_free(w->hash);
    kiln_str_done(&w->pending);
    kiln_str_done(&w->block);
    kiln_str_done(&w->complaint);
    kiln_lines_done(&w->lines);
    kiln_err_clear(&w->err);
    free(w->result);
}

#define WORK_INIT(c, t)                                                                            \
    {                                                                                              \
        .cancel = (c), .transfer = (t), .fd = -1                                                   \
    }
#define WORK KILN_CLEANUP(work_done) struct work

/* ---- to the guest ---- */

/* It may have failed, and ended, while we still sent: then it has said why. */
static bool send_failed(struct work *w, struct kiln_err *why, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_cancel_freep)
    struct kiln_cancel *limited =
        kiln_cancel_child(w->cancel, kiln_cancel_deadline(w->cancel, LAST_WORDS));
    KILN_AUTO_ERR said = { 0 };

    if (w->job.lost || why->kind == KILN_ERR_CANCELLED || conclude(w, limited, &said))
        return kiln_err_move(err, why);
    return kiln_err_move(err, w->concluded ? &said : why);
}

static bool send_bytes(struct work *w, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };

    if (!kiln_winrm_job_send(&w->job, kiln_str_cstr(&w->pending), w->pending.len, w->cancel, &why))
        return send_failed(w, &why, err);
    kiln_str_clear(&w->pending);
    return true;
}

/* Room for one more line of content. */
static bool make_room(struct work *w, struct kiln_err *err)
{
    return w->pending.len + LINE_MAX <= KILN_WINRM_SEND_MAX || send_bytes(w, err);
}

static bool add_content(struct work *w, int fd, const char *src, struct kiln_err *err)
{
    KILN_AUTO_FREE char *block = kiln_xmalloc(BLOCK);

    for (;;) {
        ssize_t n = read(fd, block, BLOCK);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return kiln_err_sys(err, errno, "read %s", src);
        if (n == 0)
            return true;
        if (!make_room(w, err))
            return false;
        kiln_hash_update(w->hash, block, (size_t)n);
        kiln_base64_add(&w->pending, block, (size_t)n);
        kiln_str_adds(&w->pending, "\r\n");
        w->done += (uint64_t)n;
        tell_progress(w);
    }
}

static bool add_path(struct work *w, const char *mark, const char *path, struct kiln_err *err)
{
    size_t len = strlen(path);

    if (len > MAX_PATH_LEN)
        return kiln_err_set(err, KILN_ERR_USER, "a path of %zu bytes is too long", len);
    kiln_str_adds(&w->pending, mark);
    kiln_base64_add(&w->pending, path, len);
    return true;
}

/* dst: where the template says; below: a path below it that is meant literally, or NULL. */
static bool add_file(struct work *w, const char *src, const char *dst, const char *below,
                     struct kiln_err *err)
{
    struct stat st;
    KILN_AUTO_FD fd = kiln_fs_open_regular(src, &st, err);

    if (fd < 0)
        return false;
    if (!make_room(w, err) || !add_path(w, "> ", dst, err) ||
        (below && !add_path(w, " ", below, err)))
        return false;
    kiln_str_adds(&w->pending, "\r\n");
    if (!add_content(w, fd, src, err) || !make_room(w, err))
        return false;
    kiln_str_adds(&w->pending, "<\r\n");
    return true;
}

/* The last lines, the end of stdin, and the verdict. */
static bool finish(struct work *w, struct kiln_err *err)
{
    if (w->pending.len > 0 && !send_bytes(w, err))
        return false;
    return send_bytes(w, err) && conclude(w, w->cancel, err);
}

bool kiln_winrm_put(struct kiln_winrm_client *client, const char *src, const char *dst,
                    const struct kiln_transfer *t, struct kiln_cancel *c, struct kiln_err *err)
{
    WORK w = WORK_INIT(c, t);
    struct stat st;

    w.lines = (struct kiln_lines)KILN_LINES_INIT(on_line, &w);
    if (stat(src, &st) < 0)
        return kiln_err_sys(err, errno, "stat %s", src);
    w.total = (uint64_t)st.st_size;
    return start(&w, client, put_script, true, err) && add_file(&w, src, dst, NULL, err) &&
           finish(&w, err);
}

/* ---- directories ---- */

struct tree {
    struct work work;
    const char *dst;
    struct kiln_str below; /* the directory at hand, each name with a backslash behind it */
};

static bool enter(void *ud, const char *name, mode_t mode, struct kiln_err *err)
{
    struct tree *tree = ud;

    (void)mode, (void)err;
    kiln_str_addf(&tree->below, "%s\\", name);
    return true;
}

static bool leave(void *ud, mode_t mode, struct kiln_err *err)
{
    struct tree *tree = ud;
    size_t n = tree->below.len - 1;

    (void)mode, (void)err;
    while (n > 0 && tree->below.data[n - 1] != '\\')
        n--;
    kiln_str_truncate(&tree->below, n);
    return true;
}

static bool file(void *ud, const char *path, const char *name, mode_t mode, uint64_t size,
                 struct kiln_err *err)
{
    struct tree *tree = ud;
    KILN_AUTO_FREE char *below = kiln_xasprintf("%s%s", kiln_str_cstr(&tree->below), name);

    (void)mode, (void)size;
    if (kiln_streq(name, ".DS_Store")) /* as Packer's uploads by WinRM */
        return true;
    return add_file(&tree->work, path, tree->dst, below, err) || kiln_err_wrap(err, "%s", path);
}

bool kiln_winrm_put_dir(struct kiln_winrm_client *client, const char *src, const char *dst,
                        const struct kiln_transfer *t, struct kiln_cancel *c, struct kiln_err *err)
{
    struct tree tree = { .work = WORK_INIT(c, t), .dst = dst };
    const struct kiln_dir_visitor v = { .enter = enter, .leave = leave, .file = file, .ud = &tree };
    bool ok;

    tree.work.lines = (struct kiln_lines)KILN_LINES_INIT(on_line, &tree.work);
    ok = start(&tree.work, client, put_script, true, err) && kiln_dir_walk(src, &v, err) &&
         finish(&tree.work, err);
    work_done(&tree.work);
    kiln_str_done(&tree.below);
    return ok;
}

/* ---- from the guest ---- */

bool kiln_winrm_get(struct kiln_winrm_client *client, const char *src, int fd,
                    const struct kiln_transfer *t, struct kiln_cancel *c, struct kiln_err *err)
{
    WORK w = WORK_INIT(c, t);
    KILN_AUTO_STR script = { 0 };

    w.lines = (struct kiln_lines)KILN_LINES_INIT(on_line, &w);
    w.fd = fd;
    if (strlen(src) > MAX_PATH_LEN)
        return kiln_err_set(err, KILN_ERR_USER, "a path of %zu bytes is too long", strlen(src));
    kiln_str_adds(&script, "$path = ");
    kiln_powershell_add_quoted(&script, src);
    kiln_str_adds(&script, get_script);
    return start(&w, client, kiln_str_cstr(&script), false, err) && conclude(&w, c, err);
}
