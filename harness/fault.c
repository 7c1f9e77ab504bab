/* The variants of a fault that declares none. */
#include "harness/fault.h"

static const struct fault_variant default_variants[] = {
	{"once", REPEAT_NEVER},
	{"persistent", REPEAT_SAME_POINT},
};

unsigned fault_variant_count(const struct fault *fault)
{
	return fault->variant_count ? fault->variant_count : 2;
}

const struct fault_variant *fault_variant(const struct fault *fault, unsigned variant)
{
	return fault->variant_count ? &fault->variants[variant] : &default_variants[variant];
}

bool fault_is_budget(enum fault_repeat repeat)
{
	return repeat == REPEAT_BUDGET || repeat == REPEAT_SHRINKING;
}
