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

/* What Packer 1.6.6 makes of parts that are for builders which kiln lacks. */
static const char *const parts[] = { "builders", "provisioners", "post-processors" };
enum { BUILDER, PROVISIONER, POSTPROCESSOR };
static const struct {
    int part;
    const char *old, *fixed;
} others[] = {
    { BUILDER,
      "'type':'x','ami_name':'{{\\t.CreateTime "
      "}}-{{.CreateTime}}-{{.CreateTimes}}','bundle_prefix':'{{{.CreateTime}}}','snapshot_name':['{"
      "{.CreateTime}}'],'name':'{{.CreateTime}}'",
      "'ami_name':'{{timestamp}}-{{timestamp}}-{{.CreateTimes}}','bundle_prefix':'{{{timestamp}}}',"
      "'name':'{{.CreateTime}}','snapshot_name':['{{.CreateTime}}'],'type':'x'" },
    { BUILDER, "'type':'virtualbox','guest_additions_attach':true,'guest_additions_mode':'upload'",
      "'guest_additions_mode':'attach','type':'virtualbox-iso'" },
    { BUILDER, "'type':'virtualbox','guest_additions_attach':false",
      "'guest_additions_mode':'upload','type':'virtualbox-iso'" },
    { BUILDER, "'type':'virtualbox','guest_additions_attach':'true'",
      "'guest_additions_attach':'true','type':'virtualbox-iso'" },
    { BUILDER, "'type':'virtualbox-iso','guest_additions_attach':true",
      "'guest_additions_attach':true,'type':'virtualbox-iso'" },
    { BUILDER, "'type':'vmware'", "'type':'vmware-iso'" },
    { BUILDER, "'type':'proxmox'", "'type':'proxmox-iso'" },
    { BUILDER, "'type':'proxmox-clone'", "'type':'proxmox-clone'" },
    { BUILDER,
      "'type':'parallels-pvm','headless':'y','parallels_tools_host_path':'x','guest_os_"
      "distribution':5,'guest_os_type':'t'",
      "'guest_os_type':5,'type':'parallels-pvm'" },
    { BUILDER, "'type':'parallels','headless':true,'guest_os_distribution':'d'",
      "'guest_os_distribution':'d','headless':true,'type':'parallels'" },
    { BUILDER, "'type':'scaleway','access_key':'k','organization_id':'o'",
      "'organization_id':'o','type':'scaleway'" },
    { BUILDER, "'type':'scaleway','access_key':'k'", "'organization_id':'k','type':'scaleway'" },
    { BUILDER, "'type':'scaleway','access_key':1", "'access_key':1,'type':'scaleway'" },
    { BUILDER,
      "'type':'amazon-x','shutdown_behaviour':1,'shutdown_behavior':'b','enhanced_networking':"
      "false,'ena_support':true,'spot_price_auto_product':'p'",
      "'ena_support':false,'shutdown_behavior':1,'spot_price_auto_product':'p','type':'amazon-x'" },
    { BUILDER,
      "'type':'amazon-ebsvolume','enhanced_networking':'true','spot_price_auto_product':null",
      "'enhanced_networking':'true','type':'amazon-ebsvolume'" },
    { BUILDER, "'type':'amazon','shutdown_behaviour':'stop','ssh_private_ip':true",
      "'shutdown_behaviour':'stop','ssh_private_ip':true,'type':'amazon'" },
    { BUILDER, "'type':'amazon-ebs','ssh_private_ip':true",
      "'ssh_interface':'private_ip','type':'amazon-ebs'" },
    { BUILDER, "'type':'amazon-ebs','ssh_private_ip':'F'",
      "'ssh_interface':'public_ip','type':'amazon-ebs'" },
    { BUILDER, "'type':'amazon-ebs','ssh_private_ip':true,'ssh_interface':'x'",
      "'ssh_interface':'x','ssh_private_ip':true,'type':'amazon-ebs'" },
    { BUILDER,
      "'type':'amazon-ebs','temporary_security_group_source_cidr':'a,b','temporary_security_group_"
      "source_cidrs':['c']",
      "'temporary_security_group_source_cidrs':['a,b'],'type':'amazon-ebs'" },
    { BUILDER, "'type':'amazon-ebs','temporary_security_group_source_cidr':['a']",
      "'temporary_security_group_source_cidr':['a'],'type':'amazon-ebs'" },
    { BUILDER, "'type':'vmware-iso','remote_type':'esx5','skip_compaction':false",
      "'disk_type_id':'zeroedthick','remote_type':'esx5','skip_compaction':true,'type':'vmware-"
      "iso'" },
    { BUILDER, "'type':'vmware-iso','remote_type':'esx5','disk_type_id':'','skip_compaction':'x'",
      "'disk_type_id':'','remote_type':'esx5','skip_compaction':'x','type':'vmware-iso'" },
    { BUILDER, "'type':'vmware-iso','remote_type':'esx5','disk_type_id':'thin'",
      "'disk_type_id':'thin','remote_type':'esx5','type':'vmware-iso'" },
    { BUILDER, "'type':'vmware-iso','remote_type':'esx5','disk_type_id':1",
      "'disk_type_id':1,'remote_type':'esx5','type':'vmware-iso'" },
    { BUILDER, "'type':'vmware','remote_type':'esx5'",
      "'disk_type_id':'zeroedthick','remote_type':'esx5','skip_compaction':true,'type':'vmware-"
      "iso'" },
    { BUILDER, "'type':'vmware-vmx','remote_type':'esx5'",
      "'remote_type':'esx5','type':'vmware-vmx'" },
    { BUILDER,
      "'type':'hyperv-iso','vhd_temp_path':1,'clone_from_vmxc_path':'p','cpu':1,'cpus':2,'ram_size'"
      ":'3'",
      "'clone_from_vmxc_path':'p','cpus':1,'memory':'3','type':'hyperv-iso'" },
    { BUILDER,
      "'type':'hyperv-vmcx','vhd_temp_path':1,'clone_from_vmxc_path':3,'clone_from_vmcx_path':4,'"
      "cpu':1",
      "'clone_from_vmcx_path':3,'cpus':1,'type':'hyperv-vmcx','vhd_temp_path':1" },
    { BUILDER,
      "'type':'virtualbox-x','ssh_host_port_min':'a','ssh_host_port_max':2,'host_port_max':3,'ssh_"
      "skip_nat_mapping':true",
      "'host_port_max':3,'host_port_min':'a','skip_nat_mapping':true,'type':'virtualbox-x'" },
    { BUILDER, "'type':'virtualbox-iso','ssh_skip_nat_mapping':'true','skip_nat_mapping':false",
      "'skip_nat_mapping':false,'type':'virtualbox-iso'" },
    { BUILDER, "'type':'virtualbox-iso','ssh_skip_nat_mapping':'true'",
      "'ssh_skip_nat_mapping':'true','type':'virtualbox-iso'" },
    { BUILDER,
      "'type':'vsphere-iso','network':1,'network_card':'c','disk_size':null,'disk_thin_provisioned'"
      ":true,'disk_eagerly_scrub':false",
      "'network_adapters':[{'network':1,'network_card':'c'}],'storage':[{'disk_eagerly_scrub':"
      "false,'disk_size':null,'disk_thin_provisioned':true}],'type':'vsphere-iso'" },
    { BUILDER,
      "'type':'vsphere-iso','network':'n','network_adapters':[{'a':1}],'disk_size':1,'storage':[]",
      "'network_adapters':[{'network':'n'},{'a':1}],'storage':[{'disk_size':1}],'type':'vsphere-"
      "iso'" },
    { BUILDER, "'type':'vsphere-clone','network':'n','disk_size':1",
      "'disk_size':1,'network':'n','type':'vsphere-clone'" },
    { BUILDER,
      "'type':'azure-chroot','shared_image_destination':{'exlude_from_latest':false,'exclude_from_"
      "latest':true},'exlude_from_latest':1",
      "'exlude_from_latest':1,'shared_image_destination':{'exclude_from_latest':false},'type':'"
      "azure-chroot'" },
    { BUILDER, "'type':'azure-arm','shared_image_destination':{'exlude_from_latest':true}",
      "'shared_image_destination':{'exlude_from_latest':true},'type':'azure-arm'" },
    { PROVISIONER, "'type':'shell','override':{'virtualbox':1,'virtualbox-iso':2,'vmware':3}",
      "'override':{'virtualbox-iso':1,'vmware':3},'type':'shell'" },
    { PROVISIONER, "'type':'ansible-local','galaxycommand':'a'",
      "'galaxy_command':'a','type':'ansible-local'" },
    { PROVISIONER, "'type':'ansible-local','galaxycommand':'a','galaxy_command':'b'",
      "'galaxy_command':'b','type':'ansible-local'" },
    { PROVISIONER, "'type':'ansible-local','galaxycommand':['a']",
      "'galaxycommand':['a'],'type':'ansible-local'" },
    { PROVISIONER, "'type':'ansible','galaxycommand':'a'", "'galaxycommand':'a','type':'ansible'" },
    { POSTPROCESSOR,
      "'type':'vagrant','aws':1,'digitalocean':null,'virtualbox':2,'vmware':3,'x':4,'override':{'y'"
      ":5}",
      "'override':{'aws':1,'digitalocean':null,'virtualbox':2,'vmware':3},'type':'vagrant','x':4" },
    { POSTPROCESSOR, "'type':'vagrant'", "'type':'vagrant'" },
    { POSTPROCESSOR, "'type':'x','login_email':1", "'type':'x'" },
    { POSTPROCESSOR, "'type':'docker-tag'", "'tags':[],'type':'docker-tag'" },
    { POSTPROCESSOR, "'type':'docker-tag','tag':' a , b','tags':['c']",
      "'tags':['a','b','c'],'type':'docker-tag'" },
    { POSTPROCESSOR, "'type':'docker-tag','tag':['a'],'tags':'b,c'",
      "'tags':['a','b','c'],'type':'docker-tag'" },
    { POSTPROCESSOR, "'type':'docker-tag','tag':''", "'tags':[''],'type':'docker-tag'" },
    { POSTPROCESSOR, "'type':'docker-push','tag':'a'", "'tag':'a','type':'docker-push'" },
};

static void test_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < KILN_COUNT(others); i++) {
        KILN_AUTO_FREE char *old = quoted(others[i].old, "{");
        KILN_AUTO_FREE char *want = quoted(others[i].fixed, "{");
        KILN_AUTO_FREE char *before =
            kiln_xasprintf("{%s\"%s\":[", others[i].part == BUILDER ? "" : "\"builders\":[],",
                           parts[others[i].part]);

        check_part(before, old, want, "}]}");
    }
}

/* What Packer loses or crashes at is left as it is; what it refuses, too. */
static void test_left_alone(void **state)
{
    static const char *const builders_left[] = {
        "{'guest_additions_attach':true}",
        "{'type':'amazon-ebs','ssh_private_ip':1}",
        "{'type':'vsphere-iso','network':'n','network_adapters':{'a':1}}",
    };
    static const char *const posts_left[] = {
        "{'type':'docker-tag','tag':['a',1]}",
        "{'type':'docker-tag','tag':1}",
        "{'type':'docker-tag','tag':'a','tags':3}",
    };
    KILN_AUTO_FREE char *refused =
        fix("{\"builders\":[{\"type\":\"amazon-ebs\",\"ssh_private_ip\":\"yes\"}]}");

    (void)state;
    for (size_t i = 0; i < KILN_COUNT(builders_left); i++) {
        KILN_AUTO_FREE char *b = quoted(builders_left[i], "");
        KILN_AUTO_FREE char *p = quoted(posts_left[i], "");

        check_part("{\"builders\":[", b, b, "]}");
        check_part("{\"builders\":[],\"post-processors\":[", p, p, "]}");
    }
    assert_string_equal(refused, "ERROR: ssh_private_ip is not a boolean, strconv.ParseBool: "
                                 "parsing \"yes\": invalid syntax");
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
        cmocka_unit_test(test_components), cmocka_unit_test(test_others),
        cmocka_unit_test(test_left_alone), cmocka_unit_test(test_layout),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
