/** The operations {@code quantize}, {@code dequantize} and {@code control_sum}, as batches ask for them by name. */
@NullMarked
package io.tensorbridge.quantize.internal.op;

import org.jspecify.annotations.NullMarked;
