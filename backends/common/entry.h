// The name of a backend's query function: tern_backend_query in a plugin of its own,
// tern_backend_query_<name> where CMake builds it in (several cannot share one name).
#ifndef TERN_BACKENDS_COMMON_ENTRY_H_
#define TERN_BACKENDS_COMMON_ENTRY_H_

#include <tern/backend.h>

#ifndef TERN_BACKEND_SYMBOL
#define TERN_BACKEND_SYMBOL tern_backend_query
#endif

const tern_backend *TERN_BACKEND_SYMBOL(uint32_t min_abi, uint32_t max_abi);

#endif
