/*
 * What a build is going to type, found out without starting anything: the rehearsal behind
 * `kiln keys`. A builder that types fills it in (component.h); the caller frees it. One thread.
 */
#ifndef KILN_BUILDER_REHEARSAL_H
#define KILN_BUILDER_REHEARSAL_H

#include "bootcmd/bootcmd.h"

struct kiln_rehearsal_row {
    char *description;               /* owned; "" if it has none */
    struct kiln_bootcmd cmd;         /* rendered, secrets masked; empty if err says why not */
    struct kiln_bootcmd_notes notes; /* lint; may quote the text, secrets included */
    struct kiln_err err;             /* of rendering or parsing */
    struct kiln_strv packer;         /* the template's strings, with waits as Packer knows them */
};

struct kiln_rehearsal {
    int64_t boot_wait_ns;            /* before the first row; below 0: none */
    int64_t interval_ns;             /* after every key event; */
    bool closed_loop;                /* … about so long: as fast as the guest takes them */
    struct kiln_rehearsal_row *rows; /* owned; one, or those of boot_steps */
    size_t n;
    /* What is not as it will be, a sentence each: a port that is chosen at the start. */
    struct kiln_strv assumptions;
};

#define KILN_AUTO_REHEARSAL KILN_CLEANUP(kiln_rehearsal_done) struct kiln_rehearsal

void kiln_rehearsal_done(struct kiln_rehearsal *r); /* release; zeroed */

#endif
