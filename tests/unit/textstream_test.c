#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <tern/context.h>

#include "runtime/model/text/textstream.h"

typedef struct heard {
    char text[256];
    size_t size;
    int calls_left; // 0: no limit
} heard;

static int32_t hear(void *user, const char *text, size_t size) {
    heard *h = user;
    assert_true(size > 0 && h->size + size < sizeof h->text);
    memcpy(h->text + h->size, text, size);
    h->size += size;
    h->text[h->size] = 0;
    return h->calls_left == 0 || --h->calls_left > 0;
}

typedef struct fixture {
    tern_context *context;
    tern__textstream stream;
    heard got;
} fixture;

static void begin(fixture *f, const char *const *stops, uint32_t count) {
    memset(f, 0, sizeof *f);
    assert_int_equal(tern_context_create(NULL, &f->context), TERN_STATUS_OK);
    f->stream = (tern__textstream){.context = f->context,
                                   .stops = stops,
                                   .stop_count = count,
                                   .deliver = hear,
                                   .user = &f->got};
}

static void end(fixture *f) {
    tern__textstream_finish(&f->stream);
    tern_context_destroy(f->context);
}

static tern_stop add(fixture *f, const char *text) {
    tern_stop stop = 99;
    assert_int_equal(tern__textstream_add(&f->stream, text, strlen(text), &stop), TERN_STATUS_OK);
    return stop;
}

static tern_stop flush(fixture *f) {
    tern_stop stop = 99;
    tern__textstream_flush(&f->stream, &stop);
    return stop;
}

static void characters_arrive_whole(void **state) {
    (void)state;
    fixture f;
    begin(&f, NULL, 0);
    assert_int_equal(add(&f, "a\xe2"), 0);
    assert_string_equal(f.got.text, "a");
    assert_int_equal(add(&f, "\x82"), 0);
    assert_string_equal(f.got.text, "a");
    assert_int_equal(add(&f, "\xac!"), 0);
    assert_string_equal(f.got.text, "a\xe2\x82\xac!");
    assert_int_equal(add(&f, "\xf0\x9f\x98"), 0);
    assert_int_equal(add(&f, "\x80"), 0);
    assert_string_equal(f.got.text, "a\xe2\x82\xac!\xf0\x9f\x98\x80");
    end(&f);
}

static void what_is_no_character_becomes_a_replacement(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        const char *text;
    } cases[] = {
        {"a\xff z", "a\xef\xbf\xbd z"},
        {"\x80", "\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                                   // overlong
        {"\xe2\x82 ", "\xef\xbf\xbd\xef\xbf\xbd "},                                 // cut short
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},                   // a surrogate
        {"\xf4\x90\x80\x80x", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx"}, // past the end
        {"ok\xe2\x82", "ok\xef\xbf\xbd"}, // nothing follows
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int by_byte = 0; by_byte < 2; by_byte++) {
            fixture f;
            begin(&f, NULL, 0);
            for (const char *at = cases[i].bytes; by_byte && *at; at++) {
                add(&f, (char[]){*at, 0});
            }
            if (!by_byte) {
                add(&f, cases[i].bytes);
            }
            assert_int_equal(flush(&f), 0);
            assert_string_equal(f.got.text, cases[i].text);
            end(&f);
        }
    }
}

static void a_stop_string_is_found_however_it_is_split(void **state) {
    (void)state;
    static const char *const stops[] = {"END", "\n\n", ""};
    static const char text[] = "ENEN is not ENDless";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        fixture f;
        char head[sizeof text];
        begin(&f, stops, 3);
        snprintf(head, sizeof head, "%.*s", (int)cut, text);
        tern_stop stop = add(&f, head);
        stop = stop ? stop : add(&f, text + cut);
        assert_int_equal(stop, TERN_STOP_STRING);
        assert_string_equal(f.got.text, "ENEN is not ");
        end(&f);
    }
}

static void what_may_become_a_stop_string_is_held_back(void **state) {
    (void)state;
    static const char *const stops[] = {"aab"};
    fixture f;
    begin(&f, stops, 1);
    assert_int_equal(add(&f, "xa"), 0);
    assert_string_equal(f.got.text, "x");
    assert_int_equal(add(&f, "a"), 0);
    assert_string_equal(f.got.text, "x");
    assert_int_equal(add(&f, "a"), 0); // "aaa": the first can no longer begin one
    assert_string_equal(f.got.text, "xa");
    assert_int_equal(add(&f, "c"), 0);
    assert_string_equal(f.got.text, "xaaac");
    assert_int_equal(add(&f, "aa"), 0);
    assert_int_equal(flush(&f), 0);
    assert_string_equal(f.got.text, "xaaacaa");
    end(&f);
}

static void the_earliest_stop_string_counts(void **state) {
    (void)state;
    static const char *const stops[] = {"world", "o w"};
    fixture f;
    begin(&f, stops, 2);
    assert_int_equal(add(&f, "hello world"), TERN_STOP_STRING);
    assert_string_equal(f.got.text, "hell");
    end(&f);
}

static void the_receiver_can_stop(void **state) {
    (void)state;
    fixture f;
    begin(&f, NULL, 0);
    f.got.calls_left = 2;
    assert_int_equal(add(&f, "one"), 0);
    assert_int_equal(add(&f, "two"), TERN_STOP_CALLBACK);
    assert_string_equal(f.got.text, "onetwo");
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_arrive_whole),
        cmocka_unit_test(what_is_no_character_becomes_a_replacement),
        cmocka_unit_test(a_stop_string_is_found_however_it_is_split),
        cmocka_unit_test(what_may_become_a_stop_string_is_held_back),
        cmocka_unit_test(the_earliest_stop_string_counts),
        cmocka_unit_test(the_receiver_can_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
