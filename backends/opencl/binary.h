// Compiled kernel files, kept from one start to the next in the user's cache folder.
#ifndef TERN_OPENCL_BINARY_H_
#define TERN_OPENCL_BINARY_H_

#include "backends/opencl/device.h"

enum { TERN_CL_BINARY_NAME = 1024 };

// What tells a compiled file, or a choice among some, apart from every other: its |kind|, device,
// driver, and a hash of the kernel file.
void tern_cl_binary_name(const tern_backend_device *device, const char *kind, uint64_t hash,
                         char out_name[TERN_CL_BINARY_NAME]);
// The program that was kept, built; NULL, without a word, if there is none or a driver refuses it.
cl_program tern_cl_binary_load(tern_backend_device *device, const char *name, const char *options);
// Keeps |program|, if the driver gives its binary away.
void tern_cl_binary_keep(tern_backend_device *device, const char *name, cl_program program);

#endif
