// The files of a folder: as it was, from a GGUF file that was made of it; from others as export.h
// makes them.
#ifndef TERN_RUNTIME_MODEL_RESTORE_H_
#define TERN_RUNTIME_MODEL_RESTORE_H_

#include "runtime/model/convert/convert.h"
#include "runtime/model/convert/export.h"
#include "runtime/model/files/hf.h"

typedef struct tern__restore {
    tern__conversion c; // without plans
    tern__hf_model model;
    bool inverse;       // scales of the folder
    tern__export *made; // NULL: there was a folder
} tern__restore;

// Writes what the folder had as |tensor|, whose name is that of the folder, to |r->c.sink|.
tern_status tern__restore_tensor(tern__restore *r, const tern__tensor *tensor);

#endif
