/* libFuzzer target: any bytes into the firmware's reader of lines.
 *
 * What it takes for a line is held against what docs/wire.md says of one, read here in another way:
 * from the end of the bytes instead of byte by byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "harmcu/board.h"
#include "harmcu/line.h"

static char written[HARMCU_LINE_MAX + 3];
static size_t written_size;

/* What line_write.c needs of a board. */
void harmcu_board_write(const char *data, size_t size) {
    expect(size < sizeof written);
    memcpy(written, data, size);
    written[size] = '\0';
    written_size = size;
}

static void check_number(const char *field) {
    uint32_t value = 0;
    const bool taken = harmcu_field_unsigned(field, UINT32_MAX, &value);
    const size_t digits = strspn(field, "0123456789");
    const bool is_number = digits > 0 && field[digits] == '\0' && digits < 300;
    const char *significant = field + strspn(field, "0");
    const bool fits =
        is_number && strlen(significant) <= 10 && strtoull(field, NULL, 10) <= UINT32_MAX;
    expect(taken == fits);
    expect(!taken || value == strtoull(field, NULL, 10));
}

/* Canonical base64: encoding what was decoded gives the same characters. */
static void check_base64(const char *field) {
    uint8_t data[HARMCU_LINE_MAX];
    const size_t size = harmcu_field_base64(field, data, sizeof data);
    expect(size <= strlen(field) / 4 * 3);
    if (size > 0) {
        harmcu_line_writer line;
        harmcu_line_begin(&line, "X", 0);
        harmcu_line_base64(&line, data, size);
        harmcu_line_send(&line);
        expect(strncmp(&written[5], field, strlen(field)) == 0);
        /* One byte too many is refused and not written. */
        uint8_t *exact = malloc(size);
        expect(harmcu_field_base64(field, exact, size) == size);
        expect(harmcu_field_base64(field, exact, size - 1) == 0);
        free(exact);
    }
}

/* Checks a line that was taken against the bytes since the last `$`. */
static void check_line(const harmcu_line *line, const char *bytes, size_t size) {
    expect(size >= 12 && size <= HARMCU_LINE_MAX);
    expect(bytes[0] == '$' && bytes[size - 5] == '*');
    char check[6];
    snprintf(check, sizeof check, "*%04X", slow_crc(&bytes[1], size - 6));
    expect(memcmp(check, &bytes[size - 5], 5) == 0);
    char again[HARMCU_LINE_MAX + 32];
    int length = snprintf(again, sizeof again, "%s,", line->type);
    /* A sequence number may have leading zeros; its value is what counts. */
    expect(memcmp(again, &bytes[1], (size_t)length) == 0);
    expect(strtoul(&bytes[1 + length], NULL, 10) == line->sequence);
    size_t fields = 0;
    for (size_t i = 1; i < size - 5; ++i) {
        fields += bytes[i] == ',' ? 1U : 0U;
    }
    expect(fields == line->fields + 1U);
    for (uint8_t i = 0; i < line->fields; ++i) {
        check_number(line->field[i]);
        check_base64(line->field[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    harmcu_line_reader *reader = calloc(1, sizeof *reader);
    size_t start = 0;
    for (size_t i = 0; i < size; ++i) {
        start = data[i] == '$' ? i : start;
        harmcu_line line;
        switch (harmcu_line_take(reader, data[i], &line)) {
            case HARMCU_LINE_GOOD:
                check_line(&line, (const char *)&data[start], i - start);
                break;
            case HARMCU_LINE_DAMAGED:
                expect(data[i] == '\n' || data[i] == '\r' || data[i] == '$');
                break;
            case HARMCU_LINE_MORE:
                break;
        }
    }
    free(reader);
    return 0;
}
