// Segments that run on the reference companion: memory is wrapped where the device shows it to the
// host, and copied around the segment where it does not.
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/buffer.h"
#include "runtime/ops/ops.h"
#include "runtime/program.h"
#include "runtime/status.h"
#include "runtime/weights.h"

static tern_status make_shadow(tern_program *program, tern_buffer *buffer, tern__shadow *shadow) {
    tern_device *device = program->device;
    tern_device *reference = device->reference;
    const tern_backend_ops *ops = &reference->entry->ops;
    *shadow = (tern__shadow){.buffer = buffer};
    const tern_backend_ops *own = &device->entry->ops;
    void *memory = own->buffer_map ? own->buffer_map(device->handle, buffer->handle) : NULL;
    if (memory && ops->buffer_wrap) {
        return ops->buffer_wrap(reference->handle, memory, buffer->size, &shadow->handle);
    }
    uint64_t words = (buffer->size + 3) / 4; // as tern_buffer_create does
    TERN_TRY(ops->buffer_create(reference->handle, words * 4, &shadow->handle));
    shadow->copy = ops->buffer_map ? ops->buffer_map(reference->handle, shadow->handle) : NULL;
    if (!shadow->copy) {
        ops->buffer_destroy(reference->handle, shadow->handle);
        return tern__fail(device->context, TERN_STATUS_INTERNAL,
                          "backend %s: its memory is not visible, as fallback needs it",
                          reference->info.backend);
    }
    return TERN_STATUS_OK;
}

static tern_status find_shadow(tern_program *program, tern_buffer *buffer, size_t *out_index) {
    for (size_t i = 0; i < program->shadow_count; i++) {
        if (program->shadows[i].buffer == buffer) {
            *out_index = i;
            return TERN_STATUS_OK;
        }
    }
    tern_context *context = program->device->context;
    size_t count = program->shadow_count;
    void *shadows = program->shadows;
    if (!tern__grow(context, &shadows, &program->shadow_capacity, count + 1,
                    sizeof *program->shadows)) {
        return tern__fail_memory(context, (count + 1) * sizeof *program->shadows, "a program");
    }
    program->shadows = shadows;
    tern__mutex_lock(&program->device->lock);
    tern_status status = make_shadow(program, buffer, &program->shadows[count]);
    tern__mutex_unlock(&program->device->lock);
    TERN_TRY(status);
    program->shadow_count++;
    *out_index = count;
    return TERN_STATUS_OK;
}

// Remembers that |segment| touches |tensor|. What is written is also read before, since rows beyond
// the live ones and the gaps between strided rows must survive the copy back.
static tern_status add_span(tern_program *program, tern__segment *segment,
                            const tern_tensor *tensor, size_t shadow, bool written) {
    if (!program->shadows[shadow].copy) {
        return TERN_STATUS_OK;
    }
    uint64_t begin = tensor->offset;
    uint64_t end = begin + tern__tensor_extent(tensor);
    uint64_t size = tensor->buffer->size;
    end = end < size ? end : size;
    for (size_t i = 0; i < segment->span_count; i++) {
        tern__span *span = &segment->spans[i];
        if (span->shadow == shadow) {
            span->begin = begin < span->begin ? begin : span->begin;
            span->end = end > span->end ? end : span->end;
            span->written = span->written || written;
            return TERN_STATUS_OK;
        }
    }
    tern_context *context = program->device->context;
    void *spans = segment->spans;
    if (!tern__grow(context, &spans, &segment->span_capacity, segment->span_count + 1,
                    sizeof *segment->spans)) {
        return tern__fail_memory(context, sizeof *segment->spans, "a program");
    }
    segment->spans = spans;
    segment->spans[segment->span_count++] = (tern__span){shadow, begin, end, written};
    return TERN_STATUS_OK;
}

static tern_status shadow_tensor(tern_program *program, tern__segment *segment, tern_tensor *tensor,
                                 bool written) {
    if (!tensor->buffer) {
        return TERN_STATUS_OK;
    }
    size_t shadow = 0;
    TERN_TRY(find_shadow(program, tensor->buffer, &shadow));
    TERN_TRY(add_span(program, segment, tensor, shadow, written));
    tensor->buffer = (tern_buffer *)(void *)program->shadows[shadow].handle;
    return TERN_STATUS_OK;
}

static tern_status rewrite(tern_program *program, tern__segment *segment, const tern_op_header *op,
                           tern__any_desc *out) {
    const tern_op_info *info = tern_op_describe(op->kind);
    memcpy(out, op, info->desc_size);
    for (uint32_t i = 0; i < info->operand_count; i++) {
        const tern_operand_info *operand = &info->operands[i];
        if (operand->role == TERN_OPERAND_WEIGHTS) {
            tern_weights **weights = tern__op_weights(operand, out);
            tern_backend_weights *handle = NULL;
            TERN_TRY(tern__weights_reference(*weights, &handle));
            *weights = (tern_weights *)(void *)handle;
        } else {
            TERN_TRY(shadow_tensor(program, segment, tern__op_tensor(operand, out),
                                   operand->role != TERN_OPERAND_IN));
        }
    }
    return TERN_STATUS_OK;
}

static tern_status compile(tern_program *program, tern__segment *segment, tern__any_desc *descs,
                           const tern_op_header **ops) {
    tern_tensor params = program->params;
    TERN_TRY(shadow_tensor(program, segment, &params, false));
    for (size_t i = 0; i < segment->count; i++) {
        TERN_TRY(rewrite(program, segment, program->lowered.ops[segment->first + i], &descs[i]));
        ops[i] = &descs[i].head;
    }
    tern_backend_program_desc desc = {sizeof desc, (uint32_t)segment->count, ops, params};
    tern_device *reference = program->device->reference;
    tern__mutex_lock(&program->device->lock);
    tern_status status = reference->entry->ops.compile(reference->handle, &desc, &segment->program);
    tern__mutex_unlock(&program->device->lock);
    return status;
}

tern_status tern__fallback_compile(tern_program *program, tern__segment *segment) {
    tern_context *context = program->device->context;
    tern_device *reference = NULL;
    TERN_TRY(tern__device_reference(program->device, &reference));
    tern__any_desc *descs = tern__calloc(context, segment->count, sizeof *descs);
    const tern_op_header **ops = tern__calloc(context, segment->count, sizeof *ops);
    tern_status status =
        descs && ops ? compile(program, segment, descs, ops)
                     : tern__fail_memory(context, segment->count * sizeof *descs, "a program");
    tern__free(context, ops);
    tern__free(context, descs);
    return status;
}

static tern_status copy_spans(tern_program *program, tern__segment *segment, bool back) {
    tern_device *device = program->device;
    const tern_backend_ops *ops = &device->entry->ops;
    for (size_t i = 0; i < segment->span_count; i++) {
        const tern__span *span = &segment->spans[i];
        const tern__shadow *shadow = &program->shadows[span->shadow];
        tern_backend_buffer *buffer = shadow->buffer->handle;
        char *data = shadow->copy + span->begin;
        uint64_t size = span->end - span->begin;
        if (back && span->written) {
            TERN_TRY(ops->buffer_upload(device->handle, buffer, span->begin, data, size));
        } else if (!back) {
            TERN_TRY(ops->buffer_download(device->handle, buffer, span->begin, data, size));
        }
    }
    return TERN_STATUS_OK;
}

tern_status tern__fallback_run(tern_program *program, tern__segment *segment,
                               const tern_submit_desc *desc) {
    tern_device *device = program->device;
    tern_device *reference = device->reference;
    const tern_backend_ops *ops = &reference->entry->ops;
    if (device->ticket) {
        TERN_TRY(device->entry->ops.wait(device->handle, device->ticket, UINT64_MAX));
    }
    TERN_TRY(copy_spans(program, segment, false));
    uint64_t ticket = 0;
    TERN_TRY(ops->submit(reference->handle, segment->program, desc, &ticket));
    TERN_TRY(ops->wait(reference->handle, ticket, UINT64_MAX));
    return copy_spans(program, segment, true);
}

void tern__fallback_finish(tern_program *program) {
    tern_device *reference = program->device->reference;
    tern__mutex_lock(&program->device->lock);
    for (size_t i = 0; i < program->shadow_count; i++) {
        reference->entry->ops.buffer_destroy(reference->handle, program->shadows[i].handle);
    }
    tern__mutex_unlock(&program->device->lock);
    tern__free(program->device->context, program->shadows);
}
