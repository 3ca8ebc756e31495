package io.tensorbridge.quantize.extract;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.quantize.lora.LoraAdapter;
import io.tensorbridge.quantize.lora.LoraFormat;
import io.tensorbridge.quantize.lora.LoraModule;
import io.tensorbridge.quantize.model.ModelTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A LoRA made from two checkpoints: what training changed, as products of low rank; immutable.
 *
 * @param adapter the modules, of all layers whose weights differ, with the rank as alpha
 * @param layers how well each module stands for its difference, in the same order
 * @param unchanged layers whose weights are the same in both
 * @param withoutFactors tensors that differ and that a LoRA can't hold, such as biases and norms
 * @param missing tensors that only one of the checkpoints has
 */
public record LoraExtraction(
    LoraAdapter adapter,
    List<ExtractedLayer> layers,
    int unchanged,
    List<String> withoutFactors,
    List<String> missing) {
  private static final String WEIGHT = ".weight";

  /** Keeps its own lists. */
  public LoraExtraction {
    layers = List.copyOf(layers);
    withoutFactors = List.copyOf(withoutFactors);
    missing = List.copyOf(missing);
  }

  /**
   * Compares two checkpoints and fits a product to each difference.
   *
   * <p>A thread holds the difference of one layer in memory: for the widest convolution of SDXL's
   * UNet, 120 MB.
   *
   * @param base the checkpoint before training, of any format; quantized tensors are dequantized
   * @param tuned the one after it, with the same names
   * @param limit how many singular values are kept
   * @param dtype of the factors in a file: f32, f16 or bf16
   * @param threads how many layers are worked on at once, at least 1
   * @param progress hears how far it is
   * @return the adapter, in memory of its own
   * @throws TensorException if shapes differ, values are not finite, or nothing differs
   */
  public static LoraExtraction of(
      TensorFile base,
      TensorFile tuned,
      RankLimit limit,
      DType dtype,
      int threads,
      ExtractionProgress progress) {
    Map<String, ModelTensor> before = byName(base);
    Map<String, ModelTensor> after = byName(tuned);
    List<DifferenceFits.Pair> pairs = new ArrayList<>();
    List<String> others = new ArrayList<>();
    List<String> missing = new ArrayList<>();
    for (ModelTensor tensor : after.values()) {
      ModelTensor old = before.remove(tensor.name());
      if (old == null) {
        missing.add(tensor.name());
      } else if (isLayer(tensor) && isLayer(old)) {
        pairs.add(pair(tensor.name(), base, old, tuned, tensor));
      } else if (differ(base, old, tuned, tensor)) {
        others.add(tensor.name());
      }
    }
    missing.addAll(before.keySet());
    List<Optional<LowRankFit>> fits = new DifferenceFits(pairs, limit, progress).run(threads);
    return collect(pairs, fits, dtype, others, missing);
  }

  private static LoraExtraction collect(
      List<DifferenceFits.Pair> pairs,
      List<Optional<LowRankFit>> fits,
      DType dtype,
      List<String> others,
      List<String> missing) {
    List<LoraModule> modules = new ArrayList<>();
    List<ExtractedLayer> layers = new ArrayList<>();
    for (int i = 0; i < pairs.size(); i++) {
      if (fits.get(i).isPresent()) {
        DifferenceFits.Pair pair = pairs.get(i);
        LowRankFit fit = fits.get(i).get();
        modules.add(module(pair.name(), fit, dtype));
        layers.add(layer(pair, fit));
      }
    }
    if (modules.isEmpty()) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          "no weight differs between the two models; there is nothing to extract"
              + (missing.isEmpty()
                  ? ""
                  : ", and " + missing.size() + " names are in one only, as "
                      + missing.getFirst()));
    }
    LoraAdapter adapter = new LoraAdapter(Path.of(""), LoraFormat.PEFT, modules);
    return new LoraExtraction(adapter, layers, pairs.size() - layers.size(), others, missing);
  }

  private static LoraModule module(String name, LowRankFit fit, DType dtype) {
    return new LoraModule(
        name.substring(0, name.length() - WEIGHT.length()),
        fit.down(),
        fit.up(),
        Optional.empty(),
        Optional.empty(),
        fit.rank(),
        dtype,
        false);
  }

  static ExtractedLayer layer(DifferenceFits.Pair pair, LowRankFit fit) {
    return new ExtractedLayer(pair.name(), pair.shape(), fit.rank(), fit.norm(), fit.error());
  }

  static DifferenceFits.Pair pair(
      String name, TensorFile base, ModelTensor old, TensorFile tuned, ModelTensor tensor) {
    if (!old.shape().equals(tensor.shape())) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          name,
          -1,
          "has the shape " + tensor.shape() + ", and " + old.shape()
              + " in the base; one was not made from the other",
          null);
    }
    return new DifferenceFits.Pair(
        name, tensor.shape(), old.floats(base), tensor.floats(tuned));
  }

  /** What an adapter can change: a weight of a linear layer or convolution. */
  private static boolean isLayer(ModelTensor tensor) {
    return hasValues(tensor)
        && tensor.shape().rank() >= 2
        && tensor.shape().elementCount() > 0
        && tensor.name().endsWith(WEIGHT);
  }

  private static boolean hasValues(ModelTensor tensor) {
    return tensor.isFloat() || tensor.isQuantized();
  }

  private static boolean differ(
      TensorFile base, ModelTensor old, TensorFile tuned, ModelTensor tensor) {
    return !old.shape().equals(tensor.shape())
        || (hasValues(old) && hasValues(tensor)
            && DifferenceFits.differs(pair(tensor.name(), base, old, tuned, tensor)));
  }

  static Map<String, ModelTensor> byName(TensorFile file) {
    Map<String, ModelTensor> tensors = new LinkedHashMap<>();
    ModelTensor.of(file).forEach(tensor -> tensors.put(tensor.name(), tensor));
    return tensors;
  }
}
