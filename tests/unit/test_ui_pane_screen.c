/* The screen pane with a console, a run and a terminal of ours, and real framebuffers. */
#include "screen_bed.h"

/* ---- what it says without a picture ---- */

static void says_why(void **state)
{
    struct bed *b = *state;

    check_sent("screen debian on\n");
    draw(b);
    check_row(b, 11, "                                 no screen yet");
    reply(&(struct kiln_reply){ .error = "the template has disable_vnc", .fd = -1 });
    draw(b);
    check_row(b, 11, "                  no screen yet: the template has disable_vnc");
    happen(b, (struct kiln_event){ .type = KILN_EV_STEP, .name = "stepRun", .to = "running" });
    check_sent("screen debian on\n");
    reply(&(struct kiln_reply){ .error = "screen is not possible now, and neither is any other of "
                                         "these rather long reasons, which are wrapped",
                                .fd = -1 });
    draw(b);
    check_row(b, 11,
              "  no screen yet: screen is not possible now, and neither is any other of these");
    check_row(b, 12, "                     rather long reasons, which are wrapped");
    happen(b, (struct kiln_event){ .type = KILN_EV_BUILD_END, .status = 1, .mono_us = 5 });
    draw(b);
    check_row(b, 11, "                     the build is over: its screen is gone");
    check_status(b, "");
}

/* ---- pictures ---- */

static void blocks(void **state)
{
    struct kiln_picture p = frame_of(1024, 768, BLACK);
    struct bed *b = *state;

    frame_fill(&p, 512, 0, 512, 768, 0xff0000);
    draw(b);
    show(b, &p);
    settle(b);
    check_status(b, "1024x768");
    /* 64 x 24 cells in the middle of 80 x 24 */
    assert_int_equal(color(cell(b, 7, 5)), KILN_COLOR_DEFAULT);
    assert_int_equal(color(cell(b, 8, 5)), KILN_COLOR_RGB(BLACK));
    assert_int_equal(color(cell(b, 39, 23)), KILN_COLOR_RGB(BLACK));
    assert_int_equal(color(cell(b, 40, 0)), KILN_COLOR_RGB(0xff0000));
    assert_int_equal(color(cell(b, 71, 23)), KILN_COLOR_RGB(0xff0000));
    assert_int_equal(color(cell(b, 72, 5)), KILN_COLOR_DEFAULT);

    frame_fill(&p, 0, 0, 1024, 384, 0x0000ff);
    kiln_framebuffer_write(&b->writer, p.rgbx, 0, 384);
    happen(b, (struct kiln_event){ .type = KILN_EV_FRAME, .index = 2 });
    settle(b);
    assert_int_equal(color(cell(b, 8, 0)), KILN_COLOR_RGB(0x0000ff));
    assert_int_equal(color(cell(b, 8, 12)), KILN_COLOR_RGB(BLACK));
    kiln_picture_done(&p);
}

/* An event without a change costs no drawing. */
static void unchanged(void **state)
{
    struct kiln_picture p = frame_of(640, 480, 0x123456);
    struct bed *b = *state;

    draw(b);
    show(b, &p);
    settle(b);
    kiln_framebuffer_write(&b->writer, p.rgbx, 0, 480);
    happen(b, (struct kiln_event){ .type = KILN_EV_FRAME, .index = 2 });
    con.dirty = false;
    ops->tick(b->pane, ops->deadline(b->pane));
    assert_false(con.dirty);
    assert_int_equal(ops->deadline(b->pane), KILN_NEVER);
    kiln_picture_done(&p);
}

/* While the terminal cannot take more, and while nobody sees it, frames are not even looked at. */
static void frames_wait(void **state)
{
    struct kiln_picture p = frame_of(640, 480, 0x123456);
    struct bed *b = *state;
    int64_t now = kiln_clock_mono_us();

    con.term = &b->term;
    draw(b);
    show(b, &p);
    settle(b);
    b->term.busy = true;
    frame_fill(&p, 0, 0, 640, 480, 0x654321);
    kiln_framebuffer_write(&b->writer, p.rgbx, 0, 480);
    happen(b, (struct kiln_event){ .type = KILN_EV_FRAME, .index = 2 });
    for (int i = 0; i < 10; i++, now += KILN_SECOND(1)) {
        con.dirty = false;
        ops->tick(b->pane, now);
        assert_false(con.dirty);
        assert_in_range(ops->deadline(b->pane), now + 1, now + KILN_SECOND(1));
    }
    draw(b);
    b->term.busy = false;
    settle(b);
    assert_int_equal(color(cell(b, 40, 5)), KILN_COLOR_RGB(0x654321));
    kiln_picture_done(&p);
}

/* What nobody sees for a while is not sent; a picture is taken of what is there now. */
static void out_of_sight(void **state)
{
    struct kiln_picture p = frame_of(640, 480, 0x123456);
    struct bed *b = *state;
    char path[] = "/tmp/kiln-test-XXXXXX";
    KILN_AUTO_FREE char *file = NULL;

    assert_non_null(mkdtemp(path));
    file = kiln_path_join(path, "x.png");
    con.term = &b->term;
    draw(b);
    show(b, &p);
    settle(b);
    kiln_str_clear(&con.sent);
    ops->pixels(b->pane, con.term, NULL);
    ops->tick(b->pane, ops->deadline(b->pane) - 1);
    check_sent("");
    ops->tick(b->pane, ops->deadline(b->pane));
    check_sent("screen debian off\n");
    assert_int_equal(ops->deadline(b->pane), KILN_NEVER);
    happen(b, (struct kiln_event){ .type = KILN_EV_SCREEN, .done = 640, .total = 480 });
    check_sent("");

    assert_true(ops->action(b->pane, KILN_ACT_PICTURE, file));
    check_sent("screen debian on\n");
    assert_int_equal(access(file, F_OK), -1);
    draw(b);
    show(b, &p);
    settle(b);
    assert_int_equal(access(file, F_OK), 0);
    check_sent("");

    ops->pixels(b->pane, con.term, NULL);
    ops->tick(b->pane, ops->deadline(b->pane));
    check_sent("screen debian off\n");
    draw(b);
    check_sent("screen debian on\n");
    reply(&(struct kiln_reply){ .error = "no", .fd = -1 });
    (void)unlink(file);
    (void)rmdir(path);
    kiln_picture_done(&p);
}

static void no_guest(void **state)
{
    struct bed *b = *state;

    happen(b, (struct kiln_event){ .type = KILN_EV_BUILD_START, .mono_us = 1 });
    reply(&(struct kiln_reply){ .error = "\"screen\" is not possible now", .fd = -1 });
    draw(b);
    check_row(b, 11, "                            this build has no screen");
}

/* A row of a text screen of 80x25. */
static void write_row(struct bed *b, int row, const char *text, const char *colors, int cursor)
{
    struct kiln_strv names = { 0 };

    kiln_strv_split(&names, colors, ',');
    happen(b, (struct kiln_event){ .type = KILN_EV_TEXT,
                                   .done = 80,
                                   .total = 25,
                                   .index = row,
                                   .status = cursor,
                                   .text = text,
                                   .len = strlen(text),
                                   .names = &names });
    kiln_strv_done(&names);
}

#define GREY "0 aaaaaa 000000"

static void text_screen(void **state)
{
    struct kiln_picture p = frame_of(720, 400, BLACK);
    struct bed *b = *state;

    draw(b);
    show(b, &p);
    write_row(b, 0, "SeaBIOS", GREY, 0);
    write_row(b, 24, "boot: \u2502 \ufffd", GREY ",6 0000ff ffffff,7 aaaaaa 000000", 9);
    settle(b);
    check_row(b, 23, "boot: \u2502 \ufffd"); /* the end is in sight */
    assert_int_equal(cell(b, 6, 23)->style.fg, KILN_COLOR_RGB(0x0000ff));
    assert_int_equal(cell(b, 6, 23)->style.bg, KILN_COLOR_RGB(WHITE));
    assert_int_equal(cell(b, 7, 23)->style.bg, KILN_COLOR_RGB(BLACK));
    assert_int_equal(cell(b, 8, 23)->style.attr, KILN_ATTR_UNDERLINE);
    check_status(b, "720x400  lines 2-25");
    assert_true(ops->action(b->pane, KILN_ACT_TOP, ""));
    draw(b);
    check_row(b, 0, "SeaBIOS");
    check_status(b, "720x400  lines 1-24");
    assert_true(ops->action(b->pane, KILN_ACT_BOTTOM, ""));
    draw(b);
    check_row(b, 23, "boot: \u2502 \ufffd");
    assert_true(ops->action(b->pane, KILN_ACT_TEXT, "")); /* as it looks */
    settle(b);
    assert_int_not_equal(cell(b, 0, 23)->ch, 'b');
    check_status(b, "720x400");
    assert_false(ops->action(b->pane, KILN_ACT_UP, ""));
    assert_true(ops->action(b->pane, KILN_ACT_TEXT, ""));
    settle(b);
    write_row(b, 24, "boot: x", GREY, 0);
    draw(b);
    check_row(b, 23, "boot: x");
    happen(b, (struct kiln_event){ .type = KILN_EV_TEXT }); /* graphics */
    settle(b);
    assert_int_not_equal(cell(b, 0, 23)->ch, 'b');
    kiln_picture_done(&p);
}

static void search_the_screen(void **state)
{
    struct kiln_picture p = frame_of(720, 400, BLACK);
    struct bed *b = *state;

    draw(b);
    show(b, &p);
    assert_true(ops->action(b->pane, KILN_ACT_SEARCH, "."));
    assert_string_equal(con.said, "\".\" is not on the screen");
    write_row(b, 0, "\u2502 Install", GREY, 0);
    write_row(b, 24, "install or not", GREY, 0);
    settle(b);
    assert_true(ops->action(b->pane, KILN_ACT_SEARCH, ""));
    assert_string_equal(con.line, "search ");
    assert_true(ops->action(b->pane, KILN_ACT_SEARCH, "("));
    assert_true(ops->action(b->pane, KILN_ACT_SEARCH, "inst.ll"));
    draw(b);
    assert_int_equal(cell(b, 0, 23)->style.attr, KILN_ATTR_REVERSE);
    assert_int_equal(cell(b, 7, 23)->style.attr, 0);
    assert_true(ops->action(b->pane, KILN_ACT_SEARCH_NEXT, ""));
    draw(b);
    check_row(b, 0, "\u2502 Install");
    assert_int_equal(cell(b, 1, 0)->style.attr, 0);
    assert_int_equal(cell(b, 2, 0)->style.attr, KILN_ATTR_REVERSE);
    assert_true(ops->action(b->pane, KILN_ACT_SEARCH_PREVIOUS, ""));
    draw(b);
    check_row(b, 23, "install or not");
    kiln_picture_done(&p);
}

static void copy_the_screen(void **state)
{
    struct bed *b = *state;

    con.term = &b->term;
    (void)unsetenv("STY");
    (void)setenv("TERM", "xterm", 1);
    assert_true(ops->action(b->pane, KILN_ACT_COPY, ""));
    assert_string_equal(con.said, "the guest shows no text");
    write_row(b, 1, "ab", GREY, 0); /* also where there is no picture (any more) */
    draw(b);
    check_row(b, 1, "ab");
    kiln_str_clear(&b->term.out);
    assert_true(ops->action(b->pane, KILN_ACT_COPY, ""));
    assert_string_equal(kiln_str_cstr(&b->term.out), "\033]52;c;CmFiCg==\a");
}

/* What a hostile log may say. */
static void odd_text(void **state)
{
    struct bed *b = *state;

    happen(b, (struct kiln_event){ .type = KILN_EV_TEXT, .done = 80, .total = 25, .index = 25 });
    happen(b, (struct kiln_event){ .type = KILN_EV_TEXT, .done = 80, .total = 25, .index = -1 });
    happen(b, (struct kiln_event){ .type = KILN_EV_TEXT, .done = UINT64_MAX, .total = 25 });
    write_row(b, 0, "\xff\033\u2502", "x,99999 1 1,79 ffffff 000000,1 1,-1 2 3", 81);
    draw(b);
    check_row(b, 0, "\ufffd\ufffd\u2502");
}

/* A small area gets the picture, unless text is asked for. */
static void thumbnail(void **state)
{
    struct kiln_picture p = frame_of(720, 400, BLACK);
    struct bed *b = *state;

    kiln_canvas_resize(&b->canvas, 30, 10);
    draw(b);
    show(b, &p);
    write_row(b, 0, "SeaBIOS", GREY, 0);
    settle(b);
    assert_int_not_equal(cell(b, 0, 0)->ch, 'S');
    assert_true(ops->action(b->pane, KILN_ACT_TEXT, ""));
    settle(b);
    check_row(b, 0, "SeaBIOS");
    kiln_picture_done(&p);
}

static bool has_color(const struct bed *b, uint32_t want)
{
    for (int i = 0; i < b->canvas.cols * b->canvas.rows; i++)
        if (color(&b->canvas.cells[i]) == want)
            return true;
    return false;
}

static void sizes_change(void **state)
{
    static const unsigned sizes[][2] = { { 720, 400 }, { 640, 480 }, { 1, 1 },
                                         { 9000, 2 },  { 2, 9000 },  { 3000, 2000 } };
    struct bed *b = *state;

    for (size_t i = 0; i < KILN_COUNT(sizes); i++) {
        struct kiln_picture p = frame_of(sizes[i][0], sizes[i][1], 0x336699);

        kiln_canvas_resize(&b->canvas, 60 + (int)i * 20, 15 + (int)i * 5);
        draw(b);
        show(b, &p);
        settle(b);
        assert_true(has_color(b, KILN_COLOR_RGB(0x336699)));
        kiln_picture_done(&p);
    }
    kiln_canvas_resize(&b->canvas, 1, 1);
    draw(b);
    settle(b);
}

static void guest_goes(void **state)
{
    struct kiln_picture p = frame_of(640, 480, 0x336699);
    struct bed *b = *state;

    draw(b);
    show(b, &p);
    settle(b);
    happen(b, (struct kiln_event){ .type = KILN_EV_SCREEN });
    settle(b);
    check_status(b, "the last that was seen");
    assert_int_equal(color(cell(b, 40, 12)), KILN_COLOR_RGB(0x336699));
    happen(b, (struct kiln_event){ .type = KILN_EV_FRAME, .index = 3 }); /* late */
    settle(b);
    kiln_picture_done(&p);
}

static void other_build(void **state)
{
    struct kiln_picture p = frame_of(640, 480, 0x336699);
    struct bed *b = *state;

    draw(b);
    show(b, &p);
    settle(b);
    kiln_str_clear(&con.sent);
    con.build = "alpine";
    happen(b, (struct kiln_event){ .type = KILN_EV_BUILD_START, .build = "alpine" });
    check_sent("screen debian off\nscreen alpine on\n");
    draw(b);
    check_row(b, 11, "                                 no screen yet");
    con.build = "debian";
    ops->event(b->pane, &(struct kiln_event){ .type = KILN_EV_FRAME, .build = "debian" });
    check_sent("screen alpine off\n"); /* alpine's reply is still due */
    reply(&(struct kiln_reply){ .ok = true, .fd = fcntl(b->writer.fd, F_DUPFD_CLOEXEC, 3) });
    check_sent("screen debian on\n");
    settle(b);
    check_row(b, 11, "                                 no screen yet");
    show(b, &p);
    settle(b);
    assert_int_equal(color(cell(b, 40, 12)), KILN_COLOR_RGB(0x336699));
    kiln_picture_done(&p);
}

/* ---- hostile framebuffers ---- */

static void hostile_heads(void **state)
{
    static const struct kiln_framebuffer_head heads[] = {
        { .magic = 0, .width = 4, .height = 4, .stride = 16 },
        { .magic = KILN_FRAMEBUFFER_MAGIC, .width = 65535, .height = 65535, .stride = 16 },
        { .magic = KILN_FRAMEBUFFER_MAGIC, .width = 0xffffffff, .height = 1, .stride = 4 },
        { .magic = KILN_FRAMEBUFFER_MAGIC, .width = 0, .height = 4, .stride = 16 },
        { .magic = KILN_FRAMEBUFFER_MAGIC, .width = 4, .height = 400, .stride = 16 },
        { .magic = KILN_FRAMEBUFFER_MAGIC, .width = 4, .height = 4, .stride = 3 },
    };
    struct bed *b = *state;

    for (size_t i = 0; i < KILN_COUNT(heads); i++) {
        int fd = memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(kiln_fs_write_all(fd, &heads[i], sizeof(heads[i]), NULL));
        assert_int_equal(ftruncate(fd, 4096), 0);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
        if (!con.replied)
            happen(b, (struct kiln_event){ .type = KILN_EV_SCREEN, .done = 4, .total = 4 });
        reply(&(struct kiln_reply){ .ok = true, .fd = fd });
        settle(b);
        draw(b);
        assert_non_null(strstr(kiln_str_cstr(&con.sent), "screen debian on"));
        check_status(b, "");
    }
}

/* The head lies after it was mapped; the writer never ends. */
static void head_changes(void **state)
{
    struct kiln_picture p = frame_of(64, 48, 0x336699);
    struct bed *b = *state;
    int64_t now;

    draw(b);
    show(b, &p);
    b->writer.head->width = b->writer.head->height = b->writer.head->stride = 0xffffffff;
    settle(b);
    assert_int_equal(color(cell(b, 40, 12)), KILN_COLOR_RGB(0x336699));
    atomic_fetch_add(&b->writer.head->lock, 1);
    happen(b, (struct kiln_event){ .type = KILN_EV_FRAME, .index = 2 });
    now = kiln_clock_mono_us() + KILN_SECOND(1);
    ops->tick(b->pane, now);
    assert_in_range(ops->deadline(b->pane), now + KILN_MS(1), now + KILN_SECOND(1));
    kiln_picture_done(&p);
}

/* The largest screen that there can be does not hold up keys. */
static void huge(void **state)
{
    struct kiln_picture p = frame_of(8192, 8192, 0x336699);
    struct bed *b = *state;
    int64_t from, took;

    draw(b);
    show(b, &p);
    from = kiln_clock_mono_us();
    settle(b);
    took = kiln_clock_mono_us() - from;
    check_status(b, "8192x8192");
    assert_int_equal(color(cell(b, 40, 12)), KILN_COLOR_RGB(0x336699));
    assert_true(took < KILN_SECOND(2)); /* a tick is a fraction; sanitizers are slow */
    kiln_picture_done(&p);
}

/* ---- PNG ---- */

static void saves(void **state)
{
    struct kiln_picture p = frame_of(64, 48, 0x336699);
    KILN_AUTO_FREE char *dir = kiln_fs_temp_dir("kiln-test-", NULL);
    KILN_AUTO_FREE char *path = kiln_path_join(dir, "a.png");
    KILN_AUTO_FREE char *want = kiln_xasprintf("saved %s (64x48)", path);
    KILN_AUTO_FREE char *question = kiln_xasprintf("%s exists: replace it?", path);
    KILN_AUTO_STR png = { 0 };
    struct bed *b = *state;

    assert_true(ops->action(b->pane, KILN_ACT_PICTURE, path));
    assert_string_equal(con.said, "there is no picture to save");
    draw(b);
    show(b, &p);
    settle(b);
    assert_true(ops->action(b->pane, KILN_ACT_PICTURE, path));
    assert_string_equal(con.said, want);
    assert_true(kiln_fs_read(path, 1 << 20, &png, NULL));
    assert_memory_equal(png.data, "\x89PNG", 4);
    assert_true(kiln_fs_write_atomic(path, "old", 3, 0600, NULL));
    for (int yes = 0; yes < 2; yes++) {
        assert_true(ops->action(b->pane, KILN_ACT_PICTURE, path));
        assert_string_equal(con.said, question);
        con.confirmed(con.ud, yes);
        kiln_str_clear(&png);
        assert_true(kiln_fs_read(path, 1 << 20, &png, NULL));
        assert_memory_equal(png.data, yes ? "\x89PNG" : "old", 3);
    }
    assert_true(ops->action(b->pane, KILN_ACT_PICTURE, "/no/such/dir/a.png"));
    assert_string_equal(con.said, "create /no/such/dir/a.png: No such file or directory");
    assert_true(kiln_fs_remove_tree(dir, NULL));
    kiln_picture_done(&p);
}

/* ---- real pixels ---- */

static size_t count(const struct kiln_str *s, const char *what)
{
    size_t n = 0;

    for (const char *p = kiln_str_cstr(s); (p = strstr(p, what)) != NULL; p++)
        n++;
    return n;
}

static void kitty(void **state)
{
    struct kiln_picture p = frame_of(1024, 768, 0x336699);
    struct bed *b = *state;
    struct kiln_area all;

    con.term = &b->term;
    b->term.caps.pixels = KILN_PIXELS_KITTY;
    b->term.caps.cell_w = 10;
    b->term.caps.cell_h = 20;
    draw(b);
    show(b, &p);
    settle(b);
    assert_true(kiln_has_prefix(b->term.out.data, "\0337\033[1;9H\033_Ga=T,f=100,i="));
    assert_non_null(strstr(b->term.out.data, "c=64,r=24,"));
    assert_int_equal(cell(b, 40, 12)->ch, ' '); /* nothing under it */
    kiln_str_clear(&b->term.out);
    draw(b);
    assert_int_equal(b->term.out.len, 0); /* it is there */

    frame_fill(&p, 0, 0, 5, 5, WHITE);
    kiln_framebuffer_write(&b->writer, p.rgbx, 0, 5);
    happen(b, (struct kiln_event){ .type = KILN_EV_FRAME, .index = 2 });
    settle(b);
    assert_int_equal(count(&b->term.out, "a=T"), 1);
    assert_int_equal(count(&b->term.out, "a=d,d=I"), 1); /* the one before */
    kiln_str_clear(&b->term.out);

    b->term.epoch++; /* the terminal was drawn anew */
    b->term.busy = true;
    draw(b);
    assert_int_equal(b->term.out.len, 0);
    assert_int_not_equal(ops->deadline(b->pane), KILN_NEVER); /* later */
    b->term.busy = false;
    settle(b);
    assert_int_equal(count(&b->term.out, "a=T"), 1);
    kiln_str_clear(&b->term.out);

    ops->pixels(b->pane, con.term, NULL); /* a menu */
    assert_int_equal(count(&b->term.out, "a=d,d=I"), 1);
    all = kiln_canvas_area(&b->canvas);
    ops->pixels(b->pane, con.term, &all);
    assert_int_equal(count(&b->term.out, "a=T"), 1);
    kiln_picture_done(&p);
}

static void sixel(void **state)
{
    struct kiln_picture p = frame_of(1024, 768, 0x336699);
    struct bed *b = *state;

    con.term = &b->term;
    b->term.caps.pixels = KILN_PIXELS_SIXEL;
    b->term.caps.cell_w = 10;
    b->term.caps.cell_h = 20;
    draw(b);
    show(b, &p);
    settle(b);
    assert_true(kiln_has_prefix(b->term.out.data, "\0337\033[1;9H\033P"));
    assert_non_null(strstr(b->term.out.data, "\"1;1;640;4")); /* 480, in rows of six */
    assert_true(kiln_has_suffix(b->term.out.data, "\033\\\0338"));
    kiln_str_clear(&b->term.out);
    kiln_picture_done(&p);

    p = frame_of(640, 320, 0x336699); /* elsewhere: the old one goes first */
    show(b, &p);
    settle(b);
    assert_int_equal(b->term.forgotten, 1);
    assert_non_null(strstr(b->term.out.data, "\"1;1;800;"));
    kiln_str_clear(&b->term.out); /* none is larger than the terminal can show */
    b->term.caps.sixel_w = 505;
    b->term.caps.sixel_h = 1000;
    draw(b); /* away with the old one */
    draw(b);
    assert_non_null(strstr(b->term.out.data, "\"1;1;500;"));
    b->term.forgotten = 1;
    ops->pixels(b->pane, con.term, NULL);
    assert_int_equal(b->term.forgotten, 2);
    kiln_picture_done(&p);
}

/* No pixels where they cannot be or would be slow. */
static void cells_instead(void **state)
{
    struct kiln_picture p = frame_of(1024, 768, 0x336699);
    struct bed *b = *state;

    con.term = &b->term;
    b->term.caps.pixels = KILN_PIXELS_KITTY;
    b->term.max_bps = 10000;
    draw(b);
    show(b, &p);
    settle(b);
    assert_int_equal(b->term.out.len, 0);
    assert_int_equal(color(cell(b, 40, 12)), KILN_COLOR_RGB(0x336699));
    kiln_picture_done(&p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        WITH_BED(says_why),
        WITH_BED(blocks),
        WITH_BED(unchanged),
        WITH_BED(frames_wait),
        WITH_BED(out_of_sight),
        WITH_BED(no_guest),
        WITH_BED(text_screen),
        WITH_BED(search_the_screen),
        WITH_BED(copy_the_screen),
        WITH_BED(odd_text),
        WITH_BED(thumbnail),
        WITH_BED(sizes_change),
        WITH_BED(guest_goes),
        WITH_BED(other_build),
        WITH_BED(hostile_heads),
        WITH_BED(head_changes),
        WITH_BED(huge),
        WITH_BED(saves),
        WITH_BED(kitty),
        WITH_BED(sixel),
        WITH_BED(cells_instead),
    };

    (void)setenv("TERM", "xterm-256color", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
