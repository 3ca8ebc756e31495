package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;

/** Describes {@code lora_read}. */
public final class LoraReadProvider implements TensorOpProvider {
  static final String NAME = "lora_read";

  /** Called by {@link java.util.ServiceLoader}. */
  public LoraReadProvider() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String summary() {
    return "reads an adapter and matches it to a model: inputs the bytes of the file, the JSON of"
        + " the model's table, maybe adapter_config.json; options name, container (safetensors),"
        + " allow_unmatched (true or false)";
  }

  @Override
  public TensorOp create() {
    return new LoraReadOp();
  }
}
