/* `kiln attach`: the console on a run; without a terminal its lines, as kiln build prints them. */
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "cli/console.h"
#include "cli/printer.h"

#define CHUNK ((size_t)256 << 10)

/* Prints a log as it grows. */
struct follower {
    struct kiln_client *client;
    struct kiln_printer *printer;
    struct kiln_str lines; /* bytes of an incomplete line */
    uint64_t at;           /* in the log */
    struct kiln_str stop;  /* the one that was printed last: build, text; "": the build went on */
    struct kiln_event_box box;
    bool over;
    struct kiln_err err;
};

/* A stop is told again whenever its choices change. One that stands for a question has its own. */
static bool is_news(struct follower *f, const struct kiln_event *ev)
{
    KILN_AUTO_STR now = { 0 };
    bool news = kiln_strv_has(ev->names, "continue");

    kiln_str_addf(&now, "%s\n%.*s", ev->build, (int)ev->len, ev->text ? ev->text : "");
    news = news && !kiln_streq(kiln_str_cstr(&now), kiln_str_cstr(&f->stop));
    if (news) {
        kiln_str_clear(&f->stop);
        kiln_str_add(&f->stop, now.data, now.len);
    }
    return news;
}

static void print_stop(struct follower *f, const struct kiln_event *ev)
{
    KILN_AUTO_FREE char *text =
        kiln_xasprintf("Stopped: %.*s", (int)ev->len, ev->text ? ev->text : "");
    struct kiln_event line = *ev;

    line.type = KILN_EV_LINE;
    line.level = KILN_SAY;
    line.name = NULL;
    line.text = text;
    line.len = strlen(text);
    kiln_printer_client.event(f->printer, &line);
}

/* Nobody can answer here: a question is a line like others. */
static void print(struct follower *f, struct kiln_event *ev)
{
    if (ev->type == KILN_EV_STOP && ev->names && is_news(f, ev))
        print_stop(f, ev);
    if (ev->type == KILN_EV_RESUME)
        kiln_str_clear(&f->stop);
    if (ev->type == KILN_EV_PROMPT_END || ev->type == KILN_EV_STOP || ev->type == KILN_EV_RESUME)
        return;
    if (ev->type == KILN_EV_PROMPT) {
        ev->type = KILN_EV_LINE;
        ev->level = KILN_SAY;
    }
    kiln_printer_client.event(f->printer, ev);
}

static void print_lines(struct follower *f)
{
    const char *p = f->lines.data, *end = p + f->lines.len, *nl;

    while (p < end && (nl = memchr(p, '\n', (size_t)(end - p)))) {
        if (kiln_event_decode(&f->box, p, (size_t)(nl - p), NULL))
            print(f, &f->box.ev);
        p = nl + 1;
    }
    kiln_str_remove(&f->lines, 0, (size_t)(p - f->lines.data));
    if (f->lines.len > 2 * KILN_MAX_EVENT) /* no event is that long */
        kiln_str_clear(&f->lines);
}

static void on_grown(void *ud, uint64_t size)
{
    struct follower *f = ud;

    while (f->at < size) {
        size_t want = size - f->at < CHUNK ? (size_t)(size - f->at) : CHUNK;
        char *space = kiln_str_space(&f->lines, want);
        ssize_t n = space ? pread(kiln_client_log_fd(f->client), space, want, (off_t)f->at) : -1;

        if (n <= 0)
            return;
        kiln_str_commit(&f->lines, (size_t)n);
        f->at += (uint64_t)n;
        print_lines(f);
    }
}

static void on_end(void *ud, const struct kiln_err *err)
{
    struct follower *f = ud;

    f->over = true;
    if (err)
        (void)kiln_err_set(&f->err, err->kind, "%s", kiln_err_text(err));
}

static void follow(struct follower *f)
{
    const struct kiln_client_handler handler = { .grown = on_grown, .end = on_end };

    while (!f->over)
        kiln_client_wait(f->client, &handler, f);
}

static int print_run(const struct kiln_cli *cli, const char *run)
{
    const struct kiln_printer_options options = { .color = isatty(STDOUT_FILENO),
                                                  .machine = cli->machine,
                                                  .patient = true };
    struct follower f = { 0 };
    int rc = 1;

    if (kiln_client_open(&f.client, run, &f.err)) {
        f.printer = kiln_printer_new(&options);
        follow(&f);
        rc = f.err.msg || kiln_client_info(f.client)->status != 0;
    }
    kiln_printer_free(f.printer);
    kiln_client_free(f.client);
    kiln_str_done(&f.lines);
    kiln_str_done(&f.stop);
    kiln_event_box_done(&f.box);
    if (f.err.msg)
        kiln_cli_say(cli, "error", "%s", f.err.msg);
    kiln_err_clear(&f.err);
    return rc;
}

int kiln_cmd_attach(const struct kiln_cli *cli, int argc, char **argv)
{
    struct kiln_console_options o = { 0 };
    bool plain = cli->machine || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO);
    struct kiln_flag flags[KILN_CONSOLE_FLAGS + 2] = {
        [KILN_CONSOLE_FLAGS] = { "plain", KILN_FLAG_BOOL, &plain, NULL,
                                 "print its lines (as without a terminal)", NULL },
    };
    const char *run;
    int rc;

    kiln_console_flags(&o, flags);
    rc = kiln_cli_parse_optional(cli, "attach", flags, argc, argv, &run);
    if (rc >= 0)
        return rc;
    if (plain)
        return print_run(cli, run);
    return kiln_console_possible(cli, &o) ? kiln_console(cli, run, &o) : 1;
}
