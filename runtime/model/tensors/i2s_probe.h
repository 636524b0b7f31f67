// Which of two orders the codes of I2_S tensors lie in: files say it nowhere.
#ifndef TERN_RUNTIME_MODEL_I2S_PROBE_H_
#define TERN_RUNTIME_MODEL_I2S_PROBE_H_

#include "runtime/model/files/archive.h"
#include "runtime/model/tensors/ggml_types.h"

// 128 or 64: |wanted| if it is not 0, else what the weights of the first layers tell, and 128, the
// order of published files, where they do not. Logs a 64. |wanted|: 0, 64 or 128.
tern_status tern__i2s_block(const tern_archive *archive, uint32_t wanted, uint32_t *out_block);

// INVALID_ARGUMENT for what |wanted| cannot be; |what| is the struct that has it.
tern_status tern__i2s_check(tern_context *context, const char *what, uint32_t wanted);

// The type whose rows those of an I2_S tensor are with that block; another type is itself.
const tern__ggml_type *tern__i2s_type(const tern__ggml_type *type, uint32_t block);

#endif
