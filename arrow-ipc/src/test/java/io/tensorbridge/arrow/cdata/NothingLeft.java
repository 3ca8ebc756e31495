package io.tensorbridge.arrow.cdata;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;

/** Each test ends with no struct exported or imported. */
abstract class NothingLeft {
  @AfterEach
  void nothingIsLeft() {
    assertThat(ArrowExport.liveCount()).as("exports").isZero();
    assertThat(ArrowImport.liveCount()).as("imports").isZero();
  }
}
