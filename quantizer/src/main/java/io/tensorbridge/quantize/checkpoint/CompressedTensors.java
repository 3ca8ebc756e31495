package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.Fp8Scheme;
import io.tensorbridge.quantize.Int4Scheme;
import io.tensorbridge.quantize.Int8Scheme;
import io.tensorbridge.quantize.MxScheme;
import io.tensorbridge.quantize.Nvfp4Scheme;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.checkpoint.StoredEntry.Content;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * The formats of compressed-tensors (0.20), the library of vLLM's checkpoints: pack-quantized,
 * int-quantized, float-quantized, mxfp8-quantized, nvfp4- and mxfp4-pack-quantized.
 */
final class CompressedTensors implements CheckpointLayout {
  private static final String LIBRARY = "compressed-tensors";
  private static final String PACKED = "_packed";
  private static final String SCALE = "_scale";
  private static final String GLOBAL = "_global_scale";

  @Override
  public String title() {
    return LIBRARY;
  }

  @Override
  public boolean takes(QuantScheme scheme) {
    return switch (scheme) {
      case Int8Scheme int8 -> int8.rule() == Int8Scheme.Rule.COMPRESSED_TENSORS;
      case Fp8Scheme fp8 -> fp8.scale() != Fp8Scheme.Scale.BLOCK;
      case MxScheme mx -> mx.element() != MxScheme.Element.INT8;
      case Nvfp4Scheme _ -> true;
      case Int4Scheme int4 -> int4.layout() == Int4Scheme.Layout.COMPRESSED_TENSORS;
      default -> false;
    };
  }

  @Override
  public List<StoredEntry> store(String name, QuantScheme scheme, Shape shape, DType source) {
    OutputSpec scales = scheme.parts(shape).get(1);
    long rows = shape.flattenedToMatrix().dimension(0);
    return switch (scheme) {
      case Fp8Scheme(FloatScheme type, Fp8Scheme.Scale scale) -> {
        Shape each = scale == Fp8Scheme.Scale.ROW ? Shape.of(rows, 1) : scales.type().shape();
        yield List.of(
            part(0, name, type == FloatScheme.FP8_E4M3 ? DType.F8_E4M3 : DType.F8_E5M2, shape),
            part(1, name + SCALE, DType.F32, each));
      }
      case MxScheme mx when mx.element() == MxScheme.Element.E2M1 ->
          List.of(
              part(0, name + PACKED, DType.U8, halved(shape)),
              part(1, name + SCALE, DType.U8, scales.type().shape()));
      case MxScheme mx ->
          List.of(
              part(
                  0,
                  name,
                  mx.element() == MxScheme.Element.E4M3 ? DType.F8_E4M3 : DType.F8_E5M2,
                  shape),
              part(1, name + SCALE, DType.U8, scales.type().shape()));
      case Int4Scheme int4 -> PackQuantized.store(name, int4, shape);
      case Nvfp4Scheme _ ->
          List.of(
              part(0, name + PACKED, DType.U8, halved(shape)),
              part(1, name + SCALE, DType.F8_E4M3, scales.type().shape()),
              new StoredEntry(
                  TensorEntry.of(name + GLOBAL, new TensorType(DType.F32, Shape.of(1))),
                  new Content.Converted(2, CompressedTensors::inverse)));
      default ->
          List.of(
              part(0, name, DType.I8, shape),
              part(1, name + SCALE, DType.F32, Shape.of(rows, 1)));
    };
  }

  private static StoredEntry part(int index, String name, DType dtype, Shape shape) {
    return new StoredEntry(
        TensorEntry.of(name, new TensorType(dtype, shape)), new Content.Part(index));
  }

  /** Of two codes in a byte. */
  private static Shape halved(Shape shape) {
    Shape matrix = shape.flattenedToMatrix();
    return Shape.of(matrix.dimension(0), matrix.dimension(1) / 2);
  }

  /** The scale of all the tensor divides here, while ours multiplies. */
  private static byte[] inverse(byte[] scale) {
    MemorySegment value = MemorySegment.ofArray(scale.clone());
    float inverse = 1f / value.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0);
    value.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, inverse);
    return value.toArray(ValueLayout.JAVA_BYTE);
  }

  @Override
  public List<CheckpointTensor> recognise(CheckpointEntries entries) {
    List<CheckpointTensor> found = new ArrayList<>();
    for (String name : entries.stems(PACKED)) {
      if (name.endsWith("weight") || entries.find(name + SCALE) != null) {
        TensorEntry packed = entries.require(name, name + PACKED);
        found.add(
            Fp4Packed.isPacked(packed)
                ? Fp4Packed.recognise(entries, name)
                : PackQuantized.recognise(entries, name));
      }
    }
    for (String name : entries.stems(SCALE)) {
      if (PlainQuantized.isCode(entries, name)) {
        found.add(PlainQuantized.recognise(entries, name, SCALE, LIBRARY));
      }
    }
    return found;
  }
}
