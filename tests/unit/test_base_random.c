/* Random bytes, numbers and UUIDs. */
#include <ctype.h>

#include "base/clock.h"
#include "base/random.h"
#include "unit.h"

static void test_below(void **state)
{
    unsigned seen = 0;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        uint32_t v = kiln_random_below(7);

        assert_in_range(v, 0, 6);
        seen |= 1u << v;
    }
    assert_int_equal(seen, 0x7f); /* fails by chance once in 10^133 */
    assert_int_equal(kiln_random_below(1), 0);
}

static void check_shape(const char *uuid)
{
    assert_int_equal(strlen(uuid), 36);
    for (size_t i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23)
            assert_int_equal(uuid[i], '-');
        else
            assert_true(isdigit((unsigned char)uuid[i]) || (uuid[i] >= 'a' && uuid[i] <= 'f'));
    }
}

static void test_uuid(void **state)
{
    char a[KILN_UUID_SIZE], b[KILN_UUID_SIZE];
    int64_t before = kiln_clock_wall_us() / 1000000, seconds;

    (void)state;
    kiln_uuid_v4(a);
    kiln_uuid_v4(b);
    check_shape(a);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_string_not_equal(a, b);

    kiln_uuid_time(a);
    kiln_uuid_time(b);
    check_shape(a);
    assert_string_not_equal(a, b);
    seconds = strtoll(a, NULL, 16);
    assert_true(seconds >= before && seconds <= kiln_clock_wall_us() / 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_uuid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
