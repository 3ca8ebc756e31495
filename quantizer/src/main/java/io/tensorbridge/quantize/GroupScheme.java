package io.tensorbridge.quantize;

/**
 * A scheme whose groups of neighbours in a row share parameters that are kept in parts of their own.
 */
public sealed interface GroupScheme extends QuantScheme
    permits FourBitScheme, Int4Scheme, Int8Scheme, Fp8Scheme, MxScheme, Nvfp4Scheme {}
