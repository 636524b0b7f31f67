// A tern_cancel as callbacks see it.
#ifndef TERN_RUNTIME_CANCEL_H_
#define TERN_RUNTIME_CANCEL_H_

#include <tern/cancel.h>

// The |stop| of a tern_submit_desc, whose |stop_user| is a const tern_cancel.
int32_t tern__cancel_stop(void *user);

#endif
