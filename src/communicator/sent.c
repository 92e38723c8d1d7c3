#include "communicator/sent.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "communicator/cksum.h"

/*
 * The first look: one number for all files together, because a line for each costs more than cksum
 * itself. Whatever is wrong, also a guest without cksum, makes another number of it.
 */
static const char at_once[] = "xargs -0 cksum | cksum";

/*
 * The second look, and the only one at a single file. For the names that xargs has gathered. A line
 * for each: "CRC SIZE ./NAME", "SIZE ./NAME" or, if it is gone, "- ./NAME"; none for what cannot be
 * read. One file that is not a regular one is left alone: somebody wrote to a device.
 */
static const char one_by_one[] =
    "exec xargs -0 sh -c '"
    "if [ $# -eq 1 ] && [ -e \"$1\" ]; then [ -f \"$1\" ] || exit 0; fi; "
    "if command -v cksum >/dev/null; then cksum \"$@\"; else wc -c \"$@\"; fi || "
    "for f; do [ -e \"$f\" ] || printf \"%s %s\\n\" - \"$f\"; done' sh";

#define NAMES_AT_ONCE ((size_t)64 << 10) /* bytes */

struct file {
    size_t name; /* where it begins in names */
    uint64_t size;
    uint32_t crc;
};

struct kiln_sent {
    struct kiln_cksum cksum;
    struct kiln_str dir;   /* the one at hand: "a/b/", or "" */
    struct kiln_str names; /* "a/b/c\0"... */
    struct file *files;
    size_t n, room;
};

struct kiln_sent *kiln_sent_new(void)
{
    struct kiln_sent *s = kiln_xcalloc(1, sizeof(*s));

    s->names.max = KILN_MAX_SENT_NAMES;
    kiln_cksum_init(&s->cksum);
    return s;
}

void kiln_sent_free(struct kiln_sent *s)
{
    if (!s)
        return;
    kiln_str_done(&s->dir);
    kiln_str_done(&s->names);
    free(s->files);
    free(s);
}

void kiln_sent_freep(struct kiln_sent **s)
{
    kiln_sent_free(*s);
    *s = NULL;
}

/* ---- for the sender ---- */

void kiln_sent_enter(struct kiln_sent *s, const char *name)
{
    if (s)
        kiln_str_addf(&s->dir, "%s/", name);
}

void kiln_sent_leave(struct kiln_sent *s)
{
    const char *slash;

    if (!s || s->dir.len == 0)
        return;
    kiln_str_truncate(&s->dir, s->dir.len - 1);
    slash = strrchr(s->dir.data, '/');
    kiln_str_truncate(&s->dir, slash ? (size_t)(slash + 1 - s->dir.data) : 0);
}

size_t kiln_sent_file(struct kiln_sent *s, const char *name)
{
    if (!s)
        return 0;
    if (s->n == s->room) {
        s->room = s->room ? 2 * s->room : 16;
        s->files = kiln_xrealloc(s->files, s->room, sizeof(*s->files));
    }
    s->files[s->n] = (struct file){ .name = s->names.len };
    kiln_str_add(&s->names, s->dir.data, s->dir.len);
    kiln_str_add(&s->names, name, strlen(name) + 1);
    return s->n++;
}

void kiln_sent_data(struct kiln_sent *s, size_t file, const void *data, size_t len)
{
    if (!s)
        return;
    s->files[file].crc = kiln_cksum_add(&s->cksum, s->files[file].crc, data, len);
    s->files[file].size += len;
}

/* ---- reading back ---- */

/* One look at what the guest has. */
struct look {
    const struct kiln_sent *sent;
    const char *command;  /* one of those above */
    size_t skip;          /* leading bytes of names that are not there in the guest */
    struct kiln_str line; /* what came of it */
    size_t next[2];       /* file that is told of next, or a later one; the same of those gone */
    size_t steps;         /* names compared: a guest must not keep us busy */
    size_t present;       /* files that are there */
    char *want;           /* owned: the line that says that all is well; NULL: it takes many */
    bool well;
    struct kiln_err err; /* the first file that is not as it should be */
};

static const char *name_of(const struct look *l, size_t file)
{
    return l->sent->names.data + l->sent->files[file].name + l->skip;
}

/* The file that a line is about; false: none of those still to come. */
static bool find(struct look *l, bool gone, const char *name, size_t *ret)
{
    for (size_t i = l->next[gone]; i < l->sent->n && l->steps < 16 * l->sent->n; i++, l->steps++) {
        if (strcmp(name_of(l, i), name) == 0) {
            *ret = i;
            l->next[gone] = i + 1;
            return true;
        }
    }
    return false;
}

static void compare(struct look *l, size_t which, const uint64_t *numbers, size_t n)
{
    const struct file *f = &l->sent->files[which];
    uint64_t size = numbers[n - 1];
    uint32_t crc = kiln_cksum_end(&l->sent->cksum, f->crc, f->size);

    l->present++;
    if (l->err.kind != KILN_ERR_NONE)
        return;
    if (size != f->size)
        (void)kiln_err_set(
            &l->err, KILN_ERR_REMOTE, "%llu bytes of %s were sent, the guest has %llu",
            (unsigned long long)f->size, name_of(l, which), (unsigned long long)size);
    else if (n == 2 && numbers[0] != crc)
        (void)kiln_err_set(&l->err, KILN_ERR_REMOTE,
                           "%s holds other bytes in the guest than were sent (cksum %llu, not %u)",
                           name_of(l, which), (unsigned long long)numbers[0], crc);
}

static void take_line(struct look *l, const char *line)
{
    uint64_t numbers[2];
    size_t n = 0, which;
    bool gone = kiln_has_prefix(line, "- ");
    char *end;

    if (l->want)
        l->well = l->well || strcmp(line, l->want) == 0;
    if (gone)
        line += 2;
    for (; !gone && n < 2; n++, line = end) {
        numbers[n] = strtoull(line, &end, 10);
        if (end == line)
            break;
    }
    line += strspn(line, " ");
    if ((n == 0 && !gone) || !kiln_has_prefix(line, "./") || !find(l, gone, line + 2, &which))
        return;
    if (!gone)
        compare(l, which, numbers, n);
    else if (l->err.kind == KILN_ERR_NONE)
        (void)kiln_err_set(&l->err, KILN_ERR_REMOTE, "%s was sent, but the guest has no such file",
                           name_of(l, which));
}

static void on_output(void *ud, bool is_stderr, const char *data, size_t len)
{
    struct look *l = ud;

    for (size_t i = 0; i < len && !is_stderr; i++) {
        if (data[i] != '\n') {
            kiln_str_addc(&l->line, data[i]);
            continue;
        }
        take_line(l, kiln_str_cstr(&l->line));
        kiln_str_clear(&l->line);
    }
}

/* All names; not those that would not fit on a line. */
static bool write_names(const struct look *l, struct kiln_channel *ch, struct kiln_cancel *c,
                        struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };

    for (size_t i = 0; i < l->sent->n; i++) {
        const char *name = name_of(l, i);

        if (strchr(name, '\n'))
            continue;
        kiln_str_adds(&text, "./");
        kiln_str_add(&text, name, strlen(name) + 1);
        if (text.len >= NAMES_AT_ONCE && !kiln_channel_write(ch, text.data, text.len, c, err))
            return false;
        if (text.len >= NAMES_AT_ONCE)
            kiln_str_clear(&text);
    }
    return kiln_channel_write(ch, text.data, text.len, c, err) && kiln_channel_finish(ch, c, err);
}

/* What cksum says of all that cksum says. */
static char *want_at_once(const struct look *l)
{
    const struct kiln_cksum *t = &l->sent->cksum;
    KILN_AUTO_STR line = { 0 };
    uint32_t crc = 0;
    uint64_t size = 0;

    for (size_t i = 0; i < l->sent->n; i++, size += line.len) {
        const struct file *f = &l->sent->files[i];

        kiln_str_clear(&line);
        if (strchr(name_of(l, i), '\n'))
            continue;
        kiln_str_addf(&line, "%u %llu ./%s\n", kiln_cksum_end(t, f->crc, f->size),
                      (unsigned long long)f->size, name_of(l, i));
        crc = kiln_cksum_add(t, crc, line.data, line.len);
    }
    return kiln_xasprintf("%u %llu", kiln_cksum_end(t, crc, size), (unsigned long long)size);
}

/* False only when cancelled. */
static bool take_look(struct look *l, const struct kiln_sent_guest *guest, const char *cd,
                      struct kiln_cancel *c, struct kiln_err *err)
{
    KILN_AUTO_FREE char *command = kiln_xasprintf("cd %s && %s", cd, l->command);
    KILN_AUTO_ERR why = { 0 };
    struct kiln_channel *ch = guest->open(guest->ud, command, c, &why);

    l->line.max = KILN_MAX_LINE;
    if (ch) {
        ch->output = on_output;
        ch->ud = l;
        (void)write_names(l, ch, c, &why);
        guest->close(guest->ud, ch);
    }
    kiln_str_done(&l->line);
    if (why.kind != KILN_ERR_CANCELLED)
        return true;
    return kiln_err_move(err, &why);
}

/* *ret_well: everything is there. False only when cancelled. */
static bool look_at_once(const struct kiln_sent *s, size_t skip,
                         const struct kiln_sent_guest *guest, const char *cd, bool *ret_well,
                         struct kiln_cancel *c, struct kiln_err *err)
{
    struct look l = { .sent = s, .command = at_once, .skip = skip };
    bool ok;

    l.want = want_at_once(&l);
    ok = take_look(&l, guest, cd, c, err);
    *ret_well = l.well;
    free(l.want);
    return ok;
}

/* "NAME/": what all names begin with if the outermost directory was sent. */
static size_t outermost(const struct kiln_sent *s)
{
    return (size_t)(strchr(s->names.data, '/') + 1 - s->names.data);
}

/* Each file by itself: what is wrong, if it is not the guest that cannot tell. */
static bool look_closely(const struct kiln_sent *s, const struct kiln_sent_guest *guest,
                         const char *cd, bool renamed, struct kiln_cancel *c, bool *ret_told,
                         struct kiln_err *err)
{
    struct look first = { .sent = s, .command = one_by_one };
    struct look second = { .sent = s, .command = one_by_one };
    struct look *result = &first;
    bool ok = take_look(&first, guest, cd, c, err);

    if (ok && renamed && (first.err.kind != KILN_ERR_NONE || first.present == 0)) {
        second.skip = outermost(s);
        ok = take_look(&second, guest, cd, c, err);
        if (second.present > first.present ||
            (second.present == first.present && second.err.kind == KILN_ERR_NONE))
            result = &second;
    }
    *ret_told = result->present > 0;
    if (ok && result->err.kind != KILN_ERR_NONE) {
        (void)kiln_err_move(err, &result->err);
        ok = kiln_err_wrap(err, "verify the upload");
    }
    kiln_err_clear(&first.err);
    kiln_err_clear(&second.err);
    return ok;
}

bool kiln_sent_check(struct kiln_sent *s, const struct kiln_sent_guest *guest, const char *cd,
                     bool renamed, struct kiln_cancel *c, bool *ret_told, struct kiln_err *err)
{
    bool well = false;

    *ret_told = false;
    if (s->n == 0 || s->names.failed)
        return true;
    if (s->n > 1 && !look_at_once(s, 0, guest, cd, &well, c, err))
        return false;
    if (s->n > 1 && !well && renamed && !look_at_once(s, outermost(s), guest, cd, &well, c, err))
        return false;
    if (!well)
        return look_closely(s, guest, cd, renamed, c, ret_told, err);
    *ret_told = true;
    return true;
}
