/* What a guest says before and while it gets a directory as a tar stream. */
#include "base/fs.h"
#include "communicator/tar_put.h"
#include "parrot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "", "apt" };

    for (size_t i = 0; size > 0 && i < KILN_COUNT(names); i++) {
        KILN_AUTO_DIR_SURVEY survey = { 0 };
        struct parrot p = parrot(data, size);
        bool made;

        if (!kiln_dir_survey("/etc/apt", &survey, NULL))
            return 0;
        (void)kiln_tar_put_dir(&p.base, "/etc/apt", names[i], &survey, NULL, NULL, &made, NULL,
                               NULL);
    }
    return 0;
}
