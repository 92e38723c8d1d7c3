/* Builders, provisioners and post-processors as a template writes them. Internal to template/. */
#ifndef KILN_TEMPLATE_COMPONENT_H
#define KILN_TEMPLATE_COMPONENT_H

#include "template/template.h"

void kiln_component_done(struct kiln_component *c);
void kiln_component_list_done(struct kiln_component_list *list);

/* Each reads one root value (a list, or for cleanup an object) into t; errors go to diag. */
void kiln_template_read_builders(struct kiln_template *t, const struct kiln_node *list,
                                 struct kiln_diag *diag);
void kiln_template_read_provisioners(struct kiln_template *t, const struct kiln_node *list,
                                     struct kiln_diag *diag);
void kiln_template_read_cleanup(struct kiln_template *t, const struct kiln_node *object,
                                struct kiln_diag *diag);
void kiln_template_read_sequences(struct kiln_template *t, const struct kiln_node *list,
                                  struct kiln_diag *diag);

/**
 * One error at every builder whose name one before it has.
 * @names  of the items of `list`, in its order; NULL: not known, left out
 */
void kiln_report_same_names(const struct kiln_component_list *list, const char *const *names,
                            struct kiln_diag *diag);

#endif
