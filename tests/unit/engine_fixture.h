/*
 * A build for tests of the engine: a real bus that writes into a file, a real cancel object, a
 * person with prepared answers, and the story that the events tell as text, one line per event:
 *
 *     [say] text            LINE events (level; "[say target]" if a target is set), one per line
 *     step NAME FROM>TO     STEP events of the builder's steps
 *     boot-plan ROW from ELEMENT: TEXT
 *     ask "QUESTION"        prompts, with what was answered: -> "a", or -> nobody
 */
#ifndef KILN_TESTS_ENGINE_FIXTURE_H
#define KILN_TESTS_ENGINE_FIXTURE_H

#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "engine/build.h"
#include "engine/debugger.h"
#include "engine/step.h"
#include "unit.h"

struct fixture {
    struct kiln_build b;
    struct kiln_build_options options;
    struct kiln_prompter prompter;
    const char *const
        *answers;            /* NULL-terminated; "^C" cancels instead; afterwards nobody is there */
    struct kiln_cancel *own; /* the build's, whatever b.cancel is at the moment; borrowed */
    int fd;
};

static inline bool fixture_ask(struct kiln_prompter *p, struct kiln_build *b,
                               const struct kiln_prompt *q, char **ret, struct kiln_err *err)
{
    struct fixture *f = KILN_CONTAINER_OF(p, struct fixture, prompter);
    const char *answer = f->answers ? *f->answers : NULL;
    struct kiln_event ev = { .type = KILN_EV_PROMPT,
                             .id = q->about,
                             .text = q->text,
                             .len = strlen(q->text),
                             .name = answer ? answer : "nobody",
                             .names = q->choices };

    kiln_emit(b, &ev);
    if (!answer)
        return kiln_err_set(err, KILN_ERR_USER, KILN_NOBODY_TO_ASK);
    f->answers++;
    if (strcmp(answer, "^C") == 0) {
        kiln_cancel_fire(f->own);
        return kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
    }
    *ret = kiln_xstrdup(answer);
    return true;
}

static inline void fixture_init(struct fixture *f)
{
    *f = (struct fixture){ .fd = memfd_create("events", MFD_CLOEXEC) };
    assert_true(f->fd >= 0);
    f->prompter.ask = fixture_ask;
    f->b.label = kiln_xstrdup("fake.b");
    f->b.name = kiln_xstrdup("b");
    f->b.type = "fake";
    f->b.run_uuid = kiln_xstrdup("uuid-1");
    f->b.options = &f->options;
    f->b.prompter = &f->prompter;
    f->b.cancel = f->own = kiln_cancel_new();
    f->b.bus = kiln_bus_new(f->fd, NULL);
    f->b.debugger = kiln_debugger_new(&f->b);
}

static inline void fixture_done(struct fixture *f)
{
    kiln_debugger_free(f->b.debugger);
    kiln_bus_free(f->b.bus);
    kiln_cancel_free(f->b.cancel);
    kiln_strmap_done(&f->b.data);
    kiln_strv_done(&f->b.secrets);
    free(f->b.label);
    free(f->b.name);
    free(f->b.run_uuid);
    (void)close(f->fd);
}

#define FIXTURE KILN_CLEANUP(fixture_done) struct fixture

static inline void fixture_tell_lines(struct kiln_str *out, const struct kiln_event *ev)
{
    static const char *const levels[] = { "say", "message", "error", "output", "plain" };
    const char *p = ev->text, *end = p + ev->len;

    for (;;) {
        const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        size_t n = (size_t)((nl ? nl : end) - p);

        kiln_str_addf(out, "[%s%s%s] %.*s\n", levels[ev->level], ev->target ? " " : "",
                      ev->target ? ev->target : "", (int)n, p);
        if (!nl)
            return;
        p = nl + 1;
    }
}

static inline void fixture_tell(struct kiln_str *out, const struct kiln_event *ev)
{
    switch (ev->type) {
    case KILN_EV_LINE:
        fixture_tell_lines(out, ev);
        break;
    case KILN_EV_STEP:
        if (!ev->id)
            kiln_str_addf(out, "step %s %s>%s\n", ev->name, ev->from, ev->to);
        break;
    case KILN_EV_PROMPT:
        kiln_str_addf(out, "ask \"%s\" -> %s\n", ev->text, ev->name);
        break;
    case KILN_EV_ARTIFACT:
        kiln_str_addf(out, "artifact %lld %s %s \"%s\" %zu files\n", (long long)ev->index, ev->name,
                      ev->id, ev->text, ev->names ? ev->names->n : 0);
        break;
    case KILN_EV_BUILD_START:
        kiln_str_adds(out, "build-start\n");
        break;
    case KILN_EV_BUILD_END:
        kiln_str_addf(out, "build-end %lld %s\n", (long long)ev->status, ev->text ? ev->text : "");
        break;
    case KILN_EV_PROGRESS:
        kiln_str_addf(out, "progress %s %llu/%llu\n", ev->name, (unsigned long long)ev->done,
                      (unsigned long long)ev->total);
        break;
    case KILN_EV_BOOT_PLAN:
        kiln_str_addf(out, "boot-plan %lld from %llu: %s\n", (long long)ev->index,
                      (unsigned long long)ev->total, ev->text ? ev->text : "(not rendered)");
        break;
    case KILN_EV_RUN_START:
    case KILN_EV_RUN_END:
    case KILN_EV_PLAN:
    case KILN_EV_KEY:
    case KILN_EV_BOOT:
    case KILN_EV_HTTP:
    case KILN_EV_RUNG:
    case KILN_EV_QEMU:
    case KILN_EV_QMP:
    case KILN_EV_PROMPT_END:
    case KILN_EV_BREAKS:
    case KILN_EV_STOP:
    case KILN_EV_RESUME:
    case KILN_EV_RECORD:
    case KILN_EV_SCREEN:
    case KILN_EV_FRAME:
    case KILN_EV_TEXT:
    case KILN_EV_TYPING:
    case KILN_EV_LOG:
    case KILN_EV__N:
        break;
    }
}

/* All events so far, checked for order; the file is empty afterwards. Caller frees. */
static inline char *fixture_story(struct fixture *f)
{
    KILN_AUTO_STR raw = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_event_box box = { 0 };
    struct kiln_str out = { 0 };
    char buf[65536];
    const char *p, *nl;
    uint64_t seq = 0;
    ssize_t n;

    assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
    while ((n = read(f->fd, buf, sizeof(buf))) > 0)
        kiln_str_add(&raw, buf, (size_t)n);
    assert_int_equal(ftruncate(f->fd, 0), 0);
    assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
    for (p = kiln_str_cstr(&raw); (nl = strchr(p, '\n')); p = nl + 1) {
        unit_ok(kiln_event_decode(&box, p, (size_t)(nl - p), &err), &err);
        assert_true(seq == 0 || box.ev.seq == seq + 1);
        assert_string_equal(box.ev.build, f->b.label);
        seq = box.ev.seq;
        fixture_tell(&out, &box.ev);
    }
    assert_int_equal(*p, '\0');
    kiln_event_box_done(&box);
    return kiln_str_steal(&out);
}

#define fixture_story_is(f, want)                                                                  \
    do {                                                                                           \
        KILN_AUTO_FREE char *story_ = fixture_story(f);                                            \
        assert_string_equal(story_, want);                                                         \
    } while (0)

#endif
