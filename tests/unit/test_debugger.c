/*
 * The debugger with a real build on one thread and a person on another, who reads the build's
 * events from a socket, as a client does, and gives the next command of a script at each stop. What
 * both see is one story, in the order of the events.
 */
#include <pthread.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "engine/control.h"
#include "engine/debugger.h"
#include "engine_fixture.h"

/* ---- the build: steps A, StepProvision, C; provisioners shell, file, shell ---- */

struct stage {
    struct kiln_build b;
    struct kiln_build_options options;
    struct kiln_prompter prompter;
    struct kiln_builder_ops ops;
    struct kiln_component decls[3];
    struct kiln_build_provisioner provisioners[3];
    int fds[2];  /* events: the bus writes 0, the person reads 1 */
    int door[2]; /* what step A waits for, when A_waits */
    bool a_waits, a_fails, a_asks, powered_off;
    struct kiln_str story;

    /* the person: only its thread uses these, and story, until it is joined */
    const char *const *script; /* NULL-terminated: what it does, "COMMAND ARGUMENT" */
    struct kiln_strv goers;
    bool going; /* a command has let the build go on; no RESUME was seen yet */

    char *answer;         /* to the open question */
    pthread_mutex_t lock; /* over answer */
    pthread_cond_t answered;
};

static const struct kiln_communicator_ops communicator_ops = { .type = "none" };
static struct kiln_communicator communicator = { &communicator_ops };

static bool run_a(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct stage *s = state;
    char byte;

    kiln_say(b, "run A");
    if (s->a_fails) {
        s->a_fails = false;
        return kiln_err_set(err, KILN_ERR_REMOTE, "A broke");
    }
    if (s->a_asks) {
        KILN_AUTO_FREE char *answer = NULL;

        if (!kiln_ask(b, &(struct kiln_prompt){ .text = "well?" }, &answer, err))
            return false;
        kiln_say(b, "answered %s", answer);
    }
    if (s->a_waits) {
        if (kiln_wait_fd(b->cancel, s->door[0], POLLIN, kiln_cancel_deadline(b->cancel, 5000000),
                         err) != KILN_WAIT_READY)
            return false;
        assert_int_equal(read(s->door[0], &byte, 1), 1);
        kiln_say(b, "door opened");
    }
    return true;
}

static bool run_c(void *state, struct kiln_build *b, struct kiln_err *err)
{
    (void)state, (void)err;
    kiln_say(b, "run C");
    return true;
}

static bool provision(void *cfg, struct kiln_build *b, struct kiln_communicator *comm,
                      struct kiln_cancel *cancel, struct kiln_err *err)
{
    (void)comm, (void)cancel, (void)err;
    kiln_say(b, "provision %s", (const char *)cfg);
    return true;
}

static bool halt(void *ud)
{
    struct stage *s = ud;

    kiln_say(&s->b, s->powered_off ? "halt: off already" : "halt");
    return !s->powered_off;
}

static bool let_run(void *ud)
{
    struct stage *s = ud;

    kiln_say(&s->b, "cont");
    return true;
}

static void want_text(void *ud, bool on)
{
    kiln_say(&((struct stage *)ud)->b, "text %s", on ? "wanted" : "not wanted");
}

static bool run_builder(void *cfg, struct kiln_build *b, struct kiln_artifact **ret,
                        struct kiln_err *err)
{
    static const struct kiln_step_ops a = { "stepA", run_a, NULL, false },
                                      c = { "stepC", run_c, NULL, false };
    static const struct kiln_step_ops *const steps[] = { &a, NULL, &kiln_step_provision, &c };
    struct stage *s = KILN_CONTAINER_OF(b, struct stage, b);
    const struct kiln_machine machine = { halt, let_run, want_text, s };
    bool ok;

    (void)cfg, (void)ret;
    kiln_debugger_machine(b, &machine);
    ok = kiln_steps_run(steps, KILN_COUNT(steps), s, b, err);
    kiln_debugger_machine(b, NULL);
    return ok;
}

/* ---- the person ---- */

/* cmocka's checks belong to the main thread. */
#define must(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void obey(struct stage *s, const char *line)
{
    const char *space = strchr(line, ' ');
    KILN_AUTO_FREE char *name = kiln_xstrndup(line, space ? (size_t)(space - line) : strlen(line));
    struct kiln_control_args args = { .text = space ? space + 1 : NULL, .on = true };
    struct kiln_control_reply reply = KILN_CONTROL_REPLY_INIT;
    KILN_AUTO_ERR err = { 0 };

    if (strcmp(name, "unbreak") == 0) {
        args.on = false;
        free(name);
        name = kiln_xstrdup("break");
    }
    s->going = kiln_strv_has(&s->goers, name);
    if (strcmp(name, "unpause") == 0) { /* while a question is open, too */
        free(name);
        name = kiln_xstrdup("continue");
    }
    kiln_str_addf(&s->story, "> %s\n", line);
    if (strcmp(name, "screen") == 0) {
        struct kiln_strv rows = { 0 };

        kiln_strv_split(&rows, args.text, '|');
        kiln_debugger_text(&s->b, &rows);
        kiln_strv_done(&rows);
    } else if (strcmp(name, "take") == 0 || strcmp(name, "leave") == 0) {
        if (!kiln_debugger_by_hand(&s->b, strcmp(name, "take") == 0, &err))
            kiln_str_addf(&s->story, "! %s\n", kiln_err_text(&err));
    } else if (strcmp(name, "open") == 0) {
        must(write(s->door[1], "x", 1) == 1);
    } else if (strcmp(name, "cancel") == 0) {
        kiln_cancel_fire(s->b.cancel);
    } else if (strcmp(name, "answer") == 0 || strcmp(name, "reply") == 0) {
        s->prompter.answer(&s->prompter, args.text);
    } else if (!kiln_control_call(s->b.control, name, &args, &reply, &err)) {
        kiln_str_addf(&s->story, "! %s\n", kiln_err_text(&err));
        s->going = false;
    }
    kiln_control_reply_done(&reply);
}

/* Real time passes; the build's must not. */
static void check_clock_stands(const struct stage *s)
{
    int64_t before = kiln_cancel_now(s->b.cancel), real = kiln_clock_mono_us();

    while (kiln_clock_mono_us() < real + 2000)
        ;
    must(kiln_cancel_now(s->b.cancel) == before);
}

/* Commands up to one that lets the build go on; "until PLACE": the rest at a stop there. */
static void act(struct stage *s, const char *place)
{
    while (*s->script && !s->going) {
        bool until = kiln_has_prefix(*s->script, "until ");

        if (until && !kiln_streq(*s->script + strlen("until "), place))
            return;
        if (!until)
            obey(s, *s->script);
        s->script++;
    }
}

static void tell_stop(struct stage *s, const struct kiln_event *ev)
{
    KILN_AUTO_FREE char *names = kiln_strv_join(ev->names, " ");

    kiln_str_addf(&s->story, "stop %s at %s (%s)%s: %s\n", ev->name, ev->id ? ev->id : "-",
                  ev->text, ev->status ? " halted" : "", names);
}

static void on_event(struct stage *s, const struct kiln_event *ev)
{
    KILN_AUTO_FREE char *names = ev->names ? kiln_strv_join(ev->names, " ") : NULL;

    switch (ev->type) {
    case KILN_EV_STOP:
        tell_stop(s, ev);
        if (!s->going)
            check_clock_stands(s);
        act(s, ev->id);
        break;
    case KILN_EV_RESUME:
        s->going = false;
        kiln_str_adds(&s->story, "resume\n");
        break;
    case KILN_EV_BREAKS:
        kiln_str_addf(&s->story, "breaks %s\n", names);
        break;
    case KILN_EV_PLAN:
        kiln_str_addf(&s->story, "plan %s: %s\n", ev->id ? ev->id : "steps", names);
        break;
    case KILN_EV_STEP:
        if (ev->id)
            kiln_str_addf(&s->story, "%s %lld %s %s>%s\n", ev->id, (long long)ev->index, ev->name,
                          ev->from, ev->to);
        break;
    default: /* the rest is the fixture's business */
        fixture_tell(&s->story, ev);
        if (ev->type == KILN_EV_LINE && ev->text && strcmp(ev->text, "run A") == 0 && s->a_waits)
            act(s, NULL);
    }
}

static void *person(void *ud)
{
    struct stage *s = ud;
    struct kiln_event_box box = { 0 };
    KILN_AUTO_STR in = { 0 };
    bool over = false;

    while (!over) {
        char *nl, *space = kiln_str_space(&in, 65536);
        ssize_t n = read(s->fds[1], space, 65536);

        must(n > 0);
        kiln_str_commit(&in, (size_t)n);
        while (!over && in.len && (nl = memchr(in.data, '\n', in.len))) {
            must(kiln_event_decode(&box, in.data, (size_t)(nl - in.data), NULL));
            over = box.ev.type == KILN_EV_BUILD_END;
            on_event(s, &box.ev);
            kiln_str_remove(&in, 0, (size_t)(nl - in.data) + 1);
        }
    }
    kiln_event_box_done(&box);
    return NULL;
}

static bool ask(struct kiln_prompter *p, struct kiln_build *b, const struct kiln_prompt *q,
                char **ret, struct kiln_err *err)
{
    struct stage *s = KILN_CONTAINER_OF(p, struct stage, prompter);

    (void)b, (void)q, (void)err;
    (void)pthread_mutex_lock(&s->lock);
    while (!s->answer)
        (void)pthread_cond_wait(&s->answered, &s->lock);
    *ret = s->answer;
    s->answer = NULL;
    (void)pthread_mutex_unlock(&s->lock);
    return true;
}

static void answer(struct kiln_prompter *p, const char *text)
{
    struct stage *s = KILN_CONTAINER_OF(p, struct stage, prompter);

    (void)pthread_mutex_lock(&s->lock);
    s->answer = kiln_xstrdup(text);
    (void)pthread_cond_signal(&s->answered);
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- setting the stage ---- */

static void stage_init(struct stage *s, const char *breaks, const char *const *script)
{
    static const char *const types[] = { "shell", "file", "shell" };
    static const char *const names[] = { "one", "two", "three" };
    static const struct kiln_schema schema = { .name = "fake" };
    static const struct kiln_provisioner_ops fake = { .schema = &schema, .provision = provision };

    *s = (struct stage){ .script = script, .prompter = { ask, answer } };
    s->ops.run = run_builder;
    s->options.interactive = true;
    for (size_t i = 0; i < 3; i++) {
        s->decls[i].type = (char *)types[i];
        s->provisioners[i] = (struct kiln_build_provisioner){ .ops = &fake,
                                                              .decl = &s->decls[i],
                                                              .cfg = (void *)names[i] };
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s->fds), 0);
    assert_int_equal(pipe(s->door), 0);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->answered, NULL);
    s->b.label = (char *)"fake";
    s->b.run_uuid = (char *)"uuid-1";
    s->b.options = &s->options;
    s->b.prompter = &s->prompter;
    s->b.ops = &s->ops;
    s->b.provisioners = s->provisioners;
    s->b.n_provisioners = 3;
    s->b.communicator = &communicator;
    s->b.cancel = kiln_cancel_new();
    s->b.bus = kiln_bus_new(s->fds[0], NULL);
    s->b.control = kiln_control_new();
    s->b.debugger = kiln_debugger_new(&s->b);
    kiln_strv_split(&s->b.breaks, breaks, ',');
    kiln_strv_split(&s->goers, "continue,next,skip,run-to,retry,answer,cancel", ',');
}

static void stage_done(struct stage *s)
{
    kiln_debugger_free(s->b.debugger);
    kiln_control_free(s->b.control);
    kiln_bus_free(s->b.bus);
    kiln_cancel_free(s->b.cancel);
    kiln_strmap_done(&s->b.data);
    kiln_strv_done(&s->b.breaks);
    kiln_strv_done(&s->goers);
    kiln_str_done(&s->story);
    for (size_t i = 0; i < 2; i++) {
        (void)close(s->fds[i]);
        (void)close(s->door[i]);
    }
    free(s->answer);
}

#define STAGE KILN_CLEANUP(stage_done) struct stage

/* The whole build; afterwards the story is there. */
static void play(struct stage *s)
{
    struct kiln_results results = { 0 };
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, person, s), 0);
    (void)kiln_build_run(&s->b, &results, NULL);
    assert_int_equal(pthread_join(thread, NULL), 0);
    kiln_results_done(&results);
    assert_false(kiln_debugger_standing(&s->b));
    if (*s->script)
        fail_msg("nobody wanted \"%s\"\n%s", *s->script, kiln_str_cstr(&s->story));
}

#define BEGIN                                                                                      \
    "build-start\n"                                                                                \
    "plan provisioner: shell file shell\n"
#define PLAN "plan steps: stepA StepProvision stepC\n"
#define P(n, name, text)                                                                           \
    "provisioner " n " " name " pending>running\n"                                                 \
    "[say] provision " text "\n"                                                                   \
    "provisioner " n " " name " running>done\n"
#define P1                               P("0", "shell", "one")
#define P2                               P("1", "file", "two")
#define P3                               P("2", "shell", "three")
#define END                              "build-end 0 \n"
#define STOPPED(why, place, text, names) "stop " why " at " place " (" text ") halted: " names "\n"
#define STOP(why, place, text, names)    "[say] halt\n" STOPPED(why, place, text, names)
#define GO                               "continue next run-to thaw break cancel"
#define GOS                              "continue next run-to skip thaw break cancel"
#define RESUME                           "[say] cont\nresume\n"

struct row {
    const char *breaks, *script[12], *story;
};

static const struct row rows[] = {
    { "", { NULL }, BEGIN PLAN "[say] run A\n" P1 P2 P3 "[say] run C\n" END },
    { "before:A",
      { "continue" },
      BEGIN "breaks before:A\n" PLAN "breaks before:stepA\n" STOP(
          "breakpoint", "before:stepA", "before step stepA",
          GO) "> continue\n" RESUME "[say] run A\n" P1 P2 P3 "[say] run C\n" END },
    { "after:stepA,shell.2",
      { "next", "continue", "continue" },
      BEGIN "breaks after:stepA before:provisioner.3\n" PLAN
            "breaks after:stepA before:provisioner.3\n[say] run A\n" STOP(
                "breakpoint", "after:stepA", "after step stepA",
                GO) "> next\n" RESUME STOP("step", "before:StepProvision",
                                           "before step StepProvision", GO) "> continue\n" RESUME P1
                P2 STOP("breakpoint", "before:provisioner.3", "before provisioner 3 (shell)",
                        GOS) "> continue\n" RESUME P3 "[say] run C\n" END },
    { "provisioner.1",
      { "skip" },
      BEGIN "breaks before:provisioner.1\n" PLAN "breaks before:provisioner.1\n[say] run A\n" STOP(
          "breakpoint", "before:provisioner.1", "before provisioner 1 (shell)",
          GOS) "> skip\n" RESUME
               "[say] Skipping provisioner 1 (shell): so it was decided at the stop before it.\n"
               "provisioner 0 shell pending>skipped\n" P2 P3 "[say] run C\n" END },
    { "A",
      { "skip", "next-key", "retry", "run-to D", "run-to after:stepC", "continue" },
      BEGIN "breaks before:A\n" PLAN "breaks before:stepA\n" STOP(
          "breakpoint", "before:stepA", "before step stepA",
          GO) "> skip\n! the build is not stopped before a provisioner\n"
              "> next-key\n! there is no boot command to be typed any more\n"
              "> retry\n! no failed step waits for an answer (see -on-error=ask)\n"
              "> run-to D\n! \"before:D\" names nothing in this build; did you mean \"before:A\"?\n"
              "> run-to after:stepC\n" RESUME "[say] run A\n" P1 P2 P3 "[say] run C\n" STOP(
                  "step", "after:stepC", "after step stepC", GO) "> continue\n" RESUME END },
    { "A",
      { "break shell", "unbreak A", "unbreak A", "unbreak shell.2", "break key:3", "break boot:0",
        "continue", "continue" },
      BEGIN "breaks before:A\n" PLAN "breaks before:stepA\n" STOP(
          "breakpoint", "before:stepA", "before step stepA",
          GO) "> break shell\n> unbreak A\n> unbreak A\n! there is no breakpoint at \"before:A\"\n"
              "> unbreak shell.2\n> break key:3\n> break boot:0\n"
              "! place \"boot:0\": \"boot:\" wants the number of an element (1, 2 …), ROW.ELEMENT, "
              "or "
              "\"end\"\n> continue\n"
              "breaks before:stepA before:provisioner.1 before:provisioner.3\n"
              "breaks before:provisioner.1 before:provisioner.3\n"
              "breaks before:provisioner.1\n"
              "breaks before:provisioner.1 key:3\n" RESUME "[say] run A\n" STOP(
                  "breakpoint", "before:provisioner.1", "before provisioner 1 (shell)",
                  GOS) "> continue\n" RESUME P1 P2 P3 "[say] run C\n" END },
    { "stepD,shel",
      { NULL },
      BEGIN
      "breaks before:stepD before:shel\n" PLAN
      "[error] A breakpoint is ignored: \"before:stepD\" names nothing in this build; did you "
      "mean \"before:A\"?\n"
      "[error] A breakpoint is ignored: \"before:shel\" names nothing in this build; did you "
      "mean \"before:shell\"?\n"
      "breaks \n[say] run A\n" P1 P2 P3 "[say] run C\n" END },
    { "C",
      { "thaw", "freeze", "freeze", "continue" },
      BEGIN "breaks before:C\n" PLAN "breaks before:stepC\n[say] run A\n" P1 P2 P3 STOP(
          "breakpoint", "before:stepC", "before step stepC",
          GO) "> thaw\n> freeze\n> freeze\n> continue\n"
              "[say] cont\n"
              "stop breakpoint at before:stepC (before step stepC): continue next run-to freeze "
              "break "
              "cancel\n" STOP("breakpoint", "before:stepC", "before step stepC",
                              GO) "stop breakpoint at before:stepC (before step stepC) halted: " GO
                                  "\n" RESUME "[say] run C\n" END },
    { "A",
      { "cancel" },
      BEGIN "breaks before:A\n" PLAN "breaks before:stepA\n" STOP(
          "breakpoint", "before:stepA", "before step stepA",
          GO) "> cancel\n" RESUME "build-end 2 Build was cancelled.\n" },
};

#define BY_HAND "the guest is driven by hand: end the recording first"

/* While a person drives the guest by hand, it runs and the build stands. */
static void in_somebodys_hands(void **unused)
{
    static const char *const script[] = { "take",  "continue", "freeze",   "next",
                                          "leave", "leave",    "continue", NULL };
    STAGE s;

    (void)unused;
    stage_init(&s, "C", script);
    play(&s);
    assert_string_equal(
        kiln_str_cstr(&s.story),
        BEGIN "breaks before:C\n" PLAN "breaks before:stepC\n[say] run A\n" P1 P2 P3 STOP(
            "breakpoint", "before:stepC", "before step stepC",
            GO) "> take\n> continue\n! " BY_HAND "\n> freeze\n! " BY_HAND "\n> next\n! " BY_HAND
                "\n> leave\n> leave\n> continue\n[say] cont\n"
                "stop breakpoint at before:stepC (before step stepC): break cancel\n" STOP(
                    "breakpoint", "before:stepC", "before step stepC",
                    GO) "stop breakpoint at before:stepC (before step stepC) halted: " GO
                        "\n" RESUME "[say] run C\n" END);
}

static void stops_and_goes_on(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        STAGE s;

        stage_init(&s, rows[i].breaks, rows[i].script);
        play(&s);
        assert_string_equal(kiln_str_cstr(&s.story), rows[i].story);
    }
}

/* ---- moments that are not check points ---- */

static void pause_holds_a_wait(void **unused)
{
    static const char *const script[] = { "pause", "open", "continue", NULL };
    STAGE s;

    (void)unused;
    stage_init(&s, "", script);
    s.a_waits = true;
    play(&s);
    /* The door was open long before "continue"; the wait for it ended after that. */
    assert_string_equal(
        kiln_str_cstr(&s.story), BEGIN PLAN
        "[say] run A\n> pause\n> open\n> continue\n" STOP("pause", "stepA", "paused in stepA", GO)
            RESUME "[say] door opened\n" P1 P2 P3 "[say] run C\n" END);
}

/* It appears: a stop. It is still there, or scrolls on: none. It comes again: another. */
static void stops_when_text_appears(void **unused)
{
    static const char *const script[] = { "screen Welcome|",
                                          "screen Welcome|debian login:",
                                          "screen debian login:|x",
                                          "unbreak text:login:",
                                          "break text:[",
                                          "open",
                                          "continue",
                                          NULL };
    STAGE s;

    (void)unused;
    stage_init(&s, "text:login:", script);
    s.a_waits = true;
    play(&s);
    assert_string_equal(
        kiln_str_cstr(&s.story), BEGIN
        "breaks text:login:\n[say] text wanted\n" PLAN "breaks text:login:\n"
        "[say] run A\n> screen Welcome|\n> screen Welcome|debian login:\n"
        "> screen debian login:|x\n> unbreak text:login:\n> break text:[\n"
        "! place \"text:[\": \"[\" at character 2: missing terminating ] for character "
        "class\n> open\n> continue\n" STOP("breakpoint",
                                           "text:login:", "the guest's screen shows \"login:\"",
                                           GO) "breaks \n[say] text not wanted\n" RESUME
                                               "[say] door opened\n" P1 P2 P3 "[say] run C\n" END);
}

static void cancel_ends_a_pause(void **unused)
{
    static const char *const script[] = { "pause", "cancel", NULL };
    STAGE s;

    (void)unused;
    stage_init(&s, "", script);
    s.a_waits = true;
    play(&s);
    assert_string_equal(kiln_str_cstr(&s.story), BEGIN PLAN "[say] run A\n> pause\n> cancel\n" STOP(
                                                     "pause", "stepA", "paused in stepA", GO) RESUME
                        "build-end 2 Build was cancelled.\n");
}

#define AT_PROMPT "stop prompt at stepA (well?)"

static void prompts_halt_the_guest_only_if_wanted(void **unused)
{
    static const struct {
        bool freeze;
        const char *script[8], *story;
    } cases[] = {
        { false,
          { "continue", "answer x" },
          AT_PROMPT
          ": freeze break cancel\n> continue\n! a question is open: answer it\n> answer x\n"
          "resume\n[say] answered x\n" },
        { true,
          { "answer x" },
          "[say] halt\n" AT_PROMPT " halted: thaw break cancel\n> answer x\n" RESUME
          "[say] answered x\n" },
        { false,
          { "freeze", "answer x" },
          AT_PROMPT ": freeze break cancel\n> freeze\n> answer x\n[say] halt\n" AT_PROMPT
                    " halted: thaw break cancel\n" RESUME "[say] answered x\n" },
        { false, /* paused meanwhile: to go on needs both */
          { "pause", "unpause", "answer x" },
          AT_PROMPT ": freeze break cancel\n> pause\n> unpause\n> answer x\n" STOP(
              "pause", "stepA", "paused in stepA",
              GO) "[say] cont\n" AT_PROMPT ": freeze break cancel\nresume\n[say] answered x\n" },
        { false,
          { "pause", "reply x", "until after:stepA", "continue" },
          AT_PROMPT ": freeze break cancel\n> pause\n> reply x\n" STOP("pause", "stepA",
                                                                       "paused in stepA", GO)
              STOPPED("pause", "stepA", "paused in stepA", GO) "[say] answered x\n" STOPPED(
                  "pause", "after:stepA", "after step stepA", GO) "> continue\n" RESUME },
    };

    (void)unused;
    for (size_t i = 0; i < KILN_COUNT(cases); i++) {
        KILN_AUTO_FREE char *story = kiln_xasprintf(
            BEGIN PLAN "[say] run A\n%s" P1 P2 P3 "[say] run C\n" END, cases[i].story);
        STAGE s;

        stage_init(&s, "", cases[i].script);
        s.options.freeze = cases[i].freeze;
        s.a_asks = true;
        play(&s);
        assert_string_equal(kiln_str_cstr(&s.story), story);
    }
}

static void retry_answers_the_question(void **unused)
{
    static const char *const script[] = { "retry", NULL };
    STAGE s;

    (void)unused;
    stage_init(&s, "", script);
    s.a_fails = true;
    s.options.on_error = KILN_ON_ERROR_ASK;
    play(&s);
    assert_string_equal(
        kiln_str_cstr(&s.story), BEGIN PLAN
        "[say] run A\n[error] A broke\n[say] Step \"stepA\" failed\n"
        "stop prompt at stepA (Step \"stepA\" failed: A broke): retry freeze break cancel\n"
        "> retry\nresume\n"
        "[say] run A\n" P1 P2 P3 "[say] run C\n" END);
}

static void nobody_there_nothing_stops(void **unused)
{
    static const char *const script[] = { NULL };
    STAGE s;

    (void)unused;
    stage_init(&s, "A", script);
    kiln_strv_add(&s.options.breaks, "A");
    s.options.interactive = false;
    play(&s);
    assert_string_equal(
        kiln_str_cstr(&s.story),
        BEGIN "[error] -break is ignored: there is no terminal on which somebody could go on after "
              "a stop (a run of kiln tui or kiln build -detach needs none)\n" PLAN
              "[say] run A\n" P1 P2 P3 "[say] run C\n" END);
    kiln_strv_done(&s.options.breaks);
}

/* A guest that is off, or that the template has halted, is neither halted nor let run. */
static void a_guest_that_does_not_run_is_left_alone(void **unused)
{
    static const char *const script[] = { "continue", NULL };
    STAGE s;

    (void)unused;
    stage_init(&s, "C", script);
    s.powered_off = true;
    play(&s);
    assert_string_equal(
        kiln_str_cstr(&s.story),
        BEGIN "breaks before:C\n" PLAN "breaks before:stepC\n[say] run A\n" P1 P2 P3
              "[say] halt: off already\nstop breakpoint at before:stepC (before step stepC): "
              "continue next run-to freeze break cancel\n> continue\nresume\n[say] run C\n" END);
}

static void commands_after_the_end_are_refused(void **unused)
{
    static const char *const script[] = { NULL }, *const commands[] = { "pause", "next", "break" };
    STAGE s;

    (void)unused;
    stage_init(&s, "", script);
    play(&s);
    for (size_t i = 0; i < KILN_COUNT(commands); i++) {
        const struct kiln_control_args args = { .text = "A" };
        struct kiln_control_reply reply = KILN_CONTROL_REPLY_INIT;
        KILN_AUTO_ERR err = { 0 };

        unit_fails(kiln_control_call(s.b.control, commands[i], &args, &reply, &err), &err,
                   KILN_ERR_USER, "the build is ending");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_and_goes_on),
        cmocka_unit_test(in_somebodys_hands),
        cmocka_unit_test(pause_holds_a_wait),
        cmocka_unit_test(stops_when_text_appears),
        cmocka_unit_test(cancel_ends_a_pause),
        cmocka_unit_test(prompts_halt_the_guest_only_if_wanted),
        cmocka_unit_test(retry_answers_the_question),
        cmocka_unit_test(nobody_there_nothing_stops),
        cmocka_unit_test(a_guest_that_does_not_run_is_left_alone),
        cmocka_unit_test(commands_after_the_end_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
