#include "run/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

#define DEFAULT_ENTRIES 8192
#define DEFAULT_BYTES   ((size_t)16 << 20)

struct kiln_snapshot {
    struct kiln_snapshot_entry *v; /* by serial; line NULL: replaced since */
    size_t n, holes;
    size_t bytes; /* of lines */
    size_t max_entries, max_bytes;
    uint64_t last, lost;
};

struct kiln_snapshot *kiln_snapshot_new(size_t max_entries, size_t max_bytes)
{
    struct kiln_snapshot *s = kiln_xcalloc(1, sizeof(*s));

    s->max_entries = max_entries ? max_entries : DEFAULT_ENTRIES;
    s->max_bytes = max_bytes ? max_bytes : DEFAULT_BYTES;
    return s;
}

static void make_hole(struct kiln_snapshot *s, struct kiln_snapshot_entry *e)
{
    s->bytes -= e->len;
    s->holes++;
    free(e->line);
    free(e->build);
    e->line = e->build = NULL;
    e->len = 0;
}

void kiln_snapshot_free(struct kiln_snapshot *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        free(s->v[i].line);
        free(s->v[i].build);
    }
    free(s->v);
    free(s);
}

/* ---- what an event tells of ---- */

/* Members that, with the type, make two events tell of the same thing. */
enum { BUILD = 1, ID = 2, INDEX = 4, TO = 8, NAME = 16, TEXT = 32 };

static unsigned key_members(enum kiln_event_type type)
{
    switch (type) {
    case KILN_EV_RUN_START:
    case KILN_EV_RUN_END:
        return 0;
    case KILN_EV_BUILD_START:
    case KILN_EV_BUILD_END:
    case KILN_EV_BOOT:
    case KILN_EV_KEY:
    case KILN_EV_RECORD:
    case KILN_EV_BREAKS:
    case KILN_EV_STOP:
    case KILN_EV_RESUME:
    case KILN_EV_SCREEN:
    case KILN_EV_FRAME:
        return BUILD;
    case KILN_EV_PLAN:
        return BUILD | ID;
    case KILN_EV_STEP:
        return BUILD | ID | INDEX | TO; /* when it began stays, beside how it ended */
    case KILN_EV_PROGRESS:
    case KILN_EV_RUNG:
    case KILN_EV_QMP:
        return BUILD | NAME;
    case KILN_EV_BOOT_PLAN:
    case KILN_EV_PROMPT:
    case KILN_EV_PROMPT_END:
    case KILN_EV_TEXT:
    case KILN_EV_TYPING:
        return BUILD | INDEX;
    case KILN_EV_HTTP:
        return BUILD | NAME | TEXT;
    case KILN_EV_ARTIFACT:
        return BUILD | NAME | ID | INDEX;
    case KILN_EV_LINE:
    case KILN_EV_QEMU:
    case KILN_EV_LOG:
    case KILN_EV__N:
        break;
    }
    return 0;
}

/* Two types that end each other are one thing. */
static enum kiln_event_type thing_of(enum kiln_event_type type)
{
    if (type == KILN_EV_PROMPT_END)
        return KILN_EV_PROMPT;
    return type == KILN_EV_RESUME ? KILN_EV_STOP : type;
}

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < len; i++) /* FNV-1a */
        h = (h ^ p[i]) * 0x100000001b3u;
    return (h ^ 0xff) * 0x100000001b3u; /* "a", "b" is not "ab", "" */
}

static uint64_t mix_string(uint64_t h, const char *s)
{
    return s ? mix(h, s, strlen(s)) : h * 31;
}

static uint64_t key_of(const struct kiln_event *ev)
{
    unsigned members = key_members(ev->type);
    uint64_t h = 0xcbf29ce484222325u;

    if (members & BUILD)
        h = mix_string(h, ev->build);
    if (members & ID)
        h = mix_string(h, ev->id);
    if (members & INDEX)
        h = mix(h, &ev->index, sizeof(ev->index));
    if (members & TO)
        h = mix_string(h, ev->to);
    if (members & NAME)
        h = mix_string(h, ev->name);
    if (members & TEXT)
        h = mix(h, ev->text, ev->text ? ev->len : 0);
    return h;
}

/* ---- bounds ---- */

static void close_holes(struct kiln_snapshot *s)
{
    size_t to = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].line)
            s->v[to++] = s->v[i];
    }
    s->n = to;
    s->holes = 0;
}

/* How easily a state can be told without such an entry: the lowest go first. */
static int weight(enum kiln_event_type type)
{
    switch (type) {
    case KILN_EV_HTTP:
    case KILN_EV_PROMPT_END:
    case KILN_EV_PROGRESS:
    case KILN_EV_QMP:
        return 0;
    case KILN_EV_RUN_START:
    case KILN_EV_RUN_END:
    case KILN_EV_BUILD_START:
    case KILN_EV_BUILD_END:
    case KILN_EV_PLAN:
    case KILN_EV_PROMPT:
        return 2;
    case KILN_EV_STEP:
    case KILN_EV_LINE:
    case KILN_EV_BOOT_PLAN:
    case KILN_EV_BOOT:
    case KILN_EV_KEY:
    case KILN_EV_RECORD:
    case KILN_EV_RUNG:
    case KILN_EV_QEMU:
    case KILN_EV_BREAKS:
    case KILN_EV_STOP:
    case KILN_EV_RESUME:
    case KILN_EV_SCREEN:
    case KILN_EV_FRAME:
    case KILN_EV_TEXT:
    case KILN_EV_TYPING:
    case KILN_EV_ARTIFACT:
    case KILN_EV_LOG:
    case KILN_EV__N:
        break;
    }
    return 1;
}

/* Make one of the oldest that weigh least a hole. */
static void drop_one(struct kiln_snapshot *s)
{
    struct kiln_snapshot_entry *found = NULL;

    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].line && (!found || weight(s->v[i].type) < weight(found->type)))
            found = &s->v[i];
    }
    if (!found)
        return;
    if (found->serial > s->lost)
        s->lost = found->serial;
    make_hole(s, found);
}

static void make_room(struct kiln_snapshot *s, size_t len)
{
    while (s->n > s->holes && (s->n - s->holes >= s->max_entries || s->bytes + len > s->max_bytes))
        drop_one(s);
    if (s->holes > 64 && s->holes > s->n / 2)
        close_holes(s);
}

/* ---- add and read ---- */

static void replace_old(struct kiln_snapshot *s, enum kiln_event_type type, uint64_t key)
{
    for (size_t i = s->n; i-- > 0;) {
        if (s->v[i].key == key && s->v[i].line && thing_of(s->v[i].type) == thing_of(type)) {
            make_hole(s, &s->v[i]);
            return;
        }
    }
}

/* Something that is over is replaced by what ended it. */
static bool is_wait(enum kiln_event_type type)
{
    return type == KILN_EV_STOP || type == KILN_EV_PROMPT;
}

/* A build that was killed has ended nothing itself. */
static void end_waits(struct kiln_snapshot *s, const char *build)
{
    for (size_t i = 0; i < s->n; i++) {
        struct kiln_snapshot_entry *e = &s->v[i];

        if (e->line && is_wait(e->type) && kiln_streq(e->build, build))
            make_hole(s, e);
    }
}

void kiln_snapshot_add(struct kiln_snapshot *s, const struct kiln_event *ev, const char *line,
                       size_t len)
{
    struct kiln_snapshot_entry e = { .type = ev->type, .len = len, .key = key_of(ev) };

    replace_old(s, e.type, e.key);
    if (ev->type == KILN_EV_BUILD_END)
        end_waits(s, ev->build);
    make_room(s, len);
    e.serial = ++s->last;
    e.line = kiln_xmalloc(len);
    memcpy(e.line, line, len);
    e.build = ev->type == KILN_EV_FRAME || is_wait(ev->type) ? kiln_xstrdup(ev->build) : NULL;
    s->v = kiln_xrealloc(s->v, s->n + 1, sizeof(*s->v));
    s->v[s->n++] = e;
    s->bytes += len;
}

const struct kiln_snapshot_entry *kiln_snapshot_after(const struct kiln_snapshot *s,
                                                      uint64_t serial)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (s->v[mid].serial > serial)
            high = mid;
        else
            low = mid + 1;
    }
    while (low < s->n && !s->v[low].line)
        low++;
    return low < s->n ? &s->v[low] : NULL;
}

uint64_t kiln_snapshot_last(const struct kiln_snapshot *s)
{
    return s->last;
}

uint64_t kiln_snapshot_lost(const struct kiln_snapshot *s)
{
    return s->lost;
}

void kiln_snapshot_waits(const struct kiln_snapshot *s, struct kiln_strv *builds)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct kiln_snapshot_entry *e = &s->v[i];

        if (e->line && is_wait(e->type) && e->build && !kiln_strv_has(builds, e->build))
            kiln_strv_add(builds, e->build);
    }
}

/* Not forced to the disk, which takes longer than a small build: the log is not, either. */
static bool write_new(const char *path, const struct kiln_str *text, struct kiln_err *err)
{
    KILN_AUTO_FREE char *new = kiln_xasprintf("%s.new", path);
    KILN_AUTO_FD fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return kiln_err_sys(err, errno, "%s", new);
    if (kiln_fs_write_all(fd, text->data, text->len, err) &&
        (rename(new, path) == 0 || kiln_err_sys(err, errno, "%s", path)))
        return true;
    (void)unlink(new);
    return false;
}

bool kiln_snapshot_write(const struct kiln_snapshot *s, const char *path, struct kiln_err *err)
{
    KILN_AUTO_STR all = { 0 };

    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].line && s->v[i].type != KILN_EV_FRAME)
            kiln_str_add(&all, s->v[i].line, s->v[i].len);
    }
    return kiln_str_ok(&all, "summary", err) && write_new(path, &all, err);
}
