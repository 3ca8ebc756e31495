/**
 * Model files: reading, writing and converting them.
 *
 * <p>A <em>model file</em> is a set of named tensors: safetensors (also sharded), GGUF, and whatever
 * else registers a {@link io.tensorbridge.file.TensorFileFormat}. All rules of a format are checked
 * when a file is opened; what an open file tells can be trusted. Header and tensor bytes are read by
 * position into private memory, and mapped only for who asks for a view.
 *
 * <p>A tensor quantized in one piece (all ggml types) is one entry. A tensor quantized in several
 * <em>parts</em> is one entry under its own name, whose encoding is the scheme and whose shape is the
 * original one, followed by one plain entry for each further part, named after it: {@code a.weight},
 * {@code a.weight.scales}, {@code a.weight.zero_points}.
 */
@NullMarked
package io.tensorbridge.quantize.model;

import org.jspecify.annotations.NullMarked;
