// A progress bar on stderr, where that is a terminal.
#include <stdio.h>
#include <string.h>

#include "tools/tern/terminal.h"

#define BAR_WIDTH 30

progress_bar progress_bar_make(void) {
    return (progress_bar){.terminal = terminal_is_stderr(), .shown = -1};
}

void progress_bar_show(progress_bar *self, const char *what, uint64_t done, uint64_t total) {
    int now = total ? (int)((double)done / (double)total * 1000.0) : 0;
    if (self->terminal && now != self->shown) {
        int full = now * BAR_WIDTH / 1000;
        int used = fprintf(stderr, "\r%s [%.*s%*s] %3d%%", what, full,
                           "##############################", BAR_WIDTH - full, "", now / 10);
        self->shown = now;
        self->columns = used > 1 ? used - 1 : 0;
    }
}

void progress_bar_clear(const progress_bar *self) {
    if (self->terminal) {
        fprintf(stderr, "\r%*s\r", self->columns, "");
    }
}
