package io.tensorbridge.cli;

import io.tensorbridge.quantize.model.ConversionResult;
import io.tensorbridge.quantize.model.ModelConversion;

/** Runs a conversion under the eyes of its user: a bar shows it, Ctrl-C ends it cleanly. */
final class ConversionWork {
  private ConversionWork() {}

  static ConversionResult run(
      ModelConversion conversion, String what, WorkOptions work, Console console) {
    try (Interruption _ = new Interruption(conversion::cancel);
        ProgressBar bar = work.progressBar(console, what)) {
      if (work.endsWithParent()) {
        ParentWatch.start(conversion::cancel);
      }
      return conversion.run(work.threads(), bar::update);
    }
  }
}
