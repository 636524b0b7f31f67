#include "runtime/model/files/protobuf.h"

#include <string.h>

static bool read_varint(tern__message *m, uint64_t *out) {
    *out = 0;
    for (unsigned shift = 0; shift < 64 && m->at < m->size; shift += 7) {
        uint8_t byte = (uint8_t)m->data[m->at++];
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static bool read_fixed(tern__message *m, size_t size, uint64_t *out) {
    if (size > m->size - m->at) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < size; i++) {
        *out |= (uint64_t)(uint8_t)m->data[m->at++] << (8 * i);
    }
    return true;
}

static bool read_bytes(tern__message *m, tern__field *out) {
    uint64_t size;
    if (!read_varint(m, &size) || size > m->size - m->at) {
        return false;
    }
    out->bytes = m->data + m->at;
    out->size = (size_t)size;
    m->at += out->size;
    return true;
}

static bool read_value(tern__message *m, tern__field *out) {
    switch (out->wire) {
    case TERN__WIRE_VARINT:
        return read_varint(m, &out->value);
    case TERN__WIRE_64:
        return read_fixed(m, 8, &out->value);
    case TERN__WIRE_BYTES:
        return read_bytes(m, out);
    case TERN__WIRE_32:
        return read_fixed(m, 4, &out->value);
    default:
        return false;
    }
}

bool tern__message_next(tern__message *message, tern__field *out) {
    uint64_t tag;
    *out = (tern__field){0};
    if (message->broken || message->at == message->size) {
        return false;
    }
    message->broken = true;
    if (!read_varint(message, &tag) || tag >> 3 == 0 || tag >> 3 >= (uint64_t)1 << 29) {
        return false;
    }
    out->number = (uint32_t)(tag >> 3);
    out->wire = (tern__wire)(tag & 7);
    message->broken = !read_value(message, out);
    return !message->broken;
}

float tern__field_float(const tern__field *field) {
    uint32_t bits = (uint32_t)field->value;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
