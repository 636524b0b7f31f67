// Copyright (c) 2026 the tern authors
// SPDX-License-Identifier: MIT
#ifndef TERN_CHAT_H_
#define TERN_CHAT_H_

#include <tern/tokenizer.h>

/**
 * Conversations as the texts that models were trained on. A model's file carries a template, a
 * program in a language of its own; the families of templates that ternary models use are known
 * here, recognised by what such a program writes, and rendered without running it.
 *
 * Families: bitnet (BitNet b1.58 2B-4T), llama3, qwen3, qwen2.5, chatml, gemma, falcon3, zephyr,
 * phi3, phi3.5; and plain, "User: ... Assistant: ..." by lines, for models without a template.
 *
 * Static: nothing is to be destroyed, any thread.
 */
typedef struct tern_chat_family tern_chat_family;

/** One message. Roles: "system" (only the first message), "user", "assistant". */
typedef struct tern_chat_message {
    const char *role;
    const char *content; /**< UTF-8 */
} tern_chat_message;

enum {
    TERN_CHAT_REPLY = 1u << 0,   /**< ends with what comes before the assistant's next words */
    TERN_CHAT_NO_THINK = 1u << 1 /**< qwen3: without reasoning first; others know nothing of it */
};

TERN_BEGIN_DECLS

/** The family of a template's text (GGUF's tokenizer.chat_template, Hugging Face's chat_template);
 * NULL if it is none that is known, or is NULL. Every text that the template can write around
 * messages is compared, what is there for tools and pictures left out: one that tells the model
 * more than the family does, spells a mark otherwise, or trims contents where the family does not,
 * is none. The template in Microsoft's own GGUF of 2B-4T
 * ("BITNETAssistant") is a place-holder that the model was not trained with: it counts as bitnet.
 */
TERN_API const tern_chat_family *tern_chat_recognise(const char *template_text);

/** By its name; NULL if there is none. */
TERN_API const tern_chat_family *tern_chat_find(const char *name);

TERN_API const char *tern_chat_name(const tern_chat_family *family);

/** The text that follows each of the assistant's messages, where the family ends them by text and
 * not by a token: a stop string. Else NULL. */
TERN_API const char *tern_chat_stop(const tern_chat_family *family);

/**
 * Renders |count| messages as text, at most |capacity| bytes of it, not terminated, and the number
 * needed in |*out_size|: OUT_OF_RANGE if that is more. Tokens that begin and end a text are spelled
 * as |tokenizer| has them (NULL: left out). INVALID_ARGUMENT names a role that the family does not
 * know in that place.
 */
TERN_API tern_status tern_chat_render(const tern_chat_family *family,
                                      const tern_tokenizer *tokenizer,
                                      const tern_chat_message *messages, size_t count,
                                      uint32_t flags, char *out_text, size_t capacity,
                                      size_t *out_size);

/**
 * The same as ids, as tern_tokenizer_encode delivers them. What the template writes becomes special
 * tokens where the vocabulary has them. Words of a message stay words: no control token comes from
 * one, nor any token that the template writes or that begins or ends a text, were the vocabulary to
 * have it as a user-defined one. That a message is not taken for several is more than that: see
 * tern_chat_separates.
 */
TERN_API tern_status tern_chat_encode(const tern_chat_family *family,
                                      const tern_tokenizer *tokenizer,
                                      const tern_chat_message *messages, size_t count,
                                      uint32_t flags, int32_t *out_ids, size_t capacity,
                                      size_t *out_count);

/**
 * Non-zero if every message begins with a token that no message can contain, so that nobody can
 * speak for another role. 0 where roles are told by words: always with bitnet, whose messages only
 * end with a token, and plain, whose "\nUser: " a message can spell; with the other families where
 * the vocabulary lacks their tokens. Who lets strangers write messages should then look at them, or
 * tell roles apart by other means. With gemma the system's words are in the first user's message.
 */
TERN_API int32_t tern_chat_separates(const tern_chat_family *family,
                                     const tern_tokenizer *tokenizer);

TERN_END_DECLS

#endif
