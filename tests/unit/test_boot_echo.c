/* What a screen tells about a line that is typed: screens of 10 by 4, rows joined by '|'. */
#include "builder/qemu/boot_echo.h"

#include "base/mem.h"
#include "unit.h"

#define COLUMNS 10u
#define ROWS    4u

/* `_` is the cursor, on a space; `~` is a cell that cannot be read. */
static void draw(struct kiln_text *t, const char *picture)
{
    unsigned row = 0, column = 0;

    kiln_text_done(t);
    *t = (struct kiln_text){
        .columns = COLUMNS, .rows = ROWS, .cursor_column = -1, .cursor_row = -1
    };
    t->cells = kiln_xcalloc((size_t)COLUMNS * ROWS, sizeof(*t->cells));
    t->row_changed = kiln_xcalloc(ROWS, sizeof(*t->row_changed));
    for (unsigned i = 0; i < COLUMNS * ROWS; i++)
        t->cells[i].code = ' ';
    for (; *picture; picture++) {
        if (*picture == '|') {
            row++;
            column = 0;
            continue;
        }
        if (*picture == '_') {
            t->cursor_row = (int)row;
            t->cursor_column = (int)column;
        } else {
            t->cells[row * COLUMNS + column].code = *picture == '~' ? 0 : (unsigned char)*picture;
        }
        column++;
    }
}

static void look_is(struct kiln_echo *e, const char *picture, const char *want)
{
    static const char *const states[] = { "none", "part", "all", "wrong" };
    struct kiln_text now = { 0 };
    struct kiln_echo_look look;
    KILN_AUTO_FREE char *got = NULL;

    draw(&now, picture);
    look = kiln_echo_look(e, &now, kiln_echo_length(e));
    got = look.state == KILN_ECHO_NONE
              ? kiln_xstrdup("none")
              : kiln_xasprintf("%s %zu/%zu", states[look.state], look.good, look.shown);
    kiln_text_done(&now);
    if (strcmp(got, want) != 0)
        fail_msg("%s: %s, not %s", picture, got, want);
}

static void type(struct kiln_echo *e, const char *text)
{
    for (; *text; text++)
        kiln_echo_add(e, (unsigned char)*text);
}

static void start(struct kiln_echo *e, const char *picture, const char *line)
{
    struct kiln_text before = { 0 };

    draw(&before, picture);
    kiln_echo_begin(e, &before);
    kiln_text_done(&before);
    type(e, line);
}

static void one_look(void **unused)
{
    static const struct {
        const char *before, *line, *now, *want;
    } rows[] = {
        { "$_", "abc", "$abc_", "all 3/3" },
        { "$_", "abc", "$ab_", "part 2/2" },
        { "$_", "abc", "$_", "none" },
        { "$_", "abc", "$ab~", "part 2/2" },
        { "$_", "abc", "$abbc_", "wrong 2/4" },
        { "$_", "abc", "$ac_", "wrong 1/2" },
        { "$_", "a c", "$ac_", "wrong 1/2" },
        { "$_", "ab", "$aB_", "wrong 1/2" },
        { "$_", "abcd", "$bcd_", "wrong 0/3" }, /* the first one was lost */
        { "$", "abc", "$abc", "all 3/3" },      /* no cursor: what has changed */
        { "$", " bc", "$ bc", "all 3/3" },
        { "menu|one|two", "e", "edit|eee|e e", "none" }, /* all is another */
        { "$_", "a", "#a", "all 1/1" },                  /* something else moved, too */
        { "|||x $_", "abcdef", "||x $abcdef|_", "all 6/6" },
        { "|||x $_", "abcdefgh", "||x $abcdefg|h_", "all 8/8" },
        { "$_       |", "abcdefgh", "$abcdefgh|", "all 8/8" },
        { "$_        #|", "abc", "$abc_     #|", "all 3/3" },
        { "$_", "Abc", "$aBC_", "wrong 0/3" }, /* Shift is stuck: still the same keys */
    };

    (void)unused;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_echo e = { 0 };

        start(&e, rows[i].before, rows[i].line);
        look_is(&e, rows[i].now, rows[i].want);
        kiln_echo_done(&e);
    }
}

static void spaces_count_once_sent(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_text now = { 0 };

    (void)unused;
    start(&e, "$_", "ab c");
    draw(&now, "$ab_");
    assert_int_equal(kiln_echo_look(&e, &now, 2).good, 2);
    assert_int_equal(kiln_echo_look(&e, &now, 3).good, 3);
    kiln_text_done(&now);
    kiln_echo_done(&e);
}

static void a_line_that_is_gone(void **unused)
{
    struct kiln_echo e = { 0 };

    (void)unused;
    start(&e, "$_", "abcdef");
    look_is(&e, "$abcd_", "part 4/4");
    look_is(&e, "login:", "none");
    look_is(&e, "$abcd_", "part 4/4"); /* it was only hidden */
    kiln_echo_done(&e);
}

static void a_line_goes_on_elsewhere(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_text now = { 0 };
    size_t cut = 99;

    (void)unused;
    start(&e, "x $_", "abcdefgh");
    look_is(&e, "x $abcd_", "part 4/4");
    draw(&now, "x $abcd|ef_");
    assert_true(kiln_echo_stirred(&e, &now));
    assert_true(kiln_echo_resume(&e, &now, kiln_echo_length(&e), &cut));
    assert_int_equal(cut, 4);
    look_is(&e, "x $abcd|efgh_", "all 4/4");
    kiln_text_done(&now);
    kiln_echo_done(&e);
}

/* The backspace for a space was lost, which nobody sees until something is typed behind it. */
static void a_space_too_many(void **unused)
{
    (void)unused;
    for (int faults = 0; faults < 2; faults++) {
        struct kiln_echo e = { 0 };
        struct kiln_text now = { 0 };
        size_t cut = 0;

        start(&e, "$_", "abcd ef");
        look_is(&e, "$abc_", "part 3/3");
        e.faults = faults;
        look_is(&e, "$abc d ef_", faults ? "wrong 3/8" : "none");
        draw(&now, "$abc d ef");
        assert_int_equal(kiln_echo_resume(&e, &now, 7, &cut), !faults);
        kiln_text_done(&now);
        kiln_echo_done(&e);
    }
}

/* As several keys that were lost or came twice leave it. */
static void several_faults(void **unused)
{
    static const struct {
        const char *line, *before, *part, *now, *wrong;
    } rows[] = {
        { "ab-D- )Kh", "$ab-D-_", "part 6/5", "$ab-D-)KKh|h_", "wrong 5/10" },
        { "th-<9>", "$th-_", "part 3/3", "$th-\\\\9>|_", "wrong 3/7" }, /* no Shift, twice */
        { "m5h<k", "$m5h_", "part 3/3", "$m5h\\\\k_", "wrong 3/6" },
        { "mT9b", "$mT9b_", "all 4/4", "$mT9bb99_", "wrong 4/7" }, /* late, and typed again */
    };

    (void)unused;
    for (size_t i = 0; i < KILN_COUNT(rows) * 2; i++) {
        bool faults = i % 2;
        struct kiln_echo e = { 0 };

        start(&e, "$_", rows[i / 2].line);
        look_is(&e, rows[i / 2].before, rows[i / 2].part);
        e.faults = faults;
        look_is(&e, rows[i / 2].now, faults ? rows[i / 2].wrong : "none");
        kiln_echo_done(&e);
    }
}

/* Where it should go on is not elsewhere: its beginning is looked at as before, as a backspace that
 * comes twice could take it away. */
static void here_is_not_elsewhere(void **unused)
{
    (void)unused;
    for (int faults = 0; faults < 2; faults++) {
        struct kiln_echo e = { 0 };
        struct kiln_text now = { 0 };
        size_t cut = 0;

        start(&e, "$_", "El?*2dZ");
        look_is(&e, "$El?_", "part 3/3");
        e.faults = faults;
        draw(&now, "$El?dZZ_");
        assert_int_equal(kiln_echo_resume(&e, &now, 7, &cut), !faults);
        kiln_text_done(&now);
        kiln_echo_done(&e);
    }
}

/* What was seen has been typed again since then: no more is cut off than that. */
static void no_more_than_was_sent(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_text now = { 0 };
    size_t cut = 0;

    (void)unused;
    start(&e, "$_", "aaaaaaaaa");
    look_is(&e, "$aaaaaa_", "part 6/6");
    draw(&now, "$aaaaaa||aa_");
    assert_true(!kiln_echo_resume(&e, &now, 3, &cut) || cut <= 3);
    kiln_text_done(&now);
    kiln_echo_done(&e);
}

/* The guest has switched to another mode: the screen before has no such cells. */
static void another_size(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_text now = { 0 };
    size_t cells = 4000, cut = 99;

    (void)unused;
    start(&e, "$_", "abcdef");
    look_is(&e, "$abcd_", "part 4/4");
    draw(&now, "");
    now.columns = 200;
    now.rows = (unsigned)cells / now.columns;
    now.cells = kiln_xrealloc(now.cells, cells, sizeof(*now.cells));
    for (size_t i = 0; i < cells; i++)
        now.cells[i] = (struct kiln_text_cell){ .code = ' ' };
    now.cells[cells - 200].code = 'e';
    now.cells[cells - 199].code = 'f';
    assert_false(kiln_echo_resume(&e, &now, kiln_echo_length(&e), &cut));
    assert_int_equal(cut, 99);
    kiln_text_done(&now);
    kiln_echo_done(&e);
}

/* ISOLINUX ends a row after 80 characters, whatever the prompt was; a busy host shows many at once.
 */
static void the_new_row_has_come_with_the_old_one(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_text now = { 0 };
    size_t cut = 99;

    (void)unused;
    start(&e, "$_", "abcd efg");
    look_is(&e, "$ab_", "part 2/2");
    look_is(&e, "$abcd|||ef_", "part 5/4"); /* far enough away not to be taken for doubled ones */
    draw(&now, "$abcd|||eg_");
    assert_false(kiln_echo_resume(&e, &now, 8, &cut));
    draw(&now, "$abcd|||efg_");
    assert_true(kiln_echo_resume(&e, &now, 8, &cut));
    assert_int_equal(cut, 5);
    kiln_echo_add(&e, 'h');
    look_is(&e, "$abcd|||efg_", "part 3/3");
    look_is(&e, "$abcd|||efgh_", "all 4/4");
    kiln_text_done(&now);
    kiln_echo_done(&e);
}

/* Linux' console, after its cursor was saved and restored behind the last column. */
static void the_next_one_over_the_last_column(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_text now = { 0 };
    size_t cut = 99;

    (void)unused;
    start(&e, "$_", "abcdefghi");
    look_is(&e, "$abcdefghi", "all 9/9");
    kiln_echo_add(&e, 'j');
    look_is(&e, "$abcdefghj", "wrong 8/9");
    assert_int_equal(kiln_echo_seen(&e), 9);
    draw(&now, "$abcdefghj");
    assert_true(kiln_echo_resume(&e, &now, 10, &cut));
    assert_int_equal(cut, 9);
    look_is(&e, "$abcdefghj", "all 1/1");
    kiln_text_done(&now);
    kiln_echo_done(&e);
}

static void it_goes_on_with_what_was_there(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_text now = { 0 };
    size_t cut = 99;

    (void)unused;
    start(&e, "x $_", "abcdefgh");
    look_is(&e, "x $abcd_", "part 4/4");
    draw(&now, "x $abc|def_");
    assert_true(kiln_echo_resume(&e, &now, kiln_echo_length(&e), &cut));
    assert_int_equal(cut, 3);
    look_is(&e, "x $abc|defgh_", "all 5/5");
    draw(&now, "something| else");
    assert_false(kiln_echo_resume(&e, &now, kiln_echo_length(&e), &cut));
    kiln_text_done(&now);
    kiln_echo_done(&e);
}

/* Linux' console, a wrong character in the last column, and a backspace. */
static void the_last_column(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_echo_look before;
    struct kiln_text now = { 0 };
    size_t cut = 99;

    (void)unused;
    start(&e, "$_", "abcdefghijkl");
    assert_true((look_is(&e, "$abcdefghh", "wrong 8/9"), true));
    assert_true(kiln_echo_at_edge(&e, 8));
    assert_false(kiln_echo_at_edge(&e, 6));
    draw(&now, "$abcdefghh");
    before = kiln_echo_look(&e, &now, 12);
    draw(&now, "$abcdefgh_"); /* what other consoles do */
    assert_false(kiln_echo_edge_erased(&e, &now, &before, &cut));
    draw(&now, "$abcdefg h");
    assert_true(kiln_echo_edge_erased(&e, &now, &before, &cut));
    assert_int_equal(cut, 8);
    look_is(&e, "$abcdefg h", "part 0/0");
    look_is(&e, "$abcdefgih", "part 1/1");
    look_is(&e, "$abcdefgij|kl_", "all 4/4");
    kiln_text_done(&now);
    kiln_echo_done(&e);
}

/* The backspace came twice: the second has taken a good character away. */
static void two_are_erased_at_the_edge(void **unused)
{
    static const struct {
        const char *line, *wrong, *erased;
        size_t cut;
    } rows[] = {
        { "abcdefghijkl", "$abcdefghh", "$abcdef  h", 7 },
        { "abcdef hijkl", "$abcdef hh", "$abcdef_ h", 7 },
        { "abcdef hijkl", "$abcdef hh", "$abcdef _h", 8 },
        { "abcdefg ijkl", "$abcdefg x", "$abcdefg_x", 8 },
    };

    (void)unused;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_echo e = { 0 };
        struct kiln_echo_look before;
        struct kiln_text now = { 0 };
        size_t cut = 99;

        start(&e, "$_", rows[i].line);
        draw(&now, rows[i].wrong);
        before = kiln_echo_look(&e, &now, kiln_echo_length(&e));
        draw(&now, rows[i].erased);
        assert_true(kiln_echo_edge_erased(&e, &now, &before, &cut));
        assert_int_equal(cut, rows[i].cut);
        kiln_text_done(&now);
        kiln_echo_done(&e);
    }
}

/* The line goes on before the edge. What is wrong there is taken back, by a backspace too many. */
static void before_the_edge_one_too_many(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_echo_look before;
    struct kiln_text now = { 0 };
    size_t cut = 99;

    (void)unused;
    start(&e, "$_", "abcdefghijkl");
    draw(&now, "$abcdefghh");
    before = kiln_echo_look(&e, &now, 12);
    draw(&now, "$abcdefg_h");
    assert_true(kiln_echo_edge_erased(&e, &now, &before, &cut));
    look_is(&e, "$abcdefgxh", "wrong 0/1");
    draw(&now, "$abcdefg_h");
    assert_false(kiln_echo_eaten(&e, &now));
    draw(&now, "$abcdef_ h");
    assert_true(kiln_echo_eaten(&e, &now)); /* h, which is not shown, and where g is shown */
    assert_int_equal(kiln_echo_length(&e), 5);
    look_is(&e, "$abcdefhih", "part 2/2");
    look_is(&e, "$abcdefhij|kl_", "all 5/5");
    kiln_text_done(&now);
    kiln_echo_done(&e);
}

/* What is left in the last column may be what is to be there. */
static void a_ghost_proves_nothing(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_echo_look before;
    struct kiln_text now = { 0 };
    size_t cut = 99;

    (void)unused;
    start(&e, "|$_", "abcdefgh ijk"); /* the space is lost */
    draw(&now, "|$abcdefghi");
    before = kiln_echo_look(&e, &now, 10);
    assert_int_equal(before.state, KILN_ECHO_WRONG);
    draw(&now, "|$abcdefg_i");
    assert_true(kiln_echo_edge_erased(&e, &now, &before, &cut));
    for (size_t sent = 0; sent < 3; sent++)
        assert_int_equal(kiln_echo_look(&e, &now, sent).good, sent);
    look_is(&e, "|$abcdefg j", "wrong 1/2"); /* i was lost */
    look_is(&e, "|$abcdefg i|jk_", "all 4/4");
    kiln_text_done(&now);
    kiln_echo_done(&e);
}

/* A space that was to be the last in its row is lost, and the screen goes up meanwhile. */
static void a_space_at_the_edge_is_lost(void **unused)
{
    struct kiln_echo e = { 0 };

    (void)unused;
    start(&e, "|||$_", "abcdefgh ijk");
    look_is(&e, "|||$abcdefgh", "part 9/8");
    look_is(&e, "||$abcdefghi|jk_", "wrong 8/11");
    assert_int_equal(kiln_echo_in_last_row(&e, 8, 11), 2);
    assert_int_equal(kiln_echo_in_last_row(&e, 8, 9), 1);
    look_is(&e, "||$abcdefgh|ijk_", "all 12/12");
    kiln_echo_done(&e);
}

static void where_the_cursor_is(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_text now = { 0 };

    (void)unused;
    start(&e, "$_", "ab ");
    draw(&now, "$ab_");
    (void)kiln_echo_look(&e, &now, 3);
    assert_false(kiln_echo_cursor_behind(&e, &now, 3));
    assert_true(kiln_echo_cursor_behind(&e, &now, 2));
    assert_false(kiln_echo_cursor_left(&e, &now, 3, 3)); /* the space may be lost */
    draw(&now, "$ab _");
    (void)kiln_echo_look(&e, &now, 3);
    assert_true(kiln_echo_cursor_behind(&e, &now, 3));
    kiln_echo_add(&e, 'c');
    draw(&now, "$ab  _"); /* c was lost, but something came */
    assert_false(kiln_echo_cursor_left(&e, &now, 3, 4));
    draw(&now, "$ab |message|_");
    assert_true(kiln_echo_cursor_left(&e, &now, 3, 3));
    kiln_text_done(&now);
    kiln_echo_done(&e);
}

/* Behind the last column a cursor waits there. */
static void a_cursor_at_the_edge(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_text now = { 0 };

    (void)unused;
    start(&e, "$_", "abcdefghijk");
    look_is(&e, "$abcdefgh_", "part 8/8");
    draw(&now, "$abcdefghi");
    now.cursor_row = 0;
    now.cursor_column = 9;
    assert_int_equal(kiln_echo_look(&e, &now, 11).good, 9);
    assert_true(kiln_echo_cursor_behind(&e, &now, 9));
    assert_false(kiln_echo_cursor_left(&e, &now, 9, 9));
    kiln_text_done(&now);
    kiln_echo_done(&e);
}

/* GRUB's graphic terminal: here [1, 9) of the ten columns. */
static void a_window_in_the_screen(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_text now = { 0 };

    (void)unused;
    start(&e, " $_", "abcdefghijklmnopq");
    look_is(&e, " $abcdefg_", "part 7/7");
    draw(&now, " $abcdefg");
    assert_false(kiln_echo_learn_margins(&e, &now, 17));
    draw(&now, " $abcdefg| hij_");
    assert_true(kiln_echo_learn_margins(&e, &now, 17));
    look_is(&e, " $abcdefg| hijklmno| p_", "part 16/16");
    assert_true(kiln_echo_at_edge(&e, 6));
    assert_false(kiln_echo_at_edge(&e, 7));
    draw(&now, " $_"); /* the next line knows */
    kiln_echo_begin(&e, &now);
    type(&e, "abcdefgh");
    look_is(&e, " $abcdefg| h_", "all 8/8");
    look_is(&e, " $abcdefg| hh_", "wrong 8/9");
    kiln_echo_done(&e);
    kiln_text_done(&now);
}

/* The end of a row is a space, which nobody sees. */
static void a_space_at_the_end_of_a_window(void **unused)
{
    static const struct {
        const char *before, *line, *row, *now;
        bool is_window;
    } rows[] = {
        { " $_", "abcdef hijk", " $abcdef", " $abcdef| hij_", true },
        { "$_", "abcdefg hijk", "$abcdefg", "$abcdefg|hijk_", false },   /* it came twice */
        { "$_", "abcdefgh ijk", "$abcdefgh", "$abcdefgh| ijk_", false }, /* so did this one */
        { "$_", "abcdefgh ijk", "$abcdefgh", "$abcdefghi|ijk_", false }, /* it was lost */
    };

    (void)unused;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        size_t sent = strlen(rows[i].line);
        struct kiln_echo e = { 0 };
        struct kiln_text now = { 0 };

        start(&e, rows[i].before, rows[i].line);
        draw(&now, rows[i].row);
        (void)kiln_echo_look(&e, &now, sent);
        draw(&now, rows[i].now);
        if (kiln_echo_learn_margins(&e, &now, sent) != rows[i].is_window)
            fail_msg("row %zu", i);
        kiln_text_done(&now);
        kiln_echo_done(&e);
    }
}

static void something_else_is_written(void **unused)
{
    struct kiln_echo e = { 0 };
    struct kiln_text now = { 0 };

    (void)unused;
    start(&e, "$_", "abcdef");
    look_is(&e, "$abc_", "part 3/3");
    draw(&now, "$abc[1.23]|hello|_");
    kiln_echo_restart(&e, &now, 3);
    assert_int_equal(kiln_echo_length(&e), 3);
    look_is(&e, "$abc[1.23]|hello|de_", "part 2/2");
    look_is(&e, "$abc[1.23]|hello|def_", "all 3/3");
    kiln_echo_done(&e);
    kiln_text_done(&now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_look),
        cmocka_unit_test(spaces_count_once_sent),
        cmocka_unit_test(a_line_that_is_gone),
        cmocka_unit_test(a_line_goes_on_elsewhere),
        cmocka_unit_test(a_space_too_many),
        cmocka_unit_test(several_faults),
        cmocka_unit_test(here_is_not_elsewhere),
        cmocka_unit_test(no_more_than_was_sent),
        cmocka_unit_test(another_size),
        cmocka_unit_test(the_new_row_has_come_with_the_old_one),
        cmocka_unit_test(the_next_one_over_the_last_column),
        cmocka_unit_test(it_goes_on_with_what_was_there),
        cmocka_unit_test(the_last_column),
        cmocka_unit_test(a_space_at_the_edge_is_lost),
        cmocka_unit_test(two_are_erased_at_the_edge),
        cmocka_unit_test(before_the_edge_one_too_many),
        cmocka_unit_test(a_ghost_proves_nothing),
        cmocka_unit_test(where_the_cursor_is),
        cmocka_unit_test(a_cursor_at_the_edge),
        cmocka_unit_test(a_window_in_the_screen),
        cmocka_unit_test(a_space_at_the_end_of_a_window),
        cmocka_unit_test(something_else_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
