/**
 * The loops that quantize and dequantize blocks: scalar references and their vector twins. The only
 * package that may use {@code jdk.incubator.vector}.
 */
@NullMarked
package io.tensorbridge.quantize.internal.kernel;

import org.jspecify.annotations.NullMarked;
