/**
 * The loops that quantize and dequantize: scalar references and their vector twins. The only package
 * that may use {@code jdk.incubator.vector}.
 *
 * <p>A kernel interface ({@link io.tensorbridge.quantize.internal.kernel.BlockKernel}, {@link
 * io.tensorbridge.quantize.internal.kernel.UniformKernel}) is the contract, {@code Scalar...} is the
 * reference in plain Java, {@code Vector...} its twin with the same bytes; {@link
 * io.tensorbridge.quantize.internal.kernel.Kernels} tells which of the two serves now. Kernels are
 * stateless and see only native memory that nobody can remove: mapped files and heap arrays are
 * staged by their callers, because a kernel that has seen several kinds of segments is compiled to
 * much slower code, and a vector load from a truncated file ends the JVM.
 *
 * <p>Nothing here uses a fused multiply-add: ggml's references don't, and the bytes must be theirs.
 */
@NullMarked
package io.tensorbridge.quantize.internal.kernel;

import org.jspecify.annotations.NullMarked;
