/** The second stage: what the samples say of the benchmark, with how sure that is. */
@NullMarked
package io.tensorbridge.benches.estimate;

import org.jspecify.annotations.NullMarked;
