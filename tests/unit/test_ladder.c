/* The ladder to the guest: what is told, and what is said of it. */
#include "unit.h"

#include "engine/ladder.h"

static void on_tell(void *ud, enum kiln_rung rung, enum kiln_rung_state from,
                    enum kiln_rung_state to, const char *detail)
{
    kiln_str_addf(ud, "%s %s>%s %s\n", kiln_rung_name(rung), kiln_rung_state_name(from),
                  kiln_rung_state_name(to), detail);
}

static void ladder_freep(struct kiln_ladder **l)
{
    kiln_ladder_free(*l);
}
#define AUTO_LADDER KILN_CLEANUP(ladder_freep) struct kiln_ladder

static void only_news_is_told(void **state)
{
    KILN_AUTO_STR told = { 0 };
    AUTO_LADDER *l = kiln_ladder_new(on_tell, &told);

    (void)state;
    kiln_ladder_set(l, KILN_RUNG_VM, KILN_RUNG_HOLDS, "pid %d", 7);
    kiln_ladder_set(l, KILN_RUNG_VM, KILN_RUNG_HOLDS, "pid 7");
    kiln_ladder_set(l, KILN_RUNG_VM, KILN_RUNG_HOLDS, "rebooted");
    kiln_ladder_set(l, KILN_RUNG_PORT, KILN_RUNG_UNKNOWN, "QEMU's");
    kiln_ladder_reach(l, KILN_RUNG_BANNER, "SSH-2.0-x"); /* there is no ADDRESS: not told */
    kiln_ladder_reach(l, KILN_RUNG_BANNER, "SSH-2.0-x");
    kiln_ladder_fall(l, KILN_RUNG_PORT); /* PORT is again what it was */
    kiln_ladder_fall(l, KILN_RUNG_PORT);
    kiln_ladder_expire(l, KILN_RUNG_VM, KILN_SECOND(3600));
    kiln_ladder_expire(l, KILN_RUNG_VM, 0);
    assert_string_equal(kiln_str_cstr(&told), "vm absent>holds pid 7\n"
                                              "vm holds>holds rebooted\n"
                                              "port absent>unknown QEMU's\n"
                                              "port unknown>holds \n"
                                              "banner absent>holds SSH-2.0-x\n"
                                              "port holds>unknown \n"
                                              "banner holds>waiting SSH-2.0-x\n"
                                              "vm holds>waiting rebooted\n");
    assert_int_equal(kiln_ladder_highest(l, false), KILN_RUNG__N);
    assert_int_equal(kiln_ladder_highest(l, true), KILN_RUNG_BANNER);
}

#define MAX_SEEN 8

/* A ladder, and what is said of it. */
static const struct {
    struct {
        enum kiln_rung rung;
        enum kiln_rung_state state;
        const char *detail;
    } seen[MAX_SEEN];
    const char *want;
} said[] = {
    { { { 0 } }, "no rung of the ladder to the guest holds" },
    { { { KILN_RUNG_VM, KILN_RUNG_HOLDS, "" },
        { KILN_RUNG_SCREEN, KILN_RUNG_HOLDS, "" },
        { KILN_RUNG_SCREEN, KILN_RUNG_WAITING, "" },
        { KILN_RUNG_ANSWER, KILN_RUNG_WAITING, "/a.cfg was never asked for" },
        { KILN_RUNG_ADDRESS, KILN_RUNG_UNKNOWN, "" },
        { KILN_RUNG_BANNER, KILN_RUNG_WAITING, "" } },
      "the last rung that holds is \"vm\": the guest's CPUs run, since 0s. \"answer-file\" does "
      "not "
      "hold (/a.cfg was never asked for): the guest did not reach our HTTP server: is the boot "
      "command typed right, has the guest got its network?\n"
      "The screen has not changed for 0s" },
    { { { KILN_RUNG_VM, KILN_RUNG_HOLDS, "" },
        { KILN_RUNG_ANSWER, KILN_RUNG_WAITING, "GET /a.cfg: 404" },
        { KILN_RUNG_ADDRESS, KILN_RUNG_HOLDS, "" },
        { KILN_RUNG_PORT, KILN_RUNG_UNKNOWN, "QEMU's" },
        { KILN_RUNG_BANNER, KILN_RUNG_WAITING, "" } },
      "the last rung that holds is \"address\": the guest has an address and uses it, since 0s. "
      "\"banner\" does not hold: no SSH server spoke: did the guest boot (look at its screen), has "
      "it got its network, is an SSH server installed and started, and is ssh_port its port?\n"
      "\"answer-file\" does not hold (GET /a.cfg: 404)\n"
      "Whether \"port\" holds cannot be known (QEMU's)" },
    { { { KILN_RUNG_PORT, KILN_RUNG_HOLDS, "h:22" },
        { KILN_RUNG_BANNER, KILN_RUNG_HOLDS, "b" },
        { KILN_RUNG_METHODS, KILN_RUNG_HOLDS, "publickey" },
        { KILN_RUNG_METHODS, KILN_RUNG_WAITING, "publickey" },
        { KILN_RUNG_BANNER, KILN_RUNG_WAITING, "b" } },
      "the last rung that holds is \"port\": the SSH port takes connections (h:22), since 0s. "
      "\"banner\" does not hold (b), though it did 0s ago: no SSH server spoke: did the guest boot "
      "(look at its screen), has it got its network, is an SSH server installed and started, and "
      "is ssh_port its port?\n"
      "It had come as far as \"methods\" 0s ago (publickey)" },
    { { { KILN_RUNG_SHELL, KILN_RUNG_HOLDS, "" } },
      "the last rung that holds is \"shell\": the guest has run something for us, since 0s" },
};

static void every_failure_has_its_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(said); i++) {
        AUTO_LADDER *l = kiln_ladder_new(NULL, NULL);
        KILN_AUTO_STR out = { 0 };

        for (size_t k = 0; k < MAX_SEEN && said[i].seen[k].detail; k++)
            kiln_ladder_set(l, said[i].seen[k].rung, said[i].seen[k].state, "%s",
                            said[i].seen[k].detail);
        kiln_ladder_explain(l, &out);
        assert_string_equal(kiln_str_cstr(&out), said[i].want);
    }
}

static void none_is_fine(void **state)
{
    KILN_AUTO_STR out = { 0 };

    (void)state;
    kiln_ladder_set(NULL, KILN_RUNG_VM, KILN_RUNG_HOLDS, "x");
    kiln_ladder_reach(NULL, KILN_RUNG_SHELL, "x");
    kiln_ladder_fall(NULL, KILN_RUNG_VM);
    kiln_ladder_expire(NULL, KILN_RUNG_VM, 0);
    kiln_ladder_explain(NULL, &out);
    assert_int_equal(out.len, 0);
    assert_int_equal(kiln_ladder_state(NULL, KILN_RUNG_VM), KILN_RUNG_ABSENT);
    assert_int_equal(kiln_ladder_highest(NULL, true), KILN_RUNG__N);
    kiln_ladder_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_news_is_told),
        cmocka_unit_test(every_failure_has_its_words),
        cmocka_unit_test(none_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
