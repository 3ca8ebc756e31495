/**
 * Quantization of tensors: schemes, and running them over memory and files.
 *
 * <dl>
 *   <dt>{@linkplain io.tensorbridge.quantize.QuantScheme scheme}
 *   <dd>the rule, as users name it
 *   <dt>{@linkplain io.tensorbridge.quantize.Quantization quantization}
 *   <dd>the proof that a scheme takes a type; gives runs, which are cut into chunks
 *   <dt>{@linkplain io.tensorbridge.quantize.Quantizer quantizer}
 *   <dd>the short way for a single tensor
 *   <dt>part
 *   <dd>one plain tensor of a quantized one: {@code data}, {@code scales}, {@code zero_points}
 * </dl>
 */
@NullMarked
package io.tensorbridge.quantize;

import org.jspecify.annotations.NullMarked;
