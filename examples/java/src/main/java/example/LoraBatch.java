package example;

import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.lora.LoraAdapter;
import io.tensorbridge.quantize.lora.MatchedAdapter;
import io.tensorbridge.quantize.model.ConversionOptions;
import io.tensorbridge.quantize.model.ModelSession;
import io.tensorbridge.quantize.model.ModelSnapshot;
import java.nio.file.Path;
import java.util.Map;

/** Keeps a model quantized while an adapter comes and goes: {@code MODEL ADAPTER OUT.gguf}. */
public final class LoraBatch {
  private static final int THREADS = Runtime.getRuntime().availableProcessors();
  private static final long CACHE_BYTES = 1L << 30;

  public static void main(String[] args) {
    Path target = Path.of(args[2]);
    TensorFileFormats formats = TensorFileFormats.ofServices();
    LoraAdapter adapter = LoraAdapter.read(formats, Path.of(args[1]));
    ConversionOptions options = ConversionOptions.of(QuantScheme.parse("q8_0"));
    Path model = Path.of(args[0]);
    try (TensorFile base = formats.forPath(model).open(model);
        ModelSession session =
            ModelSession.open(
                formats, base, formats.forPath(target), options, THREADS, CACHE_BYTES,
                (done, total) -> {})) {
      MatchedAdapter style = session.match(adapter, false); // which weights it changes
      session.apply("style", style, 0.8); // merged in float32 and quantized once, those alone
      try (ModelSnapshot before = session.snapshot()) { // stays as it is
        session.setScales(Map.of("style", 0.5));
        System.out.printf(
            "%s changed %s; before it was %s%n",
            style.modules().keySet(), session.adapters(), before.adapters());
      }
      session.save(target);
      session.remove("style"); // the bytes of the base model again
      System.out.printf("%s written; %s%n", target, session.memory());
    }
  }

  private LoraBatch() {}
}
