/* Each public header stands alone, as C11 and (headers.cc) as C++. */
#ifdef CBX_HEADER
#include CBX_HEADER
#endif

/* Field tables can be written in both languages. */
#include <clearbox/clearbox.h>

struct headers_state {
	bool flags[3];
	uint32_t number;
};

extern const struct cbx_field headers_fields[];
const struct cbx_field headers_fields[] = {
	CBX_FIELD_ARRAY(struct headers_state, flags),
	CBX_FIELD(struct headers_state, number),
	CBX_FIELD_END
};

int main(void)
{
	return headers_fields[0].flags == CBX_FIELD_BOOL && headers_fields[1].flags == 0 ? 0 : 1;
}
