/**
 * How the checkpoints of other tools keep quantized tensors.
 *
 * <p>A <em>checkpoint layout</em> is the convention of a library for the names, dtypes and shapes of
 * the <em>entries</em> that together hold one quantized tensor: bitsandbytes, compressed-tensors,
 * DeepSeek's scaled FP8, GPTQ, AWQ. A layout that belongs to a scheme says which entries its parts
 * become; every layout can be recognised again among the entries of an open file, whatever the
 * container. Where a layout says more than any scheme of ours (activation order, scales in bfloat16),
 * the tensor can be read as float32 with the very formula of its library, and not be written.
 *
 * <p>Linear weights have {@code rows} output channels and {@code columns} inputs here; GPTQ and AWQ
 * store them transposed.
 */
@NullMarked
package io.tensorbridge.quantize.checkpoint;

import org.jspecify.annotations.NullMarked;
