package io.tensorbridge.arrow.flight;

import com.fasterxml.jackson.core.io.JsonStringEncoder;

/** A flat object of JSON, written key by key; not thread-safe. */
final class JsonText {
  private final StringBuilder text = new StringBuilder("{");

  JsonText with(String key, String value) {
    return raw(key, "\"" + new String(JsonStringEncoder.getInstance().quoteAsString(value)) + "\"");
  }

  JsonText with(String key, long value) {
    return raw(key, Long.toString(value));
  }

  /** A value that is JSON already. */
  JsonText raw(String key, String json) {
    text.append(text.length() > 1 ? "," : "").append('"').append(key).append("\":").append(json);
    return this;
  }

  String text() {
    return text + "}";
  }
}
