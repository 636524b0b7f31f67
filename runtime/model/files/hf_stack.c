#include "runtime/model/files/hf_stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/allocator.h"
#include "runtime/model/files/source.h"
#include "runtime/status.h"

enum { MAX_EXPERTS = 65536 };

static size_t bucket_of(const char *name) {
    uint32_t hash = 0;
    for (const char *c = name; *c; c++) {
        hash = hash * 31 + (uint8_t)*c;
    }
    return hash % TERN__HF_BUCKETS;
}

static tern__hf_stack *find(const tern__hf_stacks *stacks, const char *name) {
    for (size_t i = stacks->buckets[bucket_of(name)]; i > 0; i = stacks->items[i - 1].next) {
        if (strcmp(stacks->items[i - 1].name, name) == 0) {
            return &stacks->items[i - 1];
        }
    }
    return NULL;
}

// The pieces are the archive's from the start, so that nothing is lost on the way.
static tern__piece *make_pieces(tern_archive *archive, uint32_t experts) {
    void *stacks = archive->stacks;
    size_t capacity = archive->stack_count;
    if (!tern__grow(archive->context, &stacks, &capacity, archive->stack_count + 1,
                    sizeof(tern__piece *))) {
        return NULL;
    }
    archive->stacks = stacks;
    tern__piece *pieces = tern__calloc(archive->context, experts, sizeof *pieces);
    if (pieces) {
        archive->stacks[archive->stack_count++] = pieces;
    }
    return pieces;
}

// Of all stacks but the last, which build names an expert of.
static tern_status check_room(const tern__hf_stacks *stacks, const tern_archive *archive,
                              const tern__hf_model *model) {
    uint64_t experts = (uint64_t)stacks->count * model->experts;
    if (experts <= stacks->tensors) {
        return TERN_STATUS_OK;
    }
    return tern__fail(archive->context, TERN_STATUS_CORRUPT_DATA,
                      "%s: %" PRIu32
                      " experts by config.json, of which %zu tensors of layers would "
                      "have %" PRIu64 ", but the folder has %zu tensors",
                      archive->name, model->experts, stacks->count, experts, stacks->tensors);
}

static tern__hf_stack *add_stack(tern__hf_stacks *stacks, tern_archive *archive,
                                 const tern__hf_model *model, const tern__tensor *tensor) {
    void *items = stacks->items;
    if (!tern__grow(archive->context, &items, &stacks->capacity, stacks->count + 1,
                    sizeof(tern__hf_stack))) {
        return NULL;
    }
    stacks->items = items;
    tern__hf_stack *stack = &stacks->items[stacks->count];
    *stack = (tern__hf_stack){.first = *tensor, .pieces = make_pieces(archive, model->experts)};
    snprintf(stack->name, sizeof stack->name, "%s", tensor->name);
    if (!stack->pieces) {
        return NULL;
    }
    size_t *bucket = &stacks->buckets[bucket_of(stack->name)];
    stack->next = *bucket;
    *bucket = ++stacks->count;
    return stack;
}

static tern_status refuse(const tern_archive *archive, const tern__tensor *tensor, uint32_t expert,
                          const char *why) {
    return tern__fail(archive->context, TERN_STATUS_CORRUPT_DATA,
                      "%s: expert %" PRIu32 " of tensor '%.100s' %s",
                      tern__source_name(tensor->source), expert, tensor->name, why);
}

tern_status tern__hf_stacks_add(tern__hf_stacks *stacks, tern_archive *archive,
                                const tern__hf_model *model, const tern__hf_place *place,
                                const tern__tensor *tensor) {
    if (place->expert >= model->experts || model->experts > MAX_EXPERTS) {
        return refuse(archive, tensor, place->expert, "is more than config.json has");
    }
    tern__hf_stack *stack = find(stacks, tensor->name);
    if (!stack) {
        TERN_TRY(check_room(stacks, archive, model));
        stack = add_stack(stacks, archive, model, tensor);
    }
    if (!stack) {
        return tern__fail_memory(archive->context, model->experts * sizeof(tern__piece),
                                 tensor->name);
    }
    const tern__tensor *first = &stack->first;
    if (first->type != tensor->type || first->rank != tensor->rank ||
        memcmp(first->shape, tensor->shape, sizeof first->shape) != 0) {
        return refuse(archive, tensor, place->expert, "differs in shape or type from another");
    }
    if (stack->pieces[place->expert].source) {
        return refuse(archive, tensor, place->expert, "is there twice");
    }
    stack->pieces[place->expert] = (tern__piece){tensor->source, tensor->offset};
    stack->count++;
    return TERN_STATUS_OK;
}

static tern_status build(const tern__hf_stack *stack, const tern__hf_model *model,
                         tern__builder *builder) {
    tern__tensor tensor = stack->first;
    for (uint32_t i = 0; i < model->experts; i++) {
        if (!stack->pieces[i].source) {
            return tern__fail(builder->archive->context, TERN_STATUS_NOT_FOUND,
                              "%s: expert %" PRIu32 " of tensor '%.100s' is missing",
                              builder->archive->name, i, stack->name);
        }
    }
    bool single = tensor.rank == 1 && tensor.shape[0] == 1;
    if (tensor.rank == 4) {
        return tern__fail(builder->archive->context, TERN_STATUS_UNSUPPORTED,
                          "%s: experts of tensor '%.100s' have 4 dimensions, expected 3 at most",
                          builder->archive->name, stack->name);
    }
    tensor.shape[single ? 0 : tensor.rank] = model->experts;
    tensor.rank += !single;
    tensor.name = stack->name;
    tensor.source = stack->pieces[0].source;
    tensor.offset = stack->pieces[0].offset;
    tensor.pieces = stack->pieces;
    tensor.piece_count = model->experts;
    if (!tern__mul_u64(tensor.size, model->experts, &tensor.size)) {
        return tern__fail(builder->archive->context, TERN_STATUS_CORRUPT_DATA,
                          "%s: tensor '%.100s' has too many bytes", builder->archive->name,
                          stack->name);
    }
    return tern__build_tensor(builder, &tensor);
}

tern_status tern__hf_stacks_build(const tern__hf_stacks *stacks, const tern__hf_model *model,
                                  tern__builder *builder) {
    for (size_t i = 0; i < stacks->count; i++) {
        TERN_TRY(build(&stacks->items[i], model, builder));
    }
    return TERN_STATUS_OK;
}

void tern__hf_stacks_finish(tern__hf_stacks *stacks, tern_context *context) {
    tern__free(context, stacks->items);
    *stacks = (tern__hf_stacks){0};
}
