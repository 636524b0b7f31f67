// The one symbol that a plugin exports.
#ifndef TERN_TESTS_PLUGINS_EXPORT_H_
#define TERN_TESTS_PLUGINS_EXPORT_H_

#include "tests/harness/stub_backend.h"

#ifdef _WIN32
#define STUB_EXPORT __declspec(dllexport)
#else
#define STUB_EXPORT __attribute__((visibility("default")))
#endif

STUB_EXPORT const tern_backend *tern_backend_query(uint32_t min_abi, uint32_t max_abi);

#endif
