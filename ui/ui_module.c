/* What cli/ loads. */
#include "ui/console.h"
