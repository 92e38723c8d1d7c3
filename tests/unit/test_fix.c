/* Old templates to fixed ones, and the layout that Go's encoding/json gives them. */
#include "unit.h"

#include "base/mem.h"
#include "template/fix.h"
#include "template/json_write.h"
#include "template/node.h"

/* What kiln_fix made, or "ERROR: text" of the first diagnostic. Caller frees. */
static char *fix(const char *text)
{
    struct kiln_source *source = kiln_source_new("t.json", text, strlen(text));
    struct kiln_diag diag = { 0 };
    struct kiln_str out = { 0 };

    if (!kiln_fix(source, &out, &diag)) {
        assert_int_equal(out.len, 0);
        assert_true(diag.errors > 0);
        kiln_str_addf(&out, "ERROR: %s", diag.items[0].text);
    }
    kiln_diag_done(&diag);
    kiln_source_unref(source);
    return kiln_str_steal(&out);
}

/* The same value on one line, keys sorted. */
static char *one_line(const char *json)
{
    struct kiln_source *source = kiln_source_new("t.json", json, strlen(json));
    struct kiln_diag diag = { 0 };
    KILN_CLEANUP(kiln_tree_freep) struct kiln_tree *tree = kiln_json_parse(source, &diag);
    KILN_AUTO_STR laid = { 0 };
    struct kiln_str out = { 0 };

    assert_non_null(tree);
    kiln_json_write(kiln_tree_root(tree), &laid);
    for (const char *p = kiln_str_cstr(&laid); *p; p++) {
        if (*p == '\n')
            while (p[1] == ' ')
                p++;
        else
            kiln_str_addc(&out, *p);
    }
    kiln_source_unref(source);
    return kiln_str_steal(&out);
}

static void check_part(const char *before, const char *part, const char *want_part,
                       const char *after)
{
    KILN_AUTO_FREE char *text = kiln_xasprintf("%s%s%s", before, part, after);
    KILN_AUTO_FREE char *want_text = kiln_xasprintf("%s%s%s", before, want_part, after);
    KILN_AUTO_FREE char *fixed = fix(text), *got = one_line(fixed), *want = one_line(want_text);

    assert_string_equal(got, want);
}

/* What Packer 1.6.6 makes of the same. */
static const struct {
    const char *old, *fixed;
} builders[] = {
    { "'iso_md5':'a','iso_checksum':'b'", "'iso_checksum':'md5:a'" },
    { "'iso_md5':'a','iso_checksum_type':'sha1'", "'iso_checksum':'md5:a'" },
    { "'iso_md5':'a','iso_checksum_url':'u'", "'iso_checksum':'file:u'" },
    { "'iso_md5':''", "'iso_checksum':''" },
    { "'iso_md5':5", "'iso_md5':5" },
    { "'ISO_MD5':'x'", "'ISO_MD5':'x'" },
    { "'in':{'iso_md5':'x'}", "'in':{'iso_md5':'x'}" },
    { "'ssh_key_path':'k'", "'ssh_private_key_file':'k'" },
    { "'ssh_key_path':'a','ssh_private_key_file':'b'", "'ssh_private_key_file':'b'" },
    { "'ssh_key_path':null", "'ssh_key_path':null" },
    { "'ssh_disable_agent':true", "'ssh_disable_agent_forwarding':true" },
    { "'ssh_disable_agent':true,'ssh_disable_agent_forwarding':false",
      "'ssh_disable_agent_forwarding':false" },
    { "'ssh_disable_agent':'true'", "'ssh_disable_agent':'true'" },
    { "'disk_size':5000", "'disk_size':'5000M'" },
    { "'disk_size':1.9", "'disk_size':'1M'" },
    { "'disk_size':-4", "'disk_size':'-4M'" },
    { "'disk_size':'5000'", "'disk_size':'5000'" },
    { "'disk_size':1e30", "'disk_size':1e30" },
    { "'ssh_wait_timeout':'3m'", "'ssh_timeout':'3m'" },
    { "'ssh_wait_timeout':'3m','ssh_timeout':'1m'", "'ssh_timeout':'1m'" },
    { "'ssh_wait_timeout':5", "'ssh_wait_timeout':5" },
    { "'iso_checksum_type':'sha256','iso_checksum':'a'", "'iso_checksum':'sha256:a'" },
    { "'iso_checksum_type':'none','iso_checksum':'a'", "'iso_checksum':'none:a'" },
    { "'iso_checksum_type':'md5'", "" },
    { "'iso_checksum_type':5,'iso_checksum':'a'", "'iso_checksum':'a'" },
    { "'iso_checksum_type':'md5','iso_checksum':5", "'iso_checksum':5" },
    { "'iso_checksum_url':'u','iso_checksum':'a','iso_checksum_type':'md5'",
      "'iso_checksum':'file:u'" },
    { "'iso_checksum_url':'','iso_checksum':'a','iso_checksum_type':'md5'",
      "'iso_checksum':'md5:a'" },
    { "'iso_checksum_url':5", "" },
    { "'ssh_host_port_min':1,'ssh_host_port_max':'2'", "'host_port_min':1,'host_port_max':'2'" },
    { "'ssh_host_port_max':2,'host_port_max':3", "'host_port_max':2" },
    { "'vm_name':'{{clean_image_name `x`}}-{{y | clean_ami_name}}'",
      "'vm_name':'{{clean_resource_name `x`}}-{{y | clean_resource_name}}'" },
    { "'n':{'q':'clean_image_name','r':['clean_image_name'],'s':{'t':'clean_ami_name'}}",
      "'n':{'q':'clean_resource_name','r':['clean_image_name'],'s':{'t':'clean_ami_name'}}" },
    { "'l':['clean_ami_name'],'clean_ami_name':1", "'l':['clean_ami_name'],'clean_ami_name':1" },
    /* all at once */
    { "'iso_md5':'a','ssh_key_path':'k','ssh_disable_agent':false,'ssh_wait_timeout':'1s',"
      "'ssh_host_port_min':1,'ssh_host_port_max':2,'iso_checksum_url':'u','disk_size':7",
      "'iso_checksum':'file:u','ssh_private_key_file':'k','ssh_disable_agent_forwarding':false,"
      "'ssh_timeout':'1s','host_port_min':1,'host_port_max':2,'disk_size':'7M'" },
};

/* JSON with ' for " */
static char *quoted(const char *text, const char *comma)
{
    char *s = kiln_xasprintf("%s%s", text[0] ? comma : "", text);

    for (char *p = s; *p; p++)
        if (*p == '\'')
            *p = '"';
    return s;
}

static void test_builders(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(builders); i++) {
        KILN_AUTO_FREE char *old = quoted(builders[i].old, ",");
        KILN_AUTO_FREE char *want = quoted(builders[i].fixed, ",");

        check_part("{\"builders\":[{\"type\":\"qemu\"", old, want, "}]}");
    }
}

static void test_other_builders(void **state)
{
    (void)state;
    check_part("{\"builders\":[{\"type\":\"null\"",
               ",\"disk_size\":5,\"ssh_host_port_min\":1,\"iso_md5\":\"x\"",
               ",\"disk_size\":5,\"ssh_host_port_min\":1,\"iso_checksum\":\"md5:x\"", "}]}");
    check_part("{\"builders\":[{\"x\":1", ",\"disk_size\":5", ",\"disk_size\":5", "}]}");
}

static void test_components(void **state)
{
    static const struct {
        const char *old, *fixed;
    } rows[] = {
        { "'post-processors':['manifest',{'type':'manifest','filename':'a'},"
          "[{'type':'manifest','filename':'b','output':'c'},[{'type':'manifest','filename':'d'}]],"
          "{'type':'shell-local','filename':'e'},{'type':'manifest','filename':5}]",
          "'post-processors':['manifest',{'type':'manifest','output':'a'},"
          "[{'type':'manifest','output':'b'},[{'type':'manifest','filename':'d'}]],"
          "{'type':'shell-local','filename':'e'},{'type':'manifest','filename':5}]" },
        { "'provisioners':[{'type':'powershell','elevated_user':'u``$','elevated_password':'`a`',"
          "'environment_vars':['A=`$b','B=```',5],'inline':'`$'},{'type':'shell','elevated_user':'`"
          "$'}]",
          "'provisioners':[{'type':'powershell','elevated_user':'u`$','elevated_password':'`a`',"
          "'environment_vars':['A=$b','B=``',5],'inline':'`$'},{'type':'shell','elevated_user':'`$'"
          "}]" },
        { "'provisioners':{'type':'shell'}", "'provisioners':[{'type':'shell'}]" },
        { "'provisioners':null,'post-processors':null",
          "'provisioners':null,'post-processors':null" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *old = quoted(rows[i].old, ",");
        KILN_AUTO_FREE char *want = quoted(rows[i].fixed, ",");

        check_part("{\"builders\":[]", old, want, "}");
    }
}

static void test_layout(void **state)
{
    KILN_AUTO_FREE char *got =
        fix("{\"z\":[],\"a\":{},\"B\":\"\\u00e9\\u2028\\u0001\\b\\t\\n\\r\\\\\\\"/<>&\\u007f\","
            "\"n\":[1.0,-0,1e20,1e21,0.000001,1e-7,1e-10,5e-324,12345678901234567890123,"
            "123456789012345680000,0.1,-2.5e300,null,true,false]}");

    (void)state;
    assert_string_equal(got,
                        "{\n"
                        "  \"B\": \"\u00e9\\u2028\\u0001\\u0008\\t\\n\\r\\\\\\\"/<>\\u0026\x7f\",\n"
                        "  \"a\": {},\n"
                        "  \"builders\": null,\n"
                        "  \"n\": [\n"
                        "    1,\n"
                        "    -0,\n"
                        "    100000000000000000000,\n"
                        "    1e+21,\n"
                        "    0.000001,\n"
                        "    1e-7,\n"
                        "    1e-10,\n"
                        "    5e-324,\n"
                        "    1.2345678901234568e+22,\n"
                        "    123456789012345680000,\n"
                        "    0.1,\n"
                        "    -2.5e+300,\n"
                        "    null,\n"
                        "    true,\n"
                        "    false\n"
                        "  ],\n"
                        "  \"z\": []\n"
                        "}\n");
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "[]", "ERROR: a template is an object, not a list" },
        { "{\"builders\":5}", "ERROR: builders: expected a list, got number" },
        { "{\"builders\":{\"type\":\"qemu\"}}", "ERROR: builders: expected a list, got object" },
        { "{\"builders\":[{},\"x\"]}", "ERROR: builder 2: expected an object, got string" },
        { "{\"post-processors\":\"manifest\"}",
          "ERROR: post-processors: expected a list, got string" },
    };

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(rows); i++) {
        KILN_AUTO_FREE char *got = fix(rows[i].text);

        assert_string_equal(got, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builders),   cmocka_unit_test(test_other_builders),
        cmocka_unit_test(test_components), cmocka_unit_test(test_layout),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
