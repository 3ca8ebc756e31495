package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.Int8Scheme;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.checkpoint.StoredEntry.Content;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The formats of compressed-tensors (0.20), the library of vLLM's checkpoints: pack-quantized,
 * int-quantized, float-quantized, mxfp8-quantized, nvfp4- and mxfp4-pack-quantized.
 */
final class CompressedTensors implements CheckpointLayout {
  private static final Int8Scheme INT8 = new Int8Scheme(Int8Scheme.Rule.COMPRESSED_TENSORS);
  private static final String LIBRARY = "compressed-tensors";
  private static final String PACKED = "_packed";
  private static final String SCALE = "_scale";

  @Override
  public String title() {
    return LIBRARY;
  }

  @Override
  public boolean takes(QuantScheme scheme) {
    return scheme.equals(INT8);
  }

  @Override
  public List<StoredEntry> store(String name, QuantScheme scheme, Shape shape, DType source) {
    long rows = scheme.parts(shape).get(1).type().shape().elementCount();
    return List.of(
        new StoredEntry(
            TensorEntry.of(name, new TensorType(DType.I8, shape)), new Content.Part(0)),
        new StoredEntry(
            TensorEntry.of(name + SCALE, new TensorType(DType.F32, Shape.of(rows, 1))),
            new Content.Part(1)));
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
        found.add(plain(entries, PlainQuantized.recognise(entries, name, SCALE, LIBRARY)));
      }
    }
    return found;
  }

  /** Where our own scheme says the same, the tensor has that scheme. */
  private static CheckpointTensor plain(CheckpointEntries entries, CheckpointTensor tensor) {
    List<OutputSpec> parts = INT8.parts(tensor.shape());
    boolean ours = tensor.entries().size() == 2
        && entries.has(tensor.name(), DType.I8)
        && entries.has(tensor.name() + SCALE, DType.F32)
        && tensor.entries().get(1).byteLength() == parts.get(1).type().byteLength();
    if (!ours) {
      return tensor;
    }
    FloatReading reading = file -> {
      MappedEntries mapped = new MappedEntries(file);
      return FloatSource.of(
          INT8,
          tensor.shape(),
          List.of(
              mapped.part(tensor.entries().get(0), parts.get(0)),
              mapped.part(tensor.entries().get(1), parts.get(1))));
    };
    return new CheckpointTensor(
        tensor.name(),
        tensor.shape(),
        INT8.toString(),
        Optional.of(INT8),
        tensor.entries(),
        reading);
  }
}
