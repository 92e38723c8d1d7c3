#include "cli/printer.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cli/machine.h"
#include "cli/progress.h"
#include "cli/stops.h"
#include "cli/terminal.h"

#define COLOR_ERROR 31
#define HELD_MAX    ((size_t)8 << 20) /* bytes held back while a prompt is open */

enum ui_kind { UI_SAY, UI_ERROR };

struct artifact {
    char *builder_id, *id, *text;
    struct kiln_strv files;
};

/* What is remembered of a build until the summary. */
struct record {
    char *label;
    int color;
    int64_t start_us, status;
    char *error;
    struct artifact *artifacts;
    size_t n_artifacts;
};

struct kiln_printer {
    struct kiln_printer_options options;
    bool announce; /* which build has which colour */
    bool tty;      /* stdout is a terminal */
    struct record *builds;
    size_t n_builds;
    int64_t start_us;
    size_t failed, artifacts;
    int64_t wall_us; /* of the event being printed */
    bool cancelled;  /* the run was */
    struct kiln_outlet outlet;
    struct kiln_str out;
    struct kiln_str held;
    struct kiln_progress_line progress;
    struct kiln_terminal_prompt prompt;
    int log_fd; /* PACKER_LOG output; -1 none */
};

/* ---- writing ---- */

static void release_held(struct kiln_printer *p)
{
    kiln_outlet_write(&p->outlet, kiln_str_cstr(&p->held), p->held.len);
    kiln_str_done(&p->held);
}

static void flush(struct kiln_printer *p)
{
    if (p->out.len == 0)
        return;
    if (kiln_terminal_prompt_open(&p->prompt)) {
        kiln_str_add(&p->held, p->out.data, p->out.len); /* the question stays the last line */
        if (p->held.len > HELD_MAX) {
            kiln_outlet_write(&p->outlet, "\n", 1);
            release_held(p);
            kiln_terminal_prompt_again(&p->prompt);
        }
    } else {
        kiln_progress_clear(&p->progress);
        kiln_outlet_write(&p->outlet, p->out.data, p->out.len);
    }
    kiln_str_clear(&p->out);
}

static void stamp(struct kiln_printer *p)
{
    char text[48], zone[8];
    time_t now = (time_t)(p->wall_us / 1000000);
    struct tm tm;

    if (!p->options.stamps)
        return;
    (void)localtime_r(&now, &tm);
    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    (void)strftime(zone, sizeof(zone), "%z", &tm); /* +hhmm; RFC 3339 wants +hh:mm or Z */
    kiln_str_adds(&p->out, text);
    if (tm.tm_gmtoff == 0)
        kiln_str_adds(&p->out, "Z: ");
    else
        kiln_str_addf(&p->out, "%.3s:%s: ", zone, zone + 3);
}

/* Text that may come from a guest or a template. */
static void put_text(struct kiln_printer *p, const char *text, size_t len)
{
    if (p->tty)
        kiln_terminal_clean(&p->out, text, len);
    else
        kiln_str_add(&p->out, text, len);
}

/* A block of one build: stamped once, coloured as a whole. */
static void put_block(struct kiln_printer *p, enum ui_kind kind, int color, const char *text,
                      size_t len)
{
    const char *word = kind == UI_ERROR ? "error" : "say";

    if (p->options.machine) {
        KILN_AUTO_FREE char *copy = kiln_xstrndup(text, len);
        const char *fields[] = { word, copy };

        kiln_machine_record(&p->out, p->wall_us, "", "ui", fields, 2);
        return;
    }
    if (p->options.color)
        kiln_str_addf(&p->out, "\033[1;%dm", kind == UI_ERROR ? COLOR_ERROR : color);
    stamp(p);
    put_text(p, text, len);
    kiln_str_adds(&p->out, p->options.color ? "\033[0m\n" : "\n");
}

/* A global line: neither stamped nor coloured. */
static void put_global(struct kiln_printer *p, enum ui_kind kind, const char *text)
{
    if (p->options.machine) {
        const char *fields[] = { kind == UI_ERROR ? "error" : "say", text };

        kiln_machine_record(&p->out, p->wall_us, "", "ui", fields, 2);
        return;
    }
    put_text(p, text, strlen(text));
    kiln_str_addc(&p->out, '\n');
}

/* ---- builds ---- */

static struct record *record_of(struct kiln_printer *p, const char *label)
{
    for (size_t i = 0; label && i < p->n_builds; i++) {
        if (kiln_streq(p->builds[i].label, label))
            return &p->builds[i];
    }
    return NULL;
}

static int color_of(struct kiln_printer *p, const char *label)
{
    const struct record *r = record_of(p, label);

    return r ? r->color : 32;
}

/* Without colours, too: PACKER_NO_COLOR takes the escape codes only. */
static void announce_color(struct kiln_printer *p, const struct record *r)
{
    if (p->options.color)
        kiln_str_addf(&p->out, "\033[1;%dm", r->color);
    put_text(p, r->label, strlen(r->label));
    kiln_str_addf(&p->out, ": output will be in this color.%s\n",
                  p->options.color ? "\033[0m" : "");
}

static void run_start(struct kiln_printer *p, const struct kiln_event *ev)
{
    static const int colors[] = { 32, 36, 35, 33, 34 };

    p->start_us = ev->mono_us;
    p->n_builds = ev->names ? ev->names->n : 0;
    p->builds = kiln_xcalloc(p->n_builds, sizeof(*p->builds));
    for (size_t i = 0; i < p->n_builds; i++) {
        struct record *r = &p->builds[i];

        r->label = kiln_xstrdup(ev->names->v[i]);
        r->color = colors[i % KILN_COUNT(colors)];
        if (p->announce)
            announce_color(p, r);
    }
    if (p->announce)
        kiln_str_addc(&p->out, '\n');
}

/* "==> target: " before each line of `text`; trailing white space of the block goes. */
static void line_block(struct kiln_printer *p, const struct kiln_event *ev, enum ui_kind kind,
                       const char *text, size_t len)
{
    KILN_AUTO_STR block = { 0 };
    const char *target = ev->target ? ev->target : ev->build;
    const char *end = text + len;

    for (;;) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));

        if (target)
            kiln_str_addf(&block, "==> %s: ", target);
        kiln_str_add(&block, text, (size_t)((nl ? nl : end) - text));
        if (!nl)
            break;
        kiln_str_addc(&block, '\n');
        text = nl + 1;
    }
    while (block.len && strchr(" \t\r\n", block.data[block.len - 1]))
        kiln_str_truncate(&block, block.len - 1);
    put_block(p, kind, color_of(p, ev->build), kiln_str_cstr(&block), block.len);
}

/* Lines of a program: a block each, for they were printed one by one. */
static void program_lines(struct kiln_printer *p, const struct kiln_event *ev, enum ui_kind kind)
{
    const char *text = ev->text, *end = ev->text + ev->len;

    for (;;) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));

        line_block(p, ev, kind, text, (size_t)((nl ? nl : end) - text));
        if (!nl)
            return;
        text = nl + 1;
    }
}

static void print_lines(struct kiln_printer *p, const struct kiln_event *ev)
{
    enum ui_kind kind = ev->level == KILN_ERRLINE ? UI_ERROR : UI_SAY;

    if (!ev->text)
        return;
    if (!ev->build || ev->level == KILN_PLAIN)
        put_global(p, kind, ev->text);
    else if (ev->level == KILN_OUTPUT || ev->name) /* name: the stream it came from */
        program_lines(p, ev, kind);
    else
        line_block(p, ev, kind, ev->text, ev->len);
}

static void build_end(struct kiln_printer *p, const struct kiln_event *ev)
{
    KILN_AUTO_STR text = { 0 };
    struct record *r = record_of(p, ev->build);
    int64_t took = ev->mono_us - (r && r->start_us ? r->start_us : p->start_us);

    if (!r)
        return;
    kiln_terminal_prompt_over(&p->prompt, ev->build);
    if (!kiln_terminal_prompt_open(&p->prompt))
        release_held(p);
    r->status = ev->status;
    kiln_str_addf(&text, "Build '%s' %s after ", r->label, ev->status ? "errored" : "finished");
    kiln_duration_words(&text, took * 1000);
    if (ev->status) {
        p->failed++;
        free(r->error);
        r->error = kiln_xstrdup(ev->text ? ev->text : "");
        kiln_str_addf(&text, ": %s", r->error);
    } else {
        kiln_str_addc(&text, '.');
    }
    put_block(p, ev->status ? UI_ERROR : UI_SAY, r->color, kiln_str_cstr(&text), text.len);
}

static void keep_artifact(struct kiln_printer *p, const struct kiln_event *ev)
{
    struct record *r = record_of(p, ev->build);
    struct artifact *a;

    if (!r)
        return;
    r->artifacts = kiln_xrealloc(r->artifacts, r->n_artifacts + 1, sizeof(*r->artifacts));
    a = &r->artifacts[r->n_artifacts++];
    *a = (struct artifact){ .builder_id = kiln_xstrdup(ev->name),
                            .id = kiln_xstrdup(ev->id ? ev->id : ""),
                            .text = kiln_xstrdup(ev->text ? ev->text : "") };
    if (ev->names)
        kiln_strv_add_all(&a->files, ev->names);
    p->artifacts++;
}

/* ---- the summary ---- */

static void machine(struct kiln_printer *p, const char *target, const char *type,
                    const char *const *fields, size_t n)
{
    if (p->options.machine)
        kiln_machine_record(&p->out, p->wall_us, target, type, fields, n);
}

static void machine_number(struct kiln_printer *p, const char *target, const char *type, size_t n)
{
    KILN_AUTO_FREE char *text = kiln_xasprintf("%zu", n);
    const char *fields[] = { text };

    machine(p, target, type, fields, 1);
}

static void summarize_errors(struct kiln_printer *p)
{
    if (p->failed == 0)
        return;
    machine_number(p, "", "error-count", p->failed);
    put_global(p, UI_ERROR, "\n==> Some builds didn't complete successfully and had errors:");
    for (size_t i = 0; i < p->n_builds; i++) {
        const struct record *r = &p->builds[i];
        const char *fields[] = { r->error };
        KILN_AUTO_FREE char *line = NULL;

        if (r->status == 0)
            continue;
        machine(p, r->label, "error", fields, 1);
        line = kiln_xasprintf("--> %s: %s", r->label, r->error ? r->error : "");
        put_global(p, UI_ERROR, line);
    }
}

static void machine_artifact(struct kiln_printer *p, const char *label, size_t index,
                             const struct artifact *a)
{
    KILN_AUTO_FREE char *i = kiln_xasprintf("%zu", index);
    KILN_AUTO_FREE char *n = kiln_xasprintf("%zu", a->files.n);

    machine(p, label, "artifact", (const char *[]){ i, "builder-id", a->builder_id }, 3);
    machine(p, label, "artifact", (const char *[]){ i, "id", a->id }, 3);
    machine(p, label, "artifact", (const char *[]){ i, "string", a->text }, 3);
    machine(p, label, "artifact", (const char *[]){ i, "files-count", n }, 3);
    for (size_t k = 0; k < a->files.n; k++) {
        KILN_AUTO_FREE char *number = kiln_xasprintf("%zu", k);

        machine(p, label, "artifact", (const char *[]){ i, "file", number, a->files.v[k] }, 4);
    }
    machine(p, label, "artifact", (const char *[]){ i, "end" }, 2);
}

static void summarize_artifacts(struct kiln_printer *p)
{
    if (p->artifacts == 0) {
        put_global(p, UI_SAY, "\n==> Builds finished but no artifacts were created.");
        return;
    }
    put_global(p, UI_SAY, "\n==> Builds finished. The artifacts of successful builds are:");
    for (size_t i = 0; i < p->n_builds; i++) {
        const struct record *r = &p->builds[i];

        if (r->status || r->n_artifacts == 0)
            continue;
        machine_number(p, r->label, "artifact-count", r->n_artifacts);
        for (size_t k = 0; k < r->n_artifacts; k++) {
            KILN_AUTO_FREE char *line =
                kiln_xasprintf("--> %s: %s", r->label, r->artifacts[k].text);

            machine_artifact(p, r->label, k, &r->artifacts[k]);
            put_global(p, UI_SAY, line);
        }
    }
}

static void run_end(struct kiln_printer *p, const struct kiln_event *ev)
{
    KILN_AUTO_STR text = { 0 };

    kiln_str_adds(&text, "\n==> Wait completed after ");
    kiln_duration_words(&text, (ev->mono_us - p->start_us) * 1000);
    put_global(p, UI_SAY, kiln_str_cstr(&text));
    p->cancelled = ev->status == 2;
    if (p->cancelled) {
        put_global(p, UI_SAY, "Cleanly cancelled builds after being interrupted.");
        return;
    }
    summarize_errors(p);
    summarize_artifacts(p);
}

/* ---- prompts, progress, log ---- */

/* A question as it is printed: a block whose line the cursor stays on. */
static void put_question(struct kiln_printer *p, const struct kiln_event *ev, const char *text,
                         size_t len)
{
    struct kiln_event line = *ev;

    line.level = KILN_SAY;
    line_block(p, &line, UI_SAY, text, len);
    if (p->out.len && p->out.data[p->out.len - 1] == '\n')
        p->out.data[p->out.len - 1] = ' ';
    kiln_progress_clear(&p->progress);
}

static void prompt(struct kiln_printer *p, const struct kiln_event *ev)
{
    put_question(p, ev, ev->text ? ev->text : "", ev->len);
    kiln_terminal_prompt_add(&p->prompt, ev->build, ev->index, p->out.data, p->out.len,
                             kiln_streq(ev->to, KILN_WANTS_SECRET));
    kiln_str_clear(&p->out);
}

/* Who is at the terminal may let a stopped build go on; what stands for a prompt has its own. */
static void stop(struct kiln_printer *p, const struct kiln_event *ev)
{
    KILN_AUTO_STR question = { 0 };

    if (!ev->names || !kiln_strv_has(ev->names, "continue") || p->options.machine ||
        !kiln_terminal_available())
        return;
    kiln_stop_question(ev, &question);
    put_question(p, ev, kiln_str_cstr(&question), question.len);
    kiln_terminal_prompt_stop(&p->prompt, ev->build, ev->names, p->out.data, p->out.len);
    kiln_str_clear(&p->out);
}

static void close_question(struct kiln_printer *p, const char *build, int64_t id)
{
    kiln_terminal_prompt_end(&p->prompt, build, id);
    if (!kiln_terminal_prompt_open(&p->prompt))
        release_held(p);
}

static void progress(struct kiln_printer *p, const struct kiln_event *ev)
{
    KILN_AUTO_STR text = { 0 };

    if (p->options.machine || kiln_terminal_prompt_open(&p->prompt))
        return;
    if (!kiln_progress_update(&p->progress, ev, p->tty, &text))
        return;
    line_block(p, ev, UI_SAY, kiln_str_cstr(&text), text.len);
}

/* Whether the installer fetched its answer file is what people want to know first. */
static void http_line(struct kiln_printer *p, const struct kiln_event *ev)
{
    KILN_AUTO_STR text = { 0 };

    kiln_str_addf(&text, "HTTP: %s %.*s: %lld", ev->name ? ev->name : "", (int)ev->len,
                  ev->text ? ev->text : "", (long long)ev->status);
    line_block(p, ev, UI_SAY, kiln_str_cstr(&text), text.len);
}

/* Beside Packer's records; people see it in the console, and in the error if there is one. */
static void rung(struct kiln_printer *p, const struct kiln_event *ev)
{
    KILN_AUTO_FREE char *seen = kiln_xstrndup(ev->text ? ev->text : "", ev->len);

    machine(p, ev->build, "rung", (const char *[]){ ev->name, ev->to, seen }, 3);
}

static void debug_log(struct kiln_printer *p, const struct kiln_event *ev)
{
    bool qemu = ev->type == KILN_EV_QEMU;
    KILN_AUTO_STR line = { 0 };

    if (p->log_fd < 0)
        return;
    kiln_str_addf(&line, "%s: %s%s%s%.*s\n", ev->build ? ev->build : "kiln", qemu ? "Qemu " : "",
                  qemu && ev->name ? ev->name : "", qemu ? ": " : "", (int)ev->len,
                  ev->text ? ev->text : "");
    (void)kiln_fs_write_all(p->log_fd, line.data, line.len, NULL);
}

/* ---- the client ---- */

static void on_event(void *ud, const struct kiln_event *ev)
{
    struct kiln_printer *p = ud;
    struct record *r;

    p->wall_us = ev->wall_us;
    switch (ev->type) {
    case KILN_EV_RUN_START:
        run_start(p, ev);
        break;
    case KILN_EV_RUN_END:
        run_end(p, ev);
        break;
    case KILN_EV_BUILD_START:
        r = record_of(p, ev->build);
        if (r)
            r->start_us = ev->mono_us;
        break;
    case KILN_EV_BUILD_END:
        build_end(p, ev);
        break;
    case KILN_EV_LINE:
        print_lines(p, ev);
        break;
    case KILN_EV_PROGRESS:
        progress(p, ev);
        break;
    case KILN_EV_PROMPT:
        prompt(p, ev);
        break;
    case KILN_EV_PROMPT_END:
        close_question(p, ev->build, ev->index);
        break;
    case KILN_EV_STOP:
        stop(p, ev);
        break;
    case KILN_EV_RESUME:
        close_question(p, ev->build, KILN_TERMINAL_STOP);
        break;
    case KILN_EV_ARTIFACT:
        keep_artifact(p, ev);
        break;
    case KILN_EV_HTTP:
        http_line(p, ev);
        break;
    case KILN_EV_RUNG:
        rung(p, ev);
        break;
    case KILN_EV_LOG:
    case KILN_EV_QEMU:
        debug_log(p, ev);
        break;
    case KILN_EV_PLAN:
    case KILN_EV_STEP:
    case KILN_EV_BOOT_PLAN:
    case KILN_EV_BOOT:
    case KILN_EV_KEY:
    case KILN_EV_QMP:
    case KILN_EV_BREAKS:
    case KILN_EV_SCREEN:
    case KILN_EV_FRAME:
    case KILN_EV_TEXT:
    case KILN_EV_TYPING:
    case KILN_EV_RECORD:
    case KILN_EV__N:
        break; /* for the console */
    }
    flush(p);
}

static int client_fd(void *ud)
{
    struct kiln_printer *p = ud;

    return kiln_terminal_prompt_fd(&p->prompt);
}

static void readable(void *ud, struct kiln_supervisor *s)
{
    struct kiln_printer *p = ud;

    kiln_terminal_prompt_read(&p->prompt, s);
}

static int output_fd(void *ud)
{
    (void)ud;
    return STDOUT_FILENO;
}

static size_t backlog(void *ud)
{
    struct kiln_printer *p = ud;

    return p->outlet.waits.len;
}

static void writable(void *ud)
{
    struct kiln_printer *p = ud;

    kiln_outlet_flush(&p->outlet);
}

const struct kiln_client_ops kiln_printer_client = { on_event,  client_fd, readable,
                                                     output_fd, backlog,   writable };

bool kiln_printer_has_tty(void)
{
    return kiln_terminal_available();
}

struct kiln_printer *kiln_printer_new(const struct kiln_printer_options *options)
{
    struct kiln_printer *p = kiln_xcalloc(1, sizeof(*p));
    const char *no_color = getenv("PACKER_NO_COLOR");

    p->options = *options;
    p->announce = options->color && !options->machine;
    if (options->machine || (no_color && no_color[0]))
        p->options.color = false;
    p->tty = isatty(STDOUT_FILENO) && !options->machine;
    p->log_fd = kiln_terminal_log_fd();
    kiln_outlet_init(&p->outlet, options->patient);
    p->progress.out = &p->outlet;
    kiln_terminal_prompt_init(&p->prompt, &p->outlet);
    return p;
}

static void free_record(struct record *r)
{
    for (size_t i = 0; i < r->n_artifacts; i++) {
        free(r->artifacts[i].builder_id);
        free(r->artifacts[i].id);
        free(r->artifacts[i].text);
        kiln_strv_done(&r->artifacts[i].files);
    }
    free(r->artifacts);
    free(r->label);
    free(r->error);
}

void kiln_printer_free(struct kiln_printer *p)
{
    if (!p)
        return;
    kiln_progress_clear(&p->progress);
    for (size_t i = 0; i < p->n_builds; i++)
        free_record(&p->builds[i]);
    free(p->builds);
    kiln_terminal_prompt_done(&p->prompt);
    kiln_outlet_done(&p->outlet, p->cancelled);
    if (p->log_fd > STDERR_FILENO)
        kiln_fd_closep(&p->log_fd);
    kiln_str_done(&p->out);
    kiln_str_done(&p->held);
    free(p);
}
