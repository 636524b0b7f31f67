// The page of charts that compares reports: page/ is its source.
#ifndef TERN_TOOLS_TERN_BENCH_PAGE_H_
#define TERN_TOOLS_TERN_BENCH_PAGE_H_

#include "tools/tern/bench/results.h"

// Writes the page with |reports| in it; false after one line on stderr.
bool bench_page_write(const char *program, const char *path, const bench_report *reports,
                      size_t count);

#endif
