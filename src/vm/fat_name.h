/* The two names that a file has on a FAT file system. Pure; Microsoft's FAT specification, 7. */
#ifndef KILN_VM_FAT_NAME_H
#define KILN_VM_FAT_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define KILN_FAT_UNITS_MAX 255 /* UTF-16 units of a long name */
#define KILN_FAT_SLOT      32  /* bytes of one directory slot */

struct kiln_fat_name {
    const char *text;        /* UTF-8; borrowed */
    unsigned char plain[11]; /* the 8.3 name, padded with blanks */
    unsigned char nt_case;   /* 0x08: shown with a small base name, 0x10: with a small extension */
    uint16_t units[KILN_FAT_UNITS_MAX];
    unsigned n_units; /* 0: the 8.3 name says it all */
    bool numbered;    /* the 8.3 name has to be made up (kiln_fat_name_number) */
};

/**
 * The names for `text`, which is kept. An 8.3 name in capitals, in small letters, or in small ones
 * before or after the dot has no long name.
 *
 * Errors (USER): not UTF-8, over 255 units, one of "*:<>?\| or a control character in it.
 */
bool kiln_fat_name_init(struct kiln_fat_name *n, const char *text, struct kiln_err *err);
/** Make up the 8.3 name with this number, 1 to 999999: LONGFI~1.DAT. */
void kiln_fat_name_number(struct kiln_fat_name *n, unsigned number);
/** Directory slots that it takes: 1, and those of the long name. */
unsigned kiln_fat_name_slots(const struct kiln_fat_name *n);
/** Write the slots of the long name, if any; the place of the 8.3 slot is returned. */
unsigned char *kiln_fat_name_put(const struct kiln_fat_name *n, unsigned char *slots);

#endif
