/* What `info usernet` says of a guest. */
#include "unit.h"

#include "vm/usernet.h"

#define HEAD                                                                                       \
    "Hub -1 (user.0):\r\n"                                                                         \
    "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
#define FORWARD                                                                                    \
    "  TCP[HOST_FORWARD]   9       127.0.0.1  2299       10.0.2.15    22     0     0\r\n"

static const struct {
    const char *text;
    bool talks, answered, asked;
} rows[] = {
    { "", false, false, false },
    { HEAD FORWARD, false, false, false },
    { HEAD
      "  TCP[SYN_SENT]      16       127.0.0.1  2299       10.0.2.15    22     0     0\r\n" FORWARD,
      false, false, true },
    { HEAD
      "  TCP[ESTABLISHED]   16       127.0.0.1  2299       10.0.2.15    22     0     0\r\n" FORWARD,
      false, true, false },
    { HEAD
      "  TCP[ESTABLISHED]   16       127.0.0.1  2299       10.0.2.15    23     0     0\r\n" FORWARD,
      false, false, false }, /* another port */
    { HEAD
      "  UDP[236 sec]       17       10.0.2.15 40123        10.0.2.3    53     0     0\r\n" FORWARD,
      true, false, false },
    { HEAD "  TCP[TIME_WAIT]     17       10.0.2.15 40123      192.0.2.80    80     0     0\r\n",
      true, false, false },
    { HEAD "  ICMP[30 sec]       17       10.0.2.15    -         192.0.2.8    -      0     0\r\n",
      true, false, false },
    { HEAD "  TCP[ESTABLISHED]   16       127.0.0.1  2299      172.16.0.15    22     0     0\r\n"
           "  TCP[HOST_FORWARD]   9       127.0.0.1  2299      172.16.0.15    22     0     0\r\n",
      false, true, false }, /* net= of qemuargs */
    { "TCP[ESTABLISHED", false, false, false },
    { "TCP[X] 1 2 3 4 5 6 7 8 9\nTCP[] 1\n[]\n", false, false, false },
};

static void flows_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct kiln_usernet got = kiln_usernet_read(rows[i].text, 22);

        if (got.talks != rows[i].talks || got.answered != rows[i].answered ||
            got.asked != rows[i].asked)
            fail_msg("row %zu: talks %d answered %d asked %d", i, got.talks, got.answered,
                     got.asked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(flows_are_read) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
