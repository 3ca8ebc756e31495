/**
 * Benchmarks of the bridge and its kernels.
 */
@NullMarked
package io.tensorbridge.benches;

import org.jspecify.annotations.NullMarked;
