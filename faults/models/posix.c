/* What POSIX promises and nothing more; ALICE's default model (Pillai et al., OSDI'14) without its
 * split rename. */
#include "harness/model.h"

const struct model model_posix = {
	.name = "posix",
	.summary = "nothing is ordered; only a sync promises; a directory operation is atomic",
	.is_honest = true,
};
