/** The third stage: whether a benchmark changed since an earlier run. */
@NullMarked
package io.tensorbridge.benches.compare;

import org.jspecify.annotations.NullMarked;
