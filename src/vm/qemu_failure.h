/* What QEMU's complaints mean. Pure: text in, cause and advice out. */
#ifndef KILN_VM_QEMU_FAILURE_H
#define KILN_VM_QEMU_FAILURE_H

#include "vm/qemu.h"

/**
 * Look for known causes in what QEMU wrote to stderr.
 * *ret_why: what the caller may retry. Returns advice for people (static), or NULL.
 */
const char *kiln_qemu_explain(const char *said, enum kiln_qemu_failure *ret_why);

/** "exited with status 1: LAST LINES (ADVICE)" for a QEMU that ended too early; caller frees. */
char *kiln_qemu_obituary(int wait_status, const char *said, enum kiln_qemu_failure *ret_why);

#endif
