/* The log pane in a console: what is in sight after keys. */
#include <sys/stat.h>

#include "console_bed.h"
#include "log_bed.h"
#include "ui/command.h"

/* A console that shows nothing but the log: rows - 2 lines of it. */
static struct kiln_console *log_console(struct log_bed *bed, int cols, int rows)
{
    struct kiln_console *c;

    bed_log_fd = bed->fd;
    c = bed_console(cols, rows);
    kiln_console_handler.grown(c, bed->size);
    kiln_console_focus(c, KILN_PANE_LOG);
    c->zoom = true;
    return c;
}

static void close_console(struct kiln_console *c, struct log_bed *bed)
{
    kiln_console_free(c);
    (void)close(bed->fd);
}

static void work(struct kiln_console *c)
{
    (void)bed_screen(c); /* a pane that was never drawn has no height */
    while (kiln_pane_log.work(c->panes[KILN_PANE_LOG]))
        ;
}

static void command(struct kiln_console *c, const char *line)
{
    kiln_command_run(c, line);
    work(c);
}

/* The text of a row without what is left of column x. */
static void check_row(struct kiln_console *c, int row, const char *want)
{
    const char *p = bed_screen(c), *end;

    for (; row > 0; row--)
        p = strchr(p, '\n') + 1;
    end = strchr(p, '\n');
    if ((size_t)(end - p) != strlen(want) || memcmp(p, want, strlen(want)) != 0)
        fail_msg("\"%.*s\", not \"%s\", in\n%s", (int)(end - p), p, want, bed_screen(c));
}

/* First and last line in sight, of those that log_bed_many made. */
static void check_lines(struct kiln_console *c, unsigned first, unsigned last)
{
    char want[40];
    int rows[2] = { 1, c->canvas.rows - 2 };

    for (int i = 0; i < 2; i++) {
        const char *p = bed_screen(c);
        unsigned line = i == 0 ? first : last;

        for (int row = rows[i]; row > 0; row--)
            p = strchr(p, '\n') + 1;
        (void)snprintf(want, sizeof(want), "line %u%s\n", line, line % 9 ? "" : " error");
        if (!strstr(p, want) || strstr(p, want) > strchr(p, '\n'))
            fail_msg("\"%s\" is not in row %d of\n%s", want, rows[i], bed_screen(c));
    }
}

static uint32_t cell_bg(const struct kiln_console *c, int x, int y)
{
    return c->canvas.cells[y * c->canvas.cols + x].style.bg;
}

static uint32_t cell_fg(const struct kiln_console *c, int x, int y)
{
    return c->canvas.cells[y * c->canvas.cols + x].style.fg;
}

static bool cell_reversed(const struct kiln_console *c, int x, int y)
{
    return c->canvas.cells[y * c->canvas.cols + x].style.attr & KILN_ATTR_REVERSE;
}

/* ---- moving ---- */

static void test_moving(void **state)
{
    static const struct {
        const char *keys;
        unsigned first, last;
        const char *status;
    } rows[] = {
        { "", 2978, 2999, "3000 lines  follow" },
        { "down", 2978, 2999, "3000 lines  follow" },
        { "up", 2978, 2999, "2999 of 3000" },
        { "up up", 2978, 2999, "2997 of 3000" },
        { "pgup", 2957, 2978, "2958 of 3000" },
        { "pgup pgup", 2915, 2936, "2916 of 3000" },
        { "up", 2914, 2935, "2915 of 3000" },
        { "pgdn", 2935, 2956, "2936 of 3000" },
        { "<", 0, 21, "1 of 3000" },
        { "up", 0, 21, "1 of 3000" },
        { "pgup", 0, 21, "1 of 3000" },
        { "pgdn", 21, 42, "22 of 3000" },
        { "end", 2978, 2999, "3000 lines  follow" },
        { "f", 2978, 2999, "3000 of 3000" },
        { "down pgdn", 2978, 2999, "3000 of 3000" },
        { "f", 2978, 2999, "3000 lines  follow" },
    };
    struct log_bed bed = log_bed_new();
    struct kiln_console *c;

    (void)state;
    log_bed_many(&bed, 3000, 7);
    c = log_console(&bed, 80, 24);
    bed_shows(c, "line 2999"); /* at once, before anything is indexed */
    work(c);
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        if (rows[i].keys[0])
            bed_keys(c, rows[i].keys);
        check_lines(c, rows[i].first, rows[i].last);
        bed_shows(c, rows[i].status);
    }
    close_console(c, &bed);
}

static void test_growth(void **state)
{
    struct log_bed bed = log_bed_new();
    struct kiln_console *c = log_console(&bed, 80, 24);

    (void)state;
    bed_shows(c, "no lines yet");
    log_bed_line(&bed, "debian", KILN_SAY, "the first");
    kiln_console_handler.grown(c, bed.size);
    check_row(c, 1, "06:22:41 the first");
    log_bed_many(&bed, 100, 1);
    kiln_console_handler.grown(c, bed.size);
    check_lines(c, 78, 99);
    bed_keys(c, "pgup");
    log_bed_many(&bed, 100, 1);
    kiln_console_handler.grown(c, bed.size);
    check_lines(c, 57, 78); /* stays */
    work(c);
    bed_shows(c, " of 201 ");
    bed_keys(c, "G");
    check_lines(c, 78, 99);
    close_console(c, &bed);
}

/* Nothing to do, nothing to draw. */
static void test_quiet(void **state)
{
    const struct kiln_pane_ops *ops = &kiln_pane_log;
    struct log_bed bed = log_bed_new();
    struct kiln_console *c;
    void *pane;

    (void)state;
    log_bed_many(&bed, 100, 1);
    c = log_console(&bed, 80, 24);
    pane = c->panes[KILN_PANE_LOG];
    work(c);
    for (int i = 0; i < 3 && ops->deadline(pane) != KILN_NEVER; i++) {
        ops->tick(pane, ops->deadline(pane));
        (void)bed_screen(c);
    }
    assert_true(ops->deadline(pane) == KILN_NEVER);
    assert_false(ops->work(pane));
    assert_false(c->dirty);
    /* Growth: a redraw, but not at once, and only one. */
    log_bed_many(&bed, 1, 1);
    kiln_console_handler.grown(c, bed.size);
    ops->tick(pane, ops->deadline(pane) - 1);
    assert_false(c->dirty);
    ops->tick(pane, ops->deadline(pane));
    assert_true(c->dirty);
    assert_true(ops->deadline(pane) == KILN_NEVER); /* also if it is not in sight */
    close_console(c, &bed);
}

/* ---- lines that are long, wide, hostile ---- */

static void test_long_lines(void **state)
{
    struct log_bed bed = log_bed_new();
    KILN_AUTO_STR text = { 0 };
    struct kiln_console *c;

    (void)state;
    for (int i = 0; i < 30; i++) /* 300 columns: "<0>......." */
        kiln_str_addf(&text, "<%02d>......", i);
    log_bed_line(&bed, "debian", KILN_OUTPUT, "before");
    log_bed_line(&bed, "debian", KILN_OUTPUT, kiln_str_cstr(&text));
    log_bed_line(&bed, "debian", KILN_OUTPUT, "a\tb\t\xe4\xb8\xad\tc");
    c = log_console(&bed, 80, 24);
    check_row(c, 1, "06:22:41 before");
    check_row(c, 2,
              "06:22:42 <00>......<01>......<02>......<03>......<04>......<05>......"
              "<06>......<");
    check_row(c, 3, "06:22:43 a       b       \xe4\xb8\xad      c");
    bed_keys(c, "right");
    check_row(c, 1, "06:22:41");
    check_row(c, 2,
              "06:22:42 .....<04>......<05>......<06>......<07>......<08>......<09>......"
              "<10>..");
    bed_keys(c, "left left w");
    check_row(c, 1, "06:22:41 before");
    check_row(c, 3,
              "         07>......<08>......<09>......<10>......<11>......<12>......"
              "<13>......<1");
    check_row(c, 6, "         ......<29>......");
    check_row(c, 7, "06:22:43 a       b       \xe4\xb8\xad      c");
    bed_keys(c, "right");
    bed_shows(c, "lines are wrapped (:wrap off)");
    command(c, "set wrap off");
    check_row(c, 3, "06:22:43 a       b       \xe4\xb8\xad      c");
    command(c, "wrap on");
    check_row(c, 7, "06:22:43 a       b       \xe4\xb8\xad      c");
    command(c, "wrap maybe");
    bed_shows(c, "wrap: \"maybe\" is neither on nor off");
    close_console(c, &bed);
}

/* A line that is higher than the pane: every row of it can be seen. */
static void test_tall_line(void **state)
{
    struct log_bed bed = log_bed_new();
    KILN_AUTO_STR text = { 0 };
    struct kiln_console *c;

    (void)state;
    for (int i = 0; i < 100000; i++)
        kiln_str_addf(&text, "%09d.", i);
    log_bed_line(&bed, "debian", KILN_OUTPUT, "before");
    log_bed_line(&bed, "debian", KILN_OUTPUT, kiln_str_cstr(&text));
    log_bed_line(&bed, "debian", KILN_OUTPUT, "behind");
    c = log_console(&bed, 59 + 1, 15);
    command(c, "wrap on");
    bed_keys(c, "<");
    check_row(c, 1, "06:22:41 before");
    check_row(c, 2, "06:22:42 000000000.000000001.000000002.000000003.000000004.0");
    bed_keys(c, "down");
    check_row(c, 1, "06:22:42 000000000.000000001.000000002.000000003.000000004.0");
    bed_keys(c, "down");
    check_row(c, 1, "         00000005.000000006.000000007.000000008.000000009.00");
    bed_keys(c, "pgdn");
    check_row(c, 1, "         000066.000000067.000000068.000000069.000000070.0000");
    bed_keys(c, "up");
    check_row(c, 1, "         0000061.000000062.000000063.000000064.000000065.000");
    for (int i = 0; i < 40; i++)
        bed_keys(c, "pgdn");
    bed_shows(c, "more bytes)"); /* cut */
    check_row(c, 13, "06:22:43 behind");
    bed_keys(c, "up");
    bed_keys(c, "up");
    bed_shows_not(c, "behind");
    bed_shows(c, "more bytes)");
    close_console(c, &bed);
}

static void test_hostile_text(void **state)
{
    static const char text[] = "\033]0;owned\a\033[2J\033[1;1H\033P+q\033\\x\xc2\x9b\x31m\b\x7f\r!"
                               "\xff\xfe \xe2\x80\xae rtl";
    struct log_bed bed = log_bed_new();
    struct kiln_console *c;

    (void)state;
    log_bed_event(&bed, (struct kiln_event){ .type = KILN_EV_LINE,
                                             .build = "\033[31mred\n",
                                             .level = KILN_OUTPUT,
                                             .text = text,
                                             .len = sizeof(text) - 1 });
    c = log_console(&bed, 80, 24);
    (void)bed_screen(c);
    for (int i = 0; i < c->canvas.cols * c->canvas.rows; i++) {
        uint32_t ch = c->canvas.cells[i].ch;

        assert_true(ch == 0 || (ch >= 0x20 && ch != 0x7f && !(ch >= 0x80 && ch < 0xa0)));
    }
    bed_shows(c, "06:22:41 \?\?\?\?x\?1m\?\?\?!\xef\xbf\xbd\xef\xbf\xbd");
    close_console(c, &bed);
}

/* ---- columns ---- */

static void test_columns(void **state)
{
    static const struct {
        int cols;
        bool mono;
        const char *want;
    } rows[] = {
        { 140, false, "06:22:43 qemu.debian Run              said" },
        { 80, false, "06:22:43 qemu.debian said" },
        { 60, false, "06:22:43 debian said" },
        { 60, true, "> 06:22:43 debian said" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct log_bed bed = log_bed_new();
        struct kiln_console *c;

        if (rows[i].mono)
            (void)setenv("NO_COLOR", "1", 1);
        log_bed_step(&bed, "qemu.debian", NULL, "stepRun", "running");
        log_bed_line(&bed, "qemu.alpine", KILN_ERRLINE, "broke");
        log_bed_line(&bed, "qemu.debian", KILN_SAY, "said");
        c = log_console(&bed, rows[i].cols, 24);
        bed_event(c, "{\"type\":\"run-start\",\"names\":[\"qemu.debian\",\"qemu.alpine\"]}");
        work(c);
        check_row(c, 2, rows[i].want);
        assert_int_equal(cell_fg(c, (int)strlen(rows[i].want), 1), KILN_COLOR_ANSI(9));
        assert_int_equal(cell_fg(c, (int)strlen(rows[i].want) - 4, 2), 0);
        close_console(c, &bed);
        (void)unsetenv("NO_COLOR");
    }
}

/* ---- searching and filtering ---- */

static void test_search(void **state)
{
    struct log_bed bed = log_bed_new();
    struct kiln_console *c;

    (void)state;
    log_bed_many(&bed, 20000, 3);
    c = log_console(&bed, 80, 24);
    work(c);
    command(c, "search (");
    bed_shows(c, "search: \"(\" at character 2: missing closing parenthesis");
    command(c, "search LINE");
    bed_shows(c, "no line matches \"LINE\"");
    bed_keys(c, "/");
    assert_string_equal(kiln_str_cstr(&c->cmdline.text), "search ");
    bed_keys(c, "1 7 . 4 4 $ enter"); /* following: backwards */
    work(c);
    bed_shows(c, "17945 of 20000  /17.44$");
    bed_keys(c, "esc");
    bed_shows_not(c, "/17.44$");
    close_console(c, &bed);
}

static void test_search_again(void **state)
{
    struct log_bed bed = log_bed_new();
    struct kiln_console *c;

    (void)state;
    log_bed_many(&bed, 20000, 3);
    c = log_console(&bed, 80, 24);
    work(c);
    bed_keys(c, "<");
    command(c, "search line (50|15000|19999)$");
    bed_shows(c, "51 of 20000");
    check_row(c, 12, "06:22:57 line 50"); /* not in sight before: in the middle */
    bed_keys(c, "n");
    work(c);
    bed_shows(c, "15001 of 20000");
    bed_keys(c, "n");
    work(c);
    bed_shows(c, "20000 of 20000");
    bed_keys(c, "n");
    work(c);
    bed_shows(c, "search went on at the beginning");
    bed_shows(c, "51 of 20000");
    bed_keys(c, "N");
    work(c);
    bed_shows(c, "search went on at the end");
    bed_shows(c, "20000 of 20000");
    close_console(c, &bed);
}

static void test_marks(void **state)
{
    struct log_bed bed = log_bed_new();
    KILN_AUTO_STR far = { 0 };
    struct kiln_console *c;

    (void)state;
    log_bed_line(&bed, "debian", KILN_OUTPUT,
                 "\xc3\xa4\tfoo \xe4\xb8\xad"
                 "foo fo");
    log_bed_line(&bed, "debian", KILN_OUTPUT, "nothing");
    for (int i = 0; i < 50; i++)
        kiln_str_adds(&far, "..........");
    kiln_str_adds(&far, "bar");
    log_bed_line(&bed, "debian", KILN_OUTPUT, kiln_str_cstr(&far));
    c = log_console(&bed, 80, 24);
    bed_keys(c, "<");
    command(c, "search foo");
    (void)bed_screen(c);
    for (int x = 0; x < 40; x++) /* text begins at 9: tab to 17, wide at 21 */
        assert_int_equal(cell_bg(c, x, 1) != 0, (x >= 17 && x < 20) || (x >= 23 && x < 26));
    for (int x = 0; x < 80; x++)
        assert_int_equal(cell_bg(c, x, 2), 0);
    command(c, "search bar"); /* far to the right: comes into sight */
    check_row(c, 3, "06:22:43 ...................................bar");
    command(c, "wrap on");
    (void)bed_screen(c);
    for (int x = 0; x < 80; x++) /* 503 columns in rows of 71: the 8th from 497 on */
        assert_int_equal(cell_bg(c, x, 10) != 0, x >= 9 + 3 && x < 9 + 6);
    close_console(c, &bed);
}

/* A search that takes long: keys work meanwhile, and end it. */
static void test_search_interrupted(void **state)
{
    struct log_bed bed = log_bed_new();
    struct kiln_console *c;
    char text[1501];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 2000; i++)
        log_bed_line(&bed, "debian", KILN_OUTPUT, text);
    c = log_console(&bed, 80, 24);
    work(c);
    bed_keys(c, "up");
    kiln_command_run(c, "search (?=(a+))a*[bc]"); /* quadratic, but within bounds */
    bed_shows(c, "searching");
    assert_true(kiln_pane_log.work(c->panes[KILN_PANE_LOG]));
    bed_keys(c, "up");
    bed_shows(c, "1998 of 2000"); /* the key did its work, too */
    bed_shows_not(c, "searching");
    kiln_command_run(c, "search-next");
    bed_shows(c, "searching");
    bed_keys(c, "esc");
    bed_shows(c, "search stopped");
    assert_false(kiln_pane_log.work(c->panes[KILN_PANE_LOG]));
    close_console(c, &bed);
}

static void test_filter(void **state)
{
    struct log_bed bed = log_bed_new();
    struct kiln_console *c;

    (void)state;
    log_bed_many(&bed, 20000, 1);
    log_bed_line(&bed, "debian", KILN_SAY, "the end");
    c = log_console(&bed, 80, 24);
    command(c, "filter level=wrong");
    bed_shows(c, "filter: no level is called \"wrong\"; there are: say, message, error, output, "
                 "plai");
    command(c, "filter level=error text=9 error$");
    bed_shows(c, "[level=error text=9 error$]");
    check_row(c, 22, "11:55:50 line 19989 error");
    bed_keys(c, "up up <");
    bed_shows(c, "1 of 223 ");
    check_row(c, 1, "06:22:50 line 9 error");
    bed_keys(c, "&");
    assert_string_equal(kiln_str_cstr(&c->cmdline.text), "filter level=error text=9 error$");
    bed_keys(c, "esc");
    bed_keys(c, "down down down");
    bed_shows(c, "4 of 223 ");
    command(c, "filter off"); /* the cursor stays on its line */
    bed_shows(c, "280 of 20001");
    command(c, "filter step=nothing");
    bed_shows(c, "no line is shown by this filter");
    command(c, "filter text=(x+x+)+y"); /* harmless here */
    bed_shows(c, "no line is shown by this filter");
    command(c, "filter text=(?:.?){25}(?:.?){25}[qz]");
    bed_shows(c, "takes too long on too many lines");
    bed_shows(c, "280 of 20001");
    close_console(c, &bed);
}

/* ---- selecting, copying, saving ---- */

static void test_copy(void **state)
{
    struct log_bed bed = log_bed_new();
    struct kiln_console *c;
    KILN_AUTO_STR text = { 0 };

    (void)state;
    for (int i = 0; i < 2000; i++)
        kiln_str_addf(&text, "%0100d\n", i);
    log_bed_line(&bed, "debian", KILN_OUTPUT, kiln_str_cstr(&text));
    log_bed_line(&bed, "debian", KILN_OUTPUT, "last");
    c = log_console(&bed, 80, 24);
    (void)setenv("TERM", "xterm", 1);
    (void)unsetenv("TMUX");
    (void)unsetenv("STY");
    work(c);
    bed_keys(c, "y");
    bed_shows(c, "copied 1 line");
    bed_keys(c, "up m up up");
    bed_shows(c, "marking");
    assert_true(cell_reversed(c, 30, 21) && cell_reversed(c, 30, 19) && !cell_reversed(c, 30, 18));
    assert_false(cell_reversed(c, 30, 22));
    bed_keys(c, "y");
    bed_shows(c, "copied 3 lines");
    bed_shows_not(c, "marking");
    bed_keys(c, "m < y");
    bed_shows(c, "copied only the first 1013 lines (100 kB; \"copy FILE\" writes all)");
    (void)setenv("TMUX", "/tmp/x,1,0", 1);
    bed_keys(c, "y");
    bed_shows(c, "copied 1 line (tmux: if set-clipboard is on)");
    (void)setenv("TERM", "linux", 1);
    bed_keys(c, "y");
    bed_shows(c, "the Linux console has no clipboard; \"copy FILE\" writes a file");
    close_console(c, &bed);
}

static char *contents(const char *path)
{
    KILN_AUTO_ERR err = { 0 };
    struct kiln_str out = { 0 };

    unit_ok(kiln_fs_read(path, 100 << 20, &out, &err), &err);
    return kiln_str_steal(&out);
}

/* command + " " + path */
static void file_command(struct kiln_console *c, const char *name, const char *path)
{
    KILN_AUTO_FREE char *line = kiln_xasprintf("%s %s", name, path);

    kiln_command_run(c, line);
}

static void test_save(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *dir = kiln_fs_temp_dir("log", &err);
    KILN_AUTO_FREE char *path = kiln_path_join(dir, "saved file");
    struct log_bed bed = log_bed_new();
    struct kiln_console *c;
    char *got;
    struct stat st;

    (void)state;
    log_bed_step(&bed, "debian", NULL, "stepRun", "running");
    log_bed_line(&bed, "debian", KILN_SAY, "one\ntwo\033[31m");
    log_bed_line(&bed, NULL, KILN_PLAIN, "three");
    c = log_console(&bed, 80, 24);
    work(c);
    file_command(c, "save", path);
    work(c);
    bed_shows(c, "wrote 3 lines to ");
    got = contents(path);
    assert_string_equal(got, "2026-11-21 06:22:42.000 debian stepRun: one\n"
                             "2026-11-21 06:22:42.000 debian stepRun: two\n"
                             "2026-11-21 06:22:43.000: three\n");
    free(got);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    command(c, "filter level=plain");
    file_command(c, "save", path); /* is there: Enter leaves it alone */
    bed_shows(c, "Replace it?");
    bed_keys(c, "enter");
    bed_shows(c, "not saved");
    file_command(c, "save", path);
    bed_keys(c, "y");
    work(c);
    bed_shows(c, "wrote 1 line to ");
    got = contents(path);
    assert_string_equal(got, "2026-11-21 06:22:43.000: three\n");
    free(got);
    file_command(c, "save", dir);
    bed_shows(c, "is a directory");
    file_command(c, "save", "/nonexistent/x");
    bed_shows(c, "save: cannot write /nonexistent/x: ");
    command(c, "filter off");
    bed_keys(c, "up m up");
    KILN_AUTO_FREE char *copy = kiln_path_join(dir, "copy");
    file_command(c, "copy", copy);
    work(c);
    got = contents(copy);
    assert_string_equal(got, "2026-11-21 06:22:42.000 debian stepRun: one\n"
                             "2026-11-21 06:22:42.000 debian stepRun: two\n");
    free(got);
    close_console(c, &bed);
    unit_ok(kiln_fs_remove_tree(dir, &err), &err);
}

static void test_save_stopped(void **state)
{
    KILN_AUTO_ERR err = { 0 };
    KILN_AUTO_FREE char *dir = kiln_fs_temp_dir("log", &err);
    KILN_AUTO_FREE char *path = kiln_path_join(dir, "saved");
    struct log_bed bed = log_bed_new();
    struct kiln_console *c;

    (void)state;
    log_bed_many(&bed, 400000, 100);
    c = log_console(&bed, 80, 24);
    work(c);
    file_command(c, "save", path);
    assert_true(kiln_pane_log.work(c->panes[KILN_PANE_LOG])); /* a slice is not enough */
    bed_shows(c, "saving ");
    bed_keys(c, "up"); /* other keys do what they do */
    assert_true(kiln_fs_exists(path));
    bed_keys(c, "esc");
    bed_shows(c, "stopped; nothing was saved");
    assert_false(kiln_fs_exists(path));
    close_console(c, &bed);
    unit_ok(kiln_fs_remove_tree(dir, &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moving),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_tall_line),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_search_again),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_search_interrupted),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_save),
        cmocka_unit_test(test_save_stopped),
    };

    (void)setenv("TZ", "UTC", 1);
    tzset();
    (void)unsetenv("NO_COLOR");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
