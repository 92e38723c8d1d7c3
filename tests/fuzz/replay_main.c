/* Runs a fuzz target over every file of the directories named: the seed corpus as a plain test. */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t buf[1 << 20];

static int replay_dir(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    int n = 0;

    if (!dir) {
        perror(path);
        return 0;
    }
    while ((e = readdir(dir))) {
        char file[PATH_MAX];
        FILE *f;

        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
        f = fopen(file, "rb");
        if (!f)
            continue;
        (void)LLVMFuzzerTestOneInput(buf, fread(buf, 1, sizeof(buf), f));
        (void)fclose(f);
        n++;
    }
    (void)closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    int n = 0;

    for (int i = 1; i < argc; i++)
        n += replay_dir(argv[i]);
    printf("%d inputs\n", n);
    return n > 0 ? 0 : 1; /* an empty corpus tests nothing */
}
