package io.tensorbridge.quantize.model;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.internal.json.JsonText;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a conversion would make of each tensor of a model, by the same rules as {@link
 * ModelConversion}, for those who quantize the tensors themselves; immutable and thread-safe.
 *
 * @param file the model; closed by whoever opened it
 * @param plans in the order of the model
 * @param metadata that a converted file carries on, as text
 */
public record ModelPlan(TensorFile file, List<TensorPlan> plans, Map<String, String> metadata) {
  private static final int LARGEST_TEXT = 1 << 30;

  /**
   * Plans all tensors of a model.
   *
   * @param formats the known formats
   * @param file the model
   * @param target the name of the format in which the result may be saved: it decides what schemes
   *     fall back to
   * @param options scheme, overrides and policy
   * @return the plan
   * @throws io.tensorbridge.OptionException if the target can't hold a scheme
   * @throws TensorException if a tensor can't be converted, or is quantized already
   */
  public static ModelPlan of(
      TensorFileFormats formats, TensorFile file, TensorFileFormat target,
      ConversionOptions options) {
    List<ModelTensor> tensors = ModelTensor.of(file);
    ConversionPlanner planner =
        new ConversionPlanner(formats, target, options).forModel(tensors);
    List<TensorPlan> plans = new ArrayList<>(tensors.size());
    for (ModelTensor tensor : tensors) {
      TensorPlan plan = planner.plan(tensor, Optional.empty());
      if (tensor.isQuantized() && plan.treatment() instanceof TensorPlan.Treatment.Quantize) {
        throw new TensorException(
            ErrorCode.UNSUPPORTED_DTYPE,
            tensor.name(),
            -1,
            "is " + tensor.encoding() + " already; quantize the original model",
            null);
      }
      plans.add(plan);
    }
    return new ModelPlan(file, List.copyOf(plans), OutputMetadata.text(file));
  }

  /**
   * The plan as a list of what lies in the file: a tensor that is kept gives an entry for each of its
   * parts.
   *
   * @return JSON in UTF-8
   */
  public byte[] toJson() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(256 * (plans.size() + 1));
    try (JsonGenerator json = JsonText.factory(LARGEST_TEXT).createGenerator(bytes)) {
      json.writeStartObject();
      json.writeArrayFieldStart("tensors");
      for (TensorPlan plan : plans) {
        boolean quantized = plan.treatment() instanceof TensorPlan.Treatment.Quantize;
        for (TensorEntry entry : plan.source().parts()) {
          write(json, entry, quantized ? plan.encoding() : null, plan.note());
        }
      }
      json.writeEndArray();
      json.writeObjectFieldStart("metadata");
      for (Map.Entry<String, String> entry : metadata.entrySet()) {
        json.writeStringField(entry.getKey(), entry.getValue());
      }
      json.writeEndObject();
      json.writeEndObject();
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return bytes.toByteArray();
  }

  private void write(
      JsonGenerator json, TensorEntry entry, @Nullable String scheme, String note)
      throws IOException {
    json.writeStartObject();
    json.writeStringField("name", entry.name());
    json.writeStringField("dtype", entry.encoding());
    json.writeFieldName("shape");
    json.writeArray(entry.shape().dimensions(), 0, entry.shape().rank());
    if (file instanceof SafetensorsFile stored) {
      json.writeNumberField("offset", stored.byteOffset(entry.name()));
    } else {
      json.writeNullField("offset");
    }
    json.writeNumberField("bytes", entry.byteLength());
    json.writeStringField("scheme", scheme);
    json.writeStringField("note", note);
    json.writeEndObject();
  }
}
