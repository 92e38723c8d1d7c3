/* libchafa and libpng. */
#include <chafa.h>
#include <png.h>

#include "ui/canvas.h"
