// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_BUFFER_H_
#define TERN_BUFFER_H_

#include <tern/device.h>

/**
 * Device memory that ops read and write through tensor views.
 *
 * Ownership: destroy before the device, and after every program that uses it.
 * Threads:   any thread; copies and submits take effect on the device in the order of the calls.
 */

TERN_BEGIN_DECLS

/** |size| > 0 bytes, all zero. OUT_OF_MEMORY says how much was asked for. */
TERN_API tern_status tern_buffer_create(tern_device *device, uint64_t size,
                                        tern_buffer **out_buffer);

/** Accepts NULL. */
TERN_API void tern_buffer_destroy(tern_buffer *buffer);

TERN_API uint64_t tern_buffer_size(const tern_buffer *buffer);

/** Copies |size| bytes in, after everything submitted before. Offset and size are multiples of 4,
 * but a copy may end at the buffer's end. Returns when |data| may be reused. OUT_OF_RANGE,
 * DEVICE_LOST. */
TERN_API tern_status tern_buffer_upload(tern_buffer *buffer, uint64_t offset, const void *data,
                                        uint64_t size);

/** Copies |size| bytes out, after everything submitted before has finished. As above. */
TERN_API tern_status tern_buffer_download(tern_buffer *buffer, uint64_t offset, void *data,
                                          uint64_t size);

TERN_END_DECLS

#endif
