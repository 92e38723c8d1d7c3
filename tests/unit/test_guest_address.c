/* Guests on a bridge: the kernel's table of neighbours, the bridge's own address. test_vm_guest
 * has the hardware address, of a real QEMU. */
#include "unit.h"

#include "base/mem.h"
#include "base/str.h"
#include "vm/guest_address.h"

static const char table[] =
    "IP address       HW type     Flags       HW address            Mask     Device\n"
    "10.0.0.9         0x1         0x0         52:54:00:12:34:56     *        br0\n"
    "10.0.0.8         0x1         0x2         52:54:00:12:34:56     *        br1\n"
    "10.0.0.7         0x1         0x2         52:54:00:12:34:57     *        br0\n"
    "10.0.0.6         0x1         0x6         52:54:00:ab:cd:ef     *        br0\n"
    "short 0x1 0x2 52:54:00:12:34:58\n";

static const struct {
    const char *device, *mac, *want;
} looks[] = {
    { "br0", "52:54:00:12:34:56", NULL }, /* not complete */
    { "br1", "52:54:00:12:34:56", "10.0.0.8" }, { "br0", "52:54:00:12:34:57", "10.0.0.7" },
    { "br0", "52:54:00:AB:CD:EF", "10.0.0.6" }, { "br1", "52:54:00:ab:cd:ef", NULL },
    { "br0", "52:54:00:12:34:58", NULL },       { "Device", "HW", NULL },
};

static void arp_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(looks); i++) {
        KILN_AUTO_FREE char *got = kiln_arp_find(table, looks[i].device, looks[i].mac);

        if (!kiln_streq(got, looks[i].want))
            fail_msg("%s on %s: %s", looks[i].mac, looks[i].device, got ? got : "nothing");
    }
}

static void bridge_address(void **state)
{
    KILN_AUTO_FREE char *got = NULL;
    KILN_AUTO_ERR err = { 0 };

    (void)state;
    unit_ok(kiln_bridge_address("lo", &got, &err), &err);
    assert_string_equal(got, "127.0.0.1");
    unit_fails(kiln_bridge_address("nobridge0", &got, &err), &err, KILN_ERR_USER,
               "Error getting the bridge nobridge0 interface: no such network interface");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arp_table),
        cmocka_unit_test(bridge_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
