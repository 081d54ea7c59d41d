/* A serialised HTML page -> its rows of text and their DOM columns, in one pass over the bytes.

   Does what html.py does with NumPy for pages that are well formed; for any other page (tags that don't pair up,
   attributes that no serialiser writes, too deep a tree) it answers None, and NumPy takes it. What tags, classes and
   roles mean comes from segment/dom.py, as dictionaries: no list of them stands here. */

#include "kernel.h"

#define NEAR 64               /* distances of an element, one a family; also dom.NO_ANCESTOR */
#define MAX_WORD 31           /* longest key of a dictionary */
#define MAX_NAME_CHARS 160    /* dom.MAX_NAME_CHARS */
#define MAX_LEVELS 2500       /* dom.MAX_LEVELS */
#define REPEATED_SIBLINGS 3   /* html.REPEATED_SIBLINGS */
#define N_COLUMNS 24          /* those of html.COLUMNS that are made here, before near_<family> */
enum { /* traits; IS_CUSTOM is that of all names with a "-", which no table holds */
    IS_BLOCK = 1, IS_PRE = 2, IS_ROW = 4, IS_BR = 8, IS_LEFT_OUT = 16, IS_VOID = 32, IS_ONE_LINE = 64, IS_CUSTOM = 128,
    CODE_SHIFT = 8
};
#define MIN_WRAPPED_CHARS 45  /* html.py */

typedef struct {
    const char *at, *end;
} Span;

/* ---- characters, as Python's str sees them ---- */

typedef struct {
    const char *bytes; /* the character in UTF-8, an escape undone */
    int size;          /* of it */
    int taken;         /* bytes of the page that it stands for */
    int is_space;      /* str.isspace */
} Character;

static inline int
is_ascii_space(unsigned char byte)
{
    return byte == ' ' || (byte >= 9 && byte <= 13) || (byte >= 28 && byte <= 31);
}

static int
is_wide_space(const unsigned char *at, int size)
{
    if (size == 2)
        return at[0] == 0xC2 && (at[1] == 0x85 || at[1] == 0xA0);
    if (size != 3)
        return 0;
    if (at[0] == 0xE2 && at[1] == 0x80)
        return at[2] <= 0x8A || at[2] == 0xA8 || at[2] == 0xA9 || at[2] == 0xAF;
    return (at[0] == 0xE2 && at[1] == 0x81 && at[2] == 0x9F) || (at[0] == 0xE1 && at[1] == 0x9A && at[2] == 0x80)
           || (at[0] == 0xE3 && at[1] == 0x80 && at[2] == 0x80);
}

/* The four escapes that the serialiser writes; any other "&" is itself. */
static Character
unescaped(const char *at, const char *end)
{
    static const struct {
        const char *escape;
        int taken;
        Character means;
    } escapes[] = {{"&amp;", 5, {"&", 1, 5, 0}}, {"&nbsp;", 6, {"\xC2\xA0", 2, 6, 1}}, {"&lt;", 4, {"<", 1, 4, 0}},
                   {"&gt;", 4, {">", 1, 4, 0}}};
    for (int i = 0; i < 4; i++)
        if (end - at >= escapes[i].taken && memcmp(at, escapes[i].escape, escapes[i].taken) == 0)
            return escapes[i].means;
    return (Character){at, 1, 1, 0};
}

static inline Character
character(const char *at, const char *end)
{
    unsigned char first = (unsigned char)*at;
    if (first < 0x80)
        return first == '&' ? unescaped(at, end) : (Character){at, 1, 1, is_ascii_space(first)};
    int size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (size > end - at)
        size = (int)(end - at);
    return (Character){at, size, size, is_wide_space((const unsigned char *)at, size)};
}

static inline int
begins_character(char byte)
{
    return ((unsigned char)byte & 0xC0) != 0x80;
}

static inline char *
write_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        if (code < 0x10000) {
            *out++ = (char)(0xE0 | code >> 12);
        } else {
            *out++ = (char)(0xF0 | code >> 18);
            *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

/* Encodes a str of one kind, a run of RUN characters at a time where it is ASCII: pages nearly are, and this takes a
   fifth of the time that str.encode does. */
#define RUN 16
#define ENCODER(name, unit)                                                                                            \
    static char *name(const unit *at, const unit *end, char *out)                                                      \
    {                                                                                                                  \
        for (; end - at >= RUN; at += RUN) {                                                                           \
            unit joined = 0;                                                                                           \
            for (int i = 0; i < RUN; i++)                                                                              \
                joined |= at[i];                                                                                       \
            if (joined < 0x80)                                                                                         \
                for (int i = 0; i < RUN; i++)                                                                          \
                    *out++ = (char)at[i];                                                                              \
            else                                                                                                       \
                for (int i = 0; i < RUN; i++)                                                                          \
                    out = write_utf8(out, at[i]);                                                                      \
        }                                                                                                              \
        for (; at < end; at++)                                                                                         \
            out = write_utf8(out, *at);                                                                                \
        return out;                                                                                                    \
    }
ENCODER(encode_1, Py_UCS1)
ENCODER(encode_2, Py_UCS2)
ENCODER(encode_4, Py_UCS4)

/* The first MAX_NAME_CHARS characters. */
static Span
shortened(Span span)
{
    if (span.end - span.at <= MAX_NAME_CHARS)
        return span;
    int n_chars = 0;
    for (const char *at = span.at; at < span.end; at++)
        if (begins_character(*at) && n_chars++ == MAX_NAME_CHARS)
            return (Span){span.at, at};
    return span;
}

/* ---- dictionaries of short words ---- */

typedef struct {
    uint64_t value;
    uint8_t size;
    char word[MAX_WORD];
} Entry;

typedef struct {
    uint32_t mask;
    uint32_t *hashes; /* 0 where there is no entry */
    Entry *entries;
} Dictionary;

#define NO_BYTES 2166136261u
static inline uint32_t
hash_on(uint32_t hash, char byte) /* FNV-1a */
{
    return (hash ^ (unsigned char)byte) * 16777619u;
}

static uint32_t
hash_of(const char *at, const char *end)
{
    uint32_t hash = NO_BYTES;
    for (; at < end; at++)
        hash = hash_on(hash, *at);
    return hash;
}

static inline uint64_t
looked_up(const Dictionary *dictionary, const char *word, Py_ssize_t size, uint32_t hash)
{
    hash |= 1;
    for (uint32_t slot = hash >> 1 & dictionary->mask; dictionary->hashes[slot]; slot = (slot + 1) & dictionary->mask) {
        const Entry *entry = &dictionary->entries[slot];
        if (dictionary->hashes[slot] == hash && entry->size == size && memcmp(entry->word, word, (size_t)size) == 0)
            return entry->value;
    }
    return 0;
}

static inline uint64_t
value_of(const Dictionary *dictionary, Span word)
{
    return looked_up(dictionary, word.at, word.end - word.at, hash_of(word.at, word.end));
}

/* From {bytes: int}. Returns -1 with a Python error. */
static int
fill_dictionary(Dictionary *dictionary, PyObject *source)
{
    uint32_t n_slots = 64;
    while (n_slots < 4 * (size_t)PyDict_Size(source))
        n_slots *= 2;
    dictionary->mask = n_slots - 1;
    dictionary->hashes = PyMem_RawCalloc(n_slots, sizeof(uint32_t));
    dictionary->entries = PyMem_RawCalloc(n_slots, sizeof(Entry));
    if (dictionary->hashes == NULL || dictionary->entries == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyObject *key, *value;
    for (Py_ssize_t place = 0; PyDict_Next(source, &place, &key, &value);) {
        char *word;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(key, &word, &size) < 0)
            return -1;
        uint64_t number = PyLong_AsUnsignedLongLong(value);
        if (PyErr_Occurred())
            return -1;
        if (size > MAX_WORD) {
            PyErr_Format(PyExc_ValueError, "tables: %s is longer than %d bytes", word, MAX_WORD);
            return -1;
        }
        uint32_t hash = hash_of(word, word + size) | 1, slot = hash >> 1 & dictionary->mask;
        while (dictionary->hashes[slot])
            slot = (slot + 1) & dictionary->mask;
        dictionary->hashes[slot] = hash;
        dictionary->entries[slot].value = number;
        dictionary->entries[slot].size = (uint8_t)size;
        memcpy(dictionary->entries[slot].word, word, (size_t)size);
    }
    return 0;
}

/* ---- what tags mean ---- */

enum { FRAMES, ELEMENTS, BLOCKS, INPUT, TEXT, SIBLINGS, N_ROOMS };
#define KEPT_ROOM (1 << 20)

typedef struct { /* memory that grows, and is kept for the next page where it is no larger than KEPT_ROOM */
    void *items;
    size_t bytes;
} Room;

enum { TAG_TRAITS, TAG_FAMILIES, WORDS, PREFIXES, ROLES, PROPERTIES, N_DICTIONARIES };

typedef struct {
    Dictionary dictionaries[N_DICTIONARIES];
    uint64_t link, list, table, hidden; /* bits of families */
    Room idle[N_ROOMS];                 /* only touched with the GIL */
    uint64_t multiplier;                /* odd, drawn at random: no page can be made to collide */
    uint32_t prefix_sizes;              /* bit n: there are prefixes of n letters */
    int n_families;
} Tables;

typedef struct {
    int kind; /* 1 start tag, -1 end tag, 0 void element or comment */
    Span name;
    uint64_t traits, families;
    uint32_t token, signature;
} Tag;

typedef struct {
    Span classes, ident, role, property, style, aria_hidden;
    int has_hidden;
} Attributes;

static uint32_t crc_table[256];

static void
fill_crc_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
        crc_table[byte] = crc;
    }
}

/* zlib.crc32 of the bytes before (`crc`, 0 for none) and these. */
static uint32_t
crc_on(uint32_t crc, Span span)
{
    crc = ~crc;
    for (const char *at = span.at; at < span.end; at++)
        crc = crc >> 8 ^ crc_table[(crc ^ (unsigned char)*at) & 0xFF];
    return ~crc;
}

static inline int
is_letter(char byte)
{
    return (unsigned char)((byte | 0x20) - 'a') < 26;
}

static inline int
is_capital(char byte)
{
    return (unsigned char)(byte - 'A') < 26;
}

/* The families of the words of a class or id (dom.class_bits says what a word is). */
static uint64_t
word_families(const Tables *tables, Span names)
{
    uint64_t families = 0;
    const char *at = names.at;
    while (at < names.end) {
        if (!is_letter(*at)) {
            at++;
            continue;
        }
        char word[MAX_WORD + 1];
        const char *start = at;
        uint32_t hash = NO_BYTES;
        int size = 0;
        do {
            if (size < MAX_WORD) {
                word[size++] = *at | 0x20;
                hash = hash_on(hash, *at | 0x20);
                if (tables->prefix_sizes >> size & 1)
                    families |= looked_up(&tables->dictionaries[PREFIXES], word, size, hash);
            }
            at++;
        } while (at < names.end && is_letter(*at) && (is_capital(at[-1]) || !is_capital(*at)));
        if (at - start <= MAX_WORD)
            families |= looked_up(&tables->dictionaries[WORDS], word, size, hash);
    }
    return families;
}

/* Adds the families of the words of an itemprop. Returns 0 where it isn't ASCII: Python knows more capitals. */
static int
add_property_families(const Tables *tables, Span property, uint64_t *families)
{
    const char *at = property.at;
    while (at < property.end) {
        char word[MAX_WORD + 1];
        Py_ssize_t size = 0;
        for (; at < property.end && !is_ascii_space((unsigned char)*at); at++) {
            if (*at & 0x80)
                return 0;
            if (size <= MAX_WORD)
                word[size++] = is_capital(*at) ? *at | 0x20 : *at;
        }
        if (size <= MAX_WORD)
            *families |= value_of(&tables->dictionaries[PROPERTIES], (Span){word, word + size});
        at++;
    }
    return 1;
}

/* Whether `at` begins with the lower-case word, in any case; moves it behind. */
static int
skipped(const char **at, const char *end, const char *word)
{
    const char *next = *at;
    for (; *word; word++, next++)
        if (next == end || (is_capital(*next) ? *next | 0x20 : *next) != *word)
            return 0;
    *at = next;
    return 1;
}

static void
skip_spaces(const char **at, const char *end)
{
    while (*at < end && (**at == ' ' || (**at >= 9 && **at <= 13)))
        (*at)++;
}

/* dom.HIDING_STYLE: display: none, or visibility: hidden. */
static int
is_hiding(Span style)
{
    static const char *const hiding[][2] = {{"display", "none"}, {"visibility", "hidden"}};
    for (const char *from = style.at; from < style.end; from++)
        for (int i = 0; i < 2; i++) {
            const char *at = from;
            if (!skipped(&at, style.end, hiding[i][0]))
                continue;
            skip_spaces(&at, style.end);
            if (!skipped(&at, style.end, ":"))
                continue;
            skip_spaces(&at, style.end);
            if (skipped(&at, style.end, hiding[i][1]))
                return 1;
        }
    return 0;
}

static inline int
is_called(Span name, const char *wanted, size_t size)
{
    return (size_t)(name.end - name.at) == size && memcmp(name.at, wanted, size) == 0;
}

static void
take_attribute(Attributes *attributes, Span name, Span value)
{
    Span *place = NULL;
    switch (name.end - name.at) {
    case 2:
        place = is_called(name, "id", 2) ? &attributes->ident : NULL;
        break;
    case 4:
        place = is_called(name, "role", 4) ? &attributes->role : NULL;
        break;
    case 5:
        place = is_called(name, "class", 5) ? &attributes->classes
                : is_called(name, "style", 5) ? &attributes->style : NULL;
        break;
    case 6:
        attributes->has_hidden |= is_called(name, "hidden", 6) && !is_called(value, "until-found", 11);
        break;
    case 8:
        place = is_called(name, "itemprop", 8) ? &attributes->property : NULL;
        break;
    case 11:
        place = is_called(name, "aria-hidden", 11) ? &attributes->aria_hidden : NULL;
    }
    if (place != NULL && place->at == NULL)
        *place = shortened(value);
}

/* The attributes from `at` to `end`. Returns 0 where they are not as a serialiser writes them. */
static int
read_attributes(const char *at, const char *end, Attributes *attributes)
{
    while (at < end) {
        if (*at++ != ' ')
            return 0;
        Span name = {at, at};
        while (name.end < end && *name.end != ' ' && (*name.end != '=' || name.end == name.at))
            name.end++;
        at = name.end + 2;
        if (name.end == name.at || end - name.end < 3 || name.end[0] != '=' || name.end[1] != '"')
            return 0;
        const char *close = memchr(at, '"', (size_t)(end - at));
        if (close == NULL)
            return 0;
        take_attribute(attributes, name, (Span){at, close});
        at = close + 1;
    }
    return 1;
}

#define N_MEMOS 512

typedef struct { /* what was read of a tag's name and classes: most tags of a page have been there before */
    Span name, classes;
    uint64_t families;
    uint32_t token, signature;
} Memo;

static inline int
is_same(Span one, Span other)
{
    size_t size = (size_t)(one.end - one.at);
    return (size_t)(other.end - other.at) == size && memcmp(one.at, other.at, size) == 0;
}

static const Memo *
memo_of(const Tables *tables, Memo *memos, Span name, Span classes)
{
    uint64_t hash = (uint64_t)(classes.end - classes.at);
    const char *at = classes.at;
    for (uint64_t eight; classes.end - at >= 8; at += 8) {
        memcpy(&eight, at, 8);
        hash = (hash ^ eight) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    for (; at < classes.end; at++)
        hash = (hash ^ (unsigned char)*at) * 0x9E3779B97F4A7C15u;
    Memo *memo = &memos[(hash ^ hash >> 32 ^ (unsigned char)*name.at) % N_MEMOS];
    if (memo->classes.at != NULL && is_same(memo->classes, classes) && is_same(memo->name, name))
        return memo;
    Span first = classes;
    const char *space = memchr(first.at, ' ', (size_t)(first.end - first.at));
    if (space != NULL)
        first.end = space;
    *memo = (Memo){name, classes, word_families(tables, classes), crc_on(0, first),
                   crc_on(crc_on(crc_on(0, name), (Span){" ", " " + 1}), classes)};
    return memo;
}

static int
add_attributes(const Tables *tables, Memo *memos, Tag *tag, const char *end)
{
    Attributes of = {{NULL, NULL}, {NULL, NULL}, {NULL, NULL}, {NULL, NULL}, {NULL, NULL}, {NULL, NULL}, 0};
    if (!read_attributes(tag->name.end, end, &of))
        return 0;
    if (of.classes.at != of.classes.end) {
        const Memo *memo = memo_of(tables, memos, tag->name, of.classes);
        tag->families |= memo->families;
        tag->token = memo->token;
        tag->signature = memo->signature;
    }
    if (of.classes.at == of.classes.end || *of.classes.at == ' ')
        tag->token = crc_on(0, of.ident);
    tag->families |= word_families(tables, of.ident);
    if (of.role.at != NULL)
        tag->families |= value_of(&tables->dictionaries[ROLES], of.role);
    if (!add_property_families(tables, of.property, &tag->families))
        return 0;
    if (of.has_hidden || is_called(of.aria_hidden, "true", 4) || is_hiding(of.style))
        tag->families |= tables->hidden;
    return 1;
}

/* The tag between "<" and ">". Returns 0 where no serialiser writes such. */
static int
read_tag(const Tables *tables, Memo *memos, Span inner, Tag *tag)
{
    *tag = (Tag){0, inner, 0, 0, 0, 0};
    if (inner.at == inner.end || *inner.at == '!' || *inner.at == '?' || *inner.at == ' ')
        return 1;
    if (*inner.at == '/') {
        tag->kind = -1;
        tag->name.at++;
        tag->traits = value_of(&tables->dictionaries[TAG_TRAITS], tag->name);
        if (!tag->traits && memchr(tag->name.at, '-', (size_t)(tag->name.end - tag->name.at)) != NULL)
            tag->traits = IS_CUSTOM;
        return 1;
    }
    const char *space = memchr(inner.at, ' ', (size_t)(inner.end - inner.at));
    if (space != NULL)
        tag->name.end = space;
    uint32_t hash = hash_of(tag->name.at, tag->name.end);
    Py_ssize_t size = tag->name.end - tag->name.at;
    tag->traits = looked_up(&tables->dictionaries[TAG_TRAITS], tag->name.at, size, hash);
    if (tag->traits & IS_VOID)
        return 1;
    if (!tag->traits && memchr(tag->name.at, '-', (size_t)size) != NULL)
        tag->traits = IS_CUSTOM;
    tag->kind = 1;
    tag->families = looked_up(&tables->dictionaries[TAG_FAMILIES], tag->name.at, size, hash);
    tag->signature = crc_on(crc_on(0, tag->name), (Span){" ", " " + 1});
    return space == NULL || add_attributes(tables, memos, tag, inner.end);
}

/* ---- a page: its open elements, all its elements, its blocks of text ---- */

typedef struct {
    int32_t parent, start, depth; /* a root is its own parent; the token that opens it; 0 for the root */
    int32_t block, named;         /* the nearest element that is a block, that has a class or id (-1: none) */
    int32_t repeated;             /* the nearest that has REPEATED_SIBLINGS, -1: none */
    int32_t siblings;             /* place in the table of siblings, then their number */
    uint32_t token, signature;
    int32_t code;
    int64_t chars, link_chars;
} Element;

typedef struct { /* an open element: what its children inherit */
    Span name;
    int32_t element, link, table_row, lists, tables;
    int32_t owner; /* the frame of the nearest block or custom element, itself included */
    int is_left_out, is_pre, is_one_line, has_text;
    uint8_t near[NEAR];
} Frame;

typedef struct {
    int32_t element, table_row, lists, tables, links, last_link;
    int64_t chars, link_chars, n_rows;
    uint8_t near[NEAR];
} Block;

enum { SOUND, UNSOUND, NO_MEMORY };

typedef struct {
    const Tables *tables;
    Memo memos[N_MEMOS];
    int problem;
    Room rooms[N_ROOMS];
    Frame *frames;
    Element *elements;
    Block *blocks;
    Py_ssize_t n_frames, n_elements, n_blocks;
    int32_t n_tokens;
    int64_t chars, link_chars, n_rows;
    /* the rows, a "\n" after each block; never longer than the page: each byte stands for one of it */
    char *text;
    Py_ssize_t text_size;                        /* what is behind `solid` is space that may still go */
    Py_ssize_t solid, block_start, line_start;   /* ends of the last visible character, the last block, the last "\n" */
    int in_block, in_pre, space_is_due;
    int n_brs;         /* since the last text, outside of preformatted text */
    int64_t line_chars; /* of the text since a <br> or the block's beginning */
} Page;

/* At least so many bytes, with what was in them. NULL, and the page is told, where there is no memory. */
static void *
room_for(Page *page, int which, size_t bytes)
{
    Room *room = &page->rooms[which];
    if (bytes <= room->bytes)
        return room->items;
    size_t wanted = room->bytes ? room->bytes : 4096;
    while (wanted < bytes && wanted <= PY_SSIZE_T_MAX / 2)
        wanted *= 2;
    void *moved = wanted < bytes ? NULL : PyMem_RawRealloc(room->items, wanted);
    if (moved == NULL) {
        page->problem = NO_MEMORY;
        return NULL;
    }
    *room = (Room){moved, wanted};
    return moved;
}

/* ---- text ---- */

static void
open_block(Page *page)
{
    page->blocks = room_for(page, BLOCKS, ((size_t)page->n_blocks + 1) * sizeof(Block));
    if (page->blocks == NULL)
        return;
    const Frame *leaf = &page->frames[page->n_frames - 1];
    Block *block = &page->blocks[page->n_blocks++];
    *block = (Block){.element = leaf->element, .table_row = leaf->table_row, .lists = leaf->lists,
                     .tables = leaf->tables, .last_link = -1};
    memcpy(block->near, leaf->near, NEAR);
    page->in_block = 1;
    page->in_pre = leaf->is_pre;
    page->space_is_due = 0;
    if (!leaf->is_pre)
        page->text_size = page->block_start;
}

static void
end_block(Page *page)
{
    page->n_brs = 0;
    page->line_chars = 0;
    page->text_size = page->solid;
    page->line_start = page->solid;
    if (!page->in_block)
        return;
    page->in_block = 0;
    Block *block = &page->blocks[page->n_blocks - 1];
    block->n_rows = 1;
    if (page->in_pre)
        for (Py_ssize_t place = page->block_start; place < page->solid; place++)
            block->n_rows += page->text[place] == '\n';
    page->n_rows += block->n_rows;
    page->text[page->text_size++] = '\n';
    page->block_start = page->solid = page->line_start = page->text_size;
}

/* A space inside a block. In preformatted text those at the ends of lines, and blank lines above it, go again. */
static void
add_space(Page *page, Character space)
{
    if (!page->in_pre) {
        page->space_is_due = 1;
    } else if (*space.bytes == '\n') {
        page->text_size = page->solid > page->line_start ? page->solid : page->line_start;
        if (page->solid > page->block_start) {
            page->text[page->text_size++] = '\n';
            page->line_start = page->text_size;
        }
    } else if (*space.bytes != '\r') {
        memcpy(page->text + page->text_size, space.bytes, (size_t)space.size);
        page->text_size += space.size;
    }
}

static inline void
add_visible(Page *page, Character visible)
{
    if (page->space_is_due) {
        if (page->solid > page->block_start)
            page->text[page->text_size++] = ' ';
        page->space_is_due = 0;
    }
    for (int i = 0; i < visible.size; i++)
        page->text[page->text_size++] = visible.bytes[i];
    page->solid = page->text_size;
}

/* Adds text to the open block; returns its characters without the spaces around it. */
static int64_t
add_characters(Page *page, Span text)
{
    int64_t n = 0, first = -1, last = -1;
    for (const char *at = text.at; at < text.end; n++) {
        Character next = character(at, text.end);
        at += next.taken;
        if (next.is_space) {
            add_space(page, next);
        } else {
            add_visible(page, next);
            first = first < 0 ? n : first;
            last = n;
        }
    }
    return first < 0 ? 0 : last - first + 1;
}

static int
is_blank(Span text)
{
    while (text.at < text.end) {
        Character next = character(text.at, text.end);
        if (!next.is_space)
            return 0;
        text.at += next.taken;
    }
    return 1;
}

/* Whether the first visible character is a small letter (html.SMALL_LETTER). */
static int
begins_small(Span text)
{
    while (text.at < text.end) {
        Character next = character(text.at, text.end);
        if (next.is_space) {
            text.at += next.taken;
            continue;
        }
        unsigned char first = (unsigned char)next.bytes[0], second = next.size == 2 ? (unsigned char)next.bytes[1] : 0;
        if (next.size == 1)
            return first >= 'a' && first <= 'z';
        return (first == 0xC3 && second >= 0x9F && second != 0xB7) || (first == 0xCE && second >= 0xAC)
               || (first == 0xCF && second && second <= 0x8E) || (first == 0xD0 && second >= 0xB0)
               || (first == 0xD1 && second && second <= 0x9F);
    }
    return 0;
}

/* Whether the last visible character of the rows so far ends a sentence or a quotation (html.SENTENCE_ENDS). */
static int
ends_sentence(const Page *page)
{
    static const char *const wide[] = {"\xE2\x80\xA6", "\xE2\x80\x9D", "\xE2\x80\x99", "\xC2\xBB"};
    const char *end = page->text + page->solid;
    for (int i = 0; i < 4; i++) {
        Py_ssize_t size = (Py_ssize_t)strlen(wide[i]);
        if (page->solid - page->block_start >= size && memcmp(end - size, wide[i], (size_t)size) == 0)
            return 1;
    }
    return page->solid > page->block_start && end[-1] && strchr(".!?:;\"')]", end[-1]) != NULL;
}

/* Whether the <br> before this text begins a row, or is typesetting: in a heading, and where a long line goes on. */
static int
br_parts(const Page *page, const Frame *frame, Span text)
{
    if (page->n_brs > 1)
        return 1;
    return !frame->is_one_line
           && !(page->line_chars >= MIN_WRAPPED_CHARS && !ends_sentence(page) && begins_small(text));
}

/* Whether a tag of a custom element parts blocks: there is no text directly beside it, so far and right behind it. */
static int
custom_parts(const Page *page, const Tag *tag, int blank)
{
    Py_ssize_t around = page->n_frames - 1 - (tag->kind > 0);
    return around >= 0 && !page->frames[page->frames[around].owner].has_text && (tag->kind > 0 || blank);
}

/* The text behind a tag. */
static void
add_text(Page *page, const Tag *tag, Span text)
{
    Frame *frame = &page->frames[page->n_frames - 1];
    if (frame->is_left_out)
        text.end = text.at;
    int blank = is_blank(text), is_newline = tag->traits & IS_BR && frame->is_pre;
    if (tag->traits & IS_CUSTOM && custom_parts(page, tag, blank))
        end_block(page);
    page->n_brs += tag->traits & IS_BR && !frame->is_pre;
    if (!blank) {
        if (page->n_brs && page->in_block) {
            if (br_parts(page, frame, text))
                end_block(page);
            page->space_is_due = 1;
            page->line_chars = 0;
        }
        page->n_brs = 0;
        page->frames[frame->owner].has_text = 1;
        if (!page->in_block)
            open_block(page);
    }
    if (!page->in_block)
        page->in_pre = frame->is_pre;
    if (page->problem || (!page->in_block && !frame->is_pre))
        return;
    if (is_newline)
        add_space(page, (Character){"\n", 1, 4, 1});
    int64_t chars = add_characters(page, text);
    if (blank)
        return;
    Block *block = &page->blocks[page->n_blocks - 1];
    page->chars += chars;
    page->line_chars += chars;
    block->chars += chars;
    if (frame->link >= 0) {
        page->link_chars += chars;
        block->link_chars += chars;
        block->links += frame->link != block->last_link;
    }
    block->last_link = frame->link;
}

/* ---- elements ---- */

static void
step_away(const uint8_t *parent, uint8_t *near, uint64_t families)
{
    for (int i = 0; i < NEAR; i++)
        near[i] = (uint8_t)(parent[i] + (parent[i] < NEAR));
    for (; families; families &= families - 1)
        near[lowest_bit(families)] = 0;
}

static void
open_element(Page *page, const Tag *tag)
{
    page->frames = room_for(page, FRAMES, ((size_t)page->n_frames + 1) * sizeof(Frame));
    page->elements = room_for(page, ELEMENTS, ((size_t)page->n_elements + 1) * sizeof(Element));
    if (page->frames == NULL || page->elements == NULL)
        return;
    const Tables *tables = page->tables;
    int32_t number = (int32_t)page->n_elements++;
    Frame root = {.element = number, .link = -1}, *frame = &page->frames[page->n_frames];
    memset(root.near, NEAR, NEAR);
    const Frame *above = page->n_frames ? frame - 1 : &root;
    const Element *parent = page->n_frames ? &page->elements[above->element] : NULL;
    page->elements[number] = (Element){
        .parent = above->element,
        .start = page->n_tokens,
        .depth = (int32_t)page->n_frames,
        .block = tag->traits & IS_BLOCK ? number : parent->block,
        .named = tag->token ? number : parent ? parent->named : -1,
        .token = tag->token,
        .signature = tag->signature,
        .code = (int32_t)(tag->traits >> CODE_SHIFT),
        .chars = -page->chars,
        .link_chars = -page->link_chars,
    };
    frame->name = tag->name;
    frame->element = number;
    frame->link = tag->families & tables->link ? number : above->link;
    frame->table_row = tag->traits & IS_ROW ? page->n_tokens : above->table_row;
    frame->lists = above->lists + ((tag->families & tables->list) != 0);
    frame->tables = above->tables + ((tag->families & tables->table) != 0);
    frame->is_left_out = above->is_left_out | ((tag->traits & IS_LEFT_OUT) != 0);
    frame->is_pre = above->is_pre | ((tag->traits & IS_PRE) != 0);
    frame->is_one_line = above->is_one_line | ((tag->traits & IS_ONE_LINE) != 0);
    frame->has_text = 0;
    frame->owner = tag->traits & (IS_BLOCK | IS_CUSTOM) ? (int32_t)page->n_frames : above->owner;
    step_away(above->near, frame->near, tag->families);
    page->n_frames++;
}

static void
close_element(Page *page, const Tag *tag)
{
    const Frame *frame = &page->frames[--page->n_frames];
    if (!is_same(frame->name, tag->name))
        page->problem = UNSOUND;
    page->elements[frame->element].chars += page->chars;
    page->elements[frame->element].link_chars += page->link_chars;
}

static void
add_tag(Page *page, const Tag *tag)
{
    int is_root = page->n_tokens == 0;
    if (is_root ? tag->kind != 1 || !(tag->traits & IS_BLOCK)
                : page->n_frames == 0 || (tag->kind == 1 && page->n_frames == MAX_LEVELS)) {
        page->problem = UNSOUND;
        return;
    }
    if (tag->traits & IS_BLOCK)
        end_block(page);
    if (tag->kind > 0)
        open_element(page, tag);
    else if (tag->kind < 0)
        close_element(page, tag);
    page->n_tokens++;
}

/* ---- the page's bytes ---- */

/* Where the tag that "<" at `at` begins ends (its ">"), NULL where it is none. `comments_end` is 0 once no "-->" is
   left: it isn't looked for again. */
static const char *
tag_end(const char *at, const char *end, int *comments_end)
{
    if (*comments_end && end - at >= 4 && memcmp(at, "<!--", 4) == 0) {
        for (const char *next = at + 4; (next = memchr(next, '>', (size_t)(end - next))) != NULL; next++)
            if (next - at >= 6 && next[-1] == '-' && next[-2] == '-')
                return next;
        *comments_end = 0;
    }
    return memchr(at, '>', (size_t)(end - at));
}

static void
read_page(Page *page, const char *at, const char *end)
{
    int comments_end = 1;
    const char *next = memchr(at, '<', (size_t)(end - at)); /* what stands before the first tag is no text */
    const char *close = next ? tag_end(next, end, &comments_end) : NULL;
    while (close != NULL) {
        Tag tag;
        if (!read_tag(page->tables, page->memos, (Span){next + 1, close}, &tag))
            page->problem = UNSOUND;
        else
            add_tag(page, &tag);
        at = close + 1;
        next = memchr(at, '<', (size_t)(end - at));
        close = next ? tag_end(next, end, &comments_end) : NULL;
        Span text = {at, close ? next : end};
        if (page->problem)
            return;
        if (page->n_frames)
            add_text(page, &tag, text);
        else if (text.at < text.end)
            page->problem = UNSOUND; /* text behind the root */
        if (page->problem)
            return;
    }
    if (page->n_frames || page->n_tokens == 0)
        page->problem = UNSOUND;
    end_block(page);
    page->text_size -= page->n_blocks > 0; /* no "\n" after the last row */
}

/* Counts each element's siblings of the same tag and class, and finds the nearest element that has many. */
static void
count_siblings(Page *page)
{
    typedef struct {
        uint64_t key;
        int64_t count; /* 0: the slot is free */
    } Slot;
    size_t n_slots = 64;
    while (n_slots < 2 * (size_t)page->n_elements)
        n_slots *= 2;
    Slot *slots = room_for(page, SIBLINGS, n_slots * sizeof(Slot));
    if (slots == NULL)
        return;
    memset(slots, 0, n_slots * sizeof(Slot));
    for (Py_ssize_t i = 0; i < page->n_elements; i++) {
        Element *element = &page->elements[i];
        uint64_t key = (uint64_t)element->parent << 32 | element->signature;
        size_t slot = (key * page->tables->multiplier >> 32) & (n_slots - 1);
        while (slots[slot].count && slots[slot].key != key)
            slot = (slot + 1) & (n_slots - 1);
        slots[slot] = (Slot){key, slots[slot].count + 1};
        element->siblings = (int32_t)slot;
    }
    for (Py_ssize_t i = 0; i < page->n_elements; i++) {
        Element *element = &page->elements[i];
        element->siblings = (int32_t)slots[element->siblings].count;
        element->repeated = element->siblings >= REPEATED_SIBLINGS ? (int32_t)i
                            : element->parent == i ? -1 : page->elements[element->parent].repeated;
    }
}

/* ---- answers ---- */

typedef union {
    int32_t number;
    uint32_t code;
    float share;
} Value;

static float
link_share(const Element *element)
{
    float chars = (float)element->chars;
    return (float)element->link_chars / (chars > 1 ? chars : 1);
}

/* The columns of a block in the order of html.COLUMNS. */
static void
block_values(const Page *page, const Block *block, Value *value)
{
    const Element *elements = page->elements, *leaf = &elements[block->element], *own = &elements[leaf->block];
    const Element *container = &elements[elements[own->parent].block];
    const Element *container2 = &elements[elements[container->parent].block];
    const Element *named = leaf->named < 0 ? NULL : &elements[leaf->named];
    int32_t above = named ? elements[named->parent].named : -1;
    const Element *repeated = own->repeated < 0 ? NULL : &elements[own->repeated];
    float page_chars = elements[0].chars > 1 ? (float)elements[0].chars : 1;

    (value++)->number = own->code;
    (value++)->number = own->depth;
    (value++)->number = own->start;
    (value++)->number = block->table_row;
    (value++)->number = block->lists;
    (value++)->number = block->tables;
    (value++)->share = (float)block->chars;
    (value++)->share = (float)block->link_chars;
    (value++)->number = block->links;
    (value++)->number = own->siblings;
    (value++)->number = repeated ? repeated->siblings : 0;
    (value++)->number = repeated ? own->depth - repeated->depth : NEAR;
    (value++)->share = repeated ? (float)repeated->chars : 0;
    (value++)->share = repeated ? link_share(repeated) : 0;
    (value++)->number = container->start;
    (value++)->share = (float)container->chars / page_chars;
    (value++)->share = link_share(container);
    (value++)->number = container2->start;
    (value++)->share = (float)container2->chars / page_chars;
    (value++)->share = link_share(container2);
    (value++)->code = named ? named->token : 0;
    (value++)->code = above < 0 ? 0 : elements[above].token;
    (value++)->code = own->signature;
    (value++)->code = container->signature;
}

/* Writes a row of values for each block's rows; `columns` holds one column after the other. */
static void
write_columns(const Page *page, Value *columns)
{
    int64_t row = 0;
    for (const Block *block = page->blocks; block < page->blocks + page->n_blocks; block++) {
        Value values[N_COLUMNS + NEAR];
        block_values(page, block, values);
        for (int i = 0; i < page->tables->n_families; i++)
            values[N_COLUMNS + i].number = block->near[i];
        for (int64_t last = row + block->n_rows; row < last; row++)
            for (int i = 0; i < N_COLUMNS + page->tables->n_families; i++)
                columns[i * page->n_rows + row] = values[i];
    }
}

/* Writes the characters of each row. */
static void
write_row_chars(const Page *page, int64_t *row_chars)
{
    int64_t n_chars = 0;
    for (const char *at = page->text; at < page->text + page->text_size; at++)
        if (*at == '\n') {
            *row_chars++ = n_chars;
            n_chars = 0;
        } else {
            n_chars += begins_character(*at);
        }
    if (page->n_rows)
        *row_chars = n_chars;
}

static PyObject *
answer(const Page *page)
{
    Py_ssize_t n_values = page->n_rows * (N_COLUMNS + page->tables->n_families);
    PyObject *text = PyUnicode_DecodeUTF8(page->text, page->text_size, "surrogatepass");
    PyObject *row_chars = PyBytes_FromStringAndSize(NULL, page->n_rows * (Py_ssize_t)sizeof(int64_t));
    PyObject *columns = PyBytes_FromStringAndSize(NULL, n_values * (Py_ssize_t)sizeof(Value));
    PyObject *found = NULL;
    if (text != NULL && row_chars != NULL && columns != NULL) {
        write_row_chars(page, (int64_t *)PyBytes_AS_STRING(row_chars));
        write_columns(page, (Value *)PyBytes_AS_STRING(columns));
        found = PyTuple_Pack(3, text, row_chars, columns);
    }
    Py_XDECREF(text);
    Py_XDECREF(row_chars);
    Py_XDECREF(columns);
    return found;
}

/* Keeps what is small enough for the next page, unless another thread has just done so. */
static void
keep_rooms(Tables *tables, Room *rooms)
{
    for (int i = 0; i < N_ROOMS; i++)
        if (rooms[i].bytes <= KEPT_ROOM && tables->idle[i].items == NULL)
            tables->idle[i] = rooms[i];
        else
            PyMem_RawFree(rooms[i].items);
}

#define TABLES_NAME "declutter.stages.kernels.html.tables"

/* A str, which no one changes, in UTF-8. Needs no GIL. */
static Span
in_utf8(Page *page, PyObject *string)
{
    const void *units = PyUnicode_DATA(string);
    size_t length = (size_t)PyUnicode_GET_LENGTH(string);
    int kind = PyUnicode_KIND(string);
    if (PyUnicode_IS_ASCII(string))
        return (Span){units, (const char *)units + length};
    char *out = room_for(page, INPUT, length * (kind == 1 ? 2 : kind == 2 ? 3 : 4)), *end = out;
    if (out == NULL)
        return (Span){NULL, NULL};
    if (kind == PyUnicode_1BYTE_KIND)
        end = encode_1(units, (const Py_UCS1 *)units + length, out);
    else if (kind == PyUnicode_2BYTE_KIND)
        end = encode_2(units, (const Py_UCS2 *)units + length, out);
    else
        end = encode_4(units, (const Py_UCS4 *)units + length, out);
    return (Span){out, end};
}

/* The rows of one page; None where it is not well formed, or nests too deep. NULL with a Python error. */
static PyObject *
rows_of_page(Tables *tables, PyObject *html)
{
    PyObject *found = NULL;
    if (!PyUnicode_Check(html))
        return PyErr_Format(PyExc_TypeError, "rows: a page is a str, not %.100s", Py_TYPE(html)->tp_name);
    if (PyUnicode_GET_LENGTH(html) > INT32_MAX / 4) {
        PyErr_SetString(PyExc_ValueError, "rows: a page of more than 512 million characters");
        return NULL;
    }
    Page page = {.tables = tables};
    memcpy(page.rooms, tables->idle, sizeof(page.rooms));
    memset(tables->idle, 0, sizeof(tables->idle));
    Py_BEGIN_ALLOW_THREADS
    Span bytes = in_utf8(&page, html);
    if (!page.problem)
        page.text = room_for(&page, TEXT, (size_t)(bytes.end - bytes.at) + 1);
    if (!page.problem)
        read_page(&page, bytes.at, bytes.end);
    if (!page.problem)
        count_siblings(&page);
    Py_END_ALLOW_THREADS
    if (page.problem == SOUND)
        found = answer(&page);
    else if (page.problem == UNSOUND)
        found = Py_NewRef(Py_None);
    else
        PyErr_NoMemory();
    keep_rooms(tables, page.rooms);
    return found;
}

PyDoc_STRVAR(rows_doc,
"rows(tables, pages)\n--\n\n"
"The rows of serialised pages (a list of str), for each: (their text, joined with newlines; int64 bytes, characters of\n"
"each; the columns of 4 bytes a row, one after the other: html.KERNEL_COLUMNS). None for a page that is not well formed,\n"
"or nests too deep: it has to be read another way. Raises ValueError for a page of more than 512 million characters.");

static PyObject *
rows(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *capsule, *pages;
    if (!PyArg_ParseTuple(args, "OO!", &capsule, &PyList_Type, &pages))
        return NULL;
    Tables *tables = PyCapsule_GetPointer(capsule, TABLES_NAME);
    PyObject *found = tables == NULL ? NULL : PyList_New(0);
    for (Py_ssize_t i = 0; found != NULL && i < PyList_GET_SIZE(pages); i++) {
        PyObject *html = Py_NewRef(PyList_GET_ITEM(pages, i)), *of_page = rows_of_page(tables, html);
        Py_DECREF(html);
        if (of_page == NULL || PyList_Append(found, of_page) < 0)
            Py_CLEAR(found);
        Py_XDECREF(of_page);
    }
    return found;
}

/* ---- what bounds.py asks of a page before it is parsed ---- */

#define MAX_NAMES 16

/* How many attributes a start tag has, at most: quoted values, and the spaces and slashes outside of them. It ends at
   its first ">" outside of quoted values, else at `end` (bounds.QUOTED_OR_END). */
static Py_ssize_t
most_attributes(const char *at, const char *end)
{
    Py_ssize_t n = 1;
    for (; at < end && *at != '>'; at++) {
        n += is_ascii_space((unsigned char)*at) || *at == '/';
        if (*at != '=')
            continue;
        const char *quote = at + 1;
        skip_spaces(&quote, end);
        const char *close = NULL;
        if (quote < end && (*quote == '"' || *quote == '\''))
            close = memchr(quote + 1, *quote, (size_t)(end - quote - 1));
        if (close != NULL) {
            n++;
            at = close;
        }
    }
    return n;
}

/* Which of the names, parted by spaces, stands at `at` in any case and ends there; -1 for none. */
static int
name_at(const char *at, const char *end, const char *names)
{
    for (int number = 0; *names; number++) {
        const char *next = at;
        while (*names && *names != ' ' && next < end && (*next | 0x20) == *names && is_letter(*next))
            names++, next++;
        if ((*names == ' ' || !*names) && next < end
            && (*next == '/' || *next == '>' || *next == ' ' || (*next >= 9 && *next <= 13)))
            return number;
        while (*names && *names++ != ' ')
            ;
    }
    return -1;
}

/* Marks the first letters of names; returns how many there are. */
static int
first_letters(const char *names, int *firsts)
{
    int n_names = 1;
    firsts[(unsigned char)*names] = 1;
    for (; *names; names++)
        if (*names == ' ')
            firsts[(unsigned char)names[1]] = ++n_names;
    return n_names;
}

PyDoc_STRVAR(survey_doc,
"survey(html, names, rare, short)\n--\n\n"
"Of a page (bytes) before it is parsed: how many \"<\" it has; how many attributes a start tag of more than `short`\n"
"bytes has, at most; how many start tags of these names (bytes, parted by spaces), at most; how many of each of the\n"
"rare names, as a tuple. Raises ValueError for more than 16 names.");

static PyObject *
survey(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *html, *names, *rare;
    Py_ssize_t size, short_bytes, n_tags = 0, attributes = 0, n_starts = 0, n_rare[MAX_NAMES] = {0};
    int firsts[256] = {0}, rare_firsts[256] = {0};
    if (!PyArg_ParseTuple(args, "y#yyn", &html, &size, &names, &rare, &short_bytes))
        return NULL;
    int n_rare_names = first_letters(rare, rare_firsts);
    if (first_letters(names, firsts) > MAX_NAMES || n_rare_names > MAX_NAMES)
        return PyErr_Format(PyExc_ValueError, "survey: more than %d names", MAX_NAMES);
    Py_BEGIN_ALLOW_THREADS
    const char *end = html + size, *at = memchr(html, '<', (size_t)size), *next;
    for (; at != NULL; at = next) {
        n_tags++;
        next = memchr(at + 1, '<', (size_t)(end - at - 1));
        const char *limit = next ? next : end, *name = at + 1;
        int closes = name < limit && *name == '/';
        name += closes;
        if (name == limit || !is_letter(*name))
            continue;
        if (!closes && limit - at > short_bytes) {
            Py_ssize_t n = most_attributes(name, limit);
            attributes = n > attributes ? n : attributes;
        }
        if (closes)
            continue;
        int number = rare_firsts[*name | 0x20] ? name_at(name, limit, rare) : -1;
        if (number >= 0)
            n_rare[number]++;
        n_starts += firsts[*name | 0x20] && name_at(name, limit, names) >= 0;
    }
    Py_END_ALLOW_THREADS
    PyObject *counts = PyTuple_New(*rare ? n_rare_names : 0);
    for (Py_ssize_t i = 0; counts != NULL && i < PyTuple_GET_SIZE(counts); i++) {
        PyObject *count = PyLong_FromSsize_t(n_rare[i]);
        if (count == NULL)
            Py_CLEAR(counts);
        else
            PyTuple_SET_ITEM(counts, i, count);
    }
    return counts == NULL ? NULL : Py_BuildValue("(nnnN)", n_tags, attributes, n_starts, counts);
}

static void
free_tables(Tables *tables)
{
    for (int i = 0; i < N_DICTIONARIES; i++) {
        PyMem_RawFree(tables->dictionaries[i].hashes);
        PyMem_RawFree(tables->dictionaries[i].entries);
    }
    for (int i = 0; i < N_ROOMS; i++)
        PyMem_RawFree(tables->idle[i].items);
    PyMem_RawFree(tables);
}

static void
free_capsule(PyObject *capsule)
{
    free_tables(PyCapsule_GetPointer(capsule, TABLES_NAME));
}

PyDoc_STRVAR(tables_doc,
"tables(traits, families, words, prefixes, roles, properties, n_families, link, list, table, hidden, seed)\n--\n\n"
"What `rows` reads tags by. Six {bytes: int}: of tags, what they are (dom.TRAITS), and families as bits; the families\n"
"of words of classes, of beginnings of such words, of roles, of words of an itemprop. Then the number of families,\n"
"the bits of four, a random number. Raises ValueError where a key is longer than 31 bytes, or there are more than 64\n"
"families.");

static PyObject *
new_tables(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *sources[N_DICTIONARIES];
    Tables parsed = {0}, *tables = NULL;
    unsigned long long link, list, table, hidden, seed;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O!O!iKKKKK", &PyDict_Type, &sources[TAG_TRAITS], &PyDict_Type,
                          &sources[TAG_FAMILIES], &PyDict_Type, &sources[WORDS], &PyDict_Type, &sources[PREFIXES],
                          &PyDict_Type, &sources[ROLES], &PyDict_Type, &sources[PROPERTIES], &parsed.n_families, &link,
                          &list, &table, &hidden, &seed))
        return NULL;
    if (parsed.n_families < 0 || parsed.n_families > NEAR)
        return PyErr_Format(PyExc_ValueError, "tables: %d families; at most %d fit", parsed.n_families, NEAR);
    if ((tables = PyMem_RawMalloc(sizeof(Tables))) == NULL)
        return PyErr_NoMemory();
    *tables = parsed;
    tables->link = link, tables->list = list, tables->table = table, tables->hidden = hidden;
    tables->multiplier = seed | 1;
    PyObject *key, *value;
    for (int i = 0; i < N_DICTIONARIES; i++)
        if (fill_dictionary(&tables->dictionaries[i], sources[i]) < 0) {
            free_tables(tables);
            return NULL;
        }
    for (Py_ssize_t place = 0; PyDict_Next(sources[PREFIXES], &place, &key, &value);)
        tables->prefix_sizes |= 1u << PyBytes_GET_SIZE(key);
    PyObject *capsule = PyCapsule_New(tables, TABLES_NAME, free_capsule);
    if (capsule == NULL)
        free_tables(tables);
    return capsule;
}

static PyMethodDef methods[] = {{"tables", new_tables, METH_VARARGS, tables_doc},
                                {"rows", rows, METH_VARARGS, rows_doc},
                                {"survey", survey, METH_VARARGS, survey_doc},
                                {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_html", "Rows and DOM columns of serialised pages.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__html(void)
{
    fill_crc_table();
    return PyModule_Create(&module);
}
