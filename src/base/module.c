#include "base/module.h"

#include <dlfcn.h>

#include "base/fs.h"
#include "base/mem.h"

/* The directory that this very code was loaded from: the modules lie beside libkiln.so. */
static char *own_dir(void)
{
    static const char here;
    Dl_info info;

    if (dladdr(&here, &info) == 0 || !info.dli_fname)
        return kiln_xstrdup(".");
    return kiln_path_dir(info.dli_fname);
}

static void dash_to_underscore(char *s)
{
    for (; *s; s++) {
        if (*s == '-')
            *s = '_';
    }
}

const void *kiln_module_load(const char *name, struct kiln_err *err)
{
    KILN_AUTO_FREE char *dir = own_dir();
    KILN_AUTO_FREE char *file = kiln_xasprintf("%s/kiln-%s.so", dir, name);
    KILN_AUTO_FREE char *symbol = kiln_xasprintf("kiln_%s_ops", name);
    void *module, *ops;

    dash_to_underscore(symbol);
    module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    ops = module ? dlsym(module, symbol) : NULL;
    if (!ops) { /* dlerror: "FILE: cannot open shared object file: No such file or directory" */
        (void)kiln_err_set(err, KILN_ERR_SYSTEM,
                           "load %s: %s; the installation of kiln is incomplete: install it again",
                           file, dlerror());
    }
    return ops; /* never closed: libraries register exit handlers and threads of their own */
}
