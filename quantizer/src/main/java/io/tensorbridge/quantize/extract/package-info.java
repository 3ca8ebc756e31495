/**
 * Adapters made from models: the difference of two checkpoints, layer by layer, as products of low
 * rank.
 */
@NullMarked
package io.tensorbridge.quantize.extract;

import org.jspecify.annotations.NullMarked;
