package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.FourBitScheme;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.checkpoint.StoredEntry.Content;
import io.tensorbridge.quantize.internal.kernel.DynamicMap;
import io.tensorbridge.quantize.internal.kernel.FourBitCode;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * NF4 and FP4 of bitsandbytes, as {@code Linear4bit} saves them ({@code QuantState.as_dict}, packed).
 *
 * <pre>
 *   W                                     U8  (ceil(elements / 2), 1)   codes, the first in the high nibble
 *   W.absmax                              F32 (blocks), or U8 with double quantization
 *   W.quant_map                           F32 (16)
 *   W.nested_absmax                       F32 (blocks / 256)            only with double quantization
 *   W.nested_quant_map                    F32 (256)                     only with double quantization
 *   W.quant_state.bitsandbytes__nf4       U8  JSON, see {@link QuantState}
 * </pre>
 *
 * <p>Values are rounded to the dtype from which the tensor was quantized, as bitsandbytes does.
 */
final class Bitsandbytes4Bit implements CheckpointLayout {
  private static final String STATE = ".quant_state.bitsandbytes__";
  private static final String ABSMAX = ".absmax";
  private static final String MAP = ".quant_map";
  private static final String NESTED_ABSMAX = ".nested_absmax";
  private static final String NESTED_MAP = ".nested_quant_map";

  @Override
  public String title() {
    return "bitsandbytes";
  }

  @Override
  public boolean takes(QuantScheme scheme) {
    return scheme instanceof FourBitScheme;
  }

  @Override
  public List<StoredEntry> store(String name, QuantScheme scheme, Shape shape, DType source) {
    FourBitScheme code = (FourBitScheme) scheme;
    List<OutputSpec> parts = code.parts(shape);
    long bytes = parts.getFirst().type().byteLength();
    List<StoredEntry> entries = new ArrayList<>();
    entries.add(
        new StoredEntry(
            TensorEntry.of(name, new TensorType(DType.U8, Shape.of(bytes, 1))),
            new Content.Part(0)));
    entries.add(
        new StoredEntry(
            TensorEntry.of(name + ABSMAX, parts.get(1).type()), new Content.Part(1)));
    entries.add(constant(name + MAP, values(code)));
    QuantState state = new QuantState(code, source, shape, 0);
    if (code.isDouble()) {
      entries.add(
          new StoredEntry(
              TensorEntry.of(name + NESTED_ABSMAX, parts.get(2).type()), new Content.Part(2)));
      entries.add(constant(name + NESTED_MAP, DynamicMap.values()));
    }
    Shape length = Shape.of(state.toJson().length);
    entries.add(
        new StoredEntry(
            TensorEntry.of(name + STATE + code.kind(), new TensorType(DType.U8, length)),
            code.isDouble() && bytes > 0
                ? new Content.Converted(3, offset -> state.withOffset(first(offset)).toJson())
                : new Content.Constant(state.toJson())));
    return entries;
  }

  private static float[] values(FourBitScheme scheme) {
    return switch (scheme.kind()) {
      case NF4 -> FourBitCode.NF4.valueOfCode();
      case FP4 -> FourBitCode.FP4.valueOfCode();
    };
  }

  private static float first(byte[] floats) {
    return MemorySegment.ofArray(floats).get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0);
  }

  private static StoredEntry constant(String name, float[] values) {
    byte[] bytes = MemorySegment.ofArray(values).toArray(ValueLayout.JAVA_BYTE);
    TensorType type = new TensorType(DType.F32, Shape.of(values.length));
    return new StoredEntry(TensorEntry.of(name, type), new Content.Constant(bytes));
  }

  @Override
  public List<CheckpointTensor> recognise(CheckpointEntries entries) {
    List<CheckpointTensor> found = new ArrayList<>();
    for (FourBitScheme.Kind kind : FourBitScheme.Kind.values()) {
      for (String name : entries.stems(STATE + kind)) {
        found.add(recognise(entries, name, kind));
      }
    }
    return found;
  }

  private static CheckpointTensor recognise(
      CheckpointEntries entries, String name, FourBitScheme.Kind kind) {
    TensorEntry stateEntry = entries.require(name, name + STATE + kind);
    QuantState state = QuantState.read(entries, name, stateEntry, kind);
    Shape shape = state.shape();
    List<OutputSpec> parts = state.scheme().parts(shape);
    List<TensorEntry> ofParts =
        new ArrayList<>(
            List.of(entries.require(name, name), entries.require(name, name + ABSMAX)));
    List<TensorEntry> all = new ArrayList<>(ofParts);
    all.add(requireFloats(entries, name, name + MAP, 16));
    float[] nestedMap = new float[0];
    if (state.scheme().isDouble()) {
      ofParts.add(entries.require(name, name + NESTED_ABSMAX));
      TensorEntry map = requireFloats(entries, name, name + NESTED_MAP, 256);
      nestedMap =
          MemorySegment.ofArray(entries.read(map)).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
      all.add(ofParts.getLast());
      all.add(map);
    }
    all.add(stateEntry);
    for (int i = 0; i < ofParts.size(); i++) {
      OutputSpec part = parts.get(i);
      TensorEntry entry = ofParts.get(i);
      boolean fits = entry.dtype().equals(Optional.of(part.type().dtype()))
          && entry.byteLength() == part.type().byteLength();
      if (!fits) {
        throw CheckpointEntries.mismatch(name, entry, part.type().toString());
      }
    }
    boolean plain = state.dtype() == DType.F32
        && (!state.scheme().isDouble() || Arrays.equals(nestedMap, DynamicMap.values()));
    float[] map = nestedMap;
    FloatReading reading = file -> {
      MappedEntries mapped = new MappedEntries(file);
      List<Tensor> sources = new ArrayList<>(parts.size());
      for (TensorEntry entry : ofParts) {
        sources.add(mapped.part(entry, parts.get(sources.size())));
      }
      if (!plain) {
        return rounded(state, sources, map);
      }
      if (state.scheme().isDouble()) {
        sources.add(state.offsetTensor());
      }
      return FloatSource.of(state.scheme(), shape, sources);
    };
    return new CheckpointTensor(
        name, shape, state.scheme().toString(), Optional.of(state.scheme()), all, reading);
  }

  private static TensorEntry requireFloats(
      CheckpointEntries entries, String tensor, String name, int count) {
    TensorEntry entry = entries.require(tensor, name);
    boolean fits = entry.dtype().equals(Optional.of(DType.F32))
        && entry.shape().elementCount() == count;
    if (!fits) {
      throw CheckpointEntries.mismatch(tensor, entry, count + " f32");
    }
    return entry;
  }

  /** With the stored map, and rounded to the dtype that the state tells: a row is a block. */
  private static FloatSource rounded(QuantState state, List<Tensor> sources, float[] nestedMap) {
    MemorySegment absmax = sources.get(1).data();
    ScaleValues scales;
    if (state.scheme().isDouble()) {
      ScaleValues nested = ScaleValues.of(sources.get(2));
      scales = block -> nestedMap[absmax.get(ValueLayout.JAVA_BYTE, block) & 0xff]
          * nested.at(block / DynamicMap.BLOCK) + state.offset();
    } else {
      scales = ScaleValues.of(sources.get(1));
    }
    int block = state.scheme().block();
    float[] values = values(state.scheme());
    return new AffineFloats(
        state.shape(),
        sources,
        block,
        new NibbleCodes(sources.getFirst().data(), block, values, true),
        new BlockScales(1, 1, scales, _ -> 0),
        new ColumnGroups.Even(block),
        Rounding.to(state.dtype()));
  }
}
