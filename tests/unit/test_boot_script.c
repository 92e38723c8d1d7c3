/* The boot command as a script: what its plan shows, what is typed of it, who may change it when.
 */
#include "builder/qemu/boot_script.h"

#include "engine/control.h"
#include "engine_fixture.h"

struct stage {
    struct fixture f;
    struct kiln_control *control;
    struct kiln_qemu_options options;
    struct kiln_qemu_state state;
    struct kiln_boot_script *script;
};

/* One row, split at '|' as the lines of boot_command; or two rows: boot_steps. */
static void stage_init(struct stage *s, const char *command, const char *second)
{
    *s = (struct stage){ .state = { .o = &s->options, .http_ip = "10.0.2.2" } };
    fixture_init(&s->f);
    s->f.b.control = s->control = kiln_control_new();
    s->options.vm_name = (char *)"disk";
    kiln_strv_add(&s->f.b.secrets, "pa55word");
    kiln_bus_add_secrets(s->f.b.bus, &s->f.b.secrets);
    if (second) {
        s->options.boot_steps.rows = kiln_xcalloc(2, sizeof(struct kiln_strv));
        s->options.boot_steps.n = 2;
        kiln_strv_add(&s->options.boot_steps.rows[0], command);
        kiln_strv_add(&s->options.boot_steps.rows[1], second);
    } else {
        kiln_strv_split(&s->options.boot_command, command, '|');
    }
    s->script = kiln_boot_script_new(&s->state, &s->f.b);
}

static void stage_done(struct stage *s)
{
    kiln_boot_script_free(s->script);
    s->f.b.control = NULL; /* the fixture's debugger never had it */
    kiln_control_free(s->control);
    for (size_t i = 0; i < s->options.boot_steps.n; i++)
        kiln_strv_done(&s->options.boot_steps.rows[i]);
    free(s->options.boot_steps.rows);
    kiln_strv_done(&s->options.boot_command);
    fixture_done(&s->f);
}

#define STAGE KILN_CLEANUP(stage_done) struct stage

/* The reply's text, or "! " and the error. */
static char *call(struct stage *s, const char *command, int64_t row, const char *lines,
                  int64_t from)
{
    KILN_AUTO_STRV list = { 0 };
    struct kiln_control_reply reply = KILN_CONTROL_REPLY_INIT;
    const struct kiln_control_args args = { .number = row, .lines = &list, .from = from };
    KILN_AUTO_ERR err = { 0 };
    char *text;

    kiln_strv_split(&list, lines, '|');
    if (kiln_control_call(s->f.b.control, command, &args, &reply, &err))
        text = kiln_xstrdup(kiln_str_cstr(&reply.text));
    else
        text = kiln_xasprintf("! %s", kiln_err_text(&err));
    kiln_control_reply_done(&reply);
    return text;
}

#define call_is(s, command, row, lines, from, want)                                                \
    do {                                                                                           \
        KILN_AUTO_FREE char *got_ = call(s, command, row, lines, from);                            \
        assert_string_equal(got_, want);                                                           \
    } while (0)

/* Type up to n elements; what they are, with a space between. */
static char *type(struct stage *s, size_t row, size_t n)
{
    struct kiln_boot_element el = { 0 };
    KILN_AUTO_STRV all = { 0 };

    for (size_t i = 0; i < n && kiln_boot_script_take(s->script, row, &el); i++) {
        kiln_strv_add(&all, el.what);
        kiln_boot_element_done(&el);
    }
    return kiln_strv_join(&all, " ");
}

#define types(s, row, n, want)                                                                     \
    do {                                                                                           \
        KILN_AUTO_FREE char *got_ = type(s, row, n);                                               \
        assert_string_equal(got_, want);                                                           \
    } while (0)

static void plans_are_told(void **unused)
{
    static const struct {
        const char *command, *story;
    } rows[] = {
        { "ab|<enter>", "boot-plan 0 from 0: (not rendered)\nboot-plan 0 from 0: ab<enter>\n" },
        { "{{.Name}}:{{.HTTPPort}}",
          "boot-plan 0 from 0: (not rendered)\nboot-plan 0 from 0: disk:8000\n" },
        { "{{.Nome}}", "boot-plan 0 from 0: (not rendered)\nboot-plan 0 from 0: (not rendered)\n" },
        { "<wait0s>", "boot-plan 0 from 0: (not rendered)\nboot-plan 0 from 0: (not rendered)\n" },
        { "xpa55<wait>wordy<tab>", /* typed, it is the secret; the wait shows nothing */
          "boot-plan 0 from 0: (not rendered)\n"
          "boot-plan 0 from 0: x••••<wait>••••y<tab>\n" },
    };

    (void)unused;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        STAGE s;

        stage_init(&s, rows[i].command, NULL);
        s.state.http_port = 8000;
        kiln_boot_script_ready(s.script);
        fixture_story_is(&s.f, rows[i].story);
    }
}

static void errors_come_when_it_is_typed(void **unused)
{
    KILN_AUTO_ERR err = { 0 };
    STAGE s;

    (void)unused;
    stage_init(&s, "a", "{{.Nome}}");
    kiln_boot_script_ready(s.script);
    unit_ok(kiln_boot_script_begin(s.script, 0, &err), &err);
    types(&s, 0, 9, "a");
    assert_false(kiln_boot_script_begin(s.script, 1, &err));
    assert_true(kiln_has_prefix(kiln_err_text(&err), "Error preparing boot command: "));
    kiln_err_clear(&err);
    call_is(&s, "edit", 1, "b", 0, ""); /* which repairs it */
    unit_ok(kiln_boot_script_begin(s.script, 1, &err), &err);
    types(&s, 1, 9, "b");
}

static void previews_type_nothing(void **unused)
{
    STAGE s;

    (void)unused;
    stage_init(&s, "a", NULL);
    kiln_boot_script_ready(s.script);
    call_is(&s, "preview", 0, "x{{.Name}}|pa55word<up>", 0, "xdisk••••••••<up>");
    call_is(&s, "preview", 0, "<wait0s>", 0,
            "! Error generating boot command: Expecting a positive wait value. Got 0s");
    call_is(&s, "preview", 1, "x", 0, "! there is no row 1 of the boot command");
    call_is(&s, "preview", -1, "x", 0, "! there is no row -1 of the boot command");
    types(&s, 0, 9, "a");
}

static void edits_change_the_rest(void **unused)
{
    KILN_AUTO_ERR err = { 0 };
    STAGE s;

    (void)unused;
    stage_init(&s, "abc|pa55word", "d");
    kiln_boot_script_ready(s.script);
    unit_ok(kiln_boot_script_begin(s.script, 0, &err), &err);
    types(&s, 0, 2, "a b");
    call_is(&s, "edit", 0, "abX", 2, "! keys are going out: pause the build first");
    call_is(&s, "edit", 1, "dY", 1, ""); /* not begun */
    kiln_debugger_hold(&s.f.b, "?");
    call_is(&s, "edit", 0, "abX", 4, "! cannot go on from element 4: the edited text has 3");
    call_is(&s, "edit", 0, "abX", -1, "! cannot go on from element -1: the edited text has 3");
    call_is(&s, "edit", 0, "abX", 2, "");
    kiln_debugger_release(&s.f.b);
    types(&s, 0, 9, "X");
    kiln_boot_script_end(s.script, 0);
    call_is(&s, "edit", 0, "ab", 0, "! it is typed already: an edit would change nothing");
    unit_ok(kiln_boot_script_begin(s.script, 1, &err), &err);
    types(&s, 1, 9, "Y");
    kiln_boot_script_ready(s.script); /* the step is run again: all of it, as edited */
    types(&s, 0, 9, "a b X");
    types(&s, 1, 9, "d Y");
}

/* Who edits has seen <sensitive>: a line that was left as it was keeps its text. */
static void edits_keep_secrets(void **unused)
{
    STAGE s;

    (void)unused;
    stage_init(&s, "a|pa55word<enter>", NULL);
    kiln_boot_script_ready(s.script);
    call_is(&s, "preview", 0, "b|<sensitive><enter>", 0, "b••••••••<enter>");
    call_is(
        &s, "edit", 0, "b|<sensitive><tab>", 0,
        "! line 2 holds <sensitive>, which stands for a value that is not shown; leave that line "
        "as it is or write {{user `NAME`}}");
    call_is(&s, "edit", 0, "b|<sensitive><enter>", 1, "");
    types(&s, 0, 8,
          "<sensitive> <sensitive> <sensitive> <sensitive> <sensitive> <sensitive> <sensitive> "
          "<sensitive>");
    types(&s, 0, 9, "<enter>");
}

static void knows_when_the_last_key_is_pressed(void **unused)
{
    static const struct {
        const char *command;
        size_t want[4]; /* of each element */
    } rows[] = {
        { "a", { 0 } },     /* +a -a */
        { "ab", { 2, 0 } }, /* +a -a +b -b: after +a and -a comes +b */
        { "A", { 1 } },     /* +shift +A -A -shift */
        { "a<wait>", { 0, 0 } }, { "a<aOff>", { 0, 0 } },
    };

    (void)unused;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_boot_element el = { 0 };
        STAGE s;

        stage_init(&s, rows[i].command, NULL);
        kiln_boot_script_ready(s.script);
        for (size_t k = 0; kiln_boot_script_take(s.script, 0, &el); k++) {
            assert_int_equal(el.n_before_last_press, rows[i].want[k]);
            kiln_boot_element_done(&el);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_told),
        cmocka_unit_test(errors_come_when_it_is_typed),
        cmocka_unit_test(previews_type_nothing),
        cmocka_unit_test(edits_change_the_rest),
        cmocka_unit_test(edits_keep_secrets),
        cmocka_unit_test(knows_when_the_last_key_is_pressed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
