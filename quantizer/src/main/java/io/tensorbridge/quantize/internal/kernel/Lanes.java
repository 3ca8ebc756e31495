package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector shapes of all vector kernels: as wide as the processor prefers, up to 16 floats, so
 * that a block of 32 is a whole number of vectors. They are constants, which the compiler needs.
 */
final class Lanes {
  static final VectorSpecies<Float> FLOATS =
      FloatVector.SPECIES_PREFERRED.length() > 16
          ? FloatVector.SPECIES_512
          : FloatVector.SPECIES_PREFERRED;
  static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);

  /** Floats in a vector: 4, 8 or 16. */
  static final int COUNT = FLOATS.length();

  /** The number of each lane. */
  static final IntVector INDEX = IntVector.zero(INTS).addIndex(1);

  /** A vector of at least as many bytes as there are floats in a vector. */
  static final VectorSpecies<Byte> BYTES =
      COUNT == 16 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;

  /** A vector of as many shorts as {@link #BYTES} has bytes. */
  static final VectorSpecies<Short> SHORTS =
      COUNT == 16 ? ShortVector.SPECIES_256 : ShortVector.SPECIES_128;

  /** A vector of as many shorts as there are floats in a vector. */
  static final VectorSpecies<Short> HALVES =
      switch (COUNT) {
        case 16 -> ShortVector.SPECIES_256;
        case 8 -> ShortVector.SPECIES_128;
        default -> ShortVector.SPECIES_64;
      };

  /** Vectors of floats in a vector of {@link #BYTES}: 2 where bytes would be too short, else 1. */
  static final int PARTS = BYTES.length() / COUNT;

  static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ORDER);

  private Lanes() {}

  static FloatVector floats(MemorySegment source, long offset) {
    return FloatVector.fromMemorySegment(FLOATS, source, offset, ORDER);
  }

  static IntVector ints(MemorySegment source, long offset) {
    return IntVector.fromMemorySegment(INTS, source, offset, ORDER);
  }

  static ByteVector bytes(MemorySegment source, long offset) {
    return ByteVector.fromMemorySegment(BYTES, source, offset, ORDER);
  }

  /** The raw bits of floats without their signs. */
  static IntVector magnitudes(MemorySegment source, long offset) {
    return ints(source, offset).and(0x7fffffff);
  }

  /** Stores the low byte of each lane. */
  static void storeBytes(IntVector lanes, MemorySegment target, long offset) {
    ByteVector bytes = (ByteVector) lanes.convertShape(VectorOperators.I2B, BYTES, 0);
    if (PARTS == 1) {
      bytes.intoMemorySegment(target, offset, ORDER);
    } else {
      target.set(JAVA_INT_UNALIGNED, offset, bytes.reinterpretAsInts().lane(0));
    }
  }

  /** Stores the low byte of each lane. */
  static void storeBytes(IntVector lanes, byte[] target, int offset) {
    ByteVector bytes = (ByteVector) lanes.convertShape(VectorOperators.I2B, BYTES, 0);
    if (PARTS == 1) {
      bytes.intoArray(target, offset);
    } else {
      INT.set(target, offset, bytes.reinterpretAsInts().lane(0));
    }
  }
}
