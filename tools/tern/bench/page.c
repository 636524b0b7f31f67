#include "tools/tern/bench/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Where the reports go. Bytes, because a string of this length is more than C promises to take.
static const char mark[] = "@DATA@";
static const unsigned char page[] = {
#include "tools/bench_page.inc"
};

// JSON has '<' only in strings, where it could end the script that holds them.
static void put_json(FILE *file, const char *json) {
    for (; *json; json++) {
        if (*json == '<') {
            fputs("\\u003c", file);
        } else {
            fputc(*json, file);
        }
    }
}

static bool put_reports(FILE *file, const bench_report *reports, size_t count) {
    fputc('[', file);
    for (size_t i = 0; i < count; i++) {
        char *json = bench_report_text(&reports[i]);
        if (!json) {
            return false;
        }
        fputs(i ? ",\n" : "", file);
        put_json(file, json);
        free(json);
    }
    fputc(']', file);
    return true;
}

bool bench_page_write(const char *program, const char *path, const bench_report *reports,
                      size_t count) {
    const char *text = (const char *)page;
    const char *at = strstr(text, mark);
    FILE *file = at ? fopen(path, "wb") : NULL;
    bool written = file && fwrite(text, 1, (size_t)(at - text), file) == (size_t)(at - text) &&
                   put_reports(file, reports, count) && fputs(at + strlen(mark), file) >= 0;
    written = file && !ferror(file) && written;
    written = file && fclose(file) == 0 && written;
    if (!written) {
        fprintf(stderr, "%s: %s cannot be written\n", program, path);
    }
    return written;
}
