/**
 * The kernels of the quantizer under JMH: what one JVM quantizes and dequantizes in a second, beside
 * what copying and reading the same memory takes.
 *
 * <p>The program {@link io.tensorbridge.benches.kernel.KernelFork} measures one <em>subject</em>, a
 * scheme with one of its twins or the bounds, in a JVM of its own, so that no kernel's profile sees
 * another. The stage {@link io.tensorbridge.benches.kernel.KernelStage} starts these programs in
 * rounds, so that the samples of all subjects spread over the whole run.
 */
@NullMarked
package io.tensorbridge.benches.kernel;

import org.jspecify.annotations.NullMarked;
