// A library that is no plugin.
#include "tests/plugins/stubs/export.h"

STUB_EXPORT int some_other_library(void);

int some_other_library(void) {
    return 1;
}
