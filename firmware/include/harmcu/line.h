/* Lines of the wire: `$TYPE,seq,field,...*CRC`. docs/wire.md is the specification. */
#ifndef HARMCU_LINE_H
#define HARMCU_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest line, from the `$` to the last digit of the CRC. */
#define HARMCU_LINE_MAX 384

/* Fields of a received line, type and sequence number not counted. */
#define HARMCU_FIELDS_MAX 4

/* A line on its way out. */
typedef struct {
    char text[HARMCU_LINE_MAX + 3];
    size_t size;
} harmcu_line_writer;

/* Begins a line of a three-letter type. */
void harmcu_line_begin(harmcu_line_writer *line, const char *type, uint16_t sequence);

/* Each adds one field, the comma before it included. A field that does not fit is cut; the codecs
 * on both sides keep every line of the specification below the limit. */
void harmcu_line_text(harmcu_line_writer *line, const char *text);
void harmcu_line_escaped(harmcu_line_writer *line, const char *utf8);
void harmcu_line_integer(harmcu_line_writer *line, int32_t value);
void harmcu_line_unsigned(harmcu_line_writer *line, uint32_t value);
void harmcu_line_base64(harmcu_line_writer *line, const void *data, size_t size);

/* Adds the CRC and the line end and sends the line to the board's port. */
void harmcu_line_send(harmcu_line_writer *line);

/* A line for people: `# ` and text. It has no sequence number and no CRC, and hosts pass over it.
 * What would end the line or begin another one becomes a question mark. */
void harmcu_text_begin(harmcu_line_writer *line);
void harmcu_text_add(harmcu_line_writer *line, const char *utf8);
void harmcu_text_unsigned(harmcu_line_writer *line, uint32_t value);
void harmcu_text_percent(harmcu_line_writer *line, uint8_t percent); /* 97 as 0.97 */
void harmcu_text_send(harmcu_line_writer *line);

/* A received line, its fields terminated in place. */
typedef struct {
    const char *type;
    uint16_t sequence;
    uint8_t fields;
    const char *field[HARMCU_FIELDS_MAX];
} harmcu_line;

typedef enum {
    HARMCU_LINE_MORE,    /* no line yet */
    HARMCU_LINE_GOOD,    /* a whole line with the right CRC */
    HARMCU_LINE_DAMAGED, /* something that ended like a line, but is none */
} harmcu_line_result;

/* Collects received bytes. */
typedef struct {
    char text[HARMCU_LINE_MAX + 1];
    size_t size;
    bool started;
} harmcu_line_reader;

/* Takes one byte. The line is valid until the next call. */
harmcu_line_result harmcu_line_take(harmcu_line_reader *reader, uint8_t byte, harmcu_line *line);

/* Reads a whole field as a number. False when it is none, or above `most`. */
bool harmcu_field_unsigned(const char *field, uint32_t most, uint32_t *value);

/* Decodes a base64 field. Returns the bytes written, or 0 when the field is not canonical base64
 * of 1 to `capacity` bytes. */
size_t harmcu_field_base64(const char *field, uint8_t *out, size_t capacity);

#endif
