/**
 * Columns as tensors where they are, and tensors as columns: the dtypes of fields, and the extension
 * types {@code arrow.fixed_shape_tensor}, {@code arrow.variable_shape_tensor} and {@code arrow.bool8}
 * of {@code arrow.apache.org/docs/format/CanonicalExtensions.html}.
 */
@NullMarked
package io.tensorbridge.arrow.tensor;

import org.jspecify.annotations.NullMarked;
