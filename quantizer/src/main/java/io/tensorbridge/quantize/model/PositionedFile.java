package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorFile;

/**
 * A file whose {@link #read} reads at a position and maps nothing; its plain tensors lie there
 * little-endian and in C order. A conversion reads such a file, so that the pages of a large model
 * are not counted as memory of the process.
 */
interface PositionedFile extends TensorFile {}
