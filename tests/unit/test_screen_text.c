/* The guest's screen as others may see it: no secret, wherever its rows end. */
#include "builder/qemu/screen_text.h"
#include "engine_fixture.h"

#define COLUMNS 12

static void draw(struct kiln_text *t, const char *picture)
{
    unsigned row = 0, column = 0;

    *t = (struct kiln_text){
        .columns = COLUMNS, .rows = 3, .cursor_row = -1, .cursor_column = -1, .generation = 1
    };
    t->cells = kiln_xcalloc((size_t)COLUMNS * t->rows, sizeof(*t->cells));
    t->row_changed = kiln_xcalloc(t->rows, sizeof(*t->row_changed));
    for (unsigned i = 0; i < COLUMNS * t->rows; i++)
        t->cells[i].code = ' ';
    for (; *picture; picture++) {
        if (*picture == '|') {
            row++;
            column = 0;
        } else {
            t->cells[row * COLUMNS + column++].code = (unsigned char)*picture;
        }
    }
}

static void rows_end_anywhere(void **state)
{
    static const struct {
        const char *picture, *want;
    } rows[] = {
        { "is it hunter|2word? |end", "<sensitive>\n<sensitive>\nend" },
        { " is it hunt|er2word? |end", "<sensitive>\n<sensitive>\nend" },
        { " is it hunt | er2word?|end", "<sensitive>\n<sensitive>\nend" }, /* a text window */
        { "hun|ter2word|", "hun\nter2word" }, /* no line goes on there */
        { " hun| ter2word|", " hun\n ter2word" },
        { "abcdefghijkl|mnopq|end", "abcdefghijkl\nmnopq\nend" },
        { "is|huner2wrd|end", "is\n<sensitive>\nend" }, /* keys were lost */
        { "hunt22wod|end", "hunt22wod\nend" },
        { "x unterr2wor|d  |end", "<sensitive>\n<sensitive>\nend" },
        { "x hunter|end", "x hunter\nend" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct fixture f;
        struct kiln_text t;
        KILN_AUTO_STR got = { 0 };

        fixture_init(&f);
        kiln_strv_add(&f.b.secrets, "hunter2word");
        kiln_bus_add_secrets(f.b.bus, &f.b.secrets);
        draw(&t, rows[i].picture);
        kiln_screen_text_all(&f.b, &t, &got);
        assert_string_equal(kiln_str_cstr(&got), rows[i].want);
        kiln_text_done(&t);
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_end_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
