/*
 * Old templates in today's words: options that were renamed or merged get their present form.
 * Pure. Source: packer-core.md, 1.2, and what Packer does where that says little.
 *
 * The fixers, in order, each on the result of the one before:
 *   builders        iso_md5, ssh_key_path, ssh_disable_agent
 *   post-processors manifest: filename
 *   provisioners    powershell: escaped environment_vars, elevated_user, elevated_password
 *   builders        clean_image_name and clean_ami_name, disk_size (qemu), ssh_wait_timeout,
 *                   iso_checksum_url and iso_checksum_type, ssh_host_port_min/max (qemu)
 * A new name that is there already keeps its value, but for iso_md5, iso_checksum_url, manifest and
 * ssh_host_port_min/max, where the old one wins. A value of another type than Packer's fixers
 * expect is left alone, where some of those crash.
 */
#ifndef KILN_TEMPLATE_FIX_H
#define KILN_TEMPLATE_FIX_H

#include "template/diag.h"

/**
 * Append the fixed template, laid out anew (json_write.h), and a newline.
 *
 * @diag  errors, with their place: it is not JSON, or a part that fixers look at has not the shape
 *        of a template. Of a repeated key the last one counts and text after the template is left
 *        out; each is a warning.
 */
bool kiln_fix(struct kiln_source *source, struct kiln_str *out, struct kiln_diag *diag);

#endif
