/** JSON in the headers of model files and checkpoints. */
@NullMarked
package io.tensorbridge.quantize.internal.json;

import org.jspecify.annotations.NullMarked;
