// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_VERSION_H_
#define TERN_VERSION_H_

#include <tern/base.h>

/** The version of these headers. Nothing is frozen before 1.0. */
#define TERN_VERSION_MAJOR 0
#define TERN_VERSION_MINOR 1
#define TERN_VERSION_PATCH 0
#define TERN_VERSION_STRING "0.1.0"

TERN_BEGIN_DECLS

/** The version of the library in use, as "0.1.0"; compare with TERN_VERSION_STRING. Static. */
TERN_API const char *tern_version(void);

TERN_END_DECLS

#endif
