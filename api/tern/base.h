// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_BASE_H_
#define TERN_BASE_H_

#include <stddef.h>
#include <stdint.h>

/**
 * What every other header needs: linkage of public functions. No functions live here.
 */

#ifdef __cplusplus
#define TERN_BEGIN_DECLS extern "C" {
#define TERN_END_DECLS }
#else
#define TERN_BEGIN_DECLS
#define TERN_END_DECLS
#endif

#if defined(_WIN32) && defined(TERN_SHARED)
#ifdef TERN_BUILDING
#define TERN_API __declspec(dllexport)
#else
#define TERN_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define TERN_API __attribute__((visibility("default")))
#else
#define TERN_API
#endif

/** Marks what may still change between minor versions. */
#define TERN_API_EXPERIMENTAL TERN_API

#endif
