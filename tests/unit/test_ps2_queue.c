/* What QEMU notes of its PS/2 keyboard, and what that means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "vm/ps2_queue.h"

#define PUT(code) "ps2_put_keycode 0x56470e404a20 keycode 0x" code
#define GET       "ps2_read_data 0x56470e404a20"

static void what_is_unread(void **state)
{
    static const struct {
        const char *line;
        uint64_t puts;
        unsigned unread;
    } rows[] = {
        { GET, 0, 0 }, /* an answer to a command, before any key */
        { PUT("1c"), 1, 1 },
        { PUT("f0"), 2, 1 }, /* one byte with the next */
        { PUT("1c"), 3, 2 },
        { "ps2_read_data 0x56470e404b00", 3, 2 }, /* the mouse */
        { GET, 3, 1 },
        { "4711@1763733600.123456:" GET, 3, 0 }, /* -msg timestamp=on */
        { GET, 3, 0 },
        { "4711@1763733600.123456:" PUT("e0"), 4, 1 },
        { PUT("75") " and more than anybody needs to know", 5, 2 },
        { "ps2_kbd_reset 0x56470e404a20", 5, 0 },
        { "ps2_put_keycode 0x", 5, 0 },
        { "ps2_put_keycode 0x1 keycode ", 5, 0 },
        { "", 5, 0 },
        { "qemu-system-x86_64: warning: ps2", 5, 0 },
    };
    struct kiln_ps2_count count = { 0 };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        kiln_ps2_count_line(&count, rows[i].line, strlen(rows[i].line));
        if (count.puts != rows[i].puts || count.unread != rows[i].unread)
            fail_msg("row %zu, \"%s\": %llu put, %u unread", i, rows[i].line,
                     (unsigned long long)count.puts, count.unread);
    }
}

/* No NUL behind it; longer than any line of QEMU's. */
static void foreign_lines(void **state)
{
    struct kiln_ps2_count count = { 0 };
    char *line = kiln_xmalloc(5000);

    (void)state;
    memset(line, 'x', 5000);
    memcpy(line + 4000, PUT("1c"), strlen(PUT("1c")));
    kiln_ps2_count_line(&count, line, 5000);
    assert_int_equal(count.puts, 0);
    kiln_ps2_count_line(&count, line + 4000, strlen(PUT("1c")));
    assert_int_equal(count.puts, 1);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_unread),
        cmocka_unit_test(foreign_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
