#include "runtime/platform/platform.h"

#include <dirent.h>
#include <string.h>

bool tern__folder_list(const char *folder, bool (*visit)(void *user, const char *name),
                       void *user) {
    DIR *stream = opendir(folder);
    if (!stream) {
        return false;
    }
    bool more = true;
    while (more) {
        struct dirent *entry = readdir(stream);
        if (!entry) {
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            more = visit(user, entry->d_name);
        }
    }
    closedir(stream);
    return true;
}
