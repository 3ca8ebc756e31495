/**
 * Low-rank adapters (LoRA): reading and writing their files, finding the tensors that they change,
 * and merging them into weights while these are read.
 *
 * <dl>
 *   <dt>{@linkplain io.tensorbridge.quantize.lora.LoraAdapter adapter}
 *   <dd>what a file holds: modules
 *   <dt>{@linkplain io.tensorbridge.quantize.lora.LoraModule module}
 *   <dd>two factors, {@code down} and {@code up}, whose product is added to one weight
 *   <dt>{@linkplain io.tensorbridge.quantize.lora.LoraMerge merge}
 *   <dd>some adapters with their strengths, matched to the tensors of a base model
 *   <dt>{@linkplain io.tensorbridge.quantize.lora.LoraDelta delta}
 *   <dd>what a merge adds to one tensor
 * </dl>
 */
@NullMarked
package io.tensorbridge.quantize.lora;

import org.jspecify.annotations.NullMarked;
