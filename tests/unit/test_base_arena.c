#include "unit.h"

#include "base/arena.h"

static bool is_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i])
            return false;
    }
    return true;
}

/* Every size gives zeroed, aligned memory that nothing else writes to. */
static void check_sizes(struct kiln_arena *a)
{
    static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 4000, 5000, 16383, 16384, 100000 };
    char *all[KILN_COUNT(sizes)];

    for (size_t i = 0; i < KILN_COUNT(sizes); i++) {
        all[i] = kiln_arena_alloc(a, sizes[i]);
        assert_int_equal((uintptr_t)all[i] % _Alignof(max_align_t), 0);
        assert_true(is_zero(all[i], sizes[i]));
        memset(all[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < KILN_COUNT(sizes); i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(all[i][k], i + 1);
    }
}

static void from_nothing(void **state)
{
    KILN_AUTO_ARENA a = { 0 };

    (void)state;
    for (int i = 0; i < 20; i++)
        check_sizes(&a);
    kiln_arena_done(&a);
    check_sizes(&a); /* usable again */
}

static void from_memory_of_the_caller(void **state)
{
    char first[1001], *p;
    KILN_AUTO_ARENA a = { 0 };

    (void)state;
    memset(first, 'x', sizeof(first));
    kiln_arena_init(&a, first + 1, sizeof(first) - 1);
    p = kiln_arena_alloc(&a, 100);
    assert_true(p > first && p + 100 <= first + sizeof(first));
    assert_null(a.blocks);
    check_sizes(&a);
    kiln_arena_done(&a);
    kiln_arena_init(&a, first + 1, 3); /* too small to be of use */
    check_sizes(&a);
}

static void copies_of_text(void **state)
{
    KILN_AUTO_ARENA a = { 0 };

    (void)state;
    assert_string_equal(kiln_arena_strndup(&a, "abcdef", 3), "abc");
    assert_string_equal(kiln_arena_strndup(&a, "", 0), "");
    assert_memory_equal(kiln_arena_strndup(&a, "a\0b", 3), "a\0b", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_nothing),
        cmocka_unit_test(from_memory_of_the_caller),
        cmocka_unit_test(copies_of_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
