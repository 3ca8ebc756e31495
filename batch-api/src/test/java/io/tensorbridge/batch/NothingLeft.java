package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.SharedRegion;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** The accounting at the end of a test class: no mapped bytes and no descriptors more than before. */
final class NothingLeft implements BeforeAllCallback, AfterAllCallback {
  private int descriptors;
  private long mappedBytes;

  @Override
  public void beforeAll(ExtensionContext context) {
    descriptors = Fd.openCount();
    mappedBytes = SharedRegion.mappedBytes();
  }

  @Override
  public void afterAll(ExtensionContext context) {
    assertThat(SharedRegion.mappedBytes()).as("mapped bytes").isEqualTo(mappedBytes);
    assertThat(Fd.openCount()).as("descriptors").isEqualTo(descriptors);
  }
}
