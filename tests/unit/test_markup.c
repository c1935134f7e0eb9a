/* SPDX-License-Identifier: MIT
 *
 * Text inside XML and HTML stands for itself, whatever it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "markup.h"

#include <stdlib.h>

#define REPLACED "\xEF\xBF\xBD"

static void expect(const char *text, const char *written)
{
    char *memory = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&memory, &size);
    markup_text(stream, text);
    fclose(stream);
    assert_string_equal(memory, written);
    free(memory);
}

static void what_markup_uses_is_escaped(void **state)
{
    (void)state;
    expect("plain text, 100 % of it\n", "plain text, 100 % of it\n");
    expect("<script>alert(\"it's\" && 1)</script>",
           "&lt;script&gt;alert(&quot;it&#39;s&quot; &amp;&amp; 1)&lt;/script&gt;");
    expect("]]>", "]]&gt;");
}

static void text_beyond_ascii_is_kept(void **state)
{
    (void)state;
    expect("\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x8F\x94", "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x8F\x94");
}

static void what_xml_does_not_allow_is_replaced(void **state)
{
    (void)state;
    expect("a\x01z\x1B", "a" REPLACED "z" REPLACED);
    expect("\xFF", REPLACED);
    expect("\x80<", REPLACED "&lt;");
    expect("\xC3", REPLACED);
    expect("\xC3<", REPLACED "&lt;");
    expect("\xE2\x82", REPLACED REPLACED);
    expect("\xC0\xBC", REPLACED REPLACED);                         /* '<', overlong */
    expect("\xE0\x80\xBC", REPLACED REPLACED REPLACED);            /* the same */
    expect("\xED\xA0\x80", REPLACED REPLACED REPLACED);            /* a surrogate */
    expect("\xEF\xBF\xBF", REPLACED REPLACED REPLACED);            /* U+FFFF */
    expect("\xF4\x90\x80\x80", REPLACED REPLACED REPLACED REPLACED); /* beyond U+10FFFF */
}

static void what_printf_makes_is_escaped(void **state)
{
    (void)state;
    char *memory = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&memory, &size);
    markup_print(stream, "<%s> %d", "&", 7);
    fclose(stream);
    assert_string_equal(memory, "&lt;&amp;&gt; 7");
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_markup_uses_is_escaped),
        cmocka_unit_test(text_beyond_ascii_is_kept),
        cmocka_unit_test(what_xml_does_not_allow_is_replaced),
        cmocka_unit_test(what_printf_makes_is_escaped),
    };
    return cmocka_run_group_tests_name("markup", tests, NULL, NULL);
}
