#include "tools/tern/logprobs.h"

#define MOST 100

static cJSON *entry(const logprobs *self, int32_t id, double log_prob) {
    char text[512];
    size_t size = 0;
    cJSON *object = cJSON_CreateObject();
    tern_tokenizer_decode(self->tokenizer, id, 0, text, sizeof text, &size);
    cJSON_AddItemToObject(object, "id", json_i64(id));
    cJSON_AddItemToObject(object, "text", json_text(text, size < sizeof text ? size : 0));
    cJSON_AddNumberToObject(object, "logprob", log_prob);
    return object;
}

void logprobs_add(logprobs *self, int32_t id, const float *logits, uint32_t count) {
    int32_t ids[MOST];
    double values[MOST], own;
    uint32_t best = self->best < count ? self->best : count;
    self->list = self->list ? self->list : cJSON_CreateArray();
    if (tern_log_probs(logits, count, &id, 1, &own) != TERN_STATUS_OK ||
        tern_top_log_probs(logits, count, best, ids, values) != TERN_STATUS_OK) {
        return; // logits that are no numbers have no probabilities
    }
    cJSON *object = entry(self, id, own);
    cJSON *top = cJSON_AddArrayToObject(object, "top");
    for (uint32_t i = 0; i < best; i++) {
        cJSON_AddItemToArray(top, entry(self, ids[i], values[i]));
    }
    cJSON_AddItemToArray(self->list, object);
}
