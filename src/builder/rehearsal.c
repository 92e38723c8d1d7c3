#include "builder/rehearsal.h"

void kiln_rehearsal_done(struct kiln_rehearsal *r)
{
    for (size_t i = 0; i < r->n; i++) {
        struct kiln_rehearsal_row *row = &r->rows[i];

        free(row->description);
        kiln_bootcmd_done(&row->cmd);
        kiln_bootcmd_notes_done(&row->notes);
        kiln_err_clear(&row->err);
        kiln_strv_done(&row->packer);
    }
    free(r->rows);
    kiln_strv_done(&r->assumptions);
    *r = (struct kiln_rehearsal){ 0 };
}
