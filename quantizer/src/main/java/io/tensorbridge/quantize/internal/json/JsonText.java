package io.tensorbridge.quantize.internal.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;

/** How JSON is read and written: with limits, since headers come from strangers. */
public final class JsonText {
  private static final int DEEPEST_NESTING = 16;
  private static final int LONGEST_NAME = 1 << 20;
  private static final int LONGEST_NUMBER = 64;

  private JsonText() {}

  /**
   * A factory of parsers and generators.
   *
   * @param largestText the longest document and string, in bytes
   * @return a factory that refuses deep nesting and long names and numbers
   */
  public static JsonFactory factory(int largestText) {
    return new JsonFactoryBuilder()
        .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
        .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
        .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
        .enable(JsonWriteFeature.COMBINE_UNICODE_SURROGATES_IN_UTF8)
        .streamReadConstraints(
            StreamReadConstraints.builder()
                .maxNestingDepth(DEEPEST_NESTING)
                .maxNameLength(LONGEST_NAME)
                .maxNumberLength(LONGEST_NUMBER)
                .maxStringLength(largestText)
                .maxDocumentLength(largestText)
                .build())
        .build();
  }
}
