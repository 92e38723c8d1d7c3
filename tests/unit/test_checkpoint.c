/* What of a machine is saved, and when nothing is: answers of QEMU 7.2 to query-block, cut short.
 */
#include "vm/checkpoint.h"

#include <json-c/json.h>

#include "base/mem.h"
#include "unit.h"

#define MEDIUM(file, drv, ro)                                                                      \
    "\"inserted\":{\"file\":\"" file "\",\"drv\":\"" drv "\",\"ro\":" ro ",\"node-name\":\"#" file \
    "\"}"
#define DISK(file, drv)                                                                            \
    "{\"device\":\"virtio0\",\"qdev\":\"/machine/peripheral-anon/device[0]/virtio-backend\","      \
    "\"removable\":false," MEDIUM(file, drv, "false") "}"
#define CD                                                                                         \
    "{\"device\":\"ide1-cd0\",\"qdev\":\"/machine/unattached/device[22]\",\"removable\":true,"     \
    "" MEDIUM("x.iso", "raw", "true") "}"
#define EMPTY  "{\"device\":\"sd0\",\"removable\":true}"
#define FLOPPY "{\"device\":\"floppy0\",\"removable\":true," MEDIUM("fl", "raw", "false") "}"
#define FLASH                                                                                      \
    "{\"device\":\"pflash1\",\"qdev\":\"/machine/system.flash1\",\"removable\":false,"             \
    "" MEDIUM("vars", "raw", "false") "}"
#define READ_ONLY "{\"device\":\"virtio1\",\"removable\":false," MEDIUM("seed", "raw", "true") "}"

static const struct {
    const char *blocks, *nodes, *error;
} rows[] = {
    { "[]", "", NULL },
    { "[" DISK("out/disk", "qcow2") "," CD "," FLOPPY "," FLASH "," EMPTY "," READ_ONLY "]",
      "#out/disk", NULL },
    { "[" DISK("out/disk", "qcow2") "," DISK("out/disk-1", "qcow2") "]", "#out/disk,#out/disk-1",
      NULL },
    { "[" DISK("out/disk", "raw") "]", NULL,
      "the disk out/disk is raw, and QEMU goes back with qcow2 disks only" },
    { "[" DISK("out/disk", "qcow2") "," DISK("data", "qcow2") "]", NULL,
      "the disk data is not one of the build's own (qemuargs)" },
    { "{}", NULL, "QMP query-block: no list in the reply" },
    { "[{\"inserted\":7}]", NULL, "the disk  is , and QEMU goes back with qcow2 disks only" },
};

static void test_nodes(void **state)
{
    KILN_AUTO_STRV disks = { 0 };

    (void)state;
    kiln_strv_split(&disks, "out/disk,out/disk-1", ',');
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        struct json_object *blocks = json_tokener_parse(rows[i].blocks);
        KILN_AUTO_STRV nodes = { 0 };
        KILN_AUTO_ERR err = { 0 };
        bool ok = kiln_checkpoint_nodes(blocks, &disks, &nodes, &err);
        KILN_AUTO_FREE char *got = kiln_strv_join(&nodes, ",");

        json_object_put(blocks);
        assert_int_equal(ok, rows[i].nodes != NULL);
        if (ok)
            assert_string_equal(got, rows[i].nodes);
        else
            assert_string_equal(kiln_err_text(&err), rows[i].error);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(test_nodes) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
