package io.tensorbridge.quantize.extract;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.QuantizedTensor;
import io.tensorbridge.quantize.Quantizer;
import io.tensorbridge.quantize.model.ControlNetPart;
import io.tensorbridge.quantize.model.ModelTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A Control-LoRA: a ControlNet that shares its encoder with a UNet, of which only the difference is
 * stored, as products of low rank; not thread-safe.
 *
 * <p>The names are those of Stability's Control-LoRA files, which ComfyUI reads and writes ({@code
 * ControlLora}, {@code ControlLoraSave}): layers as the original checkpoints name them, {@code
 * LAYER.up} and {@code LAYER.down}, for all other tensors their own names, and an empty tensor {@code
 * lora_controlnet} that tells what the file is. Layers that are the same in both models are left out:
 * readers begin with the UNet's weights.
 */
public final class ControlLora {
  private static final String MARK = "lora_controlnet";
  private static final String WEIGHT = ".weight";

  private final List<TensorEntry> entries = new ArrayList<>();
  private final List<Tensor> tensors = new ArrayList<>();
  private final List<ExtractedLayer> layers = new ArrayList<>();
  private int unchanged;

  private ControlLora() {}

  /**
   * Compares a ControlNet with the UNet that it was made from.
   *
   * @param unet of diffusers or an original checkpoint; SD 1, SD 2 or SDXL
   * @param controlNet of either kind
   * @param limit how many singular values are kept
   * @param dtype of all tensors in the file: f32, f16 or bf16
   * @param threads how many layers are worked on at once, at least 1
   * @param progress hears how far it is
   * @return what is to be written, in memory of its own
   * @throws TensorException if one of the two is something else, or shapes differ
   */
  public static ControlLora of(
      TensorFile unet,
      TensorFile controlNet,
      RankLimit limit,
      DType dtype,
      int threads,
      ExtractionProgress progress) {
    Map<String, ModelTensor> base = new LinkedHashMap<>();
    ModelTensor.of(unet).forEach(tensor -> base.put(OriginalNames.of(tensor.name()), tensor));
    List<ModelTensor> control = ModelTensor.of(controlNet);
    if (!ControlNetPart.recognisedIn(control.stream().map(ModelTensor::name).toList())) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          "no tensor has a name that only ControlNets have, as controlnet_mid_block.weight; the"
              + " UNet comes first, then the ControlNet");
    }
    ControlLora lora = new ControlLora();
    List<DifferenceFits.Pair> pairs = new ArrayList<>();
    List<ModelTensor> whole = new ArrayList<>();
    for (ModelTensor tensor : control) {
      String name = OriginalNames.of(tensor.name());
      Optional<ModelTensor> shared =
          tensor.shape().rank() >= 2 && name.endsWith(WEIGHT)
              ? Optional.ofNullable(base.get(name))
              : Optional.empty();
      if (shared.isPresent()) {
        pairs.add(LoraExtraction.pair(name, unet, shared.get(), controlNet, tensor));
      } else {
        whole.add(tensor);
      }
    }
    if (pairs.isEmpty()) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          "the ControlNet shares no layer with the UNet; names are those of diffusers or of the"
              + " original checkpoints of SD 1, SD 2 and SDXL");
    }
    List<Optional<LowRankFit>> fits = new DifferenceFits(pairs, limit, progress).run(threads);
    for (int i = 0; i < pairs.size(); i++) {
      lora.addLayer(pairs.get(i), fits.get(i), dtype);
    }
    whole.forEach(tensor -> lora.addWhole(controlNet, tensor, dtype));
    lora.add(MARK, Tensor.of(MemorySegment.NULL, DType.F32, Shape.of(0)));
    return lora;
  }

  private void addLayer(DifferenceFits.Pair pair, Optional<LowRankFit> fit, DType dtype) {
    if (fit.isEmpty()) {
      unchanged++;
      return;
    }
    String layer = pair.name().substring(0, pair.name().length() - WEIGHT.length());
    add(layer + ".up", rounded(dtype, fit.get().up()));
    add(layer + ".down", rounded(dtype, fit.get().down()));
    layers.add(LoraExtraction.layer(pair, fit.get()));
  }

  private void addWhole(TensorFile file, ModelTensor tensor, DType dtype) {
    long count = tensor.shape().elementCount();
    MemorySegment values = Arena.ofAuto().allocate(Math.max(1, count) * Float.BYTES, 64);
    MemorySegment exact = values.asSlice(0, count * Float.BYTES);
    tensor.floats(file).read(0, exact);
    add(
        OriginalNames.of(tensor.name()),
        rounded(dtype, Tensor.of(exact, DType.F32, tensor.shape())));
  }

  private void add(String name, Tensor tensor) {
    entries.add(TensorEntry.of(name, new TensorType(tensor.dtype(), tensor.shape())));
    tensors.add(tensor);
  }

  private static Tensor rounded(DType dtype, Tensor tensor) {
    FloatScheme scheme = switch (dtype) {
      case F16 -> FloatScheme.F16;
      case BF16 -> FloatScheme.BF16;
      default -> FloatScheme.F32;
    };
    if (scheme == FloatScheme.F32) {
      return tensor;
    }
    try (QuantizedTensor result = Quantizer.of(scheme).quantize(tensor)) {
      MemorySegment from = result.data().segment();
      MemorySegment memory = Arena.ofAuto().allocate(from.byteSize(), Long.BYTES).copyFrom(from);
      return Tensor.of(memory, dtype, tensor.shape());
    }
  }

  /**
   * How well each product stands for its difference.
   *
   * @return in the order of the ControlNet, with the original names
   */
  public List<ExtractedLayer> layers() {
    return List.copyOf(layers);
  }

  /**
   * The layers whose weights are the same in both models.
   *
   * @return their number
   */
  public int unchanged() {
    return unchanged;
  }

  /**
   * The tensors that are stored whole: zero convolutions, the hint block, biases, norms.
   *
   * @return their number
   */
  public int wholeCount() {
    return entries.size() - 2 * layers.size() - 1;
  }

  /**
   * Writes the file.
   *
   * @param formats the known formats
   * @param target the new file; its ending chooses the container, usually safetensors
   * @throws FormatException if the disk refuses
   */
  public void write(TensorFileFormats formats, Path target) {
    try (TensorFileWriter writer =
        formats.forPath(target).create(target, entries, Map.of("format", "pt"))) {
      for (int i = 0; i < tensors.size(); i++) {
        Tensor tensor = tensors.get(i);
        writer.write(i, 0, tensor.segment().asSlice(0, tensor.byteLength()));
      }
      writer.commit();
    }
  }
}
