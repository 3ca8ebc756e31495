/** The operations of this module, as batches ask for them by name. */
@NullMarked
package io.tensorbridge.quantize.internal.op;

import org.jspecify.annotations.NullMarked;
