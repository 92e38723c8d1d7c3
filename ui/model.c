#include "ui/model.h"

#include "base/mem.h"

#define MAX_BUILDS  1000
#define MAX_STEPS   10000
#define MAX_PROMPTS 100

/* ---- builds ---- */

static void clear_list(struct kiln_model_build *b, enum kiln_place_list list)
{
    for (size_t i = 0; i < b->lists[list].n; i++)
        free(b->lists[list].v[i].name);
    free(b->lists[list].v);
    b->lists[list].v = NULL;
    b->lists[list].n = 0;
}

static void clear_place(struct kiln_model_place *p)
{
    free(p->text);
    kiln_place_done(&p->at);
    *p = (struct kiln_model_place){ 0 };
}

static void set_place(struct kiln_model_place *p, const char *text)
{
    clear_place(p);
    p->text = kiln_xstrdup(text);
    p->known = kiln_place_parse(text, &p->at, NULL);
}

static void clear_breaks(struct kiln_model_build *b)
{
    while (b->n_breaks)
        clear_place(&b->breaks[--b->n_breaks]);
    free(b->breaks);
    b->breaks = NULL;
}

static void clear_stop(struct kiln_model_build *b)
{
    free(b->stop.why);
    clear_place(&b->stop.place);
    free(b->stop.text);
    kiln_strv_done(&b->stop.commands);
    memset(&b->stop, 0, sizeof(b->stop));
}

static void clear_boot(struct kiln_model_build *b)
{
    for (size_t i = 0; i < b->n_boot; i++) {
        kiln_strv_done(&b->boot[i].lines);
        free(b->boot[i].text);
        free(b->boot[i].layout);
    }
    free(b->boot);
    b->boot = NULL;
    b->n_boot = 0;
}

static void remove_prompt(struct kiln_model_build *b, size_t i)
{
    free(b->prompts[i].about);
    free(b->prompts[i].text);
    kiln_strv_done(&b->prompts[i].choices);
    memmove(b->prompts + i, b->prompts + i + 1, (--b->n_prompts - i) * sizeof(*b->prompts));
}

static void build_done(struct kiln_model_build *b)
{
    for (int i = 0; i < KILN_PLACES__N; i++)
        clear_list(b, (enum kiln_place_list)i);
    while (b->n_prompts)
        remove_prompt(b, 0);
    clear_stop(b);
    clear_boot(b);
    free(b->label);
    free(b->error);
    free(b->progress.name);
    free(b->prompts);
    for (size_t i = 0; i < KILN_MODEL_RUNGS; i++) {
        free(b->rungs[i].name);
        free(b->rungs[i].detail);
    }
    clear_breaks(b);
    kiln_strv_done(&b->artifacts);
    kiln_strv_done(&b->recorded);
    kiln_text_screen_done(&b->text);
}

void kiln_model_clear(struct kiln_model *m)
{
    for (size_t i = 0; i < m->n_builds; i++)
        build_done(&m->builds[i]);
    free(m->builds);
    free(m->tpl);
    memset(m, 0, sizeof(*m));
}

static struct kiln_model_build *find(const struct kiln_model *m, const char *label)
{
    for (size_t i = 0; i < m->n_builds; i++)
        if (kiln_streq(m->builds[i].label, label))
            return &m->builds[i];
    return NULL;
}

const struct kiln_model_build *kiln_model_find(const struct kiln_model *m, const char *label)
{
    return find(m, label);
}

const struct kiln_model_step *kiln_model_typing_step(const struct kiln_model_build *b)
{
    for (size_t i = 0; i < b->lists[KILN_PLACES_STEPS].n; i++) {
        const struct kiln_model_step *s = &b->lists[KILN_PLACES_STEPS].v[i];

        if (s->name && strstr(s->name, "BootCommand"))
            return s;
    }
    return NULL;
}

bool kiln_model_asks(const struct kiln_model *m)
{
    for (size_t i = 0; i < m->n_builds; i++)
        if (m->builds[i].n_prompts > 0 || m->builds[i].stop.on)
            return true;
    return false;
}

static struct kiln_model_build *find_or_add(struct kiln_model *m, const char *label)
{
    struct kiln_model_build *b = find(m, label);

    if (b || !label || m->n_builds >= MAX_BUILDS)
        return b;
    m->builds = kiln_xrealloc(m->builds, m->n_builds + 1, sizeof(*m->builds));
    b = &m->builds[m->n_builds++];
    memset(b, 0, sizeof(*b));
    b->label = kiln_xstrdup(label);
    return b;
}

static void set_text(char **to, const char *text, size_t len)
{
    free(*to);
    *to = text ? kiln_xstrndup(text, len) : NULL;
}

static void set_string(char **to, const char *s)
{
    set_text(to, s, s ? strlen(s) : 0);
}

static void set_names(struct kiln_strv *to, const struct kiln_strv *from)
{
    kiln_strv_done(to);
    if (from)
        kiln_strv_add_all(to, from);
}

/* ---- steps ---- */

static bool which_list(const char *id, enum kiln_place_list *ret)
{
    static const char *const ids[KILN_PLACES__N] = {
        [KILN_PLACES_STEPS] = "",
        [KILN_PLACES_PROVISIONERS] = "provisioner",
        [KILN_PLACES_POSTPROCESSORS] = "post-processor",
    };

    for (int i = 0; i < KILN_PLACES__N; i++) {
        if (kiln_streq(id ? id : "", ids[i])) {
            *ret = (enum kiln_place_list)i;
            return true;
        }
    }
    return false;
}

static struct kiln_model_step *step_at(struct kiln_model_build *b, enum kiln_place_list list,
                                       int64_t index)
{
    size_t want = (size_t)index + 1;

    if (index < 0 || index >= MAX_STEPS)
        return NULL;
    if (want > b->lists[list].n) {
        b->lists[list].v = kiln_xrealloc(b->lists[list].v, want, sizeof(*b->lists[list].v));
        memset(b->lists[list].v + b->lists[list].n, 0,
               (want - b->lists[list].n) * sizeof(*b->lists[list].v));
        b->lists[list].n = want;
    }
    return &b->lists[list].v[index];
}

static void take_plan(struct kiln_model_build *b, const struct kiln_event *ev)
{
    enum kiln_place_list list;

    if (!which_list(ev->id, &list))
        return;
    clear_list(b, list);
    for (size_t i = 0; ev->names && i < ev->names->n; i++) {
        struct kiln_model_step *s = step_at(b, list, (int64_t)i);

        if (s)
            s->name = kiln_xstrdup(ev->names->v[i]);
    }
}

static enum kiln_model_state state_of(const char *word)
{
    static const struct {
        const char *word;
        enum kiln_model_state state;
    } words[] = {
        { "running", KILN_MODEL_RUNNING }, { "paused", KILN_MODEL_STOPPED },
        { "done", KILN_MODEL_DONE },       { "failed", KILN_MODEL_FAILED },
        { "cleaned", KILN_MODEL_CLEANED }, { "skipped", KILN_MODEL_CANCELLED },
    };

    for (size_t i = 0; i < KILN_COUNT(words); i++)
        if (kiln_streq(word, words[i].word))
            return words[i].state;
    return KILN_MODEL_PENDING;
}

static void take_step(struct kiln_model_build *b, const struct kiln_event *ev)
{
    enum kiln_place_list list;
    struct kiln_model_step *s;

    if (!which_list(ev->id, &list) || !(s = step_at(b, list, ev->index)))
        return;
    if (ev->name)
        set_string(&s->name, ev->name);
    s->state = state_of(ev->to);
    if (s->state == KILN_MODEL_RUNNING && !kiln_streq(ev->from, "paused")) {
        s->start_us = ev->mono_us;
        s->end_us = 0;
        s->failed = false;
        s->tries += s->tries < 1000;
    }
    if (s->state == KILN_MODEL_PENDING) /* gone back over */
        s->failed = false;
    if (s->state == KILN_MODEL_DONE || s->state == KILN_MODEL_FAILED)
        s->end_us = ev->mono_us;
    if (s->state != KILN_MODEL_RUNNING && s->state != KILN_MODEL_STOPPED)
        set_string(&b->progress.name, NULL);
    s->failed |= s->state == KILN_MODEL_FAILED;
}

static void take_progress(struct kiln_model_build *b, const struct kiln_event *ev)
{
    struct kiln_model_progress *p = &b->progress;

    if (!kiln_streq(p->name, ev->name) || ev->done < p->done_at_start) {
        set_string(&p->name, ev->name ? ev->name : "");
        p->start_us = ev->mono_us;
        p->done_at_start = ev->done;
    }
    p->done = ev->done;
    p->total = ev->total;
    p->now_us = ev->mono_us;
}

/* ---- the boot command ---- */

static struct kiln_model_boot *boot_row(struct kiln_model_build *b, uint64_t row)
{
    if (row >= MAX_STEPS)
        return NULL;
    if (row >= b->n_boot) {
        b->boot = kiln_xrealloc(b->boot, (size_t)row + 1, sizeof(*b->boot));
        memset(b->boot + b->n_boot, 0, ((size_t)row + 1 - b->n_boot) * sizeof(*b->boot));
        b->n_boot = (size_t)row + 1;
    }
    return &b->boot[row];
}

static void take_boot_plan(struct kiln_model_build *b, const struct kiln_event *ev)
{
    struct kiln_model_boot *row = boot_row(b, (uint64_t)ev->index);

    if (!row)
        return;
    if (ev->names)
        set_names(&row->lines, ev->names);
    set_text(&row->text, ev->text, ev->len);
    set_string(&row->layout, ev->name);
    row->interval_ns = (int64_t)ev->done;
    row->next = ev->total;
    row->keys = 0;
    row->sending = row->over = false;
    row->begun = row->begun && row->next > 0;
    memset(&b->typing, 0, sizeof(b->typing));
    if (!b->recording)
        kiln_strv_done(&b->recorded); /* something was made of it, or it is too late for that */
}

/* `row` is being typed: those before it are over. */
static void take_boot(struct kiln_model_build *b, const struct kiln_event *ev)
{
    struct kiln_model_boot *row = boot_row(b, ev->done);

    if (!row)
        return;
    for (uint64_t i = 0; i < ev->done; i++)
        b->boot[i].begun = b->boot[i].over = true;
    row->begun = row->sending = true;
    row->next = (uint64_t)ev->index;
    row->keys = 0;
}

static void take_typing(struct kiln_model_build *b, const struct kiln_event *ev)
{
    if (kiln_streq(ev->name, "repair"))
        b->typing.repairs++;
    else if (kiln_streq(ev->name, "unread"))
        b->typing.unread = true;
    else if (kiln_streq(ev->name, "echo") || kiln_streq(ev->name, "blind"))
        b->typing.blind = kiln_streq(ev->name, "blind");
}

static void take_key(struct kiln_model_build *b, const struct kiln_event *ev)
{
    struct kiln_model_boot *row = boot_row(b, ev->done);

    if (!row)
        return;
    row->begun = row->sending = true;
    row->next = ev->total;
    row->keys = (uint64_t)ev->status + 1;
    row->next_key = (uint64_t)ev->index + 1;
}

/* ---- questions and stops ---- */

static void take_prompt(struct kiln_model_build *b, const struct kiln_event *ev)
{
    struct kiln_model_prompt *p;

    for (size_t i = b->n_prompts; i-- > 0;)
        if (b->prompts[i].id == ev->index)
            remove_prompt(b, i);
    if (ev->type == KILN_EV_PROMPT_END || b->n_prompts >= MAX_PROMPTS)
        return;
    b->prompts = kiln_xrealloc(b->prompts, b->n_prompts + 1, sizeof(*b->prompts));
    p = &b->prompts[b->n_prompts++];
    *p = (struct kiln_model_prompt){ .id = ev->index,
                                     .about = kiln_xstrdup(ev->name),
                                     .text = kiln_xstrndup(ev->text ? ev->text : "", ev->len) };
    if (kiln_streq(ev->to, KILN_WANTS_SECRET))
        p->wants = KILN_MODEL_WANTS_SECRET;
    else if (kiln_streq(ev->to, KILN_WANTS_TEXT))
        p->wants = KILN_MODEL_WANTS_TEXT;
    else if (ev->names)
        kiln_strv_add_all(&p->choices, ev->names);
}

static void take_breaks(struct kiln_model_build *b, const struct kiln_event *ev)
{
    clear_breaks(b);
    if (!ev->names)
        return;
    b->breaks = kiln_xcalloc(ev->names->n, sizeof(*b->breaks));
    KILN_STRV_FOREACH (spec, ev->names)
        set_place(&b->breaks[b->n_breaks++], spec);
}

static void take_stop(struct kiln_model_build *b, const struct kiln_event *ev)
{
    clear_stop(b);
    b->stop.on = true;
    set_string(&b->stop.why, ev->name ? ev->name : "");
    set_place(&b->stop.place, ev->id ? ev->id : "");
    set_text(&b->stop.text, ev->text ? ev->text : "", ev->len);
    set_names(&b->stop.commands, ev->names);
    b->stop.halted = ev->status == 1;
    if (b->state == KILN_MODEL_RUNNING)
        b->state = KILN_MODEL_STOPPED;
}

static void take_resume(struct kiln_model_build *b)
{
    clear_stop(b);
    if (b->state == KILN_MODEL_STOPPED)
        b->state = KILN_MODEL_RUNNING;
}

/* ---- the ladder ---- */

static void take_rung(struct kiln_model_build *b, const struct kiln_event *ev)
{
    struct kiln_model_rung *r;

    if (ev->index < 0 || ev->index >= KILN_MODEL_RUNGS)
        return;
    r = &b->rungs[ev->index];
    set_string(&r->name, kiln_streq(ev->to, "absent") ? NULL : ev->name);
    set_text(&r->detail, ev->text, ev->len);
    r->state = kiln_streq(ev->to, "holds")     ? KILN_MODEL_RUNG_HOLDS
               : kiln_streq(ev->to, "waiting") ? KILN_MODEL_RUNG_WAITING
                                               : KILN_MODEL_RUNG_UNKNOWN;
}

size_t kiln_model_height(const struct kiln_model_build *b)
{
    size_t n = KILN_MODEL_RUNGS;

    while (n > 0 && !(b->rungs[n - 1].name && b->rungs[n - 1].state == KILN_MODEL_RUNG_HOLDS))
        n--;
    return n;
}

/* ---- begin and end ---- */

static void take_build_end(struct kiln_model_build *b, const struct kiln_event *ev)
{
    b->state = ev->status == 0   ? KILN_MODEL_DONE
               : ev->status == 1 ? KILN_MODEL_FAILED
                                 : KILN_MODEL_CANCELLED;
    b->end_us = ev->mono_us;
    set_text(&b->error, ev->len ? ev->text : NULL, ev->len);
    while (b->n_prompts)
        remove_prompt(b, 0);
    clear_stop(b);
    b->recording = false;
    b->screen_w = b->screen_h = 0;
}

static void take_artifact(struct kiln_model_build *b, const struct kiln_event *ev)
{
    if (b->artifacts.n >= MAX_STEPS)
        return;
    if (ev->len)
        kiln_strv_addf(&b->artifacts, "%.*s", (int)(ev->len < 4096 ? ev->len : 4096), ev->text);
    else
        kiln_strv_add(&b->artifacts, ev->id ? ev->id : "");
}

static void take_build_event(struct kiln_model_build *b, const struct kiln_event *ev)
{
    switch (ev->type) {
    case KILN_EV_BUILD_START:
        b->state = KILN_MODEL_RUNNING;
        b->start_us = ev->mono_us;
        break;
    case KILN_EV_BUILD_END:
        take_build_end(b, ev);
        break;
    case KILN_EV_PLAN:
        take_plan(b, ev);
        break;
    case KILN_EV_STEP:
        take_step(b, ev);
        break;
    case KILN_EV_PROGRESS:
        take_progress(b, ev);
        break;
    case KILN_EV_BOOT_PLAN:
        take_boot_plan(b, ev);
        break;
    case KILN_EV_BOOT:
        take_boot(b, ev);
        break;
    case KILN_EV_KEY:
        take_key(b, ev);
        break;
    case KILN_EV_TYPING:
        take_typing(b, ev);
        break;
    case KILN_EV_RUNG:
        take_rung(b, ev);
        break;
    case KILN_EV_PROMPT:
    case KILN_EV_PROMPT_END:
        take_prompt(b, ev);
        break;
    case KILN_EV_BREAKS:
        take_breaks(b, ev);
        break;
    case KILN_EV_STOP:
        take_stop(b, ev);
        break;
    case KILN_EV_RESUME:
        take_resume(b);
        break;
    case KILN_EV_SCREEN:
        b->screen_w = (unsigned)ev->done;
        b->screen_h = (unsigned)ev->total;
        break;
    case KILN_EV_FRAME:
        b->frame = (uint64_t)ev->index;
        break;
    case KILN_EV_TEXT:
        kiln_text_screen_event(&b->text, ev);
        break;
    case KILN_EV_RECORD:
        b->recording = ev->status == 1;
        set_names(&b->recorded, ev->names);
        break;
    case KILN_EV_ARTIFACT:
        take_artifact(b, ev);
        break;
    case KILN_EV_RUN_START:
    case KILN_EV_RUN_END:
    case KILN_EV_LINE:
    case KILN_EV_HTTP:
    case KILN_EV_QEMU:
    case KILN_EV_QMP:
    case KILN_EV_LOG:
    case KILN_EV__N:
        break;
    }
}

void kiln_model_event(struct kiln_model *m, const struct kiln_event *ev)
{
    struct kiln_model_build *b;

    if (ev->mono_us > m->newest_us)
        m->newest_us = ev->mono_us;
    if (ev->type == KILN_EV_RUN_START) {
        set_text(&m->tpl, ev->text, ev->len);
        m->start_us = ev->mono_us;
        for (size_t i = 0; ev->names && i < ev->names->n; i++)
            (void)find_or_add(m, ev->names->v[i]);
        return;
    }
    if (ev->type == KILN_EV_RUN_END) {
        m->over = true;
        m->end_us = ev->mono_us;
        m->status = ev->status;
        return;
    }
    b = find_or_add(m, ev->build);
    if (b)
        take_build_event(b, ev);
}
