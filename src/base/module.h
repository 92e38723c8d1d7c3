/*
 * Parts of kiln that drive a heavy library live in shared objects of their own and are loaded when
 * first needed (kiln-ssh.so, kiln-curl.so, …): linking all of them costs 8 ms at every start.
 *
 * A module is one file NAME_module.c, which includes the library's header and defines one
 * `const struct kiln_NAME_ops kiln_NAME_ops`; the public header's functions, in the core, call
 * through it. Modules stay loaded. Any thread.
 */
#ifndef KILN_BASE_MODULE_H
#define KILN_BASE_MODULE_H

#include "base/err.h"

/** The ops table of module `name` ("ssh" loads kiln-ssh.so, symbol kiln_ssh_ops), or NULL. */
const void *kiln_module_load(const char *name, struct kiln_err *err);

#endif
