// What tells one model from another, at the cost of a few reads a tensor.
#ifndef TERN_RUNTIME_MODEL_FINGERPRINT_H_
#define TERN_RUNTIME_MODEL_FINGERPRINT_H_

#include <tern/archive.h>

// Of the keys that a network is read from, each tensor's name, type, shape, first, middle and last
// bytes, and the |flags| of the load. Names of files, people and licences do not matter.
tern_status tern__fingerprint(const tern_archive *archive, uint32_t flags, uint64_t *out);

#endif
