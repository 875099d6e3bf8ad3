/*
 * The walker over field tables: lengths, saving, loading, and the checks of the tables
 * themselves.
 */
#include "state.h"

enum { FIELD_DEPTH = 8 };

/* ---- Tables -------------------------------------------------------------------------------- */

bool state_fields_valid(const struct cbx_field *fields, size_t size, unsigned depth)
{
	const struct cbx_field *field, *other;

	if (depth > FIELD_DEPTH)
		return false;
	for (field = fields; field->name; field++) {
		size_t length = strlen(field->name);

		if (!length || length > 255 || !field->size || !field->count)
			return false;
		if (field->offset > size || field->count > (size - field->offset) / field->size)
			return false;
		if (field->members ? !state_fields_valid(field->members, field->size, depth + 1) :
				     field->size > 8 || field->size & (field->size - 1))
			return false;
		for (other = fields; other != field; other++)
			if (!strcmp(other->name, field->name))
				return false;
	}
	return true;
}

/* How many fields name this byte? */
static unsigned covered(const struct cbx_field *fields, size_t at)
{
	unsigned count = 0;

	for (; fields->name; fields++) {
		size_t inside = at - fields->offset;

		if (at < fields->offset || inside >= (size_t)fields->size * fields->count)
			continue;
		count += fields->members ? covered(fields->members, inside % fields->size) : 1;
	}
	return count;
}

bool state_fields_cover(const struct cbx_field *fields, size_t size, size_t *at)
{
	for (*at = 0; *at < size; ++*at)
		if (covered(fields, *at) != 1)
			return false;
	return true;
}

/* ---- Saving ---------------------------------------------------------------------------------- */

uint64_t fields_length(const struct cbx_field *fields)
{
	uint64_t length = 1;

	for (; fields->name; fields++) {
		uint64_t element = fields->members ? fields_length(fields->members) : fields->size;

		length += 1 + strlen(fields->name) + 4 + 4 + element * fields->count;
	}
	return length;
}

/* Bytes of a number whose width is that of host integers, which memcpy keeps free of aliasing. */
static uint64_t host_number(const uint8_t *from, unsigned width)
{
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (width) {
	case 1:
		return *from;
	case 2:
		memcpy(&v16, from, 2);
		return v16;
	case 4:
		memcpy(&v32, from, 4);
		return v32;
	default:
		memcpy(&v64, from, 8);
		return v64;
	}
}

static void host_put(uint8_t *to, uint64_t value, unsigned width)
{
	uint8_t v8 = (uint8_t)value;
	uint16_t v16 = (uint16_t)value;
	uint32_t v32 = (uint32_t)value;

	switch (width) {
	case 1:
		memcpy(to, &v8, 1);
		break;
	case 2:
		memcpy(to, &v16, 2);
		break;
	case 4:
		memcpy(to, &v32, 4);
		break;
	default:
		memcpy(to, &value, 8);
	}
}

void fields_write(struct sink *sink, const struct cbx_field *fields, const void *state)
{
	for (; fields->name; fields++) {
		const uint8_t *from = (const uint8_t *)state + fields->offset;
		uint32_t i;

		sink_string(sink, fields->name);
		/* A struct's size is a host's own affair. */
		sink_number(sink, fields->members ? 0 : fields->size, 4);
		sink_number(sink, fields->count, 4);
		if (!fields->members && (fields->size == 1 || !HOST_BIG_ENDIAN)) {
			sink_bytes(sink, from, (size_t)fields->size * fields->count);
			continue;
		}
		for (i = 0; i < fields->count; i++, from += fields->size) {
			if (fields->members)
				fields_write(sink, fields->members, from);
			else
				sink_number(sink, host_number(from, fields->size), fields->size);
		}
	}
	sink_number(sink, 0, 1);
}

/* ---- Loading ---------------------------------------------------------------------------------- */

static bool field_read(struct source *source, const struct cbx_field *field, uint8_t *to, bool older)
{
	uint32_t i;

	if (source_number(source, 4) != (field->members ? 0 : field->size) ||
	    source_number(source, 4) != field->count)
		return source_fail(source, CBX_ERROR_FORMAT, "a field is of another size");
	for (i = 0; i < field->count && !source->failed; i++, to += field->size) {
		if (field->members) {
			fields_read(source, field->members, to, older);
		} else {
			uint64_t value = source_number(source, field->size);

			if (field->flags & CBX_FIELD_BOOL && value > 1)
				return source_fail(source, CBX_ERROR_FORMAT,
						   "a yes or no is neither");
			host_put(to, value, field->size);
		}
	}
	return !source->failed;
}

bool fields_read(struct source *source, const struct cbx_field *fields, void *state, bool older)
{
	char name[256];

	/* Fields come in the order of the table. */
	for (;;) {
		source_string(source, name);
		if (source->failed)
			return false;
		while (fields->name && strcmp(fields->name, name)) {
			if (!older)
				return source_fail(source, CBX_ERROR_FORMAT,
						   "a field is missing or out of order");
			fields++;
		}
		if (!fields->name) {
			if (*name)
				return source_fail(source, CBX_ERROR_FORMAT, "an unknown field");
			return true;
		}
		if (!field_read(source, fields, (uint8_t *)state + fields->offset, older))
			return false;
		fields++;
	}
}
