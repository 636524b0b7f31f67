// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_TERN_H_
#define TERN_TERN_H_

/** Everything but the plugin ABI (tern/backend.h) and Vulkan interop (tern/vulkan.h). */
#include <tern/allocator.h>
#include <tern/archive.h>
#include <tern/base.h>
#include <tern/buffer.h>
#include <tern/cancel.h>
#include <tern/chat.h>
#include <tern/commands.h>
#include <tern/context.h>
#include <tern/convert.h>
#include <tern/device.h>
#include <tern/grammar.h>
#include <tern/embed.h>
#include <tern/log.h>
#include <tern/model.h>
#include <tern/ops.h>
#include <tern/perplexity.h>
#include <tern/sampler.h>
#include <tern/session.h>
#include <tern/sink.h>
#include <tern/source.h>
#include <tern/status.h>
#include <tern/tokenizer.h>
#include <tern/types.h>
#include <tern/version.h>
#include <tern/weights.h>

#endif
