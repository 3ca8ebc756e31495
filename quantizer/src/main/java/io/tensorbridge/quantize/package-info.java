/**
 * Quantization of tensors and model files: schemes, files, LoRA and ControlNet workflows.
 */
@NullMarked
package io.tensorbridge.quantize;

import org.jspecify.annotations.NullMarked;
