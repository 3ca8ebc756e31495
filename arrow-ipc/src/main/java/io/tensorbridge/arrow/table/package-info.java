/**
 * Models as Arrow tables of one row for each layer: {@code .arrow} files for {@link
 * io.tensorbridge.file.TensorFileFormats}.
 *
 * <p>Two tables of layers are known. That of <em>weights</em>:
 *
 * <pre>
 *   layer_name: utf8    weights: list&lt;float&gt;    shape: list&lt;int64&gt;
 * </pre>
 *
 * <p>That of <em>quantized layers</em>, which holds every encoding:
 *
 * <pre>
 *   layer_name: utf8    quantized_data: binary    scales: list&lt;float&gt;    zero_points: list&lt;float&gt;
 *   shape: list&lt;int64&gt;    bit_width: uint8    scheme: utf8
 *   parts: list&lt;struct&lt;name: utf8, dtype: utf8, shape: list&lt;int64&gt;, data: binary&gt;&gt;
 * </pre>
 *
 * <p>{@code .lora.arrow} files are adapters, a row for each LoRA module:
 *
 * <pre>
 *   module: utf8    weight_a: binary    weight_b: binary    shape_a: list&lt;int32&gt;    shape_b: list&lt;int32&gt;
 *   dtype: utf8
 * </pre>
 *
 * <p>{@code docs/files.md} tells what may be left out, and what is written when.
 */
@NullMarked
package io.tensorbridge.arrow.table;

import org.jspecify.annotations.NullMarked;
